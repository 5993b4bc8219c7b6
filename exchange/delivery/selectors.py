"""Reads of deliveries and entitlements that take a viewer, and what an entitlement opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Collate

from assets.datasets import rules as datasets
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.exports import selectors as exports
from assets.exports.models import Export
from assets.exports.selectors import Offer
from documents import objects
from exchange.delivery.models import (
    Access,
    AccessKey,
    Delivery,
    Download,
    Entitlement,
    MarkedCopy,
    MeteredCall,
    Replacement,
    UsageStatement,
)
from exchange.delivery.permissions import DOWNLOAD, SUPERVISE, TRACE_OWN
from exchange.delivery.rules import marks
from exchange.delivery.states import Covers, EntitlementState
from exchange.trading.models import Order
from exchange.trading.permissions import VIEW_ALL_ORDERS, VIEW_ORDERS
from exchange.trading.selectors import access_ends_at, orders_visible_to
from exchange.trading.states import OrderState
from jobs.models import Job
from jobs.selectors import jobs_visible_to
from jobs.states import JobState
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from organizations.permissions import Actor

OPEN_TO_BUYER = (OrderState.DELIVERED, OrderState.ACCEPTED, OrderState.COMPLETED, OrderState.DISPUTED)
MARKED_FORMATS = ("csv", "jsonl", "parquet")
MARK_JOB = "deliveries.mark"
SAMPLE_PATH = "sample.jsonl"
ENDING_SOON = timedelta(days=14)


def is_open_to_buyer(order: Order, at: datetime) -> bool:
    """Whether the buyer may take the data at that moment: delivered, and the licence has not ended."""
    ending = access_ends_at(order)
    return order.state in OPEN_TO_BUYER and (ending is None or at < ending)


def deliveries_visible_to(viewer: Actor) -> QuerySet[Delivery]:
    """The deliveries of the orders that the viewer may see."""
    return Delivery.objects.filter(order__in=orders_visible_to(viewer))


def visible_delivery(viewer: Actor, order_id: UUID) -> Delivery:
    """The delivery of one order, with order, product, sides and entitlement; NotFound when there is none to see."""
    rows = deliveries_visible_to(viewer).select_related(
        "order__product", "order__supplier", "order__buyer", "order__version", "order__plan",
        "order__entitlement__meter",
    )  # fmt: skip
    found = rows.defer("order__product__search").filter(order_id=order_id).first()
    if found is None:
        raise NotFound
    return found


def replacement_of(order: Order) -> Replacement | None:
    """What was delivered last in the place of the bought version, with version and certificate; or nothing."""
    rows = Replacement.objects.filter(delivery__order=order).select_related("version__dataset", "certificate")
    heavy = ("version__sample", "version__dictionary", "version__label_counts", "certificate__claims")
    return rows.defer(*heavy, "certificate__token").order_by("-ordinal").first()


def replacements_of(delivery: Delivery) -> list[Replacement]:
    """Everything that was delivered in the place of the bought version, oldest first."""
    rows = Replacement.objects.filter(delivery=delivery).select_related("version__dataset", "certificate")
    heavy = ("version__sample", "version__dictionary", "version__label_counts", "certificate__claims")
    return list(rows.defer(*heavy, "certificate__token").order_by("ordinal"))


def version_id_of(order: Order) -> UUID:
    """The version that the buyer downloads: the bought one, or what replaced it."""
    rows = Replacement.objects.filter(delivery__order=order).order_by("-ordinal")
    return rows.values_list("version_id", flat=True).first() or order.version_id


def files_of(order: Order) -> QuerySet[DatasetFile]:
    """The files of the version that stands delivered, by path."""
    return DatasetFile.objects.filter(version_id=version_id_of(order)).order_by("path", "pk")


def version_of(order: Order) -> DatasetVersion:
    """The version that stands delivered, with its dataset, firm and project."""
    return DatasetVersion.objects.select_related("dataset__firm", "project").get(pk=version_id_of(order))


def downloads_of(delivery: Delivery) -> QuerySet[Download]:
    """The signed links of a delivery (both sides and the operator see them), newest first."""
    return Download.objects.filter(delivery=delivery).select_related("file", "export").order_by("-pk")


# --- entitlements -------------------------------------------------------------------------------


def entitlements_visible_to(viewer: Actor) -> QuerySet[Entitlement]:
    """Those of the viewer's organization, those to its products, all for operator, department and auditor."""
    if viewer.is_system or viewer.can(VIEW_ALL_ORDERS):
        return Entitlement.objects.all()
    own = viewer.organization_id
    if own is None or not (viewer.can(VIEW_ORDERS) or viewer.can(DOWNLOAD)):
        return Entitlement.objects.none()
    return Entitlement.objects.filter(Q(organization_id=own) | Q(product__supplier_id=own))


