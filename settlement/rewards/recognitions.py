"""Who is recognised in which park on which day, and who sees it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Exists, Q, QuerySet

from kernel.errors import NotFound
from kernel.models import Transition
from organizations.models import Park
from organizations.permissions import Actor
from settlement.rewards.engine.departments import DATA_BUREAU, DEPARTMENTS
from settlement.rewards.models import Office, ParkRecognition
from settlement.rewards.permissions import RECOGNISE_PARKS, SEE_ALL_CLAIMS, SEE_FUNDS
from settlement.rewards.states import RecognitionState

RECOGNISER = DEPARTMENTS[DATA_BUREAU]
"""The department that article 2 names; which organization stands for it is said on the page of offices."""


def in_force(day: date) -> QuerySet[ParkRecognition]:
    """Recognitions of parks and of firms that hold on a day; one revoked from a later day still held on it."""
    held = ParkRecognition.objects.filter(
        state__in=[RecognitionState.RECOGNISED, RecognitionState.REVOKED], from_on__lte=day
    )
    return held.filter(Q(until_on=None) | Q(until_on__gt=day), Q(revoked_from=None) | Q(revoked_from__gt=day))


def parks_on(day: date) -> QuerySet[Park]:
    """The parks that are recognised on a day."""
    return Park.objects.filter(pk__in=in_force(day).filter(firm=None).values("park")).order_by("name")


def firms_on(day: date) -> QuerySet[ParkRecognition]:
    """The recognitions of firms in parks on a day: firm and park are both recognised."""
    parks = in_force(day).filter(firm=None).values("park")
    return in_force(day).filter(firm__isnull=False, park__in=parks)


def asked_day(year: int) -> date:
    """The day on which a firm has to be recognised for a benefit year: its last."""
    return date(year, 12, 31)


def proofs_of(firm_id: UUID, year: int) -> list[dict[str, Any]]:
    """The recognitions of a firm that count for a year, as evidence of the fact."""
    rows = firms_on(asked_day(year)).filter(firm=firm_id).select_related("park", "document")
    return [
        {
            "kind": "park_recognition",
            "number": row.park.name,
            "id": str(row.pk),
            "label": row.from_on.isoformat(),
            "sha256": row.document.sha256,
        }
        for row in rows.order_by("from_on", "pk")
    ]


def firms_of(year: int) -> frozenset[UUID]:
    """Every firm that counts as in a recognised park for a year, in one query."""
    found = firms_on(asked_day(year)).values_list("firm", flat=True)
    return frozenset(firm for firm in found if firm is not None)


def office() -> Office | None:
    """Which organization stands for the recognising department, where one is named."""
    return Office.objects.filter(source=RECOGNISER.zh).select_related("organization").first()


def may_decide(viewer: Actor) -> bool:
    """Whether the viewer recognises parks for the department in charge."""
    if not viewer.can(RECOGNISE_PARKS):
        return False
    found = office()
    return found is not None and viewer.belongs_to(found.organization_id)


def visible_to(viewer: Actor) -> QuerySet[ParkRecognition]:
    """Parks for everybody; of firms, a firm sees itself, and departments, reviewers and auditors see all."""
    rows = ParkRecognition.objects.select_related("park", "firm", "recogniser", "document").order_by("-pk")
    if any(viewer.can(each) for each in (RECOGNISE_PARKS, SEE_ALL_CLAIMS, SEE_FUNDS)):
        return rows
    if viewer.organization_id is None:
        return rows.none()
    return rows.filter(Q(firm=None) | Q(firm=viewer.organization_id))


def recognition_for(viewer: Actor, recognition_id: UUID) -> ParkRecognition:
    """One recognition the viewer may see; NotFound otherwise."""
    found = visible_to(viewer).filter(pk=recognition_id).first()
    if found is None:
        raise NotFound
    return found


def waiting(viewer: Actor) -> QuerySet[ParkRecognition]:
    """Applications that wait for this viewer's department, longest first."""
    rows = ParkRecognition.objects.select_related("park", "firm").filter(state=RecognitionState.APPLIED)
    if not viewer.can(RECOGNISE_PARKS):
        return rows.none()
    if not viewer.is_system:
        rows = rows.filter(
            Exists(Office.objects.filter(source=RECOGNISER.zh, organization=viewer.organization_id))
        )
    return rows.order_by("applied_at", "pk")


def waiting_beside(viewer: Actor) -> list[QuerySet[ParkRecognition]]:
    """The same for the side navigation."""
    return [waiting(viewer)]


def history_of(found: ParkRecognition) -> QuerySet[Transition]:
    """The moves of one recognition, oldest first."""
    return Transition.objects.filter(subject_id=found.pk).order_by("at", "pk")
