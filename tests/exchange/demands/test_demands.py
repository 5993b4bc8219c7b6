"""A demand from draft to choice; who may do what, who sees what, and when it is too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from exchange.catalogue.models import Product
from exchange.demands import events as news
from exchange.demands import rules, selectors, services, tasks
from exchange.demands.models import AnswerMessage, Demand, ToldMatch
from exchange.demands.states import AnswerState, DemandState
from kernel import clock, events
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.models import Transition
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.demands import board
from tests.exchange.demands.board import DEADLINE

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def rival() -> Actor:
    """北江's trader: a second firm that answers."""
    return cast.he()


def test_from_need_to_choice(nobody_listens: list[events.Event]) -> None:
    demand = board.drafted()
    assert (demand.state, demand.number[:7]) == (DemandState.DRAFT, "XQ-2026")
    services.publish_demand(by=cast.zhou(), at=NOON, demand_id=demand.pk)
    product = market.listed()
    first = services.submit_answer(
        by=cast.lin(), at=LATER, demand_id=demand.pk, product_number=product.number, words="现成产品"
    )
    second = board.offered(demand, by=rival(), at=LATER)
    demand.refresh_from_db()
    assert demand.state == DemandState.ANSWERED
    services.shortlist_answer(by=cast.zhou(), at=LATER, answer_id=first.pk)
    services.send_message(by=cast.zhou(), at=LATER, answer_id=first.pk, text="能否提供五折样例？")
    services.send_message(by=cast.lin(), at=LATER, answer_id=first.pk, text="样例在产品页。")
    services.award_answer(by=cast.zhou(), at=LATER, answer_id=first.pk)
    for row in (demand, first, second):
        row.refresh_from_db()
    assert (demand.state, first.state, second.state) == ("awarded", "chosen", "declined")
    assert demand.ended_at == LATER
    assert [(m.side, m.text) for m in selectors.messages_of(first)] == [
        ("buyer", "能否提供五折样例？"), ("firm", "样例在产品页。")
    ]  # fmt: skip
    awarded = next(event for event in nobody_listens if isinstance(event, news.DemandAwarded))
    assert (awarded.answer_id, awarded.declined) == (first.pk, (second.pk,))
    told = list(Transition.objects.filter(subject_id=demand.pk).order_by("pk").values_list("move", flat=True))
    assert told == ["publish", "answer", "award"]


def test_answers_are_taken_until_the_very_second_of_the_deadline() -> None:
    demand = board.published()
    answer = board.offered(demand, at=DEADLINE - timedelta(microseconds=1))
    for act in (
        lambda: board.offered(demand, by=rival(), at=DEADLINE),
        lambda: board.offered(demand, at=DEADLINE, words="更便宜"),
        lambda: services.withdraw_answer(by=cast.lin(), at=DEADLINE, answer_id=answer.pk),
    ):
        with pytest.raises(services.DeadlinePassed):
            act()
    answer.refresh_from_db()
    assert (answer.state, answer.words, demand.answers.count()) == (
        "submitted",
        "两周内按您的标签体系重新标注。",
        1,
    )
    # deciding is still the buyer's to do
    services.award_answer(by=cast.zhou(), at=DEADLINE, answer_id=answer.pk)


def test_an_answer_is_changed_withdrawn_and_submitted_again_as_one_row(
    nobody_listens: list[events.Event],
) -> None:
    demand = board.published()
    answer = board.offered(demand)
    changed = board.offered(demand, at=LATER, price=Money(7_000_000))
    assert (changed.pk, changed.price_fen, changed.edited_at) == (answer.pk, 7_000_000, LATER)
    services.withdraw_answer(by=cast.lin(), at=LATER, answer_id=answer.pk)
    assert selectors.answers_to(cast.zhou(), demand) == []
    again = board.offered(demand, at=LATER)
    assert (again.pk, again.state) == (answer.pk, AnswerState.SUBMITTED)
    told = [event for event in nobody_listens if isinstance(event, news.DemandAnswered)]
    assert len(told) == 2  # first and after withdrawing; a change is no news


