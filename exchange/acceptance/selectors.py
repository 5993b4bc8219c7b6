"""Every read of inspections and disputes that takes a viewer, and what is left of a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from assets.datasets.models import DatasetVersion
from assets.datasets.states import VersionState
from assets.registry.models import Certificate
from assets.registry.selectors import is_valid_on
from exchange.acceptance import rules
from exchange.acceptance.models import (
    Attachment,
    Complaint,
    Defect,
    Inspection,
    Offer,
    Reduction,
    Ruling,
    Statement,
)
from exchange.acceptance.permissions import ANSWER, COMPLAIN, RULE, VIEW_DISPUTES
from exchange.acceptance.rules import Periods, Split
from exchange.acceptance.states import OPEN, ComplaintState, Outcome
from exchange.delivery.selectors import version_of
from exchange.trading.models import Order
from exchange.trading.selectors import orders_visible_to
from exchange.trading.states import Party
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from web import desk, finding
from web.parts import Moment


def periods() -> Periods:
    """How long each step may take in this installation."""
    return Periods(
        answer=settings.COMPLAINT_ANSWER_DAYS,
        reply=settings.COMPLAINT_REPLY_DAYS,
        evidence=settings.DISPUTE_EVIDENCE_DAYS,
        ruling=settings.DISPUTE_RULING_DAYS,
        replacement=settings.REPLACEMENT_DAYS,
    )


# --- money --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What a trade is really worth: the price as contracted less what was taken off before release."""

    gross: Money
    tax: Money
    reduced: Money
    reduced_tax: Money


def kept_of(order: Order) -> Kept:
    """The amount at which an order is released, filed and counted: the one place where a reduction enters."""
    found: Reduction | None = getattr(order, "reduction", None)
    back, back_tax = (Money(found.amount_fen), Money(found.tax_fen)) if found else (Money(0), Money(0))
    return Kept(Money(order.amount_fen) - back, Money(order.tax_fen) - back_tax, back, back_tax)


