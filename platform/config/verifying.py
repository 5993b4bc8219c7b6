"""`qingshu verify`: what holds of a certificate, a credential, a licence, a voucher, data or one label, on any machine, without our server.

Needs no settings and no database. Offline it uses the files it is given; with `--server` it fetches what that
installation publishes, and asks it for the state of the certificate.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.credentials import checking
from assets.credentials.checking import Evidence, Report, Verdict
from assets.credentials.folders import NO_ZIP, Folder, Unreadable, disk_folder, zip_folder
from assets.datasets.trees import PROOF_FORMAT
from embedded.errors import ExitCode, InstallationError
from exchange.filings import rules as vouchers
from exchange.filings.checking import check_voucher
from kernel import clock

LARGEST_ANSWER = 64 * 1024 * 1024
TIMEOUT_SECONDS = 20
_NUMBER = re.compile(r"ZS-\d{4}-\d{7}-[0-9A-Z]", re.IGNORECASE)
_LICENCE_NUMBER = re.compile(r"XK-\d{4}-\d{7}-[0-9A-Z]", re.IGNORECASE)
_VOUCHER_NUMBER = re.compile(r"JY-\d{4}-\d{7,}-[0-9A-Z]", re.IGNORECASE)
EXIT_CODES = {
    Verdict.HOLDS: ExitCode.OK,
    Verdict.FAILS: ExitCode.CHECK_FAILED,
    Verdict.UNTOLD: ExitCode.FAILED,
}

LABELS: Mapping[str, str] = {
    "number": "check character of the number",
    "known": "known to the registry",
    "key": "signing key among the published keys",
    "signature": "digital signature",
    "issuer": "issuer owns the signing key",
    "unified_code": "check character of the asset code",
    "content": "content is the signed content",
    "document": "file is the issued file",
    "logged_document": "file's hash stands in the log of registrations",
    "period": "within the period of validity",
    "revocation": "not revoked, cancelled or replaced (status list)",
    "suspension": "not suspended (status list)",
    "state": "in force by the registry, now",
    "base": "The certificate it rests on is valid now",
    "log_head": "signature of the log's tree head",
    "inclusion": "stands in the log of registrations",
    "logged_state": "in force by the log's latest entry",
    "manifest": "manifest",
    "file": "files as in the manifest",
    "extra": "files beside the manifest",
    "root_hash": "root hash of the data as in the certificate",
    "label": "result as in its leaf",
    "annotation": "stands in the version's tree of annotations",
    "annotations": "tree of annotations as in the manifest",
    "item": "item as in the manifest",
    "certified": "certificate is about this version and this tree",
}
REASONS: Mapping[str, str] = {
    "mistyped": "a character may be mistyped",
    "no_keys": "no key set is at hand (--keys or --server)",
    "by_key": "key {key}",
    "unknown_key": "key {key} is not in the key set",
    "changed_after_signing": "changed after it was signed, or not signed by this registry",
    "other_issuer": "the issuer is not the owner of the key",
    "no_period": "it names no period",
    "ahead": "the period has not begun",
    "over": "the period is over",
    "no_status": "it names no such status",
    "no_list": "this list is not at hand: {url}",
    "list_not_signed": "the list is not signed by the issuer, or is for something else",
    "list_unreadable": "the list cannot be read",
    "bit_set": "the bit is set in the list of {at}",
    "list_stale": "the list of {at} is out of date; fetch it again",
    "bit_clear": "by the list of {at}",
    "head_unreadable": "the tree head cannot be read",
    "no_proof": "no tree head or proof is at hand (--log-head and --proof, or --server)",
    "proof_unreadable": "the proof cannot be read",
    "proof_broken": "the proof of entry {index} does not lead to this root",
    "not_in_log": "the log does not hold this signed text",
    "in_log": "entry {index} of {size}",
    "logged_state": "the log says {state}",
    "manifest_unreadable": "not a manifest of this platform, or damaged",
    "manifest_read": "{count} files, root hash {root}",
    "no_manifest": "no manifest.json; the root hash is worked out from all files",
    "missing": "{path} is missing",
    "changed": "{path} was changed",
    "more_files": "{count} more files differ",
    "all_files": "all {count} files",
    "not_covered": "{count} files are not part of what was registered: {paths}",
    "no_certificate": "no certificate is at hand to compare with (--certificate or --server); root hash {root}",
    "data_unknown": "nothing was registered with root hash {root}",
    "data_known": "registered as {number}",
    "other_data": "other data; root hash {root}",
    "differs": "these members differ: {members}",
    "not_known": "the registry never issued it",
    "now": "the registry says {state}",
    "base": "Certificate {number}: {state}.",
    "other_document": "its SHA-256 is not the issued one",
    "document_not_in_log": "the log does not hold the hash of this certificate's file yet",
    "same_document": "SHA-256 {digest}…",
    "no_result": "the result itself is not in this proof, only its hash",
    "other_label": "the result's hash is not the leaf's: it was changed",
    "in_tree": "leaf {index} of {count}",
    "not_in_tree": "leaf {index} does not lead to this root: leaf or path was changed",
    "other_tree": "the tree is not the manifest's ({count} leaves, root {root})",
    "no_manifest_here": "the manifest is too large to travel with the proof; check the data itself",
    "other_item": "the manifest does not list {path}, or with another hash",
    "no_credential": "this version has no certificate yet; root hash {root}",
    "other_version": "the credential is about another version, not root hash {root}",
    "needs_registry": "only the registry can tell (--server)",
    "too_large": "it opens to more than {limit}",
}
VOUCHER_LABELS: Mapping[str, str] = {"amounts": "filed amount is amount less reductions and refunds"}
VOUCHER_REASONS: Mapping[str, str] = {
    "amounts_differ": "the amounts in it contradict one another",
    "voucher": "the register says {state}, issue {sequence}",
    "other_issue": "not an issue that the register holds",
    "replaced_issue": "issue {presented} was replaced; in force is issue {sequence}",
}


class NotUnderstood(InstallationError):
    """What was given is nothing that can be checked."""

    exit_code = ExitCode.USAGE


class ServerSilent(InstallationError):
    """The server gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Materials:
    """What the person at the keyboard has at hand."""

    keys: Path | None = None
    status_lists: Sequence[Path] = ()
    log_head: Path | None = None
    proofs: Sequence[Path] = ()
    certificate: Path | None = None
    server: str = ""


