"""Delivering, and handing out signed links."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile
from assets.exports import selectors as export_selectors
from assets.exports import services as exports
from assets.exports.formats.kinds import FORMATS
from assets.exports.models import Export
from assets.exports.selectors import export_of
from assets.registry.states import CertificateState
from audit.services import record
from documents.objects import LINK_LIFETIME, signed_link
from exchange.delivery import selectors
from exchange.delivery.events import OrderDelivered
from exchange.delivery.models import Delivery, Download, Entitlement, MarkedCopy
from exchange.delivery.permissions import DELIVER, DOWNLOAD
from exchange.delivery.rules import marks
from exchange.delivery.services.accesses import noted
from exchange.delivery.services.entitlements import open_for_order
from exchange.delivery.services.gates import NotOpen, require_open
from exchange.delivery.states import Way
from exchange.trading.models import Order
from exchange.trading.services import hand_over, locked_order, require_side
from exchange.trading.states import ORDER, Party
from jobs import services as jobs
from jobs.models import Job
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor


class CertificateRevoked(Refusal):
    """What was registered wrongly is not handed out."""

    code = "certificate_revoked"
    message = _("登记证书 %(number)s 已被撤销，不能再交付。请与需方协商退款。")


@transaction.atomic
def deliver(*, by: Actor, at: datetime, order_id: UUID) -> Delivery:
    """Open the bought version to the buyer's organization: a paid order becomes delivered, the entitlement begins.

    A certificate that expired or was changed since the contract does not hinder it; a revoked one does.
    """
    order = locked_order(
        order_id, "version", "certificate", "plan", "product", "contract",
        heavy=("version__sample", "version__dictionary", "certificate__claims", "certificate__token", "product__search",
               "contract__text"),
    )  # fmt: skip
    require_side(order, by, Party.SUPPLIER, DELIVER)
    ORDER.check(order, "deliver")
    if order.certificate.state == CertificateState.REVOKED:
        raise CertificateRevoked(number=order.certificate.number)
    version = order.version
    delivery = Delivery(
        order=order,
        root_hash=version.root_hash,
        file_count=version.file_count,
        byte_count=version.byte_count,
        delivered_by=by.user,
        delivered_at=at,
    )
    delivery.save(force_insert=True)
    hand_over(order, by=by, at=at)
    open_for_order(order, at=at)
    record(by=by, at=at, action="deliveries.deliver", subject=order, detail={"root_hash": version.root_hash})
    announce(OrderDelivered(at=at, order_id=order.pk, by=by))
    return delivery


def _open_order(by: Actor, order_id: UUID, at: datetime) -> tuple[Order, Entitlement]:
    """The order, locked, whose data the actor may take now, and its entitlement."""
    order = locked_order(order_id, "delivery", "entitlement")
    require_side(order, by, Party.BUYER, DOWNLOAD)
    if order.state not in selectors.OPEN_TO_BUYER:
        raise NotOpen(state=order.get_state_display())
    entitlement = order.entitlement
    require_open(entitlement, at)
    return order, entitlement


def _noted(order: Order, *, by: Actor, at: datetime, **what: DatasetFile | Export) -> Download:
    download = Download(
        delivery=order.delivery,
        user=by.user,
        actor_label=by.label[:200],
        requested_at=at,
        expires_at=at + LINK_LIFETIME,
        **what,
    )
    download.save(force_insert=True)
    return download


@transaction.atomic
def make_format(*, by: Actor, at: datetime, order_id: UUID, format: str) -> Export | MarkedCopy | Job:  # noqa: A002
    """Have the bought version written in a format: what is there, else the job that writes it.

    Where copies of the product's tables carry marks, that is a copy of the buyer's own.
    Buyer's organization only. Raises what `hand_out_link` raises, and what `exports.queue_export` does.
    """
    order, entitlement = _open_order(by, order_id, at)
    back = reverse("delivery:delivery", args=[order.pk])
    version = selectors.version_in(entitlement)
    if not selectors.gets_marks(entitlement, version, format):
        return exports.queue_export(by=by, at=at, version=version, format=format, back=back)
    copy = selectors.marked_copy_of(entitlement, version, format)
    if copy is not None:
        return copy
    if not export_selectors.is_open(version):
        raise exports.VersionNotOpen(state=version.get_state_display())
    unfit = export_selectors.fitting(version)[format]
    if unfit is not None:
        raise exports.FormatUnfit(format=FORMATS[format].title, reason=unfit.words)
    waiting = selectors.waiting_mark_job(by, entitlement, format)
    if waiting is not None:
        return waiting
    title = _("导出 %(version)s：%(format)s") % {"version": str(version), "format": FORMATS[format].title}
    record(by=by, at=at, action="deliveries.make", subject=order, detail={"format": format})
    arguments = {
        "entitlement": str(entitlement.pk),
        "version": str(version.pk),
        "format": format,
        "back": back,
    }
    return jobs.queue(
        by=by, at=at, kind=selectors.MARK_JOB, title=title, arguments=arguments, total=version.row_count
    )


@transaction.atomic
def hand_out_format(*, by: Actor, at: datetime, order_id: UUID, format: str) -> tuple[Download, str]:  # noqa: A002
    """A link to the bought version in one format, with its record; buyer's organization only.

    Raises what `hand_out_link` raises, and NotMade when the format was not asked for before.
    """
    order, entitlement = _open_order(by, order_id, at)
    version = selectors.version_in(entitlement)
    export, copy = export_of(version.pk, format), None
    if selectors.gets_marks(entitlement, version, format):
        copy = selectors.marked_copy_of(entitlement, version, format)
        if copy is None:
            raise exports.NotMade
    if export is None:
        raise exports.NotMade
    held = copy or export
    download = _noted(order, by=by, at=at, export=export)
    noted(
        entitlement, version_id=version.pk, way=Way.LINK, path=str(FORMATS[format].title), byte_count=held.size,
        by=by, at=at,
    )  # fmt: skip
    detail = {"format": format, "sha256": held.sha256}
    record(by=by, at=at, action="deliveries.download", subject=order, detail=detail)
    if copy is None:
        return download, exports.link_to(by=by, at=at, export=export)
    kind = FORMATS[format]
    name = exports.file_name(version, kind)
    return download, signed_link(copy.object_key, file_name=name, media_type=kind.media_type)


@transaction.atomic
def hand_out_link(*, by: Actor, at: datetime, order_id: UUID, file_id: int) -> tuple[Download, str]:
    """A link to one bought file that works for ten minutes, with its record; buyer's organization only.

    Raises NotFound (order or file), WrongSide or NotAllowed (403), NotOpen, and what `require_open` raises; nothing
    is recorded then.
    """
    order, entitlement = _open_order(by, order_id, at)
    file = DatasetFile.objects.filter(
        pk=file_id, version__in=[version.pk for version in selectors.versions_of(entitlement)]
    ).first()
    if file is None:
        raise NotFound
    download = _noted(order, by=by, at=at, file=file)
    noted(
        entitlement,
        version_id=file.version_id,
        way=Way.LINK,
        path=file.path,
        byte_count=file.size,
        by=by,
        at=at,
    )
    record(
        by=by,
        at=at,
        action="deliveries.download",
        subject=order,
        detail={"path": file.path, "sha256": file.sha256},
    )
    link = signed_link(file.object_key, file_name=file.path.rsplit("/", 1)[-1], media_type=file.media_type)
    return download, link


def document_for(entitlement: Entitlement, body: bytes) -> bytes:
    """A metadata document as this buyer gets it: its first description ends in a tag that is not seen."""
    text = body.decode()
    try:
        told = json.loads(text)
    except ValueError:
        return f"{text}# {marks.tagged('', entitlement.tag)}\n".encode()
    _tag_first(told, entitlement.tag)
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


_WORDS = ("description", "dct:description", "dcterms:description", "title", "dct:title", "dcterms:title", "label",
          "rdfs:label", "prov:label", "name")  # fmt: skip


def _tag_first(node: Any, tag: str) -> bool:
    """Put the tag behind the first description found, else behind a title or label; whether there was one."""
    return any(_tag_named(node, word, tag) for word in _WORDS)


def _tag_named(node: Any, word: str, tag: str) -> bool:
    if isinstance(node, dict):
        told = node.get(word)
        if isinstance(told, str):
            node[word] = marks.tagged(told, tag)
            return True
        if told is not None and _tag_text(told, tag):
            return True
        return any(_tag_named(value, word, tag) for key, value in node.items() if key != "@context")
    return isinstance(node, list) and any(_tag_named(value, word, tag) for value in node)


def _tag_text(told: Any, tag: str) -> bool:
    """A text in several languages: the first of them."""
    entries = enumerate(told) if isinstance(told, list) else told.items() if isinstance(told, dict) else ()
    for place, value in entries:
        if isinstance(value, str) and not (isinstance(place, str) and place not in ("@value", "zh", "en")):
            told[place] = marks.tagged(value, tag)
            return True
        if isinstance(value, dict) and _tag_text(value, tag):
            return True
    return False
