"""Credentials over JSON: verification and the published material; nobody needs to sign in."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import File, Query, Router
from ninja.files import UploadedFile
from ninja.throttling import AnonRateThrottle, BaseThrottle

from assets.credentials import selectors, services, verification
from assets.credentials.proofs import proof_for
from assets.credentials.schemas import AnswerOut, DossierOut, LicenceDossierOut, PresentedIn, ProvenIn
from assets.registry import verification as registry
from assets.registry.fingerprints import fingerprint
from assets.transparency import selectors as log
from assets.transparency.schemas import HeadOut, ProofOut
from gateway.api import actor, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound

router = Router()
PUBLIC_RATE: list[BaseThrottle] = [AnonRateThrottle("30/m")]


@router.post(
    "/verify", response=AnswerOut, auth=None, throttle=PUBLIC_RATE, summary="Verify a number or a token"
)
def verify(request: HttpRequest, body: PresentedIn) -> AnswerOut:
    return AnswerOut.of(verification.by_text(body.presented, at=clock.now()))


@router.post(
    "/verify/file",
    response=AnswerOut,
    auth=None,
    throttle=PUBLIC_RATE,
    summary="Verify a PDF, JWT, JSON, manifest or zip",
)
def verify_file(request: HttpRequest, file: File[UploadedFile]) -> AnswerOut:
    if (file.size or 0) > verification.LARGEST_FILE:
        raise InvalidInput(
            field="file",
            reason=_("文件超过 200 MB。请上传其中的 manifest.json，或下载后用命令 qingshu verify 核对。"),
        )
    return AnswerOut.of(verification.by_file(file, file.size or 0, at=clock.now()))


@router.get(
    "/dossier",
    response=DossierOut,
    auth=None,
    throttle=PUBLIC_RATE,
    summary="All that is published about a certificate",
)
def get_dossier(request: HttpRequest, number: str = "", root_hash: str = "") -> DossierOut:
    """By certificate number, or the latest certificate of a root hash."""
    certificate = selectors.certificate_of(number=number, root_hash=root_hash)
    if certificate is None:
        raise NotFound
    credential = selectors.credential_by_number(certificate.number)
    head = log.heads().order_by("-size", "-at").first()
    return DossierOut(
        number=certificate.number,
        state=certificate.state,
        valid_from=certificate.valid_from,
        valid_until=certificate.valid_until,
        root_hash=fingerprint(certificate.claims["certificate"]),
        document_sha256=certificate.document_sha256,
        unified_code=credential.unified_code if credential else None,
        certificate_token=certificate.token,
        credential_token=credential.token if credential else None,
        status_lists={
            selectors.status_url(each.purpose, each.ordinal): each.token
            for each in (selectors.lists_of(credential) if credential else [])
        },
        head=HeadOut.of(head) if head else None,
        proofs=[ProofOut.of(proof) for proof in log.inclusions_of(certificate.number)],
    )


@router.get(
    "/annotations/{uuid:version_id}",
    response=dict[str, Any],
    summary="Prove a label: its way from item and submission to version, certificate and log",
)
def get_annotation_proof(
    request: HttpRequest, version_id: UUID, row: str, answer: Annotated[int, Query(ge=1, le=100)] = 1
) -> dict[str, Any]:
    """Hashes alone, for `qingshu verify`; the label itself comes with a POST, which is recorded."""
    return proof_for(actor(request), version_id, row, answer - 1).as_json()


@router.post(
    "/annotations/{uuid:version_id}",
    response=dict[str, Any],
    summary="The same with the label itself; the look is recorded",
)
@idempotent
def prove_annotation(request: HttpRequest, version_id: UUID, body: ProvenIn) -> dict[str, Any]:
    made = services.prove_annotation(
        by=actor(request),
        at=clock.now(),
        version_id=version_id,
        row=body.row,
        copy=body.answer - 1,
        reason=body.reason,
    )
    return made.as_json()


@router.get(
    "/licence",
    response=LicenceDossierOut,
    auth=None,
    throttle=PUBLIC_RATE,
    summary="All that is published about a registered licence",
)
def get_licence(request: HttpRequest, number: str = "") -> LicenceDossierOut:
    """By licence number; `state` and `certificate_state` are as on the public page."""
    on = clock.business_date(clock.now())
    verdict = registry.verify_number(number, on=on)
    licence = verdict.licence
    if licence is None:
        raise NotFound
    base, ground = registry.outcome_of_base(licence, on)
    return LicenceDossierOut(
        number=licence.number,
        state=verdict.outcome,
        valid_from=licence.valid_from,
        valid_until=licence.valid_until,
        certificate=base.number,
        certificate_state=ground,
        token=licence.token,
    )
