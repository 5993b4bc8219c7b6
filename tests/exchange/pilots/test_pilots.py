"""From the call to the exit, and everything that must not happen on the way."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from exchange.pilots import rules, services
from exchange.pilots.events import PilotAssessed, PilotBegan, PilotDecided, PilotExited, ScorerExcluded
from exchange.pilots.models import Application, Pilot, Round, ScoreSheet, Seat, Signature
from exchange.pilots.selectors import matrix_of, pilot_in_force
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.states import MoveNotAllowed
from organizations.models import Membership
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange.pilots import pilotage
from tests.exchange.pilots.pilotage import CLOSE, POINTS, REVIEW

pytestmark = pytest.mark.django_db

# 90×25 + 80×20 + 85×20 + 70×15 + 60×10 + 75×10
TOTAL = 2250 + 1600 + 1700 + 1050 + 600 + 750


# --- the story ----------------------------------------------------------------------------------


def test_a_broker_goes_from_the_call_to_the_exit(heard: list[Event]) -> None:
    pilot = pilotage.in_pilot()
    application = pilot.application
    assert (application.state, application.rank, application.mean_centi) == ("selected", 1, TOTAL)
    assert (pilot.state, pilot.grade, pilot.number[:3]) == ("in_pilot", "B", "SD-")
    assert pilot.began_at is not None
    assert pilot.until == clock.start_of(clock.business_date(pilot.began_at).replace(year=2028))
    assert pilot_in_force(pilot.organization_id) == pilot
    later = clock.start_of(date(2027, 1, 4))
    good = rules.Facts(
        deals=12, amount_fen=1_000_000_00, disputes=0, complete_records=48, required_records=48,
        ratings_count=10, ratings_sum=45,
    )  # fmt: skip
    first = services.assess(by=cast.gu(), at=later, pilot_id=pilot.pk, year=2026, facts=good)
    assert (first.total_centi, first.proposal) == (25_00 + 20_00 + 20_00 + 25_00 + 8_75, "continue")
    services.decide(
        by=cast.gu(), at=later, pilot_id=pilot.pk, verdict="improve", reasons="两笔交易的身份审核记录晚于成交。",
        demands=["补正两笔交易的身份审核记录", "修订审核流程"],
    )  # fmt: skip
    pilot.refresh_from_db()
    assert pilot.state == "improving"
    demands = list(first.decision.demands.order_by("ordinal"))
    assert [demand.due_on for demand in demands] == [date(2027, 1, 4) + timedelta(days=90)] * 2
    for demand in demands:
        services.report_demand(
            by=pilotage.hong(), at=later, demand_id=demand.pk, report="已经补正并附上新流程。"
        )
        services.confirm_demand(by=cast.gu(), at=later, demand_id=demand.pk)
    services.accept_improvement(by=cast.gu(), at=later, pilot_id=pilot.pk)
    pilot.refresh_from_db()
    assert pilot.state == "in_pilot"
    year_after = clock.start_of(date(2028, 1, 3))
    weak = rules.Facts(deals=1, amount_fen=100_00, disputes=1, complete_records=1, required_records=4)
    second = services.assess(by=cast.gu(), at=year_after, pilot_id=pilot.pk, year=2027, facts=weak)
    assert second.proposal == "exit"
    services.decide(
        by=cast.gu(), at=year_after, pilot_id=pilot.pk, verdict="exit", reasons="记录严重缺失，且未完成目标。"
    )
    pilot.refresh_from_db()
    assert (pilot.state, pilot.ended_at) == ("exited", year_after)
    assert pilot_in_force(pilot.organization_id) is None
    ends = [event for event in heard if isinstance(event, PilotExited)]
    assert [(event.pilot_id, event.organization_id) for event in ends] == [(pilot.pk, pilot.organization_id)]
    kinds = [type(event) for event in heard[-6:]]
    assert kinds[-2:] == [PilotDecided, PilotExited]
    assert sum(isinstance(event, PilotBegan) for event in heard) == 1
    assert sum(isinstance(event, PilotAssessed) for event in heard) == 2
    assert AuditEvent.objects.filter(action="pilots.decide").count() == 2


# --- the call -----------------------------------------------------------------------------------


def test_a_call_is_edited_only_as_a_draft_and_the_database_holds_it() -> None:
    call = pilotage.drafted()
    services.edit_round(by=cast.gu(), at=NOON, round_id=call.pk, places_data=3, documents_wanted="营业执照")
    call = services.publish_round(by=cast.gu(), at=NOON, round_id=call.pk)
    assert (call.state, call.places_data, call.scorers_count) == ("published", 3, 3)
    with pytest.raises(services.RoundNotDraft):
        services.edit_round(by=cast.gu(), at=NOON, round_id=call.pk, places_data=4)
    with pytest.raises(services.RoundNotDraft):
        services.set_scale(by=cast.gu(), at=NOON, round_id=call.pk, rows=[{"label": "唯一", "weight": 100}])
    with pytest.raises(DatabaseError, match="published_fixed"), transaction.atomic():
        Round.objects.filter(pk=call.pk).update(places_data=9)
    with pytest.raises(MoveNotAllowed):
        services.publish_round(by=cast.gu(), at=NOON, round_id=call.pk)


def test_weights_of_a_scale_add_up_to_a_hundred() -> None:
    call = pilotage.drafted()
    rows = [{"label": "能力", "weight": 60, "guidance": "看产品"}, {"label": "团队", "weight": 41}]
    with pytest.raises(InvalidInput) as refused:
        services.set_scale(by=cast.gu(), at=NOON, round_id=call.pk, rows=rows)
    assert "101" in str(refused.value)
    rows[1]["weight"] = 40
    found = services.set_scale(by=cast.gu(), at=NOON, round_id=call.pk, rows=rows)
    assert [(row.label, row.weight) for row in found.criteria] == [("能力", 60), ("团队", 40)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"title": "短"}, "title"), ({"closes_at": NOON}, "closes_at"), ({"scorers_count": 2}, "scorers_count"),
     ({"places_technology": 0, "places_data": 0, "places_rights": 0}, "places_technology")],
)  # fmt: skip
def test_an_unsound_call_is_refused_with_its_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        pilotage.drafted(**wrong)
    assert refused.value.field == field
    assert not Round.objects.exists()


def test_only_the_operator_calls_and_a_draft_is_nobody_elses() -> None:
    for who in (pilotage.hong(), cast.shen(), cast.yan()):
        with pytest.raises(NotAllowed):
            services.draft_round(by=who, at=NOON, title="第一批试点", opens_at=NOON, closes_at=CLOSE)
    call = pilotage.drafted()
    with pytest.raises(NotFound):
        services.publish_round(by=pilotage.hong(), at=NOON, round_id=call.pk)


def test_a_round_closes_at_its_very_second_and_by_itself() -> None:
    call = pilotage.published()
    draft = pilotage.written(call)
    assert services.close_due(at=CLOSE - timedelta(microseconds=1)) == 0
    with pytest.raises(services.StillOpen):
        pilotage.closed(call, at=CLOSE - timedelta(microseconds=1))
    assert services.close_due(at=CLOSE) == 1
    assert services.close_due(at=CLOSE) == 0
    call.refresh_from_db()
    draft.refresh_from_db()
    assert (call.state, call.closed_at, draft.state) == ("closed", CLOSE, "lapsed")


# --- applications -------------------------------------------------------------------------------


def test_an_application_is_sealed_at_the_very_second_of_the_close() -> None:
    call = pilotage.published()
    found = pilotage.applied(call)
    almost = CLOSE - timedelta(microseconds=1)
    services.take_back(by=pilotage.hong(), at=almost, application_id=found.pk)
    services.edit_application(
        by=pilotage.hong(), at=almost, application_id=found.pk, plan="第一年撮合十五笔，逐季复盘。"
    )
    services.submit(by=pilotage.hong(), at=almost, application_id=found.pk)
    for deed in (services.take_back, services.withdraw, services.submit):
        with pytest.raises(services.Sealed):
            deed(by=pilotage.hong(), at=CLOSE, application_id=found.pk)
    with pytest.raises(services.Sealed):
        services.edit_application(
            by=pilotage.hong(), at=CLOSE, application_id=found.pk, plan="晚了一步的修改内容"
        )
    with pytest.raises(services.NotOpen):
        services.draft_application(
            by=pilotage.jiang(), at=CLOSE, round_id=call.pk, broker_type="data_enabling"
        )
    with pytest.raises(DatabaseError, match="submitted_fixed"), transaction.atomic():
        Application.objects.filter(pk=found.pk).update(plan="改")


def test_nobody_applies_before_the_opening() -> None:
    call = pilotage.published(opens_at=NOON + timedelta(days=1))
    with pytest.raises(services.NotOpen):
        services.draft_application(by=pilotage.hong(), at=NOON, round_id=call.pk, broker_type="data_enabling")
    services.draft_application(
        by=pilotage.hong(), at=NOON + timedelta(days=1), round_id=call.pk, broker_type="data_enabling"
    )


def test_what_is_missing_is_named_and_each_type_asks_its_own_questions() -> None:
    call = pilotage.published(documents_wanted="营业执照、案例证明")
    found = services.draft_application(
        by=pilotage.hong(), at=NOON, round_id=call.pk, broker_type="entrusted_rights"
    )
    services.edit_application(by=pilotage.hong(), at=NOON, application_id=found.pk, **pilotage.TEXTS)
    with pytest.raises(services.ApplicationIncomplete) as refused:
        services.submit(by=pilotage.hong(), at=NOON, application_id=found.pk)
    assert [word in str(refused.value) for word in ("代理哪些权利人", "权利人权益的保护", "材料", "DCMM")] == [
        True, True, True, False,
    ]  # fmt: skip
    with pytest.raises(InvalidInput) as wrong:
        services.edit_application(by=pilotage.hong(), at=NOON, application_id=found.pk, products="产品说明")
    assert wrong.value.field == "products"
    with pytest.raises(InvalidInput):
        services.edit_application(by=pilotage.hong(), at=NOON, application_id=found.pk, dcmm_level=6)


def test_one_application_per_organization_round_and_type() -> None:
    call = pilotage.published(places_rights=0)
    first = pilotage.written(call)
    with pytest.raises(services.AlreadyApplied) as refused:
        pilotage.written(call)
    assert first.number in str(refused.value)
    with pytest.raises(InvalidInput):
        services.draft_application(
            by=pilotage.hong(), at=NOON, round_id=call.pk, broker_type="entrusted_rights"
        )
    services.withdraw(by=pilotage.hong(), at=NOON, application_id=first.pk)
    again = pilotage.written(call)
    pilotage.written(call, broker_type="technology_enabling")
    pilotage.written(call, by=pilotage.jiang())
    assert again.number != first.number
    assert Application.objects.filter(state="draft").count() == 3


def test_another_firm_finds_nothing_and_an_onlooker_may_not_touch() -> None:
    call = pilotage.published()
    found = pilotage.applied(call)
    with pytest.raises(NotFound):
        services.take_back(by=pilotage.jiang(), at=NOON, application_id=found.pk)
    for who in (cast.gu(), cast.shen(), cast.yan()):
        with pytest.raises(NotAllowed):
            services.take_back(by=who, at=NOON, application_id=found.pk)
    with pytest.raises(NotAllowed):
        services.draft_application(by=cast.lin(), at=NOON, round_id=call.pk, broker_type="data_enabling")
    found.refresh_from_db()
    assert found.state == "applied"


# --- scoring ------------------------------------------------------------------------------------


def _in_review(**wanted: object) -> tuple[Round, Application]:
    call = pilotage.published(**wanted)
    application = pilotage.applied(call)
    pilotage.closed(call)
    call.refresh_from_db()
    application.refresh_from_db()
    return call, application


def test_a_declared_conflict_excludes_and_somebody_else_is_appointed(heard: list[Event]) -> None:
    call, application = _in_review()
    wen, qiu, pei = pilotage.experts()
    seat = pilotage.seated(application, wen)
    with pytest.raises(services.NotDeclared):
        services.score(by=wen, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="材料属实")
    with pytest.raises(InvalidInput):
        services.declare(by=wen, at=REVIEW, seat_id=seat.pk, has_conflict=True, statement="")
    services.declare(by=wen, at=REVIEW, seat_id=seat.pk, has_conflict=True, statement="配偶在该公司任职")
    assert isinstance(heard[-1], ScorerExcluded)
    with pytest.raises(MoveNotAllowed):
        services.score(by=wen, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="材料属实")
    with pytest.raises(services.AlreadySeated):
        pilotage.seated(application, wen)
    substitute = services.appoint(
        by=cast.gu(), at=REVIEW, application_id=application.pk,
        membership_id=pilotage.membership(pei).pk, replaces_id=seat.pk,
    )  # fmt: skip
    assert substitute.replaces_id == seat.pk
    with pytest.raises(InvalidInput):
        services.appoint(
            by=cast.gu(), at=REVIEW, application_id=application.pk,
            membership_id=pilotage.membership(qiu).pk, replaces_id=seat.pk,
        )  # fmt: skip
    with pytest.raises(services.ScoringIncomplete) as refused:
        pilotage.announced(call)
    assert application.number in str(refused.value)


def test_nobody_scores_an_application_of_a_firm_they_belong_to() -> None:
    _call, application = _in_review()
    wen = pilotage.experts()[0]
    seat = pilotage.seated(application, wen)
    services.declare(by=wen, at=REVIEW, seat_id=seat.pk, has_conflict=False)
    Membership.objects.create(user=wen.user, organization=application.applicant, roles=["finance"])
    with pytest.raises(services.OfApplicant):
        services.score(by=wen, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="材料属实")
    qiu = pilotage.experts()[1]
    Membership.objects.create(user=qiu.user, organization=application.applicant, roles=["finance"])
    with pytest.raises(services.OfApplicant):
        pilotage.seated(application, qiu)
    with pytest.raises(services.NotAScorer):
        pilotage.seated(application, cast.lin())
    assert not ScoreSheet.objects.exists()


def test_a_score_stands_and_a_correction_is_a_new_version_with_its_reason() -> None:
    call, application = _in_review()
    for who in pilotage.experts():
        pilotage.scored(application, who)
    wen = pilotage.experts()[0]
    seat = Seat.objects.get(scorer=wen.user)
    with pytest.raises(InvalidInput) as refused:
        services.score(by=wen, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="再提交一次")
    assert refused.value.field == "reason"
    points = {**POINTS, "plan": 95}
    sheet = services.score(
        by=wen,
        at=REVIEW,
        seat_id=seat.pk,
        points=points,
        opinion="方案补充后更好",
        reason="误看了上一年的方案",
    )
    assert (sheet.version, sheet.total_centi) == (2, TOTAL + 200)
    (row,) = matrix_of(call)
    assert row.mean_centi == rules.rounded(rules.mean_centi([TOTAL + 200, TOTAL, TOTAL]))
    for change in ({"total_centi": 1}, {"points": {}}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ScoreSheet.objects.filter(pk=sheet.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        ScoreSheet.objects.filter(pk=sheet.pk).delete()
    pilotage.announced(call)
    with pytest.raises(services.ScoringOver):
        services.score(
            by=wen, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="公示后再改", reason="改回去"
        )


@pytest.mark.parametrize(
    "bad", [{"plan": 101}, {"plan": -1}, {"plan": "90"}, {"plan": True}, {"plan": None}, {"luck": 5}]
)
def test_points_are_whole_numbers_from_nought_to_a_hundred(bad: dict[str, object]) -> None:
    _call, application = _in_review()
    wen = pilotage.experts()[0]
    seat = pilotage.seated(application, wen)
    services.declare(by=wen, at=REVIEW, seat_id=seat.pk, has_conflict=False)
    with pytest.raises(InvalidInput) as refused:
        services.score(by=wen, at=REVIEW, seat_id=seat.pk, points={**POINTS, **bad}, opinion="材料属实")
    assert refused.value.field == next(iter(bad))


def test_a_seat_belongs_to_its_scorer_alone() -> None:
    _call, application = _in_review()
    wen, qiu, _pei = pilotage.experts()
    seat = pilotage.seated(application, wen)
    for who in (qiu, cast.gu(), pilotage.hong()):
        with pytest.raises(NotFound):
            services.declare(by=who, at=REVIEW, seat_id=seat.pk, has_conflict=False)
    with pytest.raises(NotAllowed):
        services.relieve(by=qiu, at=REVIEW, seat_id=seat.pk, reason="不能参加")
    services.relieve(by=cast.gu(), at=REVIEW, seat_id=seat.pk, reason="本人生病，不能参加")
    with pytest.raises(MoveNotAllowed):
        services.declare(by=wen, at=REVIEW, seat_id=seat.pk, has_conflict=False)


@pytest.mark.django_db(transaction=True)
def test_one_scorer_twice_at_once_gives_one_sheet_and_two_scorers_give_two() -> None:
    _call, application = _in_review()
    wen, qiu, _pei = pilotage.experts()
    seats = [pilotage.seated(application, who) for who in (wen, qiu)]
    for who, seat in zip((wen, qiu), seats, strict=True):
        services.declare(by=who, at=REVIEW, seat_id=seat.pk, has_conflict=False)
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def once(who: Actor, seat: Seat) -> None:
        try:
            gate.wait(10)
            services.score(by=who, at=REVIEW, seat_id=seat.pk, points=POINTS, opinion="材料属实")
            outcomes.append("scored")
        except InvalidInput as refused:
            outcomes.append(refused.field)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=once, args=pair)
        for pair in [(wen, seats[0]), (qiu, seats[1])]
        for _i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["reason", "reason", "scored", "scored"]
    assert sorted(ScoreSheet.objects.values_list("version", flat=True)) == [1, 1]


def test_an_outlier_is_shown_and_still_counts() -> None:
    call, application = _in_review()
    wen, qiu, pei = pilotage.experts()
    pilotage.scored(application, wen)
    pilotage.scored(application, qiu)
    pilotage.scored(application, pei, capability=20, security=20)
    (row,) = matrix_of(call)
    low = TOTAL - 70 * 25 - 60 * 20
    assert [cell.is_outlier for cell in row.cells] == [False, False, True]
    pilotage.announced(call)
    application.refresh_from_db()
    assert application.result is not None
    assert application.result["sum_centi"] == 2 * TOTAL + low
    assert application.mean_centi == rules.rounded(rules.mean_centi([TOTAL, TOTAL, low]))
    assert [line["is_outlier"] for line in application.result["lines"]] == [False, False, True]
    assert rules.document_sha256(application.result) == application.result_sha256
    assert (application.grade, application.is_proposed) == ("C", True)


# --- the result ---------------------------------------------------------------------------------


def test_ties_fall_to_the_heaviest_criterion_then_to_the_earlier_one() -> None:
    call = pilotage.published(places_data=1)
    late = pilotage.applied(call, by=pilotage.hong(), at=NOON + timedelta(days=2))
    early = pilotage.applied(call, by=pilotage.jiang(), at=NOON + timedelta(days=1))
    pilotage.closed(call)
    for who in pilotage.experts():
        pilotage.scored(late, who)
        pilotage.scored(early, who)
    pilotage.announced(call)
    late.refresh_from_db(), early.refresh_from_db()
    assert [(each.rank, each.is_proposed) for each in (early, late)] == [(1, True), (2, False)]


def test_the_same_total_with_more_in_the_heaviest_criterion_comes_first() -> None:
    call = pilotage.published(places_data=2)
    late = pilotage.applied(call, by=pilotage.hong(), at=NOON + timedelta(days=2))
    early = pilotage.applied(call, by=pilotage.jiang(), at=NOON + timedelta(days=1))
    pilotage.closed(call)
    for who in pilotage.experts():  # +4 × 25 = +10 × 10, so both have one total
        pilotage.scored(late, who, capability=94)
        pilotage.scored(early, who, plan=85)
    pilotage.announced(call)
    late.refresh_from_db(), early.refresh_from_db()
    assert late.mean_centi == early.mean_centi
    assert (late.rank, early.rank) == (1, 2)


def test_below_the_lowest_band_nobody_is_selected() -> None:
    call, application = _in_review()
    for who in pilotage.experts():
        pilotage.scored(application, who, capability=10, security=10, speciality=10)
    call = pilotage.announced(call)
    assert call.notice_until is not None
    services.conclude_result(by=cast.gu(), at=clock.end_of(call.notice_until), round_id=call.pk)
    application.refresh_from_db()
    assert (application.state, application.grade) == ("not_selected", "")
    assert not Pilot.objects.exists()


def test_the_notice_runs_five_working_days_and_objections_are_answered_first() -> None:
    call, application = _in_review()
    for who in pilotage.experts():
        pilotage.scored(application, who)
    friday = clock.start_of(date(2026, 4, 3)) + timedelta(hours=4)  # before 清明: 4–6 April are off
    call = pilotage.announced(call, at=friday)
    assert call.notice_until == date(2026, 4, 13)
    end = clock.end_of(date(2026, 4, 13))
    with pytest.raises(services.NoticeRunning):
        services.conclude_result(by=cast.gu(), at=end - timedelta(microseconds=1), round_id=call.pk)
    objection = services.file_objection(
        by=pilotage.jiang(), at=end - timedelta(microseconds=1), round_id=call.pk,
        statement="其所列案例之一由我公司完成，请核实。", application_id=application.pk,
    )  # fmt: skip
    with pytest.raises(services.NoticeOver):
        services.file_objection(
            by=pilotage.jiang(), at=end, round_id=call.pk, statement="期满之后提出的另一件异议。"
        )
    with pytest.raises(services.ObjectionsOpen):
        services.conclude_result(by=cast.gu(), at=end, round_id=call.pk)
    with pytest.raises(NotAllowed):
        services.answer_objection(
            by=pilotage.jiang(),
            at=end,
            objection_id=objection.pk,
            is_upheld=True,
            answer="经核实，异议成立，重新评审。",
        )
    services.answer_objection(
        by=cast.gu(), at=end, objection_id=objection.pk, is_upheld=True, answer="经核实，异议成立，重新评审。"
    )
    call.refresh_from_db(), application.refresh_from_db()
    assert (call.state, application.state) == ("closed", "applied")
    wen = pilotage.experts()[0]
    seat = Seat.objects.get(scorer=wen.user)
    services.score(
        by=wen,
        at=end,
        seat_id=seat.pk,
        points={**POINTS, "cases": 30},
        opinion="扣除争议案例",
        reason="异议成立",
    )
    again = pilotage.announced(call, at=end)
    assert again.notice_until == date(2026, 4, 21)
    application.refresh_from_db()
    assert application.mean_centi == rules.rounded(rules.mean_centi([TOTAL - 300, TOTAL, TOTAL]))


def test_a_dismissed_objection_leaves_the_result() -> None:
    call, application = _in_review()
    for who in pilotage.experts():
        pilotage.scored(application, who)
    call = pilotage.announced(call)
    objection = services.file_objection(
        by=cast.lin(), at=REVIEW, round_id=call.pk, statement="评分标准没有考虑标注企业的情况。"
    )
    services.answer_objection(
        by=cast.gu(),
        at=REVIEW,
        objection_id=objection.pk,
        is_upheld=False,
        answer="评分标准已随公告发布，未作改变。",
    )
    with pytest.raises(MoveNotAllowed):
        services.answer_objection(
            by=cast.gu(),
            at=REVIEW,
            objection_id=objection.pk,
            is_upheld=True,
            answer="改变主意，认为异议成立。",
        )
    assert call.notice_until is not None
    concluded = services.conclude_result(by=cast.gu(), at=clock.end_of(call.notice_until), round_id=call.pk)
    assert concluded.state == "decided"


# --- the agreement ------------------------------------------------------------------------------


def test_both_sides_sign_the_same_text_once() -> None:
    pilot = pilotage.selected()
    agreement = pilot.agreement
    assert rules.text_hash(agreement.text) == agreement.text_sha256
    assert all(
        word in agreement.text
        for word in ("数据赋能型", pilot.number, "合通数据经纪（示例）有限公司", "2 年")
    )
    at = agreement.drawn_up_at
    with pytest.raises(services.OtherText):
        services.sign_agreement(by=pilotage.hong(), at=at, pilot_id=pilot.pk, text_sha256="0" * 64)
    services.sign_agreement(by=pilotage.hong(), at=at, pilot_id=pilot.pk, text_sha256=agreement.text_sha256)
    with pytest.raises(services.AlreadySigned):
        services.sign_agreement(
            by=pilotage.hong(), at=at, pilot_id=pilot.pk, text_sha256=agreement.text_sha256
        )
    for who, refusal in ((pilotage.jiang(), NotFound), (cast.shen(), services.WrongSide)):
        with pytest.raises(refusal):
            services.sign_agreement(by=who, at=at, pilot_id=pilot.pk, text_sha256=agreement.text_sha256)
    with pytest.raises(services.SigningOver):
        services.sign_agreement(
            by=cast.gu(), at=pilot.sign_by, pilot_id=pilot.pk, text_sha256=agreement.text_sha256
        )
    services.sign_agreement(by=cast.gu(), at=at, pilot_id=pilot.pk, text_sha256=agreement.text_sha256)
    pilot.refresh_from_db()
    assert (pilot.state, Signature.objects.count()) == ("in_pilot", 2)
    with pytest.raises(DatabaseError), transaction.atomic():
        type(agreement).objects.filter(pk=agreement.pk).update(text="改")


def test_a_broker_may_decline_and_the_operator_only_after_the_days_for_signing() -> None:
    pilot = pilotage.selected()
    with pytest.raises(services.WrongSide):
        services.decline_pilot(by=cast.gu(), at=NOON, pilot_id=pilot.pk, reason="对方没有回音")
    found = services.decline_pilot(by=cast.gu(), at=pilot.sign_by, pilot_id=pilot.pk, reason="逾期未签署")
    assert found.state == "declined"
    with pytest.raises(MoveNotAllowed):
        services.sign_agreement(
            by=pilotage.hong(), at=NOON, pilot_id=pilot.pk, text_sha256=pilot.agreement.text_sha256
        )


# --- the assessment -----------------------------------------------------------------------------

FACTS = rules.Facts(
    deals=7, amount_fen=333_333_33, disputes=1, complete_records=27, required_records=28, ratings_count=3,
    ratings_sum=13,
)  # fmt: skip
NEW_YEAR = clock.start_of(date(2027, 1, 1))


def test_the_arithmetic_of_an_assessment_is_exact_and_shown_line_by_line() -> None:
    pilot = pilotage.in_pilot()
    found = services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=FACTS)
    lines = {line["key"]: (line["points"], line["weight"], line["centi"]) for line in found.trace["lines"]}
    assert lines == {
        "deals": ("175/3", 25, 1458),  # 7 of 12
        "amount": ("33333333/1000000", 20, 666),
        "disputes": ("0/1", 20, 0),  # one in seven is over a tenth
        "records": ("675/7", 25, 2410),
        "ratings": ("250/3", 10, 833),
    }
    assert found.total_centi == 5_369  # floored once: 5369.0428…
    assert found.proposal == "improve"
    assert found.trace["rules_from"] == "2024-01-01"
    again = services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=FACTS)
    assert again.pk == found.pk
    with pytest.raises(services.AlreadyAssessed):
        services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=rules.Facts())
    assert rules.document_sha256(rules.assessment_of(2026, FACTS, until=pilot.until)) == found.trace_sha256


def test_a_year_is_assessed_when_it_is_over_and_only_of_a_running_pilot() -> None:
    pilot = pilotage.in_pilot()
    with pytest.raises(services.YearNotOver):
        services.assess(
            by=cast.gu(), at=NEW_YEAR - timedelta(microseconds=1), pilot_id=pilot.pk, year=2026, facts=FACTS
        )
    with pytest.raises(services.NotInForce):
        services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2025, facts=FACTS)
    unsigned = pilotage.selected(by=pilotage.jiang(), title="第二批数据经纪人试点")
    with pytest.raises(services.NotInForce):
        services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=unsigned.pk, year=2026, facts=FACTS)


def test_impossible_facts_are_refused_by_name() -> None:
    pilot = pilotage.in_pilot()
    for wrong, field in (
        (rules.Facts(deals=-1), "deals"),
        (rules.Facts(complete_records=2, required_records=1), "complete_records"),
        (rules.Facts(ratings_count=2, ratings_sum=11), "ratings_sum"),
    ):
        with pytest.raises(InvalidInput) as refused:
            services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=wrong)
        assert refused.value.field == field


def test_nobody_decides_about_a_broker_they_belong_to() -> None:
    pilot = pilotage.in_pilot()
    with pytest.raises(NotAllowed):
        services.assess(by=pilotage.hong(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=FACTS)
    services.assess(by=Actor.system("年度考核"), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=FACTS)
    Membership.objects.create(user=cast.gu().user, organization=pilot.organization, roles=["finance"])
    for deed in (
        lambda: services.decide(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, verdict="continue", reasons="总体合格，继续试点。"),
        lambda: services.exit_pilot(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, reason="总体不合格，应当退出。"),
    ):  # fmt: skip
        with pytest.raises(services.OwnBroker):
            deed()
    with pytest.raises(NotAllowed):
        services.decide(
            by=cast.shen(), at=NEW_YEAR, pilot_id=pilot.pk, verdict="continue", reasons="总体合格，继续试点。"
        )


def test_improvement_carries_demands_and_goes_on_only_when_all_are_met() -> None:
    pilot = pilotage.in_pilot()
    services.assess(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk, year=2026, facts=FACTS)
    decide = {
        "by": cast.gu(),
        "at": NEW_YEAR,
        "pilot_id": pilot.pk,
        "reasons": "记录不完整，总分未达合格线。",
    }
    with pytest.raises(InvalidInput):
        services.decide(verdict="improve", **decide)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        services.decide(verdict="continue", demands=["补记录"], **decide)  # type: ignore[arg-type]
    decision = services.decide(
        verdict="improve",
        demands=["补齐记录", "", "培训"],
        due_on=date(2027, 3, 31),
        **decide,  # type: ignore[arg-type]
    )
    first, second = decision.demands.order_by("ordinal")
    with pytest.raises(services.DemandsOpen):
        services.accept_improvement(by=cast.gu(), at=NEW_YEAR, pilot_id=pilot.pk)
    with pytest.raises(InvalidInput):
        services.confirm_demand(by=cast.gu(), at=NEW_YEAR, demand_id=first.pk)
    with pytest.raises(services.WrongSide):
        services.report_demand(by=cast.gu(), at=NEW_YEAR, demand_id=first.pk, report="替对方写一份整改报告。")
    with pytest.raises(NotFound):
        services.report_demand(
            by=pilotage.jiang(), at=NEW_YEAR, demand_id=first.pk, report="别家公司的整改报告。"
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        type(second).objects.filter(pk=second.pk).update(words="改轻一点")


def test_extension_moves_the_end_and_graduation_ends_the_term() -> None:
    pilot = pilotage.in_pilot()
    assert pilot.until is not None
    before = pilot.until
    at = clock.start_of(date(2028, 6, 1))
    strong = rules.Facts(deals=20, amount_fen=2_000_000_00, required_records=80, complete_records=80)
    found = services.assess(by=cast.gu(), at=at, pilot_id=pilot.pk, year=2028, facts=strong)
    assert (found.total_centi, found.proposal) == (9_600, "graduate")
    services.decide(
        by=cast.gu(), at=at, pilot_id=pilot.pk, verdict="extend", reasons="业务扩大，延长一年再观察。"
    )
    pilot.refresh_from_db()
    assert (pilot.state, pilot.until) == ("extended", rules.years_after(before, 1))
    assert pilot_in_force(pilot.organization_id, before) == pilot
    assert pilot_in_force(pilot.organization_id, pilot.until) is None
    with pytest.raises(MoveNotAllowed):
        services.decide(
            by=cast.gu(), at=at, pilot_id=pilot.pk, verdict="graduate", reasons="没有考核就结业不行。"
        )


def test_a_second_pilot_of_the_type_does_not_begin_beside_the_first() -> None:
    pilotage.in_pilot()
    second = pilotage.selected(title="第二批数据经纪人试点")
    agreement = second.agreement
    at = agreement.drawn_up_at
    services.sign_agreement(by=pilotage.hong(), at=at, pilot_id=second.pk, text_sha256=agreement.text_sha256)
    from exchange.pilots.services.agreements import AlreadyInPilot

    with pytest.raises(AlreadyInPilot):
        services.sign_agreement(by=cast.gu(), at=at, pilot_id=second.pk, text_sha256=agreement.text_sha256)
    assert Signature.objects.filter(agreement=agreement).count() == 1
