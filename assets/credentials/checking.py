"""What holds of a certificate, a credential or a data folder, from what lies on the table and nothing else.

Pure: no database, no settings, no network, no clock. The command `qingshu verify` runs it offline, the public
page runs it with what the registry itself publishes. Each check gives one `Statement`: it holds, it fails, or it
cannot be told here. Words for people are made elsewhere from `code`, `reason` and `values`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.iso7064 import mod_37_2

from assets.credentials import rules
from assets.credentials.folders import MANIFEST_NAME, Folder, TooLarge, Unreadable
from assets.datasets import trees
from assets.datasets.rules import (
    LEAVES_PATH,
    AnnotationTree,
    ManifestUnreadable,
    annotations_in,
    is_safe_path,
    manifest,
    read_manifest,
    root_hash,
)
from assets.datasets.rules import Entry as FileEntry
from assets.registry.rules import differing
from assets.transparency import rules as tree

CERTIFICATE_TYPE, CREDENTIAL_TYPE, HEAD_TYPE = "certificate+jwt", "vc+jwt", "tree-head+jwt"
LICENCE_TYPE = "licence+jwt"
LONGEST_TOKEN = 200_000
NAMED_FILES = 50
"""So many differing files are named, the others are counted."""


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that was looked at. `reason` names the sentence that explains, `values` fill it."""

    code: str
    verdict: Verdict
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a check may use. None and empty mean: not at hand, so that it cannot be told.

    `keys` are JWKs, `status_lists` signed list credentials, `head` a signed tree head (compact JWS), `proofs`
    the JSON of inclusion proofs, `on` the moment that counts.
    """

    on: datetime
    keys: Sequence[Mapping[str, Any]] | None = None
    status_lists: Sequence[str] = ()
    head: str | None = None
    proofs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS taken apart; nothing of it is trusted yet."""

    text: str
    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    signature: bytes

    @property
    def type(self) -> str:
        return str(self.header.get("typ", ""))

    @property
    def key_id(self) -> str:
        return str(self.header.get("kid", "")).rpartition("#")[2]


@dataclass(slots=True)
class Report:
    """Everything that was found: what the thing is, what it says of itself, what holds."""

    kind: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Fails when anything fails; holds when a signature or an issued file is proved; else untold."""
        found = {(each.code, each.verdict) for each in self.statements}
        if any(verdict == Verdict.FAILS for _code, verdict in found):
            return Verdict.FAILS
        proofs = {(code, Verdict.HOLDS) for code in ("signature", "document", "logged_document", "state")}
        return Verdict.HOLDS if proofs & found else Verdict.UNTOLD

    def add(self, code: str, verdict: Verdict | bool, reason: str = "", **values: Any) -> None:
        if isinstance(verdict, bool):
            verdict = Verdict.HOLDS if verdict else Verdict.FAILS
        self.statements.append(Statement(code, verdict, reason, values))


# --- tokens -------------------------------------------------------------------------------------


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise Unreadable("not base64url") from error


def read_token(text: str) -> Token:
    """A compact JWS; Unreadable when it is none."""
    parts = text.strip().split(".")
    if len(parts) != 3 or len(text) > LONGEST_TOKEN or not text.isascii():
        raise Unreadable("not a compact JWS")
    try:
        header, payload = (json.loads(_decoded(part)) for part in parts[:2])
    except (ValueError, RecursionError) as error:
        raise Unreadable("not a compact JWS") from error
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise Unreadable("not a compact JWS")
    return Token(text.strip(), header, payload, _decoded(parts[2]))


def is_signed(token: Token, key: Mapping[str, Any]) -> bool:
    """Whether the token was signed with that public key (EdDSA over Ed25519, and no other algorithm)."""
    if token.header.get("alg") != "EdDSA" or (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519"):
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(_decoded(str(key["x"])))
        public.verify(token.signature, token.text.rpartition(".")[0].encode())
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def key_of(token: Token, keys: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The published key that the token names."""
    return next((key for key in keys if token.key_id and key.get("kid") == token.key_id), None)