def listed_entitlements(viewer: Actor, *, state: str = "") -> QuerySet[Entitlement]:
    """What the list shows: a buyer its own data, others what they may see."""
    rows = entitlements_visible_to(viewer)
    if viewer.can(DOWNLOAD):
        rows = rows.filter(organization=viewer.organization)
    elif not viewer.can(VIEW_ALL_ORDERS):
        viewer.require(VIEW_ORDERS)
    if state in EntitlementState.values:
        rows = rows.filter(state=state)
    return rows.select_related("product__supplier", "plan", "organization", "meter", "version").defer(
        "product__search", "licence_text"
    )


_ALONG = (
    "product__supplier",
    "product__version",
    "product__certificate",
    "plan",
    "organization",
    "order",
    "meter",
)


def visible_entitlement(viewer: Actor, named: UUID | str) -> Entitlement:
    """One entitlement by its id, its number, or the id of its order; NotFound when it is not to be seen."""
    rows = entitlements_visible_to(viewer).select_related(*_ALONG).defer("product__search")
    found = rows.filter(named_by(named)).first()
    if found is None:
        raise NotFound
    return found


def named_by(named: UUID | str) -> Q:
    """Whatever an entitlement may be called by: its id, its order's id, its number."""
    try:
        identity = named if isinstance(named, UUID) else UUID(named)
    except ValueError:
        return Q(number=str(named).strip().upper())
    return Q(pk=identity) | Q(order_id=identity)


def running_entitlement(viewer: Actor, product_id: UUID, at: datetime) -> Entitlement | None:
    """The newest one by which the viewer's organization may take data of a product now; one with files comes first."""
    if viewer.organization_id is None or not viewer.can(DOWNLOAD):
        return None
    rows = Entitlement.objects.filter(
        organization=viewer.organization_id, product=product_id, state=EntitlementState.ACTIVE
    )
    found = rows.select_related("product", "order").defer("product__search", "licence_text").order_by("-pk")
    running = [each for each in found[:20] if is_running(each, at)]
    return min(running, key=lambda each: bool(each.quota_unit), default=None)


def ends_at_of(entitlement: Entitlement) -> datetime | None:
    """When it ends: with the contract's term or termination, or as it was claimed; None: never."""
    return access_ends_at(entitlement.order) if entitlement.order else entitlement.ends_at


def is_running(entitlement: Entitlement, at: datetime) -> bool:
    """Whether the moment lies in its term, whatever its state."""
    ending = ends_at_of(entitlement)
    return entitlement.starts_at <= at and (ending is None or at < ending)


def transitions_of(entitlement: Entitlement) -> list[Transition]:
    """The entitlement's moves, oldest first."""
    return list(Transition.objects.filter(subject_id=entitlement.pk).order_by("at", "pk"))


def suspended_because(entitlement: Entitlement) -> str:
    """The reason of the newest suspension."""
    rows = Transition.objects.filter(subject_id=entitlement.pk, move="suspend").order_by("-at", "-pk")
    return rows.values_list("reason", flat=True).first() or ""


def accesses_of(entitlement: Entitlement) -> QuerySet[Access]:
    """The access log, newest first."""
    return Access.objects.filter(entitlement=entitlement).order_by("-pk")


def keys_of(entitlement: Entitlement) -> list[AccessKey]:
    """Tokens and credentials, newest first."""
    return list(entitlement.keys.select_related("created_by").order_by("-pk")[:50])


def statements_of(entitlement: Entitlement) -> list[UsageStatement]:
    """Closed months, newest first."""
    return list(entitlement.statements.order_by("-month")[:24])


def ending_soon(at: datetime) -> QuerySet[Entitlement]:
    """Active ones whose end is near and was not told yet."""
    return Entitlement.objects.filter(
        state=EntitlementState.ACTIVE, ends_at__gt=at, ends_at__lte=at + ENDING_SOON, meter__is_end_told=False
    )