@dataclass(slots=True)
class Server:
    """What an installation publishes. Only ever asks this one address, whatever a document says."""

    address: str
    _kept: dict[str, bytes] = field(default_factory=dict)

    def get(self, path: str) -> bytes | None:
        """The body; None for 404."""
        if path not in self._kept:
            request = urllib.request.Request(self.address.rstrip("/") + path, headers={"Accept": "*/*"})
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                    self._kept[path] = answer.read(LARGEST_ANSWER)
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                raise ServerSilent(f"{self.address} answered {error.code} for {path}.") from error
            except (OSError, ValueError) as error:
                raise ServerSilent(f"{self.address} cannot be reached: {error}.") from error
        return self._kept[path]

    def dossier(self, **wanted: str) -> dict[str, Any] | None:
        """All that is published about a certificate, by `number` or `root_hash`."""
        body = self.get(f"/api/credentials/dossier?{urllib.parse.urlencode(wanted)}")
        return _object(body, "the server's answer") if body is not None else None

    def licence(self, number: str) -> dict[str, Any] | None:
        """All that is published about a registered licence."""
        body = self.get(f"/api/credentials/licence?{urllib.parse.urlencode({'number': number})}")
        return _object(body, "the server's answer") if body is not None else None

    def voucher(self, number: str, **presented: str) -> dict[str, Any]:
        """How the register has a voucher; `check` or `sha256` tell which issue is presented."""
        path = f"/api/filings/vouchers/{urllib.parse.quote(number, safe='')}"
        query = f"?{urllib.parse.urlencode(presented)}" if presented else ""
        return _object(self.get(path + query) or b"{}", "the server's answer")


def _object(body: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"{name} is not JSON.") from error
    if not isinstance(found, dict):
        raise NotUnderstood(f"{name} is not a JSON object.")
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_ANSWER)
    except OSError as error:
        raise NotUnderstood(f"{path} cannot be read: {error.strerror}.") from error


def _text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"{path} is not a text.") from error


# --- what is at hand ----------------------------------------------------------------------------


def _head_in(path: Path) -> str:
    """The signed head in a file: the compact JWS itself, or the JSON of `/api/transparency/sth`."""
    text = _text(path)
    if not text.startswith("{"):
        return text
    found = _object(text.encode(), str(path))
    held = found.get("head", found)
    return str(held.get("tree_head_signature", "") if isinstance(held, dict) else "")