def keys_in(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The keys of a JWK set or of a DID document; Unreadable when it is neither."""
    if isinstance(body.get("keys"), list):
        found = body["keys"]
    elif isinstance(body.get("verificationMethod"), list):
        found = [m.get("publicKeyJwk") for m in body["verificationMethod"] if isinstance(m, dict)]
    else:
        raise Unreadable("neither a JWK set nor a DID document")
    return [key for key in found if isinstance(key, dict)]


def check_signature(report: Report, token: Token, evidence: Evidence) -> bool:
    """Key and signature; whether both hold."""
    if evidence.keys is None:
        report.add("signature", Verdict.UNTOLD, "no_keys")
        return False
    key = key_of(token, evidence.keys)
    report.add("key", key is not None, "by_key" if key else "unknown_key", key=token.key_id[:43])
    if key is None:
        return False
    holds = is_signed(token, key)
    report.add("signature", holds, "" if holds else "changed_after_signing")
    return holds


# --- numbers ------------------------------------------------------------------------------------


def is_number(number: str) -> bool:
    """Whether a certificate number has the right check character."""
    try:
        mod_37_2.validate(number.strip().upper().replace("-", ""))
    except StdnumError:
        return False
    return True


def check_number(report: Report, number: str) -> None:
    """The check character of a number."""
    holds = is_number(number)
    report.add("number", holds, "" if holds else "mistyped", number=number[:60])


# --- certificates and credentials ---------------------------------------------------------------


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _check_period(report: Report, begin: float | None, end: float | None, on: datetime) -> None:
    now = on.timestamp()
    if begin is None or end is None:
        report.add("period", False, "no_period")
    elif now < begin:
        report.add("period", False, "ahead")
    else:
        report.add("period", now < end, "" if now < end else "over")


def check_certificate(text: str, evidence: Evidence) -> Report:
    """A certificate in its own JWS form."""
    token = read_token(text)
    claims = token.payload.get("certificate")
    told = claims if isinstance(claims, Mapping) else {}
    report = Report("certificate", told)
    check_signature(report, token, evidence)
    check_number(report, str(told.get("number", "")))
    begin, end = token.payload.get("nbf"), token.payload.get("exp")
    sound = isinstance(begin, int) and isinstance(end, int)
    _check_period(report, begin if sound else None, end if sound else None, evidence.on)
    _check_log(report, token, "certificate_sha256", evidence)
    return report


def check_licence(text: str, evidence: Evidence) -> Report:
    """A licence registration in JWS form: signature, number, term. What it rests on only the registry knows."""
    token = read_token(text)
    claims = token.payload.get("licence")
    told = claims if isinstance(claims, Mapping) else {}
    report = Report("licence", told)
    check_signature(report, token, evidence)
    check_number(report, str(told.get("number", "")))
    begin, end = token.payload.get("nbf"), token.payload.get("exp")
    sound = isinstance(begin, int) and isinstance(end, int)
    _check_period(report, begin if sound else None, end if sound else None, evidence.on)
    return report


def check_credential(text: str, evidence: Evidence) -> Report:
    """A W3C credential of a certificate."""
    token = read_token(text)
    subject = token.payload.get("credentialSubject")
    told = subject if isinstance(subject, Mapping) else {}
    report = Report("credential", told)
    check_signature(report, token, evidence)
    issuer = token.payload.get("issuer")
    did = str(issuer.get("id", "") if isinstance(issuer, Mapping) else issuer)
    named = str(token.header.get("kid", "")).rpartition("#")[0]
    report.add("issuer", bool(did) and did == named, "" if did == named else "other_issuer", issuer=did[:200])
    check_number(report, str(told.get("certificateNumber", "")))
    holds = rules.is_unified_code(str(told.get("unifiedCode", "")))
    report.add(
        "unified_code", holds, "" if holds else "mistyped", unified=str(told.get("unifiedCode", ""))[:60]
    )
    begin, end = (_moment(token.payload.get(name)) for name in ("validFrom", "validUntil"))
    _check_period(report, begin.timestamp() if begin else None, end.timestamp() if end else None, evidence.on)
    for purpose in rules.PURPOSES:
        _check_status(report, token, did, purpose, evidence)
    _check_log(report, token, "credential_sha256", evidence)
    return report


def _entry_of(token: Token, purpose: str) -> Mapping[str, Any] | None:
    held = token.payload.get("credentialStatus")
    rows = held if isinstance(held, list) else [held]
    return next((r for r in rows if isinstance(r, Mapping) and r.get("statusPurpose") == purpose), None)


def status_addresses(text: str) -> list[str]:
    """Where the status lists of a credential are published."""
    rows = [_entry_of(read_token(text), purpose) for purpose in rules.PURPOSES]
    return [str(row.get("statusListCredential", "")) for row in rows if row is not None]


def _check_status(report: Report, token: Token, issuer: str, purpose: str, evidence: Evidence) -> None:
    """One status bit: from a list that the same issuer signed for that address and purpose, and is not stale."""
    entry = _entry_of(token, purpose)
    if entry is None:
        report.add(purpose, False, "no_status")
        return
    lists = []
    for text in evidence.status_lists:
        try:
            found = read_token(text)
        except Unreadable:
            continue
        if found.type == CREDENTIAL_TYPE and found.payload.get("id") == entry.get("statusListCredential"):
            lists.append(found)
    if not lists:
        report.add(purpose, Verdict.UNTOLD, "no_list", url=str(entry.get("statusListCredential", ""))[:300])
        return
    newest = max(lists, key=lambda each: str(each.payload.get("validFrom", "")))
    key = key_of(newest, evidence.keys or ())
    if evidence.keys is None:
        report.add(purpose, Verdict.UNTOLD, "no_keys")
    elif key is None or not is_signed(newest, key) or newest.payload.get("issuer") != issuer:
        report.add(purpose, False, "list_not_signed")
    else:
        _check_bit(report, newest, entry, purpose, evidence.on)


def _check_bit(report: Report, held: Token, entry: Mapping[str, Any], purpose: str, on: datetime) -> None:
    subject = held.payload.get("credentialSubject")
    told = subject if isinstance(subject, Mapping) else {}
    since, until = (_moment(held.payload.get(name)) for name in ("validFrom", "validUntil"))
    if told.get("statusPurpose") != purpose or since is None or until is None:
        report.add(purpose, False, "list_not_signed")
        return
    try:
        is_bit_set = rules.is_set(
            rules.decoded_list(str(told.get("encodedList", ""))), int(entry["statusListIndex"])
        )
    except (ValueError, KeyError, TypeError):
        report.add(purpose, False, "list_unreadable")
        return
    when = since.isoformat(timespec="seconds")
    if is_bit_set:
        report.add(purpose, False, "bit_set", at=when)
    elif on >= until:
        report.add(purpose, Verdict.UNTOLD, "list_stale", at=when)
    else:
        report.add(purpose, True, "bit_clear", at=when)


# --- the log ------------------------------------------------------------------------------------


def check_head(report: Report, text: str | None, evidence: Evidence) -> tuple[int, bytes] | None:
    """A signed tree head; its size and root when the signature holds."""
    if not text:
        return None
    try:
        token = read_token(text)
        size, root = int(token.payload["tree_size"]), bytes.fromhex(str(token.payload["root_hash"]))
    except (Unreadable, KeyError, ValueError, TypeError):
        report.add("log_head", False, "head_unreadable")
        return None
    if evidence.keys is None:
        report.add("log_head", Verdict.UNTOLD, "no_keys")
        return None
    key = key_of(token, evidence.keys)
    holds = token.type == HEAD_TYPE and key is not None and is_signed(token, key)
    report.add("log_head", holds, "" if holds else "changed_after_signing", size=size)
    return (size, root) if holds else None


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A leaf that a proof leads up to a signed head: its place, and what it tells."""

    index: int
    size: int
    told: Mapping[str, Any]


class _ProofFault(Exception):
    """A proof that cannot be read or leads elsewhere; `reason` and `values` as in a Statement."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


def _proved(proofs: Sequence[Mapping[str, Any]], head: tuple[int, bytes], wanted: Any) -> list[_Leaf]:
    """The leaves that `wanted` picks out of the proofs, each proved to stand under the head."""
    size, root = head
    found = []
    for proof in proofs:
        try:
            leaf = base64.b64decode(str(proof["leaf_input"]), validate=True)
            path = [base64.b64decode(str(each), validate=True) for each in proof["audit_path"]]
            index, proved_size, told = int(proof["leaf_index"]), int(proof["tree_size"]), json.loads(leaf)
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise _ProofFault("proof_unreadable") from error
        if not isinstance(told, dict) or not wanted(told):
            continue
        if proved_size != size or not tree.is_included(tree.leaf_hash(leaf), index, size, path, root):
            raise _ProofFault("proof_broken", index=index, size=size)
        found.append(_Leaf(index, size, told))
    return found


def _leaves(report: Report, code: str, evidence: Evidence, wanted: Any) -> list[_Leaf] | None:
    """The proved leaves; None when it cannot be told, or was told already."""
    head = check_head(report, evidence.head, evidence)
    if not evidence.proofs or head is None:
        report.add(code, Verdict.UNTOLD, "no_proof")
        return None
    try:
        return _proved(evidence.proofs, head, wanted)
    except _ProofFault as fault:
        report.add(code, False, fault.reason, **fault.values)
        return None


def _check_log(report: Report, token: Token, member: str, evidence: Evidence) -> None:
    """Whether the log holds this very token: its SHA-256 stands in a leaf that the proof leads up to the head."""
    digest = rules.sha256_of(token.text)
    leaves = _leaves(report, "inclusion", evidence, lambda told: told.get(member) == digest)
    if leaves is None:
        return
    if not leaves:
        report.add("inclusion", False, "not_in_log")
        return
    places = ", ".join(str(leaf.index) for leaf in leaves)
    report.add("inclusion", True, "in_log", index=places, size=leaves[-1].size)
    _check_logged_state(report, leaves)


def _check_logged_state(report: Report, leaves: Sequence[_Leaf]) -> None:
    """What the latest of the leaves says of the certificate."""
    state = str(max(leaves, key=lambda leaf: leaf.index).told.get("state", ""))
    report.add("logged_state", state == "valid", "logged_state", state=state)


def check_document(report: Report, number: str, digest: str, evidence: Evidence) -> None:
    """Whether a PDF (its SHA-256) is the one that was issued under a number, by the log alone.

    The log holds that hash from the moment the file was made; before, nothing can be told.
    """
    leaves = _leaves(report, "logged_document", evidence, lambda told: told.get("subject") == number)
    if leaves is None:
        return
    issued = [leaf for leaf in leaves if "document_sha256" in leaf.told]
    if not issued:
        report.add("logged_document", Verdict.UNTOLD, "document_not_in_log")
        return
    same = [leaf for leaf in issued if leaf.told["document_sha256"] == digest]
    if not same:
        report.add("logged_document", False, "other_document")
        return
    report.add("logged_document", True, "in_log", index=str(same[-1].index), size=same[-1].size)
    _check_logged_state(report, leaves)


# --- data ---------------------------------------------------------------------------------------

LARGEST_MANIFEST = 64 * 1024 * 1024
_COMPANIONS = (".jwt", ".pdf")
_COMPANION_NAMES = frozenset({"certificate.json", "credential.json"})


def _is_companion(path: str) -> bool:
    """Whether a file at the root of a folder accompanies the data without being part of it."""
    return "/" not in path and (path.endswith(_COMPANIONS) or path in _COMPANION_NAMES)


def tokens_in(folder: Folder) -> Iterator[str]:
    """The certificates and credentials that lie at the root of a folder."""
    for path in sorted(folder.sizes):
        if "/" in path or not path.endswith(".jwt") or folder.sizes[path] > LONGEST_TOKEN:
            continue
        try:
            found = read_token(folder.read(path, LONGEST_TOKEN).decode("utf-8-sig"))
        except (Unreadable, UnicodeDecodeError):
            continue
        if found.type in (CERTIFICATE_TYPE, CREDENTIAL_TYPE):
            yield found.text


def digest_of(folder: Folder, path: str) -> tuple[str, int]:
    """SHA-256 (hex) and size of one file, read in pieces."""
    digest, size = hashlib.sha256(), 0
    with folder.open(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def check_manifest(report: Report, body: bytes) -> str:
    """A manifest by itself; its root hash, "" when it is none."""
    try:
        entries = read_manifest(body)
        if not all(is_safe_path(entry.path) for entry in entries):
            raise ManifestUnreadable("a path leads out of the folder")
        found = root_hash(manifest(entries, annotations_in(body)))
    except (ManifestUnreadable, AssertionError, RecursionError):
        report.add("manifest", False, "manifest_unreadable")
        return ""
    report.add("manifest", True, "manifest_read", count=len(entries), root=found)
    return found


def check_files(report: Report, folder: Folder, largest_manifest: int = LARGEST_MANIFEST) -> str:
    """Every file against the manifest that lies with them; the root hash of what really lies there.

    Without a manifest the root hash is worked out from all files, and a difference cannot be pinned to one.
    """
    if MANIFEST_NAME not in folder.sizes:
        rest = [path for path in folder.sizes if not _is_companion(path) and is_safe_path(path)]
        if not rest:
            raise Unreadable("no files")
        found = []
        for path in rest:
            digest, size = digest_of(folder, path)
            found.append(FileEntry(path, size, digest))
        report.add("manifest", Verdict.UNTOLD, "no_manifest")
        return root_hash(manifest(found, _tree_in(folder)))
    if folder.sizes[MANIFEST_NAME] > largest_manifest:
        raise TooLarge("the manifest is too large")
    body = folder.read(MANIFEST_NAME, largest_manifest)
    held = check_manifest(report, body)
    if not held:
        return ""
    entries = {entry.path: entry for entry in read_manifest(body)}
    present = _check_each(report, folder, entries)
    extra = sorted(set(folder.sizes) - set(entries) - {MANIFEST_NAME})
    extra = [path for path in extra if not _is_companion(path)]
    if extra:
        report.add("extra", Verdict.UNTOLD, "not_covered", count=len(extra), paths=", ".join(extra[:5]))
    told = annotations_in(body)
    if told is not None and told.path in folder.sizes:
        check_leaves(report, folder, told)
    return root_hash(manifest(present, told))


def _check_each(report: Report, folder: Folder, entries: Mapping[str, FileEntry]) -> list[FileEntry]:
    """The listed files against their entries; those that are there, as they really are."""
    present, faults = [], []
    for path, entry in entries.items():
        if path not in folder.sizes:
            faults.append((path, "missing"))
            continue
        digest, size = digest_of(folder, path)
        present.append(FileEntry(path, size, digest))
        if (digest, size) != (entry.sha256, entry.size):
            faults.append((path, "changed"))
    for path, reason in faults[:NAMED_FILES]:
        report.add("file", False, reason, path=path)
    if len(faults) > NAMED_FILES:
        report.add("file", False, "more_files", count=len(faults) - NAMED_FILES)
    if not faults:
        report.add("file", True, "all_files", count=len(entries))
    return present


def _tree_in(folder: Folder) -> AnnotationTree | None:
    """The tree over the leaves in a folder without a manifest; None when there are none of ours."""
    if LEAVES_PATH not in folder.sizes:
        return None
    with folder.open(LEAVES_PATH) as lines:
        try:
            is_ours = "submission_sha256" in json.loads(lines.readline(LONGEST_TOKEN))
        except (ValueError, TypeError, RecursionError):
            return None
    with folder.open(LEAVES_PATH) as lines:
        return trees.tree_of(trees.hashes_of(lines)) if is_ours else None


def check_leaves(report: Report, folder: Folder, told: AnnotationTree) -> None:
    """The tree over the annotations of a folder against what its manifest says."""
    with folder.open(told.path) as lines:
        found = trees.tree_of(trees.hashes_of(lines))
    same = (found.root, found.count) == (told.root, told.count)
    report.add("annotations", same, "" if same else "other_tree", count=told.count, root=told.root)


def check_root(report: Report, found: str, wanted: str | None) -> None:
    """The root hash of data against that of a certificate."""
    if not found:
        return
    if wanted is None:
        report.add("root_hash", Verdict.UNTOLD, "no_certificate", root=found)
    else:
        report.add("root_hash", found == wanted, "" if found == wanted else "other_data", root=found)


def root_in(report: Report) -> str | None:
    """The root hash that a checked certificate or credential names."""
    asset = report.claims.get("asset")
    held = report.claims.get("rootHash") or (asset.get("root_hash") if isinstance(asset, Mapping) else None)
    return str(held) if held else None


def number_in(report: Report) -> str:
    """The certificate number that a checked thing names."""
    return str(report.claims.get("certificateNumber") or report.claims.get("number") or "")


def check_token(text: str, evidence: Evidence) -> Report:
    """A certificate, a credential or a licence, whichever the token says it is; Unreadable when none of them."""
    kind = read_token(text).type
    if kind == CREDENTIAL_TYPE:
        return check_credential(text, evidence)
    if kind == CERTIFICATE_TYPE:
        return check_certificate(text, evidence)
    if kind == LICENCE_TYPE:
        return check_licence(text, evidence)
    raise Unreadable("neither a certificate, a credential nor a licence")


def check_json(body: Mapping[str, Any], evidence: Evidence) -> Report:
    """A certificate in our JSON form (`claims`, `token`): the token, and whether the claims say the same."""
    text, claims = body.get("token"), body.get("claims")
    if not isinstance(text, str):
        raise Unreadable("there is no signed text in it")
    report = check_token(text, evidence)
    if isinstance(claims, Mapping):
        signed = {name: value for name, value in read_token(text).payload.items() if name != "iss"}
        members = differing(dict(claims), signed)
        report.add("content", not members, "differs" if members else "", members=", ".join(members[:20]))
    return report


# --- one annotation -------------------------------------------------------------------------------


def check_annotation(body: Mapping[str, Any], evidence: Evidence) -> Report:
    """Whether one label stands in the version that a certificate is about, from its proof alone.

    The walk: result → leaf → tree of annotations → manifest → root hash → credential → log. Each step is a statement;
    without a credential the last ones cannot be told. Raises Unreadable.
    """
    try:
        told, version = body["annotation"], body["version"]
        text = str(told["leaf"]).encode()
        leaf, index, count = json.loads(text), int(told["index"]), int(told["count"])
        path = [bytes.fromhex(str(each)) for each in told["path"]]
        root, manifest_text = bytes.fromhex(str(told["root"])), version.get("manifest")
        result, stated = body.get("result"), str(version["root_hash"])
        wanted = str(leaf["result_sha256"])
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("not a whole proof of an annotation") from error
    report = Report("annotation", dict(leaf))
    if result is None:
        report.add("label", Verdict.UNTOLD, "no_result")
    else:
        holds = trees.result_hash(result) == wanted
        report.add("label", holds, "" if holds else "other_label")
    holds = tree.is_included(tree.leaf_hash(text), index, count, path, root)
    report.add("annotation", holds, "in_tree" if holds else "not_in_tree", index=index, count=count)
    if isinstance(manifest_text, str):
        _check_named(report, manifest_text.encode(), leaf, (count, root.hex()), stated)
    else:
        report.add("manifest", Verdict.UNTOLD, "no_manifest_here")
    _check_certified(report, body.get("credential"), (stated, root.hex()), evidence)
    return report


def _check_named(
    report: Report, body: bytes, leaf: Mapping[str, Any], named: tuple[int, str], stated: str
) -> None:
    """The manifest of a proof: its hash, the tree it names, the item it lists."""
    found = check_manifest(report, body)
    if not found:
        return
    report.add("root_hash", found == stated, "" if found == stated else "other_data", root=found)
    told = annotations_in(body)
    same = told is not None and (told.count, told.root) == named
    report.add("annotations", same, "" if same else "other_tree", count=named[0], root=named[1])
    items = {entry.path: entry.sha256 for entry in read_manifest(body)}
    holds = items.get(str(leaf.get("item"))) == leaf.get("item_sha256")
    report.add("item", holds, "" if holds else "other_item", path=str(leaf.get("item"))[:200])


def _check_certified(report: Report, text: Any, stated: tuple[str, str], evidence: Evidence) -> None:
    """The credential of a proof, and whether it names this version and this tree."""
    if not isinstance(text, str) or not text:
        report.add("certified", Verdict.UNTOLD, "no_credential", root=stated[0])
        return
    held = check_credential(text, evidence)
    report.statements += held.statements
    report.claims = {**report.claims, "certificateNumber": number_in(held)}
    named = held.claims.get("rootHash"), held.claims.get("annotationRoot")
    report.add("certified", named == stated, "" if named == stated else "other_version", root=stated[0])
