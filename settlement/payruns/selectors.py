"""Reading pay runs and slips."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from kernel.errors import NotFound
from kernel.models import Transition
from organizations.permissions import Actor
from settlement.payments.models import Payout
from settlement.payruns.models import PayAccount, PayItem, PayRun
from settlement.payruns.permissions import MAKE_RUNS, VIEW_ALL_RUNS, VIEW_SLIPS
from settlement.payruns.states import ItemState, RunState
from web.desk import Todo


def runs_visible_to(viewer: Actor) -> QuerySet[PayRun]:
    """The firm's own for its finance, all for operator's finance and auditor; NotAllowed for others."""
    rows = PayRun.objects.select_related("firm", "made_by", "approved_by")
    if viewer.can(VIEW_ALL_RUNS):
        return rows
    viewer.require(MAKE_RUNS)
    return rows.filter(firm_id=viewer.organization_id) if viewer.organization_id else rows.none()


def run_visible_to(viewer: Actor, run_id: UUID) -> PayRun:
    """One run; NotFound, NotAllowed."""
    found = runs_visible_to(viewer).filter(pk=run_id).first()
    if found is None:
        raise NotFound
    return found


def items_of(run: PayRun) -> list[PayItem]:
    """A run's items by name."""
    return list(
        PayItem.objects.filter(run=run)
        .select_related("annotator", "account")
        .order_by("annotator__name", "pk")
    )


def payable(firm_id: UUID, before: date) -> QuerySet[Payout]:
    """The firm's earnings booked before a day that no live run pays."""
    from kernel import clock

    rows = Payout.objects.filter(project__firm_id=firm_id, earned_at__lt=clock.start_of(before))
    return rows.exclude(pay_lines__is_live=True)


BankEvidence = Callable[[PayItem], bool]
_bank_evidence: list[BankEvidence] = []


def register_bank_evidence(check: BankEvidence) -> None:
    """Let `check` say whether the bank's statement shows that an item was paid."""
    if check not in _bank_evidence:
        _bank_evidence.append(check)


def is_paid_at_bank(item: PayItem) -> bool:
    """Whether a line of the bank's statement says that the money went to the person."""
    return any(check(item) for check in _bank_evidence)


def accounts_of(users: list[UUID]) -> dict[UUID, PayAccount]:
    """The account in force of each of these people who has one."""
    rows = (
        PayAccount.objects.filter(user_id__in=users).order_by("user_id", "-set_at", "-pk").distinct("user_id")
    )
    return {row.user_id: row for row in rows}


def account_of(user: User) -> PayAccount | None:
    """Where a person is paid now."""
    return PayAccount.objects.filter(user=user).order_by("-set_at", "-pk").first()


def slips_of(viewer: Actor) -> QuerySet[PayItem]:
    """The viewer's own slips that were paid or came back; NotAllowed for who is no annotator."""
    viewer.require(VIEW_SLIPS)
    rows = PayItem.objects.filter(annotator_id=viewer.user_id, state__in=[ItemState.PAID, ItemState.RETURNED])
    return rows.select_related("run__firm", "account")


def slip_visible_to(viewer: Actor, item_id: UUID) -> PayItem:
    """One of them; NotFound otherwise."""
    found = slips_of(viewer).filter(pk=item_id).first()
    if found is None:
        raise NotFound
    return found


def transitions_of(run: PayRun) -> list[Transition]:
    """The run's moves, oldest first."""
    return list(Transition.objects.filter(subject_id=run.pk).order_by("at", "pk"))


def todos(viewer: Actor) -> list[Todo]:
    """A second person of the firm's finance: runs that wait for approval."""
    if viewer.organization_id is None or not viewer.can(MAKE_RUNS):
        return []
    waiting = PayRun.objects.filter(firm_id=viewer.organization_id, state=RunState.SUBMITTED).exclude(
        made_by=viewer.user_id
    )
    return [
        Todo(
            _("报酬发放 %(number)s 待复核") % {"number": run.number},
            reverse("payruns:run", args=[run.pk]),
            icon="wallet",
        )
        for run in waiting
    ]