def month_of(at: datetime) -> date:
    """The first day of the business month of a moment."""
    return clock.business_date(at).replace(day=1)


def bounds_of(month: date) -> tuple[datetime, datetime]:
    """When a month begins and ends in Asia/Shanghai, half-open."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    begin, end = (datetime(day.year, day.month, 1, tzinfo=clock.SHANGHAI) for day in (month, following))
    return begin, end


def calls_in(entitlement: Entitlement, month: date) -> QuerySet[MeteredCall]:
    """The calls of one month in Asia/Shanghai."""
    begin, end = bounds_of(month)
    return MeteredCall.objects.filter(entitlement=entitlement, called_at__gte=begin, called_at__lt=end)


# --- content ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One file that an entitlement opens: path, size in bytes, SHA-256 in hex, where it lies."""

    path: str
    size: int
    sha256: str
    media_type: str
    object_key: str

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


def versions_of(entitlement: Entitlement) -> list[DatasetVersion]:
    """What it opens, oldest first: what stands delivered under its order (or was claimed), and those it followed."""
    rows = DatasetVersion.objects.select_related("dataset__firm", "project")
    first = version_of(entitlement.order) if entitlement.order else rows.get(pk=entitlement.version_id)
    if entitlement.covers != Covers.FOLLOWING:
        return [first]
    added = entitlement.added_versions.values_list("version_id", flat=True)
    later = rows.filter(pk__in=list(added)).exclude(pk=first.pk)
    return sorted([first, *later], key=lambda version: version.version)


def version_in(entitlement: Entitlement, number: int | None = None) -> DatasetVersion:
    """The newest version it opens, or the one of that number; NotFound when it opens no such."""
    found = versions_of(entitlement)
    if number is None:
        return found[-1]
    for version in found:
        if version.version == number:
            return version
    raise NotFound


def _sample(entitlement: Entitlement) -> Item:
    return Item(
        SAMPLE_PATH,
        int(entitlement.sample_size or 0),
        entitlement.sample_sha256,
        "application/x-ndjson",
        entitlement.sample_key,
    )


def _item(file: DatasetFile) -> Item:
    return Item(file.path, file.size, file.sha256, file.media_type, file.object_key)


def item_at(entitlement: Entitlement, version: DatasetVersion, path: str) -> Item:
    """The file of that very path; NotFound."""
    if entitlement.covers == Covers.SAMPLE:
        if path != SAMPLE_PATH:
            raise NotFound
        return _sample(entitlement)
    file = DatasetFile.objects.filter(version=version, path=path).first()
    if file is None:
        raise NotFound
    return _item(file)


def items_after(
    entitlement: Entitlement,
    version: DatasetVersion,
    *,
    prefix: str = "",
    after: str = "",
    limit: int = 1_000,
) -> list[Item]:
    """Files by path in the order of its bytes, from behind `after`."""
    if entitlement.covers == Covers.SAMPLE:
        sample = _sample(entitlement)
        return [sample] if sample.path.startswith(prefix) and sample.path > after else []
    rows = DatasetFile.objects.filter(version=version).annotate(key=Collate(F("path"), "C"))
    if prefix:
        rows = rows.filter(path__startswith=prefix)
    if after:
        rows = rows.filter(key__gt=after)
    return [_item(file) for file in rows.order_by("key")[:limit]]


def manifest_of(entitlement: Entitlement, version: DatasetVersion) -> tuple[bytes, str]:
    """The manifest in canonical form, and its SHA-256: the root hash."""
    if entitlement.covers == Covers.SAMPLE:
        sample = _sample(entitlement)
        body = datasets.manifest([datasets.Entry(sample.path, sample.size, sample.sha256)])
    elif version.manifest_key:
        body = objects.get(version.manifest_key)
    else:
        body = datasets.manifest(
            datasets.Entry(file.path, file.size, file.sha256) for file in version.files.iterator()
        )
    return body, datasets.root_hash(body)


TABLE_ENDINGS = (".parquet", ".jsonl", ".ndjson", ".csv")


def tables_of(entitlement: Entitlement, version: DatasetVersion) -> list[Item]:
    """The files that can be asked for rows; the annotated rows first."""
    if entitlement.covers == Covers.SAMPLE:
        return [_sample(entitlement)]
    return tables_in(version)


