"""The public verification: everything that can be said of a number or a file, from what the registry publishes.

`assets.registry.verification` compares with the registry's own rows; `checking` judges signatures, lists, log and
data by the published material alone. Here both are put together into one answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.utils.translation import gettext as _

from assets.credentials import checking
from assets.credentials.checking import Evidence, Report, Statement
from assets.credentials.checking import Verdict as Held
from assets.credentials.folders import NO_ZIP, TooLarge, Unreadable, zip_folder
from assets.credentials.models import Credential
from assets.credentials.selectors import certificate_of, credential_by_number, lists_of
from assets.credentials.wording import Text
from assets.datasets.rules import MANIFEST_FORMATS
from assets.registry import rules as registry_rules
from assets.registry import verification as registry
from assets.registry.fingerprints import fingerprint
from assets.registry.states import Outcome
from assets.registry.verification import Verdict
from assets.transparency import selectors as log
from assets.transparency.models import TreeHead
from assets.transparency.schemas import ProofOut
from kernel import clock
from signing import services as signing

LARGEST_FILE = 200 * 1024 * 1024
"""Bytes of an upload. Only zips may be as large; certificates and manifests have the limits of their kind."""
LARGEST_TEXT = 16 * 1024 * 1024
"""A manifest or another text larger than this is for the command, not for the page."""
LARGEST_OPENED = 512 * 1024 * 1024
"""A zip whose files are larger than this together is not looked through while the reader waits."""
REGISTRY_PROOFS = 2
"""How many of a verdict's proofs, at its end, compare the registry's row with its own signature."""
_DECISIVE = frozenset(
    {
        "key",
        "signature",
        "issuer",
        "content",
        "document",
        "logged_document",
        "root_hash",
        "file",
        "manifest",
        "log_head",
    }
)
_BROKEN_LOG = frozenset({"proof_broken", "proof_unreadable", "not_in_log"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said: one outcome for the reader, and every single statement."""

    verdict: Verdict
    statements: Sequence[Statement]
    credential: Credential | None = None
    proofs: Sequence[log.Inclusion] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Published:
    """What anyone could download about a certificate."""

    evidence: Evidence
    credential: Credential | None
    proofs: Sequence[log.Inclusion]


def published(number: str, at: datetime) -> Published:
    """What anyone could download about a certificate, read from where it is kept."""
    credential = credential_by_number(number)
    head = TreeHead.objects.order_by("-size", "-at").first()
    proofs = log.inclusions_of(number)
    evidence = Evidence(
        on=at,
        keys=signing.key_set()["keys"],
        status_lists=[each.token for each in lists_of(credential)] if credential else [],
        head=head.token if head else None,
        proofs=[ProofOut.of(proof).model_dump() for proof in proofs],
    )
    return Published(evidence, credential, proofs)


def _conclude(
    verdict: Verdict,
    at: datetime,
    *,
    before: Sequence[Statement] = (),
    token: str = "",
    sworn: Mapping[str, Any] | None = None,
    known: Published | None = None,
) -> Answer:
    """Everything about the certificate that the registry's verdict is on; `known` if it was read already.

    `token` is the signed text that was handed in; without one the registry's own is judged. `sworn` is the
    content that was handed in, of a certificate or of a credential, to be compared with the issued one.
    """
    certificate = verdict.certificate
    if certificate is None:
        return Answer(verdict, [*before, Statement("known", Held.FAILS, "not_known")])
    known = known or published(certificate.number, at)
    held = known.credential
    try:
        report = checking.check_token(token or (held.token if held else certificate.token), known.evidence)
    except Unreadable:
        report = Report("certificate")
        report.add("signature", False, "changed_after_signing")
    issued = held.claims if held and sworn and "credentialSubject" in sworn else certificate.claims
    members = registry_rules.differing(dict(sworn), issued) if sworn is not None else []
    is_same = not members and all(proof.holds for proof in verdict.proofs[-REGISTRY_PROOFS:])
    report.add("content", is_same, "differs" if members else "", members=", ".join(members[:20]))
    outcome = registry_rules.outcome_of(
        certificate.state, certificate.valid_from, certificate.valid_until, clock.business_date(at)
    )
    report.add("state", outcome == Outcome.VALID, "now", state=outcome.label)
    statements = [*before, Statement("known", Held.HOLDS), *report.statements]
    return Answer(_judged(verdict, statements), statements, held, known.proofs)


