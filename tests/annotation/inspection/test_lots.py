"""Plans, lots and verdicts through the services: who may, when, what follows, and who at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from annotation.inspection import rules
from annotation.inspection import services as inspection
from annotation.inspection.models import DrawValue, InspectionPlan, Lot, LotItem, SampleItem, SwitchingStep
from annotation.inspection.selectors import (
    deliverable,
    lots_of_project,
    lots_visible_to,
    next_to_inspect,
    plan_in_force,
    sample_of,
    todos,
)
from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.quality import services as quality
from annotation.work import services as work
from annotation.work.models import Task
from audit.models import AuditEvent
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from organizations.states import Role
from tests.annotation import scenes
from tests.annotation.inspection import lots
from tests.annotation.work.test_at_once import at_once
from tests.cast import BEIJIANG, NOON, QINGLAN, gu, he, mei, person, tao, yan, zhou

pytestmark = pytest.mark.django_db


def refused(kind: type[Refusal], deed: Callable[[], Any]) -> Refusal:
    """The refusal, after which nothing new is on record."""
    before = AuditEvent.objects.count()
    with pytest.raises(kind) as found, transaction.atomic():
        deed()
    assert AuditEvent.objects.count() == before
    return found.value


# --- agreeing -----------------------------------------------------------------------------------


def test_a_plan_counts_when_the_other_side_agreed() -> None:
    project = lots.project(4)
    plan = inspection.propose_plan(by=zhou(), at=NOON, project_id=project.pk, aql="4.0")
    assert plan_in_force(project.pk) is None
    refused(
        SelfReview, lambda: inspection.answer_plan(by=lots.fu(), at=NOON, plan_id=plan.pk, is_agreed=True)
    )
    refused(NotAllowed, lambda: inspection.answer_plan(by=tao(), at=NOON, plan_id=plan.pk, is_agreed=True))
    refused(NotFound, lambda: inspection.answer_plan(by=he(), at=NOON, plan_id=plan.pk, is_agreed=True))
    refused(
        inspection.PlanWaits,
        lambda: inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk),
    )
    assert [todo.title for todo in todos(scenes.qin())] == ["抽检方案待答复"]
    assert todos(zhou()) == []
    inspection.answer_plan(by=scenes.qin(), at=NOON, plan_id=plan.pk, is_agreed=True)
    assert plan_in_force(project.pk) == plan
    assert list(SwitchingStep.objects.values_list("severity", "cause")) == [("normal", "begun")]
    assert DrawValue.objects.count() == 1
    refused(
        inspection.PlanAnswered,
        lambda: inspection.answer_plan(by=scenes.qin(), at=NOON, plan_id=plan.pk, is_agreed=True),
    )


def test_a_declined_plan_has_a_reason_and_the_former_stays_in_force() -> None:
    project = lots.project(4)
    former = lots.agreed(project)
    plan = inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk, aql="10")
    wanted = {"by": zhou(), "at": NOON, "plan_id": plan.pk, "is_agreed": False}
    assert refused(InvalidInput, lambda: inspection.answer_plan(**wanted)).field == "reason"
    inspection.answer_plan(**wanted, reason="太松。")
    assert plan_in_force(project.pk) == former


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("aql", {"aql": "3"}),
        ("aql", {"aql": "x"}),
        ("basis", {"basis": "luck"}),
        ("level", {"level": "IV"}),
        ("initial", {"initial": "reduced"}),
        ("lot_size", {"lot_size": 1}),
        ("limiting_quality", {"basis": "lq", "limiting_quality": 0}),
        ("good_quality", {"basis": "lq", "limiting_quality": 500, "good_quality": 500}),
        ("inspector", {"inspector_id": uuid4()}),
    ],
)
def test_terms_outside_the_standard_are_refused_by_field(field: str, terms: dict[str, Any]) -> None:
    project = lots.project(2)
    found = refused(
        InvalidInput,
        lambda: inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk, **terms),
    )
    assert found.field == field
    assert not InspectionPlan.objects.exists()


def test_a_project_of_the_firm_itself_is_agreed_and_inspected_by_two_of_its_people() -> None:
    project = lots.project(4, client=False)
    lead = person("jiang", QINGLAN, Role.PROJECT_LEAD)
    plan = inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk)
    refused(
        SelfReview, lambda: inspection.answer_plan(by=scenes.qin(), at=NOON, plan_id=plan.pk, is_agreed=True)
    )
    inspection.answer_plan(by=lead, at=NOON, plan_id=plan.pk, is_agreed=True)
    (lot,) = lots.submitted(project)
    lots.drawn(lot, scenes.ouyang())
    row = sample_of(lot)[0]
    finding = {"at": NOON, "sample_id": row.pk, "is_conforming": True}
    refused(inspection.OwnItem, lambda: inspection.inspect_item(by=tao(), **finding))  # 陶 reviewed it
    assert next_to_inspect(lot, tao().user_id) is None
    inspection.inspect_item(by=scenes.ouyang(), **finding)


# --- lots ---------------------------------------------------------------------------------------


def test_without_a_plan_nothing_is_cut_and_the_project_is_accepted_as_before() -> None:
    project = lots.project(3)
    refused(inspection.NoPlanInForce, lambda: lots.submitted(project))
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert not Lot.objects.exists()
    assert projects.accept_project(by=zhou(), at=NOON, project_id=project.pk).state == "accepted"


def test_lots_take_what_is_accepted_and_leave_the_rest_for_later() -> None:
    project = lots.project(30, done=25)
    lots.agreed(project, lot_size=10)
    made = lots.submitted(project)
    assert [(lot.number, lot.size, lot.state) for lot in made] == [
        ("1", 10, "submitted"),
        ("2", 10, "submitted"),
    ]
    assert list(made[0].contents.order_by("number").values_list("number", flat=True)) == list(range(1, 11))
    assert refused(inspection.NothingForLots, lambda: lots.submitted(project)).context == {"count": 5}
    assert [todo.title for todo in todos(zhou())] == ["第 1 批待抽检", "第 2 批待抽检"]
    lots.accept(project, 5)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert sorted(Lot.objects.values_list("ordinal", "size")) == [(1, 10), (2, 10), (3, 10)]


def test_a_single_item_left_over_joins_the_last_lot() -> None:
    project = lots.project(11)
    lots.agreed(project, lot_size=5)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert sorted(Lot.objects.values_list("ordinal", "size")) == [(1, 5), (2, 6)]


def test_who_submits_draws_and_decides_is_fixed() -> None:
    project = lots.project(6)
    lots.agreed(project)
    for who, kind in ((zhou(), NotAllowed), (tao(), NotAllowed), (he(), NotFound), (mei(), NotFound)):
        refused(kind, lambda who=who: inspection.submit_lots(by=who, at=NOON, project_id=project.pk))
    (lot,) = lots.submitted(project)
    deeds: list[Callable[[Actor], Any]] = [
        lambda who: lots.drawn(lot, who),
        lambda who: inspection.decide_lot(by=who, at=NOON, lot_id=lot.pk),
    ]
    for deed in deeds:
        for who, kind in (
            (scenes.qin(), NotAllowed),
            (yan(), NotAllowed),
            (gu(), NotFound),
            (he(), NotFound),
        ):
            refused(kind, lambda who=who, deed=deed: deed(who))
    lots.drawn(lot, lots.fu())
    assert sorted(map(str, {lots_visible_to(who()).count() for who in (scenes.qin, zhou, yan)})) == ["1"]
    assert [lots_visible_to(who()).count() for who in (he, mei, gu)] == [0, 0, 0]


def test_another_firm_inspects_where_the_plan_says_so() -> None:
    project = lots.project(6)
    lots.agreed(project, inspector_id=person("he", BEIJIANG).organization_id)
    (lot,) = lots.submitted(project)
    refused(NotAllowed, lambda: lots.drawn(lot))
    assert lots.decided(lot, by=he()).state == "accepted"


def test_a_frozen_item_is_not_reopened_by_anybody() -> None:
    project = lots.project(6)
    lots.agreed(project)
    (lot,) = lots.submitted(project)
    task = Task.objects.filter(project=project).order_by("pk")[0]
    again = {"at": NOON, "task_id": task.pk, "reason": "复查有误。"}
    found = refused(inspection.ItemFrozen, lambda: work.reopen(by=scenes.qin(), **again))
    assert (found.code, found.context["lot"]) == ("item_in_frozen_lot", "1")
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    refused(
        inspection.ItemFrozen,
        lambda: projects.send_back(
            by=zhou(), at=NOON, project_id=project.pk, reason="重做。", item_ids=[task.item_id]
        ),
    )
    assert Task.objects.get(pk=task.pk).state == "accepted"
    assert lots.decided(lot).state == "accepted"


def test_work_changed_after_its_lot_was_accepted_is_inspected_again() -> None:
    project = lots.project(6)
    lots.agreed(project)
    lots.decided(lots.submitted(project)[0])
    task = Task.objects.filter(project=project).order_by("pk")[0]
    work.reopen(by=scenes.qin(), at=NOON, task_id=task.pk, reason="复查有误。")
    lots.rework(project)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert sorted(Lot.objects.values_list("ordinal", "size", "state")) == [
        (1, 6, "accepted"),
        (2, 1, "submitted"),
    ]
    refused(
        inspection.LotsNotAccepted,
        lambda: projects.accept_project(by=zhou(), at=NOON, project_id=project.pk),
    )
    lots.decided(Lot.objects.get(ordinal=2))
    assert projects.accept_project(by=zhou(), at=NOON, project_id=project.pk).state == "accepted"


def test_items_of_several_people_are_frozen_as_their_merged_result() -> None:
    project = scenes.planned(["甲", "乙"], overlap=2, project={"client": True})
    for who in (mei, scenes.wen):
        for task in scenes.assigned(project, to=who(), count=2):
            work.submit(by=who(), at=NOON, task_id=task.pk, result=scenes.sentiment())
            work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    assert deliverable(project.pk) == []
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    lots.agreed(project)
    (lot,) = lots.submitted(project)
    assert (lot.size, lot.contents.filter(consensus__isnull=False).count()) == (2, 2)
    lots.decided(lot, faulty=1)
    assert (
        Task.objects.filter(project=project, state="returned").count() == 4
    )  # AQL 2.5: both items, both people


# --- the draw -----------------------------------------------------------------------------------


def test_the_sample_follows_from_the_frozen_lot_and_the_value_committed_before() -> None:
    project = lots.project(30)
    lots.agreed(project, aql="6.5")
    made = inspection.commit_value(by=zhou(), at=NOON, project_id=project.pk, value=lots.VALUE)
    assert made.value_sha256 == rules.sha256_of(lots.VALUE)
    assert lots.VALUE not in made.sealed
    (lot,) = lots.submitted(project)
    assert (lot.commitment, lot.value, lot.seed) == (made, "", "")
    inspection.commit_value(
        by=zhou(), at=NOON, project_id=project.pk, value="冻结之后再换一个取值就已经没有用了"
    )
    lot = lots.drawn(lot)
    contents = [(row.number, row.digest) for row in lot.contents.order_by("number")]
    assert lot.value == lots.VALUE
    assert lot.seed == rules.seed_of(rules.digest_of_lot(contents), lots.VALUE)
    chosen = rules.drawn(lot.seed, [number for number, _digest in contents], lot.scheme.sample_size)
    assert [row.content.number for row in sample_of(lot)] == chosen
    newest = DrawValue.objects.order_by("-ordinal")[0]
    assert newest != made  # the next lots are drawn by a value that is not known


@pytest.mark.parametrize(
    ("size", "terms", "letter", "n", "ac"),
    [
        (8, {"aql": "6.5"}, "A", 2, 0),
        (15, {"aql": "6.5", "level": "III"}, "D", 8, 1),
        (16, {"aql": "10", "level": "II"}, "C", 5, 1),
        (26, {"aql": "4.0", "level": "I"}, "B", 3, 0),
        (26, {"aql": "10", "initial": "tightened"}, "D", 8, 1),
        (26, {"aql": "10", "level": "III"}, "E", 13, 3),
        (26, {"aql": "1.5", "level": "S-1"}, "D", 8, 0),
    ],
)
def test_a_sample_is_drawn_by_the_published_cell(
    size: int, terms: dict[str, Any], letter: str, n: int, ac: int
) -> None:
    project = lots.project(size)
    lots.agreed(project, **terms)
    lot = lots.drawn(lots.submitted(project)[0])
    assert (lot.letter, lot.sample_size, lot.accept_number, sample_of(lot).count()) == (letter, n, ac, n)


def test_only_the_inspecting_side_commits_and_not_a_short_word() -> None:
    project = lots.project(2)
    lots.agreed(project)
    wanted = {"at": NOON, "project_id": project.pk}
    refused(NotAllowed, lambda: inspection.commit_value(by=scenes.qin(), value=lots.VALUE, **wanted))
    refused(NotFound, lambda: inspection.commit_value(by=he(), value=lots.VALUE, **wanted))
    assert (
        refused(InvalidInput, lambda: inspection.commit_value(by=zhou(), value="短", **wanted)).field
        == "value"
    )


def test_lots_are_judged_one_after_the_other() -> None:
    project = lots.project(8)
    lots.agreed(project, lot_size=4)
    first, second = lots.submitted(project)
    lots.drawn(first)
    refused(inspection.OtherLotDrawn, lambda: lots.drawn(second))
    refused(MoveNotAllowed, lambda: lots.drawn(first))
    lots.inspect(first)
    inspection.decide_lot(by=zhou(), at=NOON, lot_id=first.pk)
    assert lots.drawn(second).state == "drawn"


# --- verdicts -----------------------------------------------------------------------------------


def test_a_lot_is_judged_when_its_sample_is_inspected() -> None:
    project = lots.project(20)
    lots.agreed(project, aql="6.5")
    (lot,) = lots.submitted(project)
    refused(MoveNotAllowed, lambda: inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk))
    lots.drawn(lot)
    lots.inspect(lot, faulty=2, last=7)
    found = refused(
        inspection.SampleUnfinished, lambda: inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk)
    )
    assert found.context == {"count": 1}
    lots.inspect(lot, faulty=2)
    found_scope = refused(InvalidInput, lambda: inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk))
    assert found_scope.field == "rework_scope"
    wanted = {"by": zhou(), "at": NOON, "lot_id": lot.pk, "rework_scope": "whole"}
    assert inspection.decide_lot(**wanted).state == "rejected"
    refused(MoveNotAllowed, lambda: inspection.decide_lot(**wanted))
    row = sample_of(lot)[0]
    late = {"by": zhou(), "at": NOON, "sample_id": row.pk, "is_conforming": True}
    refused(MoveNotAllowed, lambda: inspection.inspect_item(**late))


def test_a_certain_rejection_is_told_early_only_where_the_plan_says_so() -> None:
    project = lots.project(20)
    lots.agreed(project, aql="6.5", is_sample_finished=False)
    (lot,) = lots.submitted(project)
    lots.drawn(lot)
    lots.inspect(lot, faulty=2, last=2)
    assert inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk, rework_scope="alike").state == "rejected"


def test_a_finding_needs_a_kind_and_a_reason_and_may_be_said_anew() -> None:
    project = lots.project(4)
    lots.agreed(project)
    (lot,) = lots.submitted(project)
    lots.drawn(lot)
    row = sample_of(lot)[0]
    wanted = {"by": zhou(), "at": NOON, "sample_id": row.pk, "is_conforming": False}
    assert refused(InvalidInput, lambda: inspection.inspect_item(**wanted)).field == "fault"
    assert refused(InvalidInput, lambda: inspection.inspect_item(**wanted, fault="missed")).field == "reason"
    inspection.inspect_item(**wanted, fault="missed", reason="漏了价格。")
    inspection.inspect_item(by=zhou(), at=NOON, sample_id=row.pk, is_conforming=True)
    kept = SampleItem.objects.get(pk=row.pk)
    assert (kept.is_conforming, kept.fault, kept.reason) == (True, "", "")
    refused(NotFound, lambda: inspection.inspect_item(**{**wanted, "by": he()}))
    refused(NotAllowed, lambda: inspection.inspect_item(**{**wanted, "by": scenes.qin()}))


def test_faulty_items_of_an_accepted_lot_are_mended_with_their_reason() -> None:
    project = lots.project(20)
    lots.agreed(project, aql="6.5")
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    lot = Lot.objects.get()
    assert lots.decided(lot, faulty=1).state == "accepted"
    project.refresh_from_db()
    assert project.state == "in_progress"
    (task,) = Task.objects.filter(project=project, state="returned")
    from annotation.work.selectors import returned_because

    assert returned_because(task) == "抽检第 1 批：标签选错。应为负面。"
    lots.rework(project)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert Lot.objects.count() == 1  # mended: the accepted lot speaks for it
    assert projects.accept_project(by=zhou(), at=NOON, project_id=project.pk).state == "accepted"


def test_an_item_that_came_back_unchanged_is_inspected_again() -> None:
    project = lots.project(20)
    lots.agreed(project, aql="6.5")
    (lot,) = lots.submitted(project)
    lots.decided(lot, faulty=1)
    lots.rework(project, word="正面")
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert sorted(Lot.objects.values_list("ordinal", "size")) == [(1, 20), (2, 1)]


def test_alike_is_what_the_same_people_did_in_the_lot() -> None:
    project = lots.project(20, done=10)
    for task in scenes.assigned(project, to=scenes.wen(), count=10):
        work.submit(by=scenes.wen(), at=NOON, task_id=task.pk, result=scenes.sentiment())
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    lots.agreed(project, aql="0.65")
    (lot,) = lots.submitted(project)
    lots.drawn(lot)
    lots.inspect(lot)
    of_mei = Task.objects.filter(project=project, annotator=mei().user).values("item")
    for row in sample_of(lot).filter(content__item__in=of_mei)[:1]:
        inspection.inspect_item(
            by=zhou(), at=NOON, sample_id=row.pk, is_conforming=False, fault="missed", reason="漏。"
        )
    inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk, rework_scope="alike")
    back = Task.objects.filter(project=project, state="returned").values_list("annotator__email", flat=True)
    assert sorted(back) == ["mei@example.cn"] * 10


def test_a_lot_is_submitted_again_when_all_its_rework_is_done() -> None:
    project = lots.project(6)
    lots.agreed(project)
    (lot,) = lots.submitted(project)
    lots.decided(lot, faulty=1)
    found = refused(
        inspection.LotUnfinished, lambda: inspection.resubmit_lot(by=scenes.qin(), at=NOON, lot_id=lot.pk)
    )
    assert found.context == {"count": 6}
    lots.rework(project)
    refused(NotAllowed, lambda: inspection.resubmit_lot(by=zhou(), at=NOON, lot_id=lot.pk))
    assert inspection.resubmit_lot(by=scenes.qin(), at=NOON, lot_id=lot.pk).number == "1.2"
    refused(MoveNotAllowed, lambda: inspection.resubmit_lot(by=scenes.qin(), at=NOON, lot_id=lot.pk))


def test_a_limiting_quality_has_no_switching() -> None:
    project = lots.project(10)
    lots.agreed(project, basis="lq", limiting_quality=2_000)
    (lot,) = lots.submitted(project)
    judged = lots.decided(lot, faulty=1)
    assert (judged.severity, judged.state, SwitchingStep.objects.count()) == ("", "rejected", 0)


def test_after_five_rejections_under_tightened_inspection_nothing_is_inspected_until_it_is_resumed() -> None:
    project = lots.project(14)
    lots.agreed(project, lot_size=2, initial="tightened")
    made = lots.submitted(project)
    for lot in made[:5]:
        lots.decided(lot, faulty=1)
    refused(inspection.InspectionDiscontinued, lambda: lots.drawn(made[5]))
    lots.rework(project)
    refused(
        inspection.InspectionDiscontinued,
        lambda: projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk),
    )
    wanted = {"at": NOON, "project_id": project.pk, "remark": "重新培训了标注员。"}
    refused(NotAllowed, lambda: inspection.resume_inspection(by=scenes.qin(), **wanted))
    step = inspection.resume_inspection(by=zhou(), **wanted)
    assert (step.severity, step.cause) == ("tightened", "resumed")
    refused(inspection.NotDiscontinued, lambda: inspection.resume_inspection(by=zhou(), **wanted))
    assert lots.drawn(made[5]).severity == "tightened"


def test_a_new_plan_begins_anew_for_the_lots_after_it() -> None:
    project = lots.project(8)
    lots.agreed(project, lot_size=4)
    first, second = lots.submitted(project)
    lots.decided(first, faulty=1)
    newer = lots.agreed(project, lot_size=4, initial="tightened", aql="1.0")
    assert lots.drawn(second).plan.version == 1
    lots.inspect(second)
    inspection.decide_lot(by=zhou(), at=NOON, lot_id=second.pk)
    lots.rework(project)
    again = inspection.resubmit_lot(by=scenes.qin(), at=NOON, lot_id=first.pk)
    assert (again.plan, lots.drawn(again).severity) == (newer, "tightened")


# --- guards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["inspectionplan", "plananswer", "drawvalue", "lotitem", "switchingstep"])
def test_what_was_agreed_and_frozen_is_never_changed(table: str) -> None:
    project = lots.project(4)
    lots.agreed(project)
    lots.submitted(project)
    for statement in (
        f"DELETE FROM inspection_{table}",
        f"UPDATE inspection_{table} SET recorded_at = now()",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_lists_ask_the_database_as_often_for_many_lots_as_for_few(
    django_assert_num_queries: Any,
) -> None:
    project = lots.project(12)
    lots.agreed(project, lot_size=2)
    lots.submitted(project)
    viewer = zhou()
    with django_assert_num_queries(1):
        rows = list(lots_of_project(viewer, project.pk))
        assert [(lot.number, lot.faulty, lot.project.firm.name[:2]) for lot in rows][:1] == [("6", 0, "清蓝")]
        assert [lot.plan.inspector for lot in rows] == [None] * 6


# --- at the same moment ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_sixteen_verdicts_at_once_are_one() -> None:
    project = lots.project(20)
    lots.agreed(project, aql="6.5")
    (lot,) = lots.submitted(project)
    lots.drawn(lot)
    lots.inspect(lot, faulty=2)
    who = zhou()
    found = at_once(
        *[lambda: inspection.decide_lot(by=who, at=NOON, lot_id=lot.pk, rework_scope="whole")] * 16
    )
    assert sorted(type(one).__name__ for one in found) == ["Lot"] + ["MoveNotAllowed"] * 15
    assert SwitchingStep.objects.filter(lot=lot).count() == 1
    assert AuditEvent.objects.filter(action="inspection.decide").count() == 1
    assert Task.objects.filter(project=project, state="returned").count() == 20


@pytest.mark.django_db(transaction=True)
def test_submitting_drawing_and_resubmitting_twice_at_once_happen_once() -> None:
    project = lots.project(8)
    lots.agreed(project, lot_size=4)
    lead, client = scenes.qin(), zhou()
    found = at_once(*[lambda: inspection.submit_lots(by=lead, at=NOON, project_id=project.pk)] * 4)
    assert sorted(type(one).__name__ for one in found) == ["NothingForLots"] * 3 + ["list"]
    assert LotItem.objects.count() == 8
    first, second = Lot.objects.order_by("ordinal")
    drawn = at_once(
        *(
            lambda lot=lot: inspection.draw_sample(by=client, at=NOON, lot_id=lot.pk)
            for lot in (first, second)
        )
    )
    assert sorted(type(one).__name__ for one in drawn) == ["Lot", "OtherLotDrawn"]
    lot = Lot.objects.get(state="drawn")
    lots.inspect(lot, faulty=1)
    inspection.decide_lot(by=client, at=NOON, lot_id=lot.pk, rework_scope="whole")
    lots.rework(project)
    again = at_once(*[lambda: inspection.resubmit_lot(by=lead, at=NOON, lot_id=lot.pk)] * 4)
    assert sorted(type(one).__name__ for one in again) == ["Lot"] + ["MoveNotAllowed"] * 3
    assert Project.objects.get().inspection_lots.filter(version=2).count() == 1
