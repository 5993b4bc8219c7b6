"""Deliveries as JSON: deliver, list files with hashes, get links, read the access log."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Router, Status

from assets.exports import selectors as exports
from assets.exports.facts import facts_of
from assets.exports.metadata import documents
from assets.exports.schemas import MakingOut, OfferOut
from exchange.catalogue import services as catalogue
from exchange.catalogue.selectors import own_product
from exchange.delivery import selectors, services, serving
from exchange.delivery.access_api import TOKEN_AUTH, reading
from exchange.delivery.models import AccessKey, Delivery, Entitlement, MarkedCopy
from exchange.delivery.schemas import (
    AccessOut,
    ClaimIn,
    CredentialOut,
    DeliveryOut,
    DownloadOut,
    EntitlementOut,
    FileOut,
    FilesOut,
    KeyIn,
    KeyOut,
    LinkIn,
    LinkOut,
    MarkingIn,
    MarkingOut,
    ReasonIn,
    ReplacementOut,
    StatementOut,
    TicketIn,
    TicketOut,
    TokenOut,
    UsageOut,
    UsagesOut,
)
from exchange.delivery.selectors import (
    downloads_of,
    replacements_of,
    visible_delivery,
    visible_entitlement,
)
from exchange.delivery.states import Covers, Way
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound

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
    """The files of the newest version that is open, with their hashes, in the order they were sealed."""
    entitlement = visible_delivery(actor(request), order_id).order.entitlement
    if not (1 <= limit <= 1_000 and 0 <= after < 2**62):
        raise InvalidInput(
            field="limit", reason=_("limit 应在 1 到 1000 之间，after 使用上一页返回的 next。")
        )
    files = selectors.version_in(entitlement).files
    found = list(files.filter(pk__gt=after).order_by("pk")[: limit + 1])
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
    entitlement = visible_delivery(viewer, order_id).order.entitlement
    version = selectors.version_in(entitlement)
    return [OfferOut.of(offer) for offer in selectors.offers_of(viewer, entitlement, version)]


@router.post("/{uuid:order_id}/formats/{code}", response={200: MakingOut, 202: MakingOut})
@idempotent
def post_format(request: HttpRequest, order_id: UUID, code: str) -> Status[MakingOut]:
    """Have the bought version written in a format (buyer)."""
    found = services.make_format(by=actor(request), at=clock.now(), order_id=order_id, format=code)
    if isinstance(found, MarkedCopy):
        return Status(200, MakingOut(format=code, state="made", size=found.size, sha256=found.sha256))
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
    entitlement = download.delivery.order.entitlement
    copy = MarkedCopy.objects.filter(entitlement=entitlement, export=export).first()
    held = copy if copy and selectors.gets_marks(entitlement, export.version, code) else export
    return LinkOut(url=url, sha256=held.sha256, size=held.size, expires_at=download.expires_at)


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


# --- entitlements -------------------------------------------------------------------------------


def _usage(entitlement: Entitlement) -> UsageOut:
    usage = services.usage_of(entitlement)
    return UsageOut(
        call_count=usage.call_count,
        byte_count=usage.byte_count,
        unit=usage.unit,
        amount=usage.amount,
        left=usage.left,
    )


def _entitlement(entitlement: Entitlement) -> EntitlementOut:
    return EntitlementOut(
        id=entitlement.pk,
        number=entitlement.number,
        product=entitlement.product.number,
        title=entitlement.product.display_title,
        organization=str(entitlement.organization),
        kind=entitlement.kind,
        covers=entitlement.covers,
        state=entitlement.state,
        starts_at=entitlement.starts_at,
        ends_at=entitlement.ends_at,
        licence=entitlement.licence,
        versions=[version.version for version in selectors.versions_of(entitlement)],
        usage=_usage(entitlement),
    )


def _key(key: AccessKey) -> KeyOut:
    return KeyOut(
        id=key.pk,
        kind=key.kind,
        name=key.name,
        prefix=key.prefix,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def _lifetime(days: int) -> timedelta:
    return timedelta(days=days if 0 < days <= 10_000 else 0)


@router.get("/entitlements", response=Page[EntitlementOut])
def list_entitlements(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[EntitlementOut]:
    """What the caller's organization may use, newest first; suppliers see those to their products."""
    rows = selectors.listed_entitlements(actor(request), state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[EntitlementOut](items=[_entitlement(each) for each in found], next=following)


@router.post("/claims", response={201: EntitlementOut})
@idempotent
def post_claim(request: HttpRequest, body: ClaimIn) -> EntitlementOut:
    """Take a free sample or a trial (buyer), with its licence accepted."""
    made = services.claim(
        by=actor(request), at=clock.now(), plan_id=body.plan_id, accepts_licence=body.accepts_licence
    )
    return _entitlement(visible_entitlement(actor(request), made.pk))


@router.get("/{named}/entitlement", response=EntitlementOut)
def get_entitlement(request: HttpRequest, named: str) -> EntitlementOut:
    """One entitlement, by its number, its id or the id of its order."""
    return _entitlement(visible_entitlement(actor(request), named))


@router.get("/{named}/usage", response=UsagesOut)
def get_usage(request: HttpRequest, named: str) -> UsagesOut:
    """What was used so far, and the closed months."""
    entitlement = visible_entitlement(actor(request), named)
    months = [
        StatementOut(
            month=f"{each.month:%Y-%m}",
            call_count=each.call_count,
            byte_count=each.byte_count,
            closed_at=each.closed_at,
        )
        for each in selectors.statements_of(entitlement)
    ]
    return UsagesOut(running=_usage(entitlement), months=months)


@router.get("/{named}/accesses", response=Page[AccessOut])
def list_accesses(
    request: HttpRequest, named: str, cursor: str | None = None, limit: int = 20
) -> Page[AccessOut]:
    """Every access by whatever way, newest first; both sides and the operator read it."""
    rows = selectors.accesses_of(visible_entitlement(actor(request), named))
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    items = [
        AccessOut(
            id=each.pk,
            way=each.way,
            path=each.path,
            byte_count=each.byte_count,
            by=each.actor_label,
            at=each.accessed_at,
        )
        for each in found
    ]
    return Page[AccessOut](items=items, next=following)


@router.post("/{named}/suspension", response=EntitlementOut)
@idempotent
def post_suspension(request: HttpRequest, named: str, body: ReasonIn) -> EntitlementOut:
    """Stop the use of data for now (operator)."""
    by = actor(request)
    services.suspend(
        by=by, at=clock.now(), entitlement_id=visible_entitlement(by, named).pk, reason=body.reason
    )
    return _entitlement(visible_entitlement(by, named))


@router.post("/{named}/resumption", response=EntitlementOut)
@idempotent
def post_resumption(request: HttpRequest, named: str, body: ReasonIn) -> EntitlementOut:
    """Let the data be used again (operator)."""
    by = actor(request)
    services.resume(
        by=by, at=clock.now(), entitlement_id=visible_entitlement(by, named).pk, reason=body.reason
    )
    return _entitlement(visible_entitlement(by, named))


# --- keys ---------------------------------------------------------------------------------------


@router.get("/{named}/keys", response=list[KeyOut])
def list_keys(request: HttpRequest, named: str) -> list[KeyOut]:
    """Tokens and credentials of the caller's own entitlement, newest first."""
    entitlement = visible_entitlement(actor(request), named)
    services.require_own(actor(request), entitlement)
    return [_key(key) for key in selectors.keys_of(entitlement)]


@router.post("/{named}/tokens", response={201: TokenOut})
def post_token(request: HttpRequest, named: str, body: KeyIn) -> TokenOut:
    """A new access token; its text is in this answer and nowhere else."""
    by = actor(request)
    key, token = services.create_token(
        by=by, at=clock.now(), entitlement_id=visible_entitlement(by, named).pk, name=body.name,
        lifetime=_lifetime(body.days),
    )  # fmt: skip
    return TokenOut(key=_key(key), token=token)


@router.post("/{named}/credentials", response={201: CredentialOut})
def post_credential(request: HttpRequest, named: str, body: KeyIn) -> CredentialOut:
    """A new S3 credential that reads this entitlement's version; its secret is in this answer and nowhere else."""
    by = actor(request)
    entitlement = visible_entitlement(by, named)
    key, secret = services.create_credential(
        by=by, at=clock.now(), entitlement_id=entitlement.pk, name=body.name, lifetime=_lifetime(body.days)
    )
    return CredentialOut(
        key=_key(key),
        endpoint=request.build_absolute_uri("/s3"),
        region="us-east-1",
        bucket=entitlement.number,
        access_key_id=key.prefix,
        secret_access_key=secret,
    )


@router.post("/keys/{uuid:key_id}/revocation", response=KeyOut)
@idempotent
def post_revocation(request: HttpRequest, key_id: UUID) -> KeyOut:
    """Stop a token or credential at once."""
    return _key(services.revoke_key(by=actor(request), at=clock.now(), key_id=key_id))


@router.post("/{named}/tickets", response={201: TicketOut})
def post_ticket(request: HttpRequest, named: str, body: TicketIn) -> TicketOut:
    """A link to one file that works once within 24 hours."""
    by = actor(request)
    ticket, secret = services.issue_ticket(
        by=by, at=clock.now(), entitlement_id=visible_entitlement(by, named).pk, path=body.path
    )
    url = request.build_absolute_uri(reverse("delivery:ticket", args=[secret]))
    return TicketOut(url=url, expires_at=ticket.expires_at)


@router.put("/products/{number}/marking", response=MarkingOut)
def put_marking(request: HttpRequest, number: str, body: MarkingIn) -> MarkingOut:
    """Say whether copies of an own product's tables carry marks (supplier)."""
    product = own_product(actor(request), number)
    choice = catalogue.set_marking(
        by=actor(request), at=clock.now(), product_id=product.pk, is_marked=body.is_marked
    )
    return MarkingOut(product=product.number, is_marked=choice.has_marked_copies)


# --- content, by token --------------------------------------------------------------------------


@router.get("/{named}/manifest", auth=TOKEN_AUTH, response={200: None})
def get_manifest(request: HttpRequest, named: str, version: int | None = None) -> HttpResponse:
    """The canonical manifest: path, size and SHA-256 of every file. Its own SHA-256, the root hash, is the ETag."""
    entitlement, by, key = reading(request, named)
    at = clock.now()
    services.require_open(entitlement, at)
    found = selectors.version_in(entitlement, version)
    body, root_hash = selectors.manifest_of(entitlement, found)
    services.noted(
        entitlement,
        version_id=found.pk,
        way=Way.API,
        path="manifest.json",
        byte_count=len(body),
        at=at,
        by=by,
        key=key,
    )
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = f'"{root_hash}"'
    response["Qingshu-Version"] = str(found.version)
    response["Qingshu-Number"] = entitlement.number
    response["Cache-Control"] = "private, no-store"
    return response


@router.api_operation(
    ["GET", "HEAD"],
    "/{named}/files/{path:path}",
    auth=TOKEN_AUTH,
    response={200: None},
    operation_id="get_file",
)
def get_file(request: HttpRequest, named: str, path: str, version: int | None = None) -> HttpResponseBase:
    """One file, bit for bit as it was sealed. Range, If-Range and If-None-Match are understood; the ETag is its SHA-256."""
    entitlement, by, key = reading(request, named)
    at = clock.now()
    services.require_open(entitlement, at)
    found = selectors.version_in(entitlement, version)
    item = selectors.item_at(entitlement, found, path)
    if serving.is_known(request, item):
        return serving.not_modified(item)
    try:
        span, is_part = serving.asked_span(request, item)
    except serving.Unsatisfiable:
        return serving.unsatisfiable(item)
    if request.method != "HEAD":
        services.noted(
            entitlement,
            version_id=found.pk,
            way=Way.API,
            path=item.path,
            byte_count=span.length,
            at=at,
            by=by,
            key=key,
        )
    return serving.answer(request, item, span, is_part=is_part)


@router.get("/{named}/croissant.json", auth=TOKEN_AUTH, response={200: None})
def get_croissant(request: HttpRequest, named: str, version: int | None = None) -> HttpResponse:
    """The Croissant description whose contentUrls work with the same token."""
    entitlement, by, key = reading(request, named)
    at = clock.now()
    services.require_open(entitlement, at)
    if entitlement.covers == Covers.SAMPLE:
        raise NotFound
    found = selectors.version_in(entitlement, version)
    told = json.loads(documents.write("croissant.json", exports.told_of(found), facts_of(found)))
    base = request.build_absolute_uri(f"/api/deliveries/{entitlement.number}/files/")
    for each in told.get("distribution", []):
        if each.get("@type") == "cr:FileObject" and "contentUrl" in each:
            asked = f"?version={found.version}" if version is not None else ""
            each["contentUrl"] = f"{base}{quote(each['contentUrl'])}{asked}"
    body = services.document_for(entitlement, json.dumps(told, ensure_ascii=False).encode())
    services.noted(
        entitlement,
        version_id=found.pk,
        way=Way.API,
        path="croissant.json",
        byte_count=len(body),
        at=at,
        by=by,
        key=key,
    )
    response = HttpResponse(body, content_type="application/ld+json")
    response["Cache-Control"] = "private, no-store"
    return response
