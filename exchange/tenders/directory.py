"""标注服务商目录: firms with figures that are counted from what was delivered here, never typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Avg,
    Count,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.acceptance.models import Complaint
from exchange.catalogue.states import TaskType
from exchange.tenders.models import Engagement, LotInspection, Milestone, Rating
from exchange.tenders.states import EngagementState, MilestoneState
from kernel.clock import SHANGHAI
from kernel.errors import NotFound
from organizations.models import Membership, Organization
from organizations.states import OrganizationKind, Role

SORTS: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "items": (_("交付数量"), ("-item_count", "-id")),
    "passed": (_("验收通过率"), ("-pass_rank", "-id")),
    "punctual": (_("准时率"), ("-on_time_rank", "-id")),
    "rated": (_("买方评分"), ("-mark_rank", "-id")),
    "people": (_("标注人数"), ("-people_count", "-id")),
}


def _counted(rows: QuerySet[Any], expression: Any, owner: str = "milestone__engagement__firm") -> Subquery:
    """One figure of a firm as a subquery."""
    own = rows.filter(**{owner: OuterRef("pk")}).order_by().values(owner).annotate(found=expression)
    return Subquery(own.values("found"), output_field=IntegerField())


def _zero(figure: Subquery) -> Coalesce:
    return Coalesce(figure, Value(0), output_field=IntegerField())


def firms() -> QuerySet[Organization]:
    """Verified annotation firms with their figures; rates in basis points, null where nothing was counted yet.

    `item_count`: items of accepted lots; `pass_bp`: inspections that accepted; `on_time_bp`: accepted lots that were
    delivered by their day; `dispute_count`: complaints about its products and engagements ended early;
    `people_count`: members who annotate; `mark`: mean of the buyers' ratings, hundredths; `since`: first contract.
    """
    lots = Milestone.objects.filter(state=MilestoneState.ACCEPTED)
    firm = "engagement__firm"
    punctual = Q(due_on__gte=TruncDate("delivered_at", tzinfo=SHANGHAI))
    annotators = Membership.objects.filter(ended_at=None, roles__contains=[Role.ANNOTATOR.value])
    ended = Engagement.objects.filter(state=EngagementState.TERMINATED)
    rated = (F("quality") + F("punctuality") + F("communication")) * 100 / 3
    first = Engagement.objects.filter(firm=OuterRef("pk"), started_at__isnull=False).order_by()
    rows = Organization.objects.filter(
        kinds__overlap=[OrganizationKind.ANNOTATION_FIRM.value], verification="verified"
    )
    figures = rows.annotate(
        item_count=_zero(_counted(lots, Sum("item_count"), firm)),
        lot_count=_zero(_counted(lots, Count("pk"), firm)),
        inspection_count=_zero(_counted(LotInspection.objects.all(), Count("pk"))),
        pass_bp=_counted(
            LotInspection.objects.all(), Count("pk", filter=Q(is_accepted=True)) * 10_000 / Count("pk")
        ),
        on_time_bp=_counted(lots, Count("pk", filter=punctual) * 10_000 / Count("pk"), firm),
        people_count=_zero(_counted(annotators, Count("pk"), "organization")),
        dispute_count=_zero(_counted(Complaint.objects.all(), Count("pk"), "order__supplier"))
        + _zero(_counted(ended, Count("pk"), "firm")),
        mark=_counted(Rating.objects.all(), Avg(rated), firm),
        rating_count=_zero(_counted(Rating.objects.all(), Count("pk"), firm)),
        since=Subquery(first.values("firm").annotate(found=Min("started_at")).values("found")),
    )
    nothing = Value(-1)
    return figures.annotate(
        pass_rank=Coalesce("pass_bp", nothing),
        on_time_rank=Coalesce("on_time_bp", nothing),
        mark_rank=Coalesce("mark", nothing),
    )


def search(text: str = "", task: str = "") -> QuerySet[Organization]:
    """Firms by words of the name and kind of work done; SORTS has the orders."""
    rows = firms()
    if text.strip():
        words = text.strip()
        rows = rows.filter(Q(name__icontains=words) | Q(uscc__iexact=words))
    if task:
        done = Engagement.objects.filter(started_at__isnull=False, tender__task=task)
        rows = rows.filter(pk__in=done.values("firm"))
    return rows


def firm_of(uscc: str) -> Organization:
    """One firm of the directory; NotFound when it is not in it."""
    found = firms().filter(uscc=uscc).first()
    if found is None:
        raise NotFound
    return found


def figures_of(firm_ids: Sequence[Any]) -> dict[Any, Organization]:
    """The figures of these firms, in one query."""
    return {firm.pk: firm for firm in firms().filter(pk__in=firm_ids)}


@dataclass(frozen=True, slots=True)
class WorkDone:
    """A kind of work that a firm has had contracts for."""

    label: str
    count: int


def tasks_of(firm_ids: Sequence[Any]) -> dict[Any, list[WorkDone]]:
    """The kinds of work each firm had contracts for, the most frequent first; one query."""
    rows = (
        Engagement.objects.filter(firm__in=firm_ids, started_at__isnull=False)
        .order_by()
        .values("firm_id", "tender__task")
        .annotate(number=Count("pk"))
        .order_by("-number", "tender__task")
    )
    found: dict[Any, list[WorkDone]] = {}
    for row in rows:
        label = str(TaskType(row["tender__task"]).label)
        found.setdefault(row["firm_id"], []).append(WorkDone(label, row["number"]))
    return found


def ratings_of(firm: Organization) -> list[Rating]:
    """What buyers said, newest first, with the firm's answers; never which contract, only whose."""
    rows = Rating.objects.filter(engagement__firm=firm).select_related("engagement__buyer", "reply")
    return list(rows.order_by("-rated_at", "-pk")[:50])
