"""Exports over JSON, and the metadata documents in their own media types."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from assets.datasets.selectors import version_for
from assets.datasets.states import VersionState
from assets.exports import selectors, services
from assets.exports.pages import document_response
from assets.exports.schemas import LinkOut, LossOut, MakingOut, OfferOut
from gateway.api import actor, idempotent
from kernel import clock
from kernel.errors import NotFound

router = Router()


@router.get("/versions/{uuid:version_id}", response=list[OfferOut], summary="The formats of a version")
def list_formats(request: HttpRequest, version_id: UUID) -> list[OfferOut]:
    viewer = actor(request)
    version = version_for(viewer, version_id)
    return [OfferOut.of(offer) for offer in selectors.offers(viewer, version)]


@router.get(
    "/versions/{uuid:version_id}/losses",
    response=list[LossOut],
    summary="What each format keeps of a version",
)
def list_losses(request: HttpRequest, version_id: UUID) -> list[LossOut]:
    """Measured by a round trip: of all rows for formats already made, of the first rows for the others."""
    version = version_for(actor(request), version_id)
    if version.state == VersionState.BUILDING:
        raise NotFound
    return [LossOut.of(report) for report in selectors.losses_of(version).values()]


@router.post(
    "/versions/{uuid:version_id}/formats/{code}",
    response={200: MakingOut, 202: MakingOut},
    summary="Have a version written in a format",
)
@idempotent
def make(request: HttpRequest, version_id: UUID, code: str) -> Status[MakingOut]:
    found = services.make(by=actor(request), at=clock.now(), version_id=version_id, format=code)
    told = MakingOut.of(code, found)
    return Status(200 if told.state == "made" else 202, told)


@router.post(
    "/versions/{uuid:version_id}/formats/{code}/link", response=LinkOut, summary="A link to an export"
)
@idempotent
def hand_out(request: HttpRequest, version_id: UUID, code: str) -> LinkOut:
    link = services.hand_out(by=actor(request), at=clock.now(), version_id=version_id, format=code)
    return LinkOut(url=link)


@router.get(
    "/versions/{uuid:version_id}/metadata/{name}",
    summary="Metadata: croissant.json, dcat.jsonld, datapackage.json, prov.jsonld, prov.ttl",
)
def metadata(request: HttpRequest, version_id: UUID, name: str) -> HttpResponse:
    return document_response(version_for(actor(request), version_id), name)