def _concluded_licence(verdict: Verdict, at: datetime, token: str = "") -> Answer:
    """Everything about a licence: its text, its term, the certificate it rests on."""
    licence = verdict.licence
    assert licence is not None, "there is a licence to speak of"
    evidence = Evidence(on=at, keys=signing.key_set()["keys"])
    try:
        report = checking.check_licence(token or licence.token, evidence)
    except Unreadable:
        report = Report("licence")
        report.add("signature", False, "changed_after_signing")
    is_same = verdict.outcome != Outcome.ALTERED
    members = verdict.differing
    report.add("content", is_same, "differs" if members else "", members=", ".join(members[:20]))
    base, ground = registry.outcome_of_base(licence, clock.business_date(at))
    report.add("base", ground == Outcome.VALID, "base", number=base.number, state=str(ground.label))
    return Answer(verdict, [Statement("known", Held.HOLDS), *report.statements])


def _judged(verdict: Verdict, statements: Sequence[Statement]) -> Verdict:
    """The registry's verdict, turned to "altered" when something that was handed in is not what was issued."""
    failed = {(each.code, each.reason) for each in statements if each.verdict == Held.FAILS}
    if not any(code in _DECISIVE or reason in _BROKEN_LOG for code, reason in failed):
        return verdict
    words = registry.WORDS[Outcome.ALTERED]
    return Verdict(Outcome.ALTERED, words, verdict.proofs, verdict.certificate, verdict.differing)


def _unreadable(words: Text) -> Answer:
    return Answer(Verdict(Outcome.UNKNOWN, words), [])


# --- what may be handed in ----------------------------------------------------------------------


def by_number(number: str, *, at: datetime) -> Answer:
    """What is to be said of a certificate number."""
    wanted = number.strip().upper()
    verdict = registry.verify_number(wanted, on=clock.business_date(at))
    if verdict.licence is not None:
        return _concluded_licence(verdict, at)
    report = Report("number")
    if verdict.certificate is None:
        checking.check_number(report, wanted)
    return _conclude(verdict, at, before=report.statements)


def by_token(text: str, *, at: datetime) -> Answer:
    """A certificate's own JWS, or its credential."""
    on = clock.business_date(at)
    try:
        token = checking.read_token(text)
    except Unreadable:
        return Answer(registry.verify_token(text, on=on), [])
    if token.type == checking.CREDENTIAL_TYPE:
        verdict = registry.verify_number(_number_of(token.payload), on=on)
        return _conclude(verdict, at, token=token.text, sworn=token.payload)
    if token.type == registry.LICENCE_TYPE:
        verdict = registry.verify_token(token.text, on=on)
        if verdict.licence is not None:
            return _concluded_licence(verdict, at, token.text)
        return _conclude(verdict, at)
    sworn = {name: value for name, value in token.payload.items() if name != "iss"}
    return _conclude(registry.verify_token(token.text, on=on), at, token=token.text, sworn=sworn)


def _number_of(payload: Mapping[str, Any]) -> str:
    subject = payload.get("credentialSubject")
    return str(subject.get("certificateNumber", "") if isinstance(subject, Mapping) else "").upper()[:60]


def _by_document(body: bytes, *, at: datetime) -> Answer:
    verdict = registry.verify_document(body, on=clock.business_date(at))
    if verdict.certificate is None:
        return _conclude(verdict, at)
    digest, number, holds = (
        hashlib.sha256(body).hexdigest(),
        verdict.certificate.number,
        verdict.proofs[0].holds,
    )
    known = published(number, at)
    told, logged = Report("document"), Report("document")
    told.add("document", holds, "same_document" if holds else "other_document", digest=digest[:16])
    checking.check_document(logged, number, digest, known.evidence)
    told.statements += [each for each in logged.statements if each.code == "logged_document"]
    return _conclude(verdict, at, before=told.statements, known=known)