def test_what_one_firm_answered_is_never_shown_to_another() -> None:
    demand = board.published()
    answer = board.offered(demand)
    board.offered(demand, by=rival(), words="另一家的方案")
    assert [each.words for each in selectors.answers_to(rival(), demand)] == ["另一家的方案"]
    assert len(selectors.answers_to(cast.zhou(), demand)) == 2
    for stranger in (rival(), cast.gu(), cast.yan(), cast.shen(), cast.mei(), Actor.anonymous()):
        with pytest.raises(NotFound):
            selectors.visible_answer(stranger, answer.pk)
        with pytest.raises(NotFound):
            services.send_message(by=stranger, at=LATER, answer_id=answer.pk, text="？")
        assert answer not in selectors.answers_to(stranger, demand)
    assert selectors.sees_contact(cast.lin(), demand)
    assert not selectors.sees_contact(cast.gu(), demand)
    services.withdraw_answer(by=cast.lin(), at=LATER, answer_id=answer.pk)
    assert not selectors.sees_contact(cast.lin(), demand)


def test_wrong_parties_are_refused_and_nothing_changes() -> None:
    draft, demand = board.drafted(), board.published()
    answer = board.offered(demand)
    steps: list[tuple[Any, type[Exception]]] = [
        (lambda: services.publish_demand(by=cast.lin(), at=NOON, demand_id=draft.pk), NotFound),
        (lambda: services.close_demand(by=cast.lin(), at=NOON, demand_id=demand.pk), services.NotTheirTurn),
        (lambda: services.award_answer(by=cast.lin(), at=NOON, answer_id=answer.pk), services.NotTheirTurn),
        (
            lambda: services.withdraw_answer(by=cast.zhou(), at=NOON, answer_id=answer.pk),
            services.NotTheirTurn,
        ),
        (lambda: services.award_answer(by=rival(), at=NOON, answer_id=answer.pk), NotFound),
        (lambda: board.offered(demand, by=cast.zhou()), NotAllowed),
        (lambda: board.offered(demand, by=cast.mei()), NotAllowed),
        (lambda: board.drafted(by=cast.lin()), NotAllowed),
        (lambda: board.offered(draft), NotFound),
        (lambda: services.hide_demand(by=cast.zhou(), at=NOON, demand_id=demand.pk, reason="x"), NotAllowed),
        (
            lambda: services.edit_demand(by=cast.zhou(), at=NOON, demand_id=demand.pk, title="改"),
            services.DemandLocked,
        ),
    ]
    for step, refusal in steps:
        with pytest.raises(refusal):
            step()
    own = board.published(by=rival())
    with pytest.raises(services.OwnDemand):
        board.offered(own, by=rival())
    for row, state in ((draft, "draft"), (demand, "answered"), (answer, "submitted")):
        row.refresh_from_db()
        assert row.state == state


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "长" * 121}, "title"),
        ({"description": ""}, "description"),
        ({"industry": "nonsense"}, "industry"),
        ({"task": "nonsense"}, "task"),
        ({"budget_most_fen": None}, "budget_most_fen"),
        ({"budget_least_fen": 10_000_001}, "budget_least_fen"),
        ({"quantity": 0}, "quantity"),
        ({"quality_bp": 10_001}, "quality_bp"),
        ({"deadline": NOON}, "deadline"),
        ({"visibility": "secret"}, "visibility"),
        ({"contact_phone": ""}, "contact_phone"),
        ({"contact_email": "x"}, "contact_email"),
        ({"invited": [UUID(int=1)]}, "invited"),
    ],
)
def test_bad_input_names_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        board.drafted(**wrong)
    assert refused.value.field == field
    assert not Demand.objects.exists()


@pytest.mark.parametrize(
    ("offer", "field"),
    [
        ({"words": ""}, "words"),
        ({"price": None}, "price"),
        ({"delivery_days": None}, "delivery_days"),
        ({"price": Money(0)}, "price"),
        ({"product_number": "CP-2026-0000001-X"}, "product"),
    ],
)
def test_an_offer_says_what_it_must(offer: dict[str, Any], field: str) -> None:
    demand = board.published()
    with pytest.raises(InvalidInput) as refused:
        board.offered(demand, **offer)
    assert refused.value.field == field
    demand.refresh_from_db()
    assert demand.state == DemandState.PUBLISHED