def split_of(order: Order, back: Money) -> Split:
    """Where an order's price in escrow goes when `back` of it goes back to the buyer."""
    return rules.split(
        gross=Money(order.amount_fen),
        tax=Money(order.tax_fen),
        fee_bp=int(settings.EXCHANGE_FEE_BP),
        back=back,
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What an outcome does to the money; `split` is none where no money moves yet."""

    outcome: Outcome
    split: Split | None


def effects_of(order: Order) -> list[Effect]:
    """What each outcome without an amount of its own does to an order's money."""
    fixed = (Outcome.UPHOLD, Outcome.FULL_REFUND, Outcome.REPLACEMENT)
    return [effect_of(order, outcome, None) for outcome in fixed]


def effect_of(order: Order, outcome: Outcome, amount: Money | None) -> Effect:
    """What one outcome does to an order's money."""
    back = rules.back_of(outcome, gross=Money(order.amount_fen), amount=amount)
    return Effect(outcome, None if back is None else split_of(order, back))


# --- complaints ---------------------------------------------------------------------------------


def complaints_visible_to(viewer: Actor) -> QuerySet[Complaint]:
    """The complaints of the orders that the viewer may see."""
    return Complaint.objects.filter(order__in=orders_visible_to(viewer))


def listed_complaints(viewer: Actor, *, state: str = "") -> QuerySet[Complaint]:
    """What the list of complaints shows, narrowed by state."""
    if not (viewer.can(VIEW_DISPUTES) or viewer.can(COMPLAIN)):
        viewer.require(ANSWER)
    rows = complaints_visible_to(viewer)
    if state in ComplaintState.values:
        rows = rows.filter(state=state)
    return rows.select_related("order__product", "order__supplier", "order__buyer").defer(
        "order__product__search", "order__use_statement"
    )


def count_by_state(viewer: Actor) -> Mapping[str, int]:
    """How many of the viewer's complaints stand in each state."""
    rows = complaints_visible_to(viewer).order_by()
    return dict(rows.values_list("state").annotate(Count("pk")))


def dispute_board(viewer: Actor) -> QuerySet[Complaint]:
    """Disputes that are open, for the operator and the auditor; `is_proposed`: a ruling waits to be confirmed."""
    viewer.require(VIEW_DISPUTES)
    pending = Ruling.objects.filter(complaint=OuterRef("pk"), confirmation=None, is_confirmation_needed=True)
    rows = listed_complaints(viewer).filter(state__in=[ComplaintState.DISPUTED, ComplaintState.REPLACING])
    return rows.annotate(is_proposed=Exists(pending))


def _rulings_visible_to(viewer: Actor) -> QuerySet[Ruling]:
    """Rulings in force; a proposal, and one sent back, only for who rules or looks on, never for the sides."""
    rows = Ruling.objects.select_related("confirmation")
    if viewer.can(RULE) or viewer.can(VIEW_DISPUTES):
        return rows
    return rows.filter(Q(is_confirmation_needed=False) | Q(confirmation__is_confirmed=True))


def visible_complaint(viewer: Actor, complaint_id: UUID) -> Complaint:
    """One complaint with all that its page shows; NotFound when the viewer may not see it."""
    attachments = Prefetch("attachments", Attachment.objects.select_related("document"))
    found = (
        complaints_visible_to(viewer)
        .select_related("order__product", "order__supplier", "order__buyer", "order__contract")
        .defer("order__product__search", "order__contract__text")
        .prefetch_related(
            Prefetch(
                "defects", Defect.objects.select_related("file").prefetch_related(attachments).order_by("pk")
            ),
            Prefetch(
                "offers",
                Offer.objects.select_related("version__dataset")
                .defer("version__sample", "version__dictionary")
                .prefetch_related(attachments)
                .order_by("ordinal"),
            ),
            Prefetch(
                "statements", Statement.objects.prefetch_related(attachments).order_by("stated_at", "pk")
            ),
            Prefetch("rulings", _rulings_visible_to(viewer).order_by("ruled_at", "pk")),
        )
        .filter(pk=complaint_id)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def complaints_of(order: Order) -> list[Complaint]:
    """An order's complaints, oldest first."""
    return list(Complaint.objects.filter(order=order).order_by("filed_at", "pk"))


def inspection_of(order: Order) -> Inspection | None:
    """What the buyer wrote down when it accepted, if it did."""
    return Inspection.objects.filter(order=order).first()


def stated_parties(complaint: Complaint) -> frozenset[str]:
    """The sides that have stated their evidence since the dispute was opened."""
    if complaint.escalated_at is None:
        return frozenset()
    return frozenset(
        Statement.objects.filter(complaint=complaint, stated_at__gte=complaint.escalated_at).values_list(
            "party", flat=True
        )
    )


def pending_ruling(complaint: Complaint) -> Ruling | None:
    """The ruling that waits for a second operator, if there is one."""
    return Ruling.objects.filter(complaint=complaint, is_confirmation_needed=True, confirmation=None).first()


def attachment_for(viewer: Actor, complaint_id: UUID, document_id: UUID) -> Attachment:
    """A document that belongs to a complaint the viewer sees; NotFound otherwise."""
    rows = Attachment.objects.filter(complaint__in=complaints_visible_to(viewer).filter(pk=complaint_id))
    found = rows.select_related("document").filter(document_id=document_id).first()
    if found is None:
        raise NotFound
    return found


def newer_versions(order: Order, at: datetime) -> list[DatasetVersion]:
    """The versions that may be delivered in the place of the present one: later, sealed, certified; newest first."""
    present, on = version_of(order), clock.business_date(at)
    rows = Certificate.objects.filter(
        version__dataset=present.dataset_id,
        version__version__gt=present.version,
        version__state=VersionState.SEALED,
        holder=order.supplier_id,
    )
    found = {
        each.version_id: each.version
        for each in rows.select_related("version__dataset").defer(
            "version__sample", "version__dictionary", "claims"
        )
        if is_valid_on(each, on)
    }
    return sorted((each for each in found.values() if each), key=lambda version: -version.version)


def turn_of(complaint: Complaint, at: datetime) -> frozenset[str]:
    """Whose turn it is: parties, or "operator"; nobody once the complaint is closed."""
    return rules.turn_of(
        complaint.state, evidence_until=complaint.evidence_until, stated=stated_parties(complaint), at=at
    )


def history(complaint: Complaint) -> list[Moment]:
    """Filing, every move, statement and ruling as one timeline, oldest first."""
    moments = [Moment(_("对交付提出异议"), complaint.filed_at, complaint.filer_label)]
    rows = Transition.objects.filter(subject_id=complaint.pk).order_by("at", "pk")
    moments += [Moment(row.move_label, row.at, row.actor_label, row.reason) for row in rows]
    moments += [
        Moment(_("%(party)s陈述") % {"party": each.get_party_display()}, each.stated_at, each.speaker_label)
        for each in complaint.statements.all()
    ]
    for ruling in complaint.rulings.all():
        if ruling.is_confirmation_needed:
            moments.append(Moment(_("拟定裁决，等待复核"), ruling.ruled_at, ruling.ruler_label))
        confirmation = getattr(ruling, "confirmation", None)
        if confirmation is not None and not confirmation.is_confirmed:
            moments.append(
                Moment(
                    _("复核退回"),
                    confirmation.confirmed_at,
                    confirmation.confirmer_label,
                    confirmation.remark,
                )
            )
    return sorted(moments, key=lambda moment: moment.at or complaint.filed_at)


# --- desk, search -------------------------------------------------------------------------------


def _waiting(viewer: Actor) -> Q:
    """Complaints in which the next step belongs to the viewer."""
    own, waiting = viewer.organization_id, Q(pk__in=[])
    if own is None:
        return waiting
    said = Statement.objects.filter(complaint=OuterRef("pk"), stated_at__gte=OuterRef("escalated_at"))
    spoken = {party: Q(Exists(said.filter(party=party))) for party in Party}
    is_running = Q(state=ComplaintState.DISPUTED, evidence_until__gt=clock.now())
    unstated = {party: is_running & ~spoken[party] for party in Party}
    if viewer.can(COMPLAIN):
        waiting |= Q(order__buyer=own) & (Q(state=ComplaintState.ANSWERED) | unstated[Party.BUYER])
    if viewer.can(ANSWER):
        turn = Q(state__in=[ComplaintState.FILED, ComplaintState.REPLACING])
        waiting |= Q(order__supplier=own) & (turn | unstated[Party.SUPPLIER])
    if viewer.can(RULE):
        is_ripe = Q(evidence_until__lte=clock.now()) | (spoken[Party.BUYER] & spoken[Party.SUPPLIER])
        waiting |= Q(state=ComplaintState.DISPUTED) & is_ripe
    return waiting


_STEPS = {
    ComplaintState.FILED: "answer",
    ComplaintState.ANSWERED: "reply",
    ComplaintState.DISPUTED: "state",
    ComplaintState.REPLACING: "replace",
}


def _step_words(complaint: Complaint, viewer: Actor) -> str:
    if complaint.state == ComplaintState.DISPUTED and viewer.can(RULE):
        return _("裁决争议")
    return {
        "answer": _("答复交付异议"),
        "reply": _("回应供方答复"),
        "state": _("提交争议陈述与证据"),
        "replace": _("按裁决补交"),
    }[_STEPS[ComplaintState(complaint.state)]]


def todos(viewer: Actor) -> list[desk.Todo]:
    """Complaints and disputes whose next step is the viewer's, with their deadline."""
    if viewer.organization_id is None or viewer.is_system:
        return []
    rows = Complaint.objects.filter(_waiting(viewer)).select_related("order__product")
    return [
        desk.Todo(
            title=_("%(step)s：%(title)s")
            % {"step": _step_words(each, viewer), "title": each.order.product.display_title},
            url=reverse("acceptance:complaint", args=[each.pk]),
            detail=f"{each.number} · {Money(each.order.amount_fen)}",
            due_at=each.evidence_until
            if each.state == ComplaintState.DISPUTED and not viewer.can(RULE)
            else each.due_at,
            icon="gavel" if each.state == ComplaintState.DISPUTED else "message-square-warning",
        )
        for each in rows.defer("order__product__search").order_by("due_at", "pk")[:20]
    ]


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The complaints that wait for the viewer's next step (for the side navigation)."""
    return [Complaint.objects.filter(_waiting(viewer))] if viewer.organization_id else []


def find_complaints(viewer: Actor, text: str) -> list[finding.Hit]:
    """Complaints the viewer may see, by the number of the complaint, its ruling or its order."""
    by_number = Q(number__iexact=text) | Q(order__number__iexact=text) | Q(rulings__number__iexact=text)
    rows = complaints_visible_to(viewer).filter(by_number).select_related("order__product").distinct()
    return [
        finding.Hit(
            title=each.order.product.display_title,
            url=reverse("acceptance:complaint", args=[each.pk]),
            detail=str(each.get_state_display()),
            number=each.number,
            is_exact=each.number.lower() == text.lower(),
        )
        for each in rows.defer("order__product__search").order_by("-pk")[:10]
    ]


def is_open_on(order: Order) -> bool:
    """Whether a complaint about the order is open."""
    return Complaint.objects.filter(order=order, state__in=OPEN).exists()
