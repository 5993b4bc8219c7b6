"""A tender from need to award: bids stay sealed, samples are judged, who may do what, and when it is too late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from annotation.labelstudio.rules import ConfigRefused
from audit.models import AuditEvent
from exchange.tenders import rules, selectors, services, tasks
from exchange.tenders.models import Bid, Engagement, Tender
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests import cast
from tests.annotation.scenes import sentiment
from tests.cast import NOON
from tests.exchange.tenders import hall
from tests.exchange.tenders.hall import DEADLINE, OPENED

pytestmark = pytest.mark.django_db
EVERYONE = (cast.lin, cast.mei, cast.tao, cast.zhou, cast.he, cast.gu, cast.shen, cast.yan, Actor.anonymous)


def test_from_need_to_award_with_reasons_for_everybody() -> None:
    tender = hall.published()
    assert (tender.state, tender.number[:7]) == ("published", "ZB-2026")
    asked = services.ask_question(by=cast.he(), at=NOON, tender_id=tender.pk, question="有中性吗？")
    services.answer_question(by=cast.zhou(), at=NOON, question_id=asked.pk, answer="没有。")
    assert [(q.question, q.answer) for q in selectors.questions_of(tender)] == [("有中性吗？", "没有。")]
    other = hall.submitted(tender, by=cast.he(), unit="hour", unit_price=Money(6_000), hours=15)
    assert (other.amount_fen, other.quantity) == (90_000, 15)
    bid = hall.submitted(tender, word="负面")
    assert bid.amount_fen == 60_006
    found = selectors.bids_to(cast.zhou(), tender, OPENED)
    assert [each.firm.name for each in found] == [cast.QINGLAN[0], cast.BEIJIANG[0]]
    assert [label.result[0]["value"]["choices"] for label in found[0].labels.all()] == [["负面"], ["负面"]]
    services.shortlist_bid(by=cast.zhou(), at=OPENED, bid_id=other.pk)
    engagement = services.award_bid(
        by=cast.zhou(), at=OPENED, bid_id=bid.pk, reason="试标全对", others="报价偏高，欢迎再来"
    )
    for row in (tender, bid, other):
        row.refresh_from_db()
    assert (tender.state, bid.state, other.state) == ("awarded", "chosen", "declined")
    assert (tender.award_reason, bid.outcome, other.outcome) == ("试标全对", "试标全对", "报价偏高，欢迎再来")
    lots = selectors.milestones_of(engagement)
    assert [(lot.item_count, lot.last_item, lot.amount_fen, lot.due_days) for lot in lots] == [
        (3, 3, 30_003, 10), (3, 6, 30_003, 20)
    ]  # fmt: skip
    text = engagement.contract.text
    assert text.startswith("数据委托处理合同\n")
    assert "按每条 100.01 元、6 条计，含税合计人民币 600.06 元，其中增值税 33.96 元" in text
    assert "第 2 批：3 条，含税 300.03 元，签署之日起 20 天内交付。" in text


@pytest.mark.parametrize("who", EVERYONE)
def test_until_the_deadline_nobody_but_the_bidder_sees_a_bid(who: Any) -> None:
    tender = hall.published()
    bid = hall.submitted(tender)
    viewer = who()
    eve = DEADLINE - timedelta(seconds=1)
    is_own = who is cast.lin
    assert selectors.bids_visible_to(viewer, eve).count() == (1 if is_own else 0)
    assert len(selectors.bids_to(viewer, tender, eve)) == (1 if is_own else 0)
    if not is_own:
        with pytest.raises(NotFound):
            selectors.visible_bid(viewer, bid.pk, eve)
    from_then = selectors.bids_visible_to(viewer, DEADLINE).count()
    assert from_then == (1 if who in (cast.lin, cast.zhou) else 0)


def test_what_a_bid_says_stands_in_no_record_that_others_read() -> None:
    hall.submitted(hall.published(), unit_price=Money(7_777), plan="秘密方案五人")
    told = str(list(AuditEvent.objects.filter(action__startswith="bids.").values_list("detail", flat=True)))
    assert "7777" not in told
    assert "46662" not in told
    assert "秘密" not in told


def test_the_buyer_can_neither_open_nor_award_before_the_deadline() -> None:
    tender = hall.published()
    bid = hall.submitted(tender)
    eve = DEADLINE - timedelta(seconds=1)
    for deed in (
        lambda: services.award_bid(by=cast.zhou(), at=eve, bid_id=bid.pk, reason="先定下来"),
        lambda: services.shortlist_bid(by=cast.zhou(), at=eve, bid_id=bid.pk),
    ):
        with pytest.raises(services.BidsSealed):
            deed()
    assert Bid.objects.get().state == "submitted"
    assert not Engagement.objects.exists()


def test_at_the_deadline_nothing_of_a_bid_moves_any_more() -> None:
    tender = hall.published()
    hall.submitted(tender)
    for deed in (
        lambda: hall.drawn_up(tender, by=cast.he(), at=DEADLINE),
        lambda: hall.drawn_up(tender, at=DEADLINE, unit_price=Money(1_000)),
        lambda: services.keep_label(
            by=cast.lin(), at=DEADLINE, tender_id=tender.pk, ordinal=1, result=sentiment("负面")
        ),
        lambda: services.submit_bid(by=cast.lin(), at=DEADLINE, tender_id=tender.pk),
        lambda: services.withdraw_bid(by=cast.lin(), at=DEADLINE, tender_id=tender.pk),
        lambda: services.ask_question(by=cast.lin(), at=DEADLINE, tender_id=tender.pk, question="还行吗"),
    ):
        with pytest.raises(services.BidsClosed):
            deed()
    bid = Bid.objects.get()
    assert (bid.state, bid.unit_price_fen) == ("submitted", 10_001)


def test_a_bid_is_changed_withdrawn_and_put_in_again_before_the_deadline() -> None:
    tender = hall.published()
    hall.submitted(tender)
    hall.drawn_up(tender, unit_price=Money(9_000))
    assert Bid.objects.get().amount_fen == 54_000
    services.withdraw_bid(by=cast.lin(), at=NOON, tender_id=tender.pk)
    assert selectors.bids_to(cast.zhou(), tender, OPENED) == []
    assert services.submit_bid(by=cast.lin(), at=NOON, tender_id=tender.pk).state == "submitted"
    assert len(selectors.bids_to(cast.zhou(), tender, OPENED)) == 1


def test_a_bid_needs_every_sample_labelled_by_the_rules_of_real_work() -> None:
    tender = hall.published()
    hall.drawn_up(tender)
    with pytest.raises(services.SamplesMissing, match="2 条"):
        services.submit_bid(by=cast.lin(), at=NOON, tender_id=tender.pk)
    with pytest.raises(services.SampleWrong) as wrong:
        services.keep_label(by=cast.lin(), at=NOON, tender_id=tender.pk, ordinal=1, result=sentiment("很好"))
    assert wrong.value.code == "sample_label_wrong"
    with pytest.raises(NotFound):  # the third item is work, not a sample
        services.keep_label(by=cast.lin(), at=NOON, tender_id=tender.pk, ordinal=3, result=sentiment("正面"))
    assert Bid.objects.get().labels.count() == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"unit": "day"}, "unit"), ({"unit": "hour"}, "hours"), ({"unit_price": Money(0)}, "unit_price"),
        ({"task_pay": Money(-1)}, "task_pay"), ({"people_count": 0}, "people_count"), ({"days": 0}, "days"),
        ({"overlap": 10}, "overlap"), ({"review_share_bp": 10_001}, "review_share_bp"), ({"plan": "好"}, "plan"),
        ({"valid_until": NOON.date()}, "valid_until"),
    ],
)  # fmt: skip
def test_a_wrong_bid_names_its_field_and_leaves_nothing(wrong: dict[str, Any], field: str) -> None:
    tender = hall.published()
    with pytest.raises(InvalidInput) as refusal:
        hall.drawn_up(tender, **wrong)
    assert refusal.value.field == field
    assert not Bid.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"), ({"guideline": " "}, "guideline"), ({"task": "magic"}, "task"),
        ({"item_count": 0}, "item_count"), ({"lot_count": 7}, "lot_count"), ({"lot_count": 0}, "lot_count"),
        ({"aql_percent": Decimal("2.4")}, "aql_percent"), ({"limiting_percent": Decimal(0)}, "limiting_percent"),
        ({"budget_fen": 0}, "budget_fen"), ({"deadline": NOON}, "deadline"), ({"due_on": NOON.date()}, "due_on"),
        ({"visibility": "secret"}, "visibility"), ({"item_count": 5, "lot_count": 1}, "work"),
        ({"samples": hall.raw(("x\x00y",))}, "samples"),
    ],
)  # fmt: skip
def test_a_wrong_tender_names_its_field_and_leaves_nothing(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        hall.drafted(**wrong)
    assert refusal.value.field == field
    assert not Tender.objects.exists()


def test_a_config_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(ConfigRefused):
        hall.drafted(labeling_config="<View><Text/></View>")
    assert not Tender.objects.exists()


def test_a_published_tender_stays_as_it_was_read() -> None:
    tender = hall.published()
    with pytest.raises(services.TenderLocked):
        services.edit_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk, title="别的")
    tender.refresh_from_db()
    assert tender.title == "酒店评论情感标注"


def test_a_draft_is_changed_and_needs_samples_and_invited_firms() -> None:
    tender = hall.drafted(samples=[], visibility="invited")
    with pytest.raises(InvalidInput):
        services.publish_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk)
    services.edit_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk, samples=hall.raw(("新样题",)))
    with pytest.raises(services.NobodyInvited):
        services.publish_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk)
    firm = cast.organization(cast.QINGLAN)
    services.edit_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk, invited=[firm.pk])
    services.publish_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk)
    assert selectors.open_tenders(cast.lin(), NOON).count() == 1
    assert selectors.open_tenders(cast.he(), NOON).count() == 0
    with pytest.raises(NotFound):
        hall.drawn_up(tender, by=cast.he())


def test_wrong_parties_are_kept_out() -> None:
    tender = hall.drafted()
    with pytest.raises(NotFound):  # nobody else sees a draft
        services.publish_tender(by=cast.lin(), at=NOON, tender_id=tender.pk)
    services.publish_tender(by=cast.zhou(), at=NOON, tender_id=tender.pk)
    with pytest.raises(services.NotTheirTurn):
        services.close_tender(by=cast.he(), at=NOON, tender_id=tender.pk, reason="别做了")
    with pytest.raises(NotAllowed):
        hall.drawn_up(tender, by=cast.mei())
    with pytest.raises(NotAllowed):
        hall.drawn_up(tender, by=cast.zhou())
    bid = hall.submitted(tender)
    for who in (cast.he(), cast.gu(), cast.yan()):
        with pytest.raises(NotFound):
            services.award_bid(by=who, at=OPENED, bid_id=bid.pk, reason="就它了吧")
    with pytest.raises(services.NotTheirTurn):
        services.award_bid(by=cast.lin(), at=OPENED, bid_id=bid.pk, reason="就我们吧")
    assert Bid.objects.get().state == "submitted"


def test_a_firm_that_buys_does_not_bid_for_its_own_work() -> None:
    wording = {**hall.WORDING, "samples": hall.raw(hall.REVIEWS[:2])}
    tender = services.draft_tender(by=cast.he(), at=NOON, **wording)
    services.publish_tender(by=cast.he(), at=NOON, tender_id=tender.pk)
    with pytest.raises(services.OwnTender):
        hall.drawn_up(tender, by=cast.he())


def test_a_price_that_no_longer_holds_is_not_awarded() -> None:
    tender = hall.published()
    bid = hall.submitted(tender, valid_until=(DEADLINE + timedelta(days=1)).date())
    late = DEADLINE + timedelta(days=3)
    with pytest.raises(services.BidExpired):
        services.award_bid(by=cast.zhou(), at=late, bid_id=bid.pk, reason="价格合理")
    assert Tender.objects.get().state == "published"


def test_a_tender_ends_closed_or_by_time_and_the_bidders_learn_why() -> None:
    tender = hall.published()
    bid = hall.submitted(tender)
    end = rules.decision_end(DEADLINE)
    with pytest.raises(services.TooEarly):
        services.expire_tender(at=end - timedelta(seconds=1), tender_id=tender.pk)
    with clock.moved_to(end):
        assert tasks.keep_time() == 1
    tender.refresh_from_db()
    bid.refresh_from_db()
    assert (tender.state, bid.state, bid.outcome) == ("expired", "declined", "逾期未定标")
    with pytest.raises(MoveNotAllowed):
        services.award_bid(by=cast.zhou(), at=end, bid_id=bid.pk, reason="还是选它")
    second = hall.published()
    services.close_tender(by=cast.zhou(), at=NOON, tender_id=second.pk, reason="项目取消")
    second.refresh_from_db()
    assert second.state == "closed"


def test_questions_do_not_tell_who_asked() -> None:
    tender = hall.published()
    services.ask_question(by=cast.lin(), at=NOON, tender_id=tender.pk, question="长文本怎么办？")
    (found,) = selectors.questions_of(tender)
    assert {"firm_id", "asked_by_id"} <= found.get_deferred_fields()
    with pytest.raises(services.NotTheirTurn):
        services.answer_question(by=cast.he(), at=NOON, question_id=found.pk, answer="按句切。")
    services.answer_question(by=cast.zhou(), at=NOON, question_id=found.pk, answer="按句切。")
    with pytest.raises(services.AlreadyAnswered):
        services.answer_question(by=cast.zhou(), at=NOON, question_id=found.pk, answer="改主意了")


@pytest.mark.parametrize(
    ("items", "lots", "fen", "sizes", "parts"),
    [
        (10, 3, 100, [4, 3, 3], [40, 30, 30]),
        (7, 2, 1_001, [4, 3], [572, 429]),
        (5, 5, 6, [1, 1, 1, 1, 1], [2, 1, 1, 1, 1]),
    ],
)
def test_lots_lose_neither_an_item_nor_a_fen(
    items: int, lots: int, fen: int, sizes: list[int], parts: list[int]
) -> None:
    found = rules.lots_of(items, lots, Money(fen), 10)
    assert [lot.item_count for lot in found] == sizes
    assert [lot.amount.fen for lot in found] == parts
    assert (found[-1].last_item, found[-1].due_days) == (items, 10)


def test_lots_are_inspected_by_the_published_plans() -> None:
    assert rules.inspection_plan(500, Decimal("2.5"), None) == rules.InspectionPlan(50, 3)
    assert rules.inspection_plan(1, Decimal("2.5"), None) == rules.InspectionPlan(1, 0)
    limited = rules.inspection_plan(500, Decimal("2.5"), Decimal(5))
    assert limited.accept == 0
    assert rules.pass_chance(500, limited, Decimal(5)) <= 0.10
