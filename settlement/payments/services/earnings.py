"""Annotators' pay: owed from the moment a project is accepted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy as _

from annotation.projects.events import ProjectAccepted
from annotation.projects.models import Project
from annotation.projects.states import ProjectState
from annotation.work.models import Task
from annotation.work.states import TaskState
from audit.services import record
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments.models import Payout


class ProjectNotAccepted(Refusal):
    """Pay follows acceptance."""

    code = "project_not_accepted"
    message = _("项目 %(number)s 尚未验收，还不能结算标注报酬。")


def locked_project(project_id: UUID) -> Project:
    """The project under lock; NotFound if none."""
    rows = Project.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = rows.filter(pk=project_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic(savepoint=False)
def pay_annotators(*, by: Actor, at: datetime, project_id: UUID) -> list[Payout]:
    """Book what each annotator earned with the accepted tasks of an accepted project, once per project.

    One entry for the whole project: the firm's labour cost to each annotator's earnings. Follows from the
    acceptance, so it asks no permission of its own; asking again gives the payouts that are there.
    """
    project = locked_project(project_id)
    done = list(project.payouts.order_by("pk"))
    if done:
        return done
    if project.state not in (ProjectState.ACCEPTED, ProjectState.CLOSED):
        raise ProjectNotAccepted(number=project.number)
    earned = list(
        Task.objects.filter(project=project, state=TaskState.ACCEPTED)
        .values_list("annotator_id")
        .annotate(tasks=Count("pk"), fen=Sum("price_fen"))
        .filter(fen__gt=0)
        .order_by("annotator_id")
    )
    if not earned:
        return []
    entry = _post_earned(project, {annotator_id: Money(int(fen)) for annotator_id, _tasks, fen in earned}, at)
    payouts = Payout.objects.bulk_create(
        [
            Payout(
                project=project,
                annotator_id=annotator_id,
                task_count=tasks,
                amount_fen=int(fen),
                earned_at=at,
                entry=entry,
            )
            for annotator_id, tasks, fen in earned
        ]
    )
    record(
        by=by, at=at, action="payments.pay_annotators", subject=project,
        detail={"entry": str(entry.pk), "annotators": len(payouts),
                "tasks": sum(p.task_count for p in payouts),
                "amount_fen": sum(p.amount_fen for p in payouts)},
    )  # fmt: skip
    return payouts


def pay_accepted(event: ProjectAccepted) -> None:
    """Handler of the news that a project was accepted."""
    pay_annotators(by=event.by, at=event.at, project_id=event.project_id)


def _post_earned(project: Project, earned: dict[UUID, Money], at: datetime) -> Entry:
    cost = ledger.Address(Purpose.LABOUR_COST, project.firm_id)
    owed = {user_id: ledger.Address(Purpose.EARNINGS, user_id=user_id) for user_id in earned}
    found = ledger.accounts([cost, *owed.values()])
    return ledger.post(
        key=f"earned:{project.pk}",
        kind="labour",
        fact=project,
        transfers=[
            ledger.Transfer(found[cost], found[owed[annotator_id]], fen)
            for annotator_id, fen in earned.items()
        ],
        at=at,
        memo=project.number,
    )