def test_only_ones_own_products_on_sale_are_offered() -> None:
    demand, theirs, draft = board.published(), market.listed(), market.drafted(name="草稿")
    for product in (theirs, draft):
        with pytest.raises(InvalidInput):
            board.offered(demand, by=rival(), product_number=product.number)


def test_invited_demands_are_found_by_those_who_are_invited() -> None:
    with pytest.raises(services.NobodyInvited):
        board.published(visibility="invited")
    lin = cast.lin().organization_id
    demand = board.published(visibility="invited", invited=[lin])
    for viewer, sees in (
        (cast.lin(), 1),
        (rival(), 0),
        (Actor.anonymous(), 0),
        (cast.zhou(), 1),
        (cast.gu(), 1),
    ):
        assert selectors.open_demands_visible_to(viewer).filter(pk=demand.pk).count() == sees
        assert selectors.demands_visible_to(viewer).filter(pk=demand.pk).count() == sees
        assert len(selectors.find_demands(viewer, demand.number)) == sees
    with pytest.raises(NotFound):
        board.offered(demand, by=rival())
    board.offered(demand)


def test_the_operator_hides_with_a_reason_and_shows_again() -> None:
    demand = board.published()
    with pytest.raises(InvalidInput):
        services.hide_demand(by=cast.gu(), at=NOON, demand_id=demand.pk, reason=" ")
    services.hide_demand(by=cast.gu(), at=NOON, demand_id=demand.pk, reason="含联系方式广告")
    services.hide_demand(by=cast.gu(), at=LATER, demand_id=demand.pk, reason="再次")
    demand.refresh_from_db()
    assert (demand.hidden_at, demand.hidden_reason) == (NOON, "含联系方式广告")
    assert not selectors.open_demands_visible_to(cast.gu()).exists()
    for viewer, sees in ((cast.lin(), 0), (Actor.anonymous(), 0), (cast.zhou(), 1), (cast.gu(), 1)):
        assert selectors.demands_visible_to(viewer).count() == sees
    with pytest.raises(NotFound):
        board.offered(demand)
    services.show_demand(by=cast.gu(), at=LATER, demand_id=demand.pk)
    board.offered(demand, at=LATER)


def test_demands_end_by_time_once() -> None:
    lonely, answered = board.published(), board.published(title="另一个需求")
    answer = board.offered(answered)
    with clock.moved_to(DEADLINE - timedelta(seconds=1)):
        assert tasks.expire_overdue() == 0
    with clock.moved_to(DEADLINE):
        assert (tasks.expire_overdue(), tasks.expire_overdue()) == (1, 0)
    with pytest.raises(services.NotOverdue):
        services.expire_demand(at=DEADLINE, demand_id=answered.pk)
    with clock.moved_to(rules.decision_end(DEADLINE)):
        assert tasks.expire_overdue() == 1
    for row in (lonely, answered, answer):
        row.refresh_from_db()
    assert (lonely.state, answered.state, answer.state) == ("expired", "expired", "declined")
    with pytest.raises(MoveNotAllowed):
        services.award_answer(by=cast.zhou(), at=DEADLINE, answer_id=answer.pk)


def test_withdrawing_and_closing_tell_those_who_answered(nobody_listens: list[events.Event]) -> None:
    for end, state in ((services.close_demand, "closed"), (services.withdraw_demand, "withdrawn")):
        demand = board.published()
        answer = board.offered(demand)
        end(by=cast.zhou(), at=LATER, demand_id=demand.pk)
        answer.refresh_from_db()
        assert answer.state == AnswerState.DECLINED
        ended = nobody_listens[-1]
        assert isinstance(ended, news.DemandEnded)
        assert ended.answers == (answer.pk,)
        assert selectors.visible_demand(cast.lin(), demand.number).state == state
        with pytest.raises(MoveNotAllowed):
            board.offered(demand, by=cast.lin(), at=LATER)
    withdrawn = board.published()
    services.withdraw_demand(by=cast.zhou(), at=LATER, demand_id=withdrawn.pk)
    with pytest.raises(NotFound):
        selectors.visible_demand(rival(), withdrawn.number)