def _by_json(body: Mapping[str, Any], raw: bytes, *, at: datetime) -> Answer:
    """A manifest, a credential without its signature, or a certificate in our JSON form."""
    if body.get("format") in MANIFEST_FORMATS:
        report = Report("data")
        return _by_root(checking.check_manifest(report, raw), report, at=at)
    on, token = clock.business_date(at), body.get("token")
    if "credentialSubject" in body:
        return _conclude(registry.verify_number(_number_of(body), on=on), at, sworn=body)
    claims = body if "jti" in body and "claims" not in body else body.get("claims")
    if isinstance(token, str) and not isinstance(claims, Mapping):
        return by_token(token, at=at)
    verdict = registry.verify_json(body, on=on)
    text = token.strip() if isinstance(token, str) else ""
    return _conclude(verdict, at, token=text, sworn=claims if isinstance(claims, Mapping) else None)


def _by_root(
    stated: str, report: Report, *, at: datetime, found: str | None = None, number: str = ""
) -> Answer:
    """Data: against the certificate that lies with it, else against the latest one of its manifest's root hash."""
    on = clock.business_date(at)
    registered_as = certificate_of(root_hash=stated)
    wanted = number or (registered_as.number if registered_as else "")
    if not wanted:
        report.add("root_hash", False, "data_unknown", root=stated or "--")
        return Answer(
            Verdict(Outcome.UNKNOWN, _("这份数据的根哈希没有登记过：数据被改动，或从未登记。")),
            report.statements,
        )
    verdict = registry.verify_number(wanted, on=on)
    if verdict.certificate is not None:
        actual, registered = found or stated, fingerprint(verdict.certificate.claims["certificate"])
        report.add(
            "root_hash",
            actual == registered,
            "data_known" if actual == registered else "other_data",
            root=actual,
            number=wanted,
        )
    return _conclude(verdict, at, before=report.statements)


def _by_zip(file: IO[bytes], *, at: datetime) -> Answer:
    report = Report("data")
    try:
        folder = zip_folder(file, LARGEST_OPENED)
        number = next((_claimed(text) for text in checking.tokens_in(folder)), "")
        found = checking.check_files(report, folder, LARGEST_TEXT)
    except TooLarge:
        limit = f"{LARGEST_OPENED // 1024**2} MB"
        report.add("manifest", Held.UNTOLD, "too_large", limit=limit)
        return Answer(Verdict(Outcome.UNKNOWN, _("压缩包太大，页面上无法逐个核对。")), report.statements)
    except (Unreadable, *NO_ZIP):
        return _unreadable(_("无法读取这个压缩包。请上传从本平台导出的数据包，或其中的 manifest.json。"))
    stated = next((str(s.values["root"]) for s in report.statements if s.reason == "manifest_read"), found)
    return _by_root(stated, report, at=at, found=found, number=number)


def _claimed(text: str) -> str:
    """The certificate number a token claims, to find what the registry holds under it."""
    payload = checking.read_token(text).payload
    return _number_of(payload) or str(payload.get("jti", "")).upper()[:60]


def by_file(file: IO[bytes], size: int, *, at: datetime) -> Answer:
    """What is to be said of an uploaded file: PDF, JWT, JSON, manifest or zip."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        return _by_zip(file, at=at)
    if start == b"%PDF" and size <= registry.MAXIMUM_BYTES:
        return _by_document(file.read(), at=at)
    answer = _by_plain(file.read(), at=at) if size <= LARGEST_TEXT else None
    return answer or _unreadable(_("无法读取这个文件。请上传证书的 PDF、JSON、JWT，或数据清单、数据包。"))


def _by_plain(body: bytes, *, at: datetime) -> Answer | None:
    """A text: a token or JSON; None when it is neither."""
    try:
        text = body.decode("utf-8-sig").strip()
        if text.count(".") == 2 and not text.startswith("{"):
            return by_token(text, at=at)
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _by_json(found, body, at=at) if isinstance(found, dict) else None


def by_text(presented: str, *, at: datetime) -> Answer:
    """A number or a token, typed or pasted."""
    text = presented.strip()
    return by_token(text, at=at) if text.count(".") == 2 else by_number(text, at=at)
