"""Deliveries as JSON: deliver, list files with hashes, get links, read the access log."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from assets.exports import selectors as exports
from assets.exports.schemas import MakingOut, OfferOut
from exchange.delivery import services
from exchange.delivery.models import Delivery
from exchange.delivery.schemas import (
    DeliveryOut,
    DownloadOut,
    FileOut,
    FilesOut,
    LinkIn,
    LinkOut,
    ReplacementOut,
)
from exchange.delivery.selectors import (
    downloads_of,
    files_of,
    replacements_of,
    version_of,
    visible_delivery,
)
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput

router = Router()


def _shown(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        order_id=delivery.order_id,
        root_hash=delivery.root_hash,
        file_count=delivery.file_count,
        byte_count=delivery.byte_count,
        delivered_at=delivery.delivered_at,
        replacements=[
            ReplacementOut(
                version_id=each.version_id,
                root_hash=each.root_hash,
                file_count=each.file_count,
                byte_count=each.byte_count,
                replaced_at=each.replaced_at,
            )
            for each in replacements_of(delivery)
        ],
    )


@router.post("/{uuid:order_id}", response={201: DeliveryOut})
@idempotent
def post_delivery(request: HttpRequest, order_id: UUID) -> DeliveryOut:
    """Open the bought version to the buyer's organization (supplier)."""
    return _shown(services.deliver(by=actor(request), at=clock.now(), order_id=order_id))


@router.get("/{uuid:order_id}", response=DeliveryOut)
def get_delivery(request: HttpRequest, order_id: UUID) -> DeliveryOut:
    """The delivery of one order."""
    return _shown(visible_delivery(actor(request), order_id))


@router.get("/{uuid:order_id}/files", response=FilesOut)
def list_files(request: HttpRequest, order_id: UUID, after: int = 0, limit: int = 100) -> FilesOut:
    """The delivered files with their hashes, in the order they were sealed."""
    order = visible_delivery(actor(request), order_id).order
    if not (1 <= limit <= 1_000 and 0 <= after < 2**62):
        raise InvalidInput(
            field="limit", reason=_("limit 应在 1 到 1000 之间，after 使用上一页返回的 next。")
        )
    found = list(files_of(order).filter(pk__gt=after).order_by("pk")[: limit + 1])
    items = [
        FileOut(id=each.pk, path=each.path, size=each.size, sha256=each.sha256, media_type=each.media_type)
        for each in found[:limit]
    ]
    return FilesOut(items=items, next=items[-1].id if len(found) > limit else None)


@router.post("/{uuid:order_id}/links", response={201: LinkOut})
def post_link(request: HttpRequest, order_id: UUID, body: LinkIn) -> LinkOut:
    """A ten-minute link to one file, put on record; every call is an access of its own."""
    download, url = services.hand_out_link(
        by=actor(request), at=clock.now(), order_id=order_id, file_id=body.file_id
    )
    file = download.file
    assert file is not None, "the link was to a file"
    return LinkOut(url=url, sha256=file.sha256, size=file.size, expires_at=download.expires_at)


@router.get("/{uuid:order_id}/formats", response=list[OfferOut])
def list_formats(request: HttpRequest, order_id: UUID) -> list[OfferOut]:
    """The formats in which the delivered version can be had."""
    viewer = actor(request)
    order = visible_delivery(viewer, order_id).order
    return [OfferOut.of(offer) for offer in exports.offers(viewer, version_of(order))]


@router.post("/{uuid:order_id}/formats/{code}", response={200: MakingOut, 202: MakingOut})
@idempotent
def post_format(request: HttpRequest, order_id: UUID, code: str) -> Status[MakingOut]:
    """Have the bought version written in a format (buyer)."""
    found = services.make_format(by=actor(request), at=clock.now(), order_id=order_id, format=code)
    told = MakingOut.of(code, found)
    return Status(200 if told.state == "made" else 202, told)


@router.post("/{uuid:order_id}/formats/{code}/links", response={201: LinkOut})
def post_format_link(request: HttpRequest, order_id: UUID, code: str) -> LinkOut:
    """A ten-minute link to the bought version in a format, put on record."""
    download, url = services.hand_out_format(
        by=actor(request), at=clock.now(), order_id=order_id, format=code
    )
    export = download.export
    assert export is not None, "the link was to an export"
    return LinkOut(url=url, sha256=export.sha256, size=export.size, expires_at=download.expires_at)


@router.get("/{uuid:order_id}/downloads", response=Page[DownloadOut])
def list_downloads(
    request: HttpRequest, order_id: UUID, cursor: str | None = None, limit: int = 20
) -> Page[DownloadOut]:
    """The access log, newest first; both sides and the operator read it."""
    rows = downloads_of(visible_delivery(actor(request), order_id))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [
        DownloadOut(
            id=each.pk,
            path=each.path,
            by=each.actor_label,
            requested_at=each.requested_at,
            expires_at=each.expires_at,
        )
        for each in found
    ]
    return Page[DownloadOut](items=items, next=following)
