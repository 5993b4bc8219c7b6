"""The story: two lots are rejected, inspection is tightened, they come back, all is accepted, people are paid once."""

from __future__ import annotations

import pytest

from annotation.inspection import services as inspection
from annotation.inspection.events import LotAccepted, LotRejected, StrictnessChanged
from annotation.inspection.models import Lot, SwitchingStep
from annotation.inspection.selectors import inspection_state, plan_in_force, step_in_force
from annotation.projects import services as projects
from annotation.work.models import Task
from kernel.money import Money
from settlement.payments.selectors import earnings_of
from tests.annotation import scenes
from tests.annotation.inspection import lots
from tests.cast import NOON, mei, zhou

pytestmark = pytest.mark.django_db


def earned() -> Money:
    return earnings_of(mei()).balance


def states() -> dict[str, str]:
    return {lot.number: lot.state for lot in Lot.objects.order_by("ordinal", "version")}


def test_rejected_lots_tighten_inspection_come_back_and_are_accepted() -> None:
    project = lots.project(60)
    lots.agreed(project, lot_size=20, aql="6.5")
    first, second, third = lots.submitted(project)
    assert (first.size, second.size, third.size) == (20, 20, 20)

    with scenes.hears(LotRejected, LotAccepted, StrictnessChanged) as news:
        judged = lots.decided(first, faulty=2)
    assert (judged.severity, judged.letter, judged.sample_size, judged.accept_number) == ("normal", "D", 8, 1)
    assert judged.state == "rejected"
    assert news.names == ["LotRejected"]
    assert Task.objects.filter(project=project, state="returned").count() == 20

    with scenes.hears(LotRejected, StrictnessChanged) as news:
        lots.decided(second, faulty=2)
    assert news.names == ["LotRejected", "StrictnessChanged"]
    step = SwitchingStep.objects.order_by("-ordinal")[0]
    assert (step.severity, step.cause, step.lot) == ("tightened", "two_of_five", second)

    assert lots.rework(project) == 40
    again = inspection.resubmit_lot(by=scenes.qin(), at=NOON, lot_id=first.pk)
    assert (again.number, again.size, again.former) == ("1.2", 20, first)
    assert again.contents_sha256 != first.contents_sha256
    accepted = lots.decided(again)
    assert (accepted.state, accepted.severity) == ("accepted", "tightened")
    assert (accepted.letter, accepted.sample_size, accepted.accept_number) == ("E", 13, 1)
    assert (
        SwitchingStep.objects.count() == 3
    )  # begun and the two original lots: a second submission does not count

    lots.decided(third)
    plan = plan_in_force(project.pk)
    assert plan is not None
    now = step_in_force(plan)
    assert now is not None
    assert (now.severity, now.accepted_run) == ("tightened", 1)

    # The delivery submits what is still rejected; the project is accepted when all its lots are.
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert states() == {
        "1": "resubmitted",
        "1.2": "accepted",
        "2": "resubmitted",
        "2.2": "submitted",
        "3": "accepted",
    }
    with pytest.raises(inspection.LotsNotAccepted) as refused:
        projects.accept_project(by=zhou(), at=NOON, project_id=project.pk)
    assert "20 条" in str(refused.value)
    assert earned() == Money(0)
    lots.decided(Lot.objects.get(ordinal=2, version=2))
    projects.accept_project(by=zhou(), at=NOON, project_id=project.pk)
    state = inspection_state(project.pk)
    assert (state.accepted_items, state.open_lots, state.first_pass) == (60, 0, (1, 3))
    # 60 tasks at 0.35: rework of what the firm did wrong is paid once.
    assert earned() == Money(60 * 35)
