"""Credentials follow their certificates: issued with them, their status bits and the log move with them.

All of it happens in the transaction of the certificate's own move, as handlers of the registry's news.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from assets.credentials import rules
from assets.credentials.models import Credential, StatusList
from assets.credentials.proofs import Proof, proof_for
from assets.credentials.selectors import credential_url, issuer, status_url
from assets.datasets.services import see_original
from assets.registry.models import Certificate
from assets.transparency import services as log
from audit.services import record
from kernel import clock
from kernel.errors import NotFound
from organizations.permissions import Actor
from signing import services as signing

LIST_LIFETIME = timedelta(days=7)
"""How long a downloaded list may be relied upon."""
LIST_RENEWAL = timedelta(days=1)
"""Lists older than this are signed anew even when nothing changed."""
LIST_TTL = timedelta(minutes=5)
"""How long a verifier may keep a list without asking again."""
FULL = rules.LIST_BITS // 2
"""A pair of lists takes no more credentials than this, so that a free bit is found at the second try."""


def _locked(certificate_id: UUID) -> Certificate:
    rows = Certificate.objects.select_for_update(of=("self",), no_key=True).select_related("holder")
    found = rows.filter(pk=certificate_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def _open_ordinal() -> int:
    """The pair of lists that new credentials go to."""
    newest = StatusList.objects.order_by("-ordinal").values_list("ordinal", flat=True).first() or 1
    return newest + 1 if Credential.objects.filter(list_ordinal=newest).count() >= FULL else newest


def _code_of(certificate: Certificate) -> str:
    """The asset's code: that of its first certificate, when there was one before."""
    same = Q(certificate=certificate)
    if certificate.version_id is not None:
        same |= Q(certificate__version=certificate.version_id)
    if certificate.origin_id is not None:
        same |= Q(certificate=certificate.origin_id) | Q(certificate__origin=certificate.origin_id)
    earlier = Credential.objects.filter(same).order_by("issued_at", "pk")
    held = earlier.values_list("unified_code", flat=True).first()
    told = certificate.claims["certificate"]
    return held or rules.unified_code(told["authority"]["uscc"], told["holder"]["uscc"], certificate.number)


def _signed(certificate: Certificate, code: str, ordinal: int, index: int) -> tuple[dict[str, object], str]:
    facts = rules.CredentialFacts(
        url=credential_url(certificate.number),
        issuer=issuer(),
        unified_code=code,
        valid_from=clock.start_of(certificate.valid_from),
        valid_until=clock.end_of(certificate.valid_until),
        status_index=index,
        status_urls={purpose: status_url(purpose, ordinal) for purpose in rules.PURPOSES},
        certificate_token=certificate.token,
    )
    claims = rules.credential(certificate.claims["certificate"], facts)
    return claims, signing.sign_exactly(claims, rules.HEADERS, controller=issuer())


def _with_free_bit(certificate: Certificate, at: datetime) -> Credential:
    """The new credential on a random free bit: a running number would tell how many there are, and their order."""
    code, ordinal = _code_of(certificate), _open_ordinal()
    while True:
        index = secrets.randbelow(rules.LIST_BITS)
        if Credential.objects.filter(list_ordinal=ordinal, status_index=index).exists():
            continue
        claims, token = _signed(certificate, code, ordinal, index)
        try:
            with transaction.atomic():
                return Credential.objects.create(
                    certificate=certificate, unified_code=code, claims=claims, token=token,
                    key_id=signing.current_key().kid, issued_at=at, list_ordinal=ordinal, status_index=index,
                )  # fmt: skip
        except IntegrityError:  # another transaction took the same bit just now
            continue


@transaction.atomic
def issue(*, by: Actor, at: datetime, certificate_id: UUID) -> Credential:
    """The credential of a certificate, once; a second call gives the same one."""
    certificate = _locked(certificate_id)
    held = Credential.objects.filter(certificate=certificate).first()
    if held is not None:
        return held
    credential = _with_free_bit(certificate, at)
    for purpose in rules.PURPOSES:
        if not StatusList.objects.filter(purpose=purpose, ordinal=credential.list_ordinal).exists():
            _publish(purpose, credential.list_ordinal, at)
    _tell(credential, certificate, at, is_new=True)
    record(
        by=by,
        at=at,
        action="credentials.issue",
        subject=certificate,
        detail={"unified_code": credential.unified_code, "key": credential.key_id},
    )
    if certificate.state != credential.state:
        credential = follow(by=by, at=at, certificate_id=certificate_id)
    return credential