def _proofs_in(path: Path) -> list[Mapping[str, Any]]:
    """The proofs in a file: one, or those of `/api/transparency/subjects/…`."""
    found = _object(_read(path), str(path))
    rows = found.get("proofs", [found])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _evidence(materials: Materials, dossier: Mapping[str, Any] | None, lists: Sequence[str] = ()) -> Evidence:
    keys = None
    if materials.keys:
        try:
            keys = checking.keys_in(_object(_read(materials.keys), str(materials.keys)))
        except Unreadable as error:
            raise NotUnderstood(f"{materials.keys} is {error}.") from error
    elif materials.server:
        body = Server(materials.server).get("/.well-known/jwks.json")
        keys = checking.keys_in(_object(body or b"{}", "the key set")) if body else None
    told = dossier or {}
    head = (
        _head_in(materials.log_head)
        if materials.log_head
        else (told.get("head") or {}).get("tree_head_signature")
    )
    given = [proof for path in materials.proofs for proof in _proofs_in(path)]
    return Evidence(
        on=clock.now(),
        keys=keys,
        status_lists=[*(_text(path) for path in materials.status_lists), *lists],
        head=head,
        proofs=given or told.get("proofs", []),
    )


def _add_registry(report: Report, server: Server | None, dossier: Mapping[str, Any] | None) -> None:
    """What only the registry knows: whether it issued this, and what it says now."""
    if server is None:
        return
    report.add("known", dossier is not None, "" if dossier else "not_known")
    if dossier is not None:
        report.add("state", dossier["state"] == "valid", "now", state=dossier["state"])


# --- what may be handed in ----------------------------------------------------------------------