def tables_in(version: DatasetVersion) -> list[Item]:
    """The files of a version that can be asked for rows; the annotated rows first."""
    wanted = Q()
    for ending in TABLE_ENDINGS:
        wanted |= Q(path__endswith=ending)
    found = [_item(file) for file in version.files.filter(wanted).order_by("path")[:200]]
    return sorted(found, key=lambda item: (item.path != datasets.ROWS_PATH, item.path))


# --- marks --------------------------------------------------------------------------------------


def gets_marks(entitlement: Entitlement, version: DatasetVersion, code: str) -> bool:
    """Whether this format is handed out with marks under the entitlement."""
    return entitlement.has_marks and code in MARKED_FORMATS and version.row_count >= marks.LEAST_ROWS


def marked_copy_of(entitlement: Entitlement, version: DatasetVersion, code: str) -> MarkedCopy | None:
    """The buyer's own copy of the version in a format, if it was made."""
    export = exports.export_of(version.pk, code)
    return MarkedCopy.objects.filter(entitlement=entitlement, export=export).first() if export else None


def waiting_mark_job(viewer: Actor, entitlement: Entitlement, code: str) -> Job | None:
    """The job that is writing the buyer's copy."""
    rows = jobs_visible_to(viewer).filter(kind=MARK_JOB, state__in=(JobState.QUEUED, JobState.RUNNING))
    wanted = {"arguments__entitlement": str(entitlement.pk), "arguments__format": code}
    return rows.filter(**wanted).order_by("-pk").first()


def offers_of(viewer: Actor, entitlement: Entitlement, version: DatasetVersion) -> list[Offer]:
    """The formats as this buyer gets them: where copies are marked, size and hash are those of its own copy."""
    offers = exports.offers(viewer, version)
    if version.row_count < marks.LEAST_ROWS or not entitlement.has_marks:
        return offers
    copies = {
        copy.export.format: copy
        for copy in MarkedCopy.objects.filter(
            entitlement=entitlement, export__version=version
        ).select_related("export")
    }
    jobs = {
        job.arguments["format"]: job
        for job in jobs_visible_to(viewer)
        .filter(kind=MARK_JOB, arguments__entitlement=str(entitlement.pk))
        .order_by("pk")
    }
    return [
        _own(offer, copies.get(offer.kind.code), jobs.get(offer.kind.code))
        if offer.kind.code in MARKED_FORMATS
        else offer
        for offer in offers
    ]


def _own(offer: Offer, copy: MarkedCopy | None, job: Job | None) -> Offer:
    if copy is None:
        return replace(offer, export=None, job=job)
    shown = Export(format=copy.export.format, sha256=copy.sha256, size=copy.size, made_at=copy.made_at)
    return replace(offer, export=shown, job=job)


def traceable_copies(viewer: Actor) -> QuerySet[MarkedCopy]:
    """Copies that a viewer may trace: all for the operator, a supplier's own products'."""
    rows = MarkedCopy.objects.select_related(
        "entitlement__organization", "entitlement__product", "export__version__dataset"
    ).defer("entitlement__product__search")
    if viewer.is_system or viewer.can(SUPERVISE):
        return rows
    viewer.require(TRACE_OWN)
    return rows.filter(entitlement__product__supplier_id=viewer.organization_id)


def traceable_entitlements(viewer: Actor) -> QuerySet[Entitlement]:
    """The same for documents with a tag."""
    rows = Entitlement.objects.select_related("organization", "product").defer("product__search")
    if viewer.is_system or viewer.can(SUPERVISE):
        return rows
    viewer.require(TRACE_OWN)
    return rows.filter(product__supplier_id=viewer.organization_id)


def newest(rows: QuerySet[Access], limit: int = 50) -> Sequence[Access]:
    """The newest rows of a log."""
    return list(rows[:limit])


USES_BY_ORDER = """
SELECT order_id, count(*) AS use_count FROM (
    SELECT d.order_id FROM delivery_download AS t JOIN delivery_delivery AS d ON d.id = t.delivery_id
    UNION ALL
    SELECT e.order_id FROM delivery_access AS t JOIN delivery_entitlement AS e ON e.id = t.entitlement_id
    UNION ALL
    SELECT e.order_id FROM delivery_meteredcall AS t JOIN delivery_entitlement AS e ON e.id = t.entitlement_id
) AS used WHERE order_id IS NOT NULL GROUP BY order_id
"""
"""SQL, for set-based readers: per order that was ever used, how often its buyer took data in any way."""