@transaction.atomic
def follow(*, by: Actor, at: datetime, certificate_id: UUID) -> Credential:
    """Handler of every move of a certificate: log it, and set its status bits. Nothing when it is told already."""
    certificate = _locked(certificate_id)
    credential = Credential.objects.select_for_update().filter(certificate=certificate).order_by("pk").first()
    if credential is None:
        return issue(by=by, at=at, certificate_id=certificate_id)
    if credential.state == certificate.state:
        return credential
    before = rules.status_bits(credential.state)
    credential.state = certificate.state
    credential.save(update_fields=["state"])
    _tell(credential, certificate, at, is_new=False)
    changed = zip(rules.PURPOSES, before, rules.status_bits(credential.state), strict=True)
    for purpose, old, new in sorted(changed):
        if old != new:
            _publish(purpose, credential.list_ordinal, at)
    record(by=by, at=at, action="credentials.follow", subject=certificate, detail={"state": credential.state})
    return credential


def _tell(credential: Credential, certificate: Certificate, at: datetime, *, is_new: bool) -> None:
    told = certificate.claims["certificate"]
    log.append(
        at=at,
        kind=rules.log_kind(credential.state, is_new=is_new),
        subject=certificate.number,
        body=rules.log_body(told, credential.state, (certificate.token, credential.token)),
    )


@transaction.atomic
def note_document(*, by: Actor, at: datetime, certificate_id: UUID) -> None:
    """Handler of DocumentIssued: the PDF's SHA-256 goes into the log, so that the file can be checked offline."""
    credential = issue(by=by, at=at, certificate_id=certificate_id)
    certificate = _locked(certificate_id)
    assert certificate.document_sha256, "the document was issued"
    tokens = (certificate.token, credential.token)
    body = rules.log_body(certificate.claims["certificate"], credential.state, tokens)
    log.append(
        at=at,
        kind=rules.DOCUMENT_KIND,
        subject=certificate.number,
        body={**body, "document_sha256": certificate.document_sha256},
    )


@transaction.atomic
def prove_annotation(
    *, by: Actor, at: datetime, version_id: UUID, row: str, copy: int = 0, reason: str = ""
) -> Proof:
    """The proof of one label with the label itself: the look at content is recorded, auditors say why.

    Raises NotFound, NotAllowed, InvalidInput, NoAnnotationTree.
    """
    see_original(
        by=by, at=at, version_id=version_id, place=f"annotation {row} {copy + 1}"[:500], reason=reason
    )
    return proof_for(by, version_id, row, copy, with_result=True)


def _publish(purpose: str, ordinal: int, at: datetime) -> None:
    """Sign the list as the credentials stand now. Its row is locked, so that lists follow one another."""
    held = (
        StatusList.objects.select_for_update().filter(purpose=purpose, ordinal=ordinal).order_by("pk").first()
    )
    if held is None:
        StatusList.objects.bulk_create(
            [StatusList(purpose=purpose, ordinal=ordinal, token="", signed_at=at)], ignore_conflicts=True
        )
        held = StatusList.objects.select_for_update().order_by("pk").get(purpose=purpose, ordinal=ordinal)
    states = rules.REVOKED_STATES if purpose == rules.REVOCATION else rules.SUSPENDED_STATES
    rows = Credential.objects.filter(list_ordinal=ordinal, state__in=states)
    facts = rules.ListFacts(
        url=status_url(purpose, ordinal),
        issuer=issuer(),
        purpose=purpose,
        signed_at=at.astimezone(UTC),
        valid_until=(at + LIST_LIFETIME).astimezone(UTC),
        encoded=rules.encoded_list(rows.values_list("status_index", flat=True)),
        ttl_ms=int(LIST_TTL.total_seconds() * 1000),
    )
    claims = rules.status_list_credential(facts)
    held.token = signing.sign_exactly(claims, rules.HEADERS, controller=issuer())
    held.signed_at = at
    held.save(update_fields=["token", "signed_at"])


def renew_lists(*, at: datetime) -> int:
    """Sign every list anew that was signed longer ago than a day; how many."""
    due = StatusList.objects.filter(signed_at__lt=at - LIST_RENEWAL).order_by("pk")
    count = 0
    for purpose, ordinal in list(due.values_list("purpose", "ordinal")):
        with transaction.atomic():
            _publish(purpose, ordinal, at)
        count += 1
    return count


def complete(*, at: datetime, limit: int = 500) -> int:
    """Issue the credentials that are missing (of certificates from before there were any), and tell the moves
    that nobody announced; how many certificates that were."""
    by = Actor.system("可验证凭证")
    missing = Certificate.objects.filter(credential=None).order_by("issued_at", "pk")
    untold = Certificate.objects.exclude(credential=None).exclude(credential__state=F("state")).order_by("pk")
    wanted = [*missing.values_list("pk", flat=True)[:limit], *untold.values_list("pk", flat=True)[:limit]]
    for certificate_id in wanted:
        follow(by=by, at=at, certificate_id=certificate_id)
    return len(wanted)