def test_matches_have_reasons_and_scores_that_add_up() -> None:
    demand = board.published()
    product = market.listed()
    product = Product.objects.select_related("facet", "version").get(pk=product.pk)
    match = rules.match(demand, product)
    assert [reason.code for reason in match.reasons] == [
        "industry", "kind", "modality", "labels", "words", "budget", "quantity"
    ]  # fmt: skip
    assert match.score == 100
    assert "标签包含“正面、负面、中性”" in [reason.words for reason in match.reasons]
    assert rules.match(board.drafted(industry="health", budget_most_fen=5_000_001), product).score == 58
    other = board.drafted(
        industry="health", kind="report", modality="image", task="detection", quantity=5_000, quality_bp=9_000,
        budget_least_fen=None, budget_most_fen=1, title="胸片影像", description="肺结节检测",
    )  # fmt: skip
    assert rules.match(other, product) == rules.Match(0, ())


def test_matches_are_suggested_both_ways_and_told_once(nobody_listens: list[events.Event]) -> None:
    product, demand = market.listed(), board.published()
    (suggested,) = selectors.products_for(cast.zhou(), demand)
    assert (suggested.product.pk, suggested.match.score) == (product.pk, 100)
    (wanted,) = selectors.demands_for(cast.lin())
    assert (wanted.demand.pk, wanted.product.pk) == (demand.pk, product.pk)
    assert selectors.demands_for(cast.zhou()) == selectors.demands_for(Actor.anonymous()) == []
    with clock.moved_to(LATER):
        assert (tasks.tell_new_matches(), tasks.tell_new_matches()) == (1, 0)
    assert ToldMatch.objects.get().organization_id == cast.lin().organization_id
    assert sum(isinstance(event, news.DemandMatched) for event in nobody_listens) == 1
    board.offered(demand)
    assert selectors.demands_for(cast.lin()) == []


def test_firms_are_not_told_of_demands_they_may_not_see() -> None:
    market.listed()
    board.published(visibility="invited", invited=[rival().organization_id])
    with clock.moved_to(LATER):
        assert tasks.tell_new_matches() == 0


def test_half_way_means_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    market.listed()
    demand = board.published()

    def breaks(event: events.Event) -> None:
        raise RuntimeError("the lights went out")

    with monkeypatch.context() as patch:
        patch.setattr(services, "announce", breaks)
        with pytest.raises(RuntimeError), transaction.atomic():
            services.tell_matches(at=LATER, demand_id=demand.pk)
    assert not ToldMatch.objects.exists()
    assert services.tell_matches(at=LATER, demand_id=demand.pk) == 1


def test_facets_of_the_hall_count_what_one_gets() -> None:
    board.published()
    board.published(industry="health", title="影像标注", budget_least_fen=None, budget_most_fen=None)
    board.published(industry="health", title="病历结构化", budget_least_fen=None, budget_most_fen=99_999)
    board.drafted(title="草稿")
    wanted = selectors.read_wanted("", {"industry": ["health"]})
    groups, total = selectors.facets(wanted, Actor.anonymous())
    counts = {group.code: {choice.code: choice.count for choice in group.choices} for group in groups}
    assert total == 2
    assert counts["industry"] == {"commerce": 1, "health": 2}
    assert counts["budget"] == {"to_1k": 1, "open": 1}
    for group in groups:
        for choice in group.choices:
            alone = selectors.read_wanted("", {"industry": ["health"], group.code: [choice.code]})
            assert selectors.search_demands(alone, Actor.anonymous()).count() == choice.count
    found = selectors.search_demands(selectors.read_wanted("病历", {}), Actor.anonymous())
    assert [demand.title for demand in found] == ["病历结构化"]


def test_the_database_keeps_one_chosen_answer_and_the_talk_as_it_was() -> None:
    demand = board.published()
    first, second = board.offered(demand), board.offered(demand, by=rival())
    message = services.send_message(by=cast.zhou(), at=LATER, answer_id=first.pk, text="请问")
    services.award_answer(by=cast.zhou(), at=LATER, answer_id=first.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(second).objects.filter(pk=second.pk).update(state="chosen")
    with pytest.raises(Exception, match="append_only"), transaction.atomic():
        AnswerMessage.objects.filter(pk=message.pk).update(text="改写")