def examine(target: str, materials: Materials) -> Report:
    """Everything that can be told of a file, a folder or a number; NotUnderstood when it is none of ours."""
    path = Path(target)
    server = Server(materials.server) if materials.server else None
    try:
        if path.is_dir():
            return _data(disk_folder(path), materials, server)
        if not path.exists() and _NUMBER.fullmatch(target.strip()):
            return _number(target.strip().upper(), materials, server)
        if not path.exists() and _LICENCE_NUMBER.fullmatch(target.strip()):
            return _licence_number(target.strip().upper(), materials, server)
        if not path.exists() and _VOUCHER_NUMBER.fullmatch(target.strip()):
            return _voucher_number(target.strip().upper(), server)
        with path.open("rb") as file:
            start = file.read(4)
            if start.startswith(b"PK"):
                return _data(zip_folder(file), materials, server)
        return _file(path, start, materials, server)
    except Unreadable as error:
        raise NotUnderstood(f"{target} is nothing that can be checked: {error}.") from error
    except NO_ZIP as error:
        raise NotUnderstood(
            f"{target} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error


def _file(path: Path, start: bytes, materials: Materials, server: Server | None) -> Report:
    if start == b"%PDF":
        return _pdf(_read(path), materials, server)
    text = _text(path)
    if not text.startswith("{"):
        return _token(text, materials, server)
    body = _object(text.encode(), str(path))
    if body.get("format") == PROOF_FORMAT:
        lists = [each for each in body.get("status_lists") or [] if isinstance(each, str)]
        return checking.check_annotation(body, _evidence(materials, body, lists))
    if "entries" in body and "format" in body:
        return _manifest(text.encode(), materials, server)
    token = body.get("token")
    if not isinstance(token, str):
        raise Unreadable("there is no signed text in it")
    report = _token(token, materials, server, finish=False)
    whole = checking.check_json(body, Evidence(on=clock.now()))
    report.statements += [each for each in whole.statements if each.code == "content"]
    _finish(report, server)
    return report


def _lists(text: str, server: Server | None) -> list[str]:
    """The status lists of a credential, from the server at hand."""
    if server is None or checking.read_token(text).type != checking.CREDENTIAL_TYPE:
        return []
    paths = [urllib.parse.urlsplit(address).path for address in checking.status_addresses(text)]
    bodies = [server.get(path) for path in paths if path.startswith("/")]
    return [body.decode("ascii", "replace") for body in bodies if body is not None]


def _claimed_number(text: str) -> str:
    payload = checking.read_token(text).payload
    subject = payload.get("credentialSubject")
    found = subject.get("certificateNumber") if isinstance(subject, dict) else payload.get("jti")
    return str(found or "")[:60]


def _token(text: str, materials: Materials, server: Server | None, *, finish: bool = True) -> Report:
    if checking.read_token(text).type == vouchers.VOUCHER_TYPE:
        report = check_voucher(text, _evidence(materials, None))
        _add_register(report, server, check=vouchers.check_of(text.strip()))
        return report
    if checking.read_token(text).type == checking.LICENCE_TYPE:
        report = checking.check_licence(text, _evidence(materials, None))
        if finish:
            _finish(report, server)
        return report
    dossier = server.dossier(number=_claimed_number(text)) if server else None
    report = checking.check_token(text, _evidence(materials, dossier, _lists(text, server)))
    if finish:
        _finish(report, server)
    return report


def _finish(report: Report, server: Server | None) -> None:
    if report.kind == "licence":
        _add_ground(report, server)
    elif server is not None:
        _add_registry(report, server, server.dossier(number=checking.number_in(report)))


def _number(number: str, materials: Materials, server: Server | None) -> Report:
    dossier = server.dossier(number=number) if server else None
    if dossier is None:
        report = Report("number", {"number": number})
        checking.check_number(report, number)
        if server is None:
            report.add("known", Verdict.UNTOLD, "needs_registry")
        _add_registry(report, server, dossier)
        return report
    report = _own(dossier, materials, server)
    _add_registry(report, server, dossier)
    return report


def _licence_number(number: str, materials: Materials, server: Server | None) -> Report:
    dossier = server.licence(number) if server else None
    if dossier is not None:
        return _token(str(dossier["token"]), materials, server)
    report = Report("number", {"number": number})
    checking.check_number(report, number)
    report.add(
        "known", Verdict.UNTOLD if server is None else False, "not_known" if server else "needs_registry"
    )
    return report


def _voucher_number(number: str, server: Server | None) -> Report:
    report = Report("number", {"number": number})
    checking.check_number(report, number)
    _add_register(report, server)
    return report


def _voucher_pdf(number: str, body: bytes, server: Server | None) -> Report:
    """A voucher's PDF is proved by its hash, which the register keeps for each issue."""
    report = Report("document", {"number": number})
    checking.check_number(report, number)
    _add_register(report, server, sha256=hashlib.sha256(body).hexdigest())
    return report


def _add_register(report: Report, server: Server | None, **presented: str) -> None:
    """What only the register knows: whether it issued this voucher, whether this issue is in force, and its state."""
    if server is None:
        report.add("known", Verdict.UNTOLD, "needs_registry")
        return
    standing = server.voucher(checking.number_in(report), **presented)
    outcome, sequence = standing.get("outcome"), standing.get("sequence")
    report.add("known", outcome not in (None, "unknown", "not_ours"), "" if sequence else "other_issue")
    if sequence is None:
        return
    if outcome == "replaced":
        report.add(
            "state", False, "replaced_issue", presented=standing["presented_sequence"], sequence=sequence
        )
        return
    report.add("state", outcome == "in_force", "voucher", state=standing["state"], sequence=sequence)


def _add_ground(report: Report, server: Server | None) -> None:
    """What only the registry knows of a licence: whether it was registered, and what it rests on now."""
    if server is None:
        report.add("base", Verdict.UNTOLD, "needs_registry")
        return
    dossier = server.licence(checking.number_in(report))
    report.add("known", dossier is not None, "" if dossier else "not_known")
    if dossier is not None:
        report.add("state", dossier["state"] == "valid", "now", state=dossier["state"])
        ground = dossier["certificate_state"]
        report.add("base", ground == "valid", "base", number=dossier["certificate"], state=ground)


def _own(dossier: Mapping[str, Any], materials: Materials, server: Server | None) -> Report:
    """The registry's own signed text about a certificate, judged like anybody's."""
    text = str(dossier.get("credential_token") or dossier["certificate_token"])
    return checking.check_token(text, _evidence(materials, dossier, _lists(text, server)))


def _pdf(body: bytes, materials: Materials, server: Server | None) -> Report:
    """A PDF is proved by its hash: the registry keeps it, and so does the log of registrations."""
    named = _NUMBER.search(body.decode("latin-1"))
    if named is None and (voucher := _VOUCHER_NUMBER.search(body.decode("latin-1"))):
        return _voucher_pdf(voucher.group().upper(), body, server)
    if named is None:
        raise Unreadable("it names neither a certificate nor a voucher")
    number, digest = named.group().upper(), hashlib.sha256(body).hexdigest()
    dossier = server.dossier(number=number) if server else None
    evidence = _evidence(materials, dossier)
    if dossier is None:
        report = Report("document", {"number": number})
        checking.check_number(report, number)
    else:
        report = _own(dossier, materials, server)
        report.kind = "document"
        holds = digest == dossier["document_sha256"]
        report.add("document", holds, "same_document" if holds else "other_document", digest=digest[:16])
    inner = Report("document")
    checking.check_document(inner, number, digest, evidence)
    known = {each.code for each in report.statements}
    report.statements += [each for each in inner.statements if each.code not in known]
    _add_registry(report, server, dossier)
    return report


def _given_token(materials: Materials) -> list[str]:
    """The certificate named by --certificate: a JWT, or our JSON form."""
    if materials.certificate is None:
        return []
    text = _text(materials.certificate)
    return (
        [str(_object(text.encode(), "the certificate").get("token", ""))] if text.startswith("{") else [text]
    )


def _manifest(body: bytes, materials: Materials, server: Server | None) -> Report:
    return _compared(
        Report("data"), materials, server, [], lambda report: checking.check_manifest(report, body)
    )


def _data(folder: Folder, materials: Materials, server: Server | None) -> Report:
    tokens = list(checking.tokens_in(folder))
    return _compared(
        Report("data"), materials, server, tokens, lambda report: checking.check_files(report, folder)
    )


def _compared(
    report: Report, materials: Materials, server: Server | None, tokens: list[str], look: Any
) -> Report:
    """The data itself, then the certificate it belongs to, then one against the other."""
    found = look(report)
    stated = next((str(s.values["root"]) for s in report.statements if s.reason == "manifest_read"), found)
    tokens = [*_given_token(materials), *tokens]
    dossier = None
    if not tokens and server is not None and stated:
        dossier = server.dossier(root_hash=stated)
        if dossier is None:
            report.add("root_hash", False, "data_unknown", root=stated)
            return report
        tokens = [str(dossier.get("credential_token") or dossier["certificate_token"])]
    wanted = None
    for text in tokens:
        inner = _token(text, materials, server, finish=False)
        report.statements += inner.statements
        report.claims = inner.claims
        wanted = wanted or checking.root_in(inner)
    checking.check_root(report, found, wanted)
    if tokens:
        _finish(report, server)
    return report


# --- what is said -------------------------------------------------------------------------------

MARKS = {Verdict.HOLDS: "holds", Verdict.FAILS: "DOES NOT HOLD", Verdict.UNTOLD: "cannot be told here"}
CONCLUSIONS = {
    Verdict.HOLDS: "Everything that could be checked holds.",
    Verdict.FAILS: "Not everything holds: do not rely on it.",
    Verdict.UNTOLD: "Nothing is wrong, but nothing proves it either: give --keys, or --server.",
}


def sentence(reason: str, values: Mapping[str, Any]) -> str:
    """What is to be said about a statement, in English."""
    return {**REASONS, **VOUCHER_REASONS}[reason].format(**values) if reason else ""


def label(code: str) -> str:
    """What was looked at, in English."""
    return {**LABELS, **VOUCHER_LABELS}[code]


def as_data(report: Report) -> dict[str, Any]:
    """The report for a machine."""
    return {
        "kind": report.kind,
        "verdict": str(report.verdict),
        "claims": dict(report.claims),
        "statements": [
            {
                "code": each.code,
                "verdict": str(each.verdict),
                "label": label(each.code),
                "detail": sentence(each.reason, each.values),
            }
            for each in report.statements
        ],
    }


def as_lines(report: Report) -> list[str]:
    """The report for a person."""
    number = checking.number_in(report)
    title = report.claims.get("title") or report.claims.get("name") or ""
    lines = [" ".join(filter(None, [report.kind, number, str(title)]))]
    for each in report.statements:
        detail = sentence(each.reason, each.values)
        lines.append(f"  {MARKS[each.verdict]:<20} {label(each.code)}{f': {detail}' if detail else ''}")
    return [*lines, CONCLUSIONS[report.verdict]]
