"""Annotation contracts and their money: each lot paid in once, out once, to one side; the books after every step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from annotation.projects import services as projects
from annotation.work import services as work
from annotation.work.models import Task
from exchange.tenders import directory, rules, selectors, services, tasks
from exchange.tenders.models import Engagement, Milestone, ServiceContract
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.states import MoveNotAllowed
from settlement.ledger.models import Account, Entry
from settlement.milestones import services as money
from settlement.milestones.models import Deposit, LotRelease, LotReturn
from settlement.payments.services import PaymentDeclined, TestMethodsOff
from settlement.revenue.models import RevenueLine
from tests import cast
from tests.annotation.scenes import sentiment
from tests.cast import NOON
from tests.exchange.tenders import hall
from tests.exchange.tenders.hall import OPENED, SIGNED

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def books() -> dict[str, int]:
    """Every purpose's sum in fen; purposes that hold nothing are left out. They always add up to nothing."""
    rows = Account.objects.values("purpose").annotate(fen=Sum("posted_fen")).exclude(fen=0)
    found = {row["purpose"]: int(row["fen"]) for row in rows}
    assert sum(found.values()) == 0
    return found


def lots(engagement: Engagement) -> list[Milestone]:
    return selectors.milestones_of(engagement)


def states(engagement: Engagement) -> list[str]:
    return [lot.state for lot in lots(engagement)]


def fund(lot: Milestone, **more: Any) -> Deposit:
    return money.fund_lot(by=cast.zhou(), at=SIGNED, milestone_id=lot.pk, **more)


def deliver(lot: Milestone, at: Any = SIGNED + DAY) -> Milestone:
    return services.deliver_lot(by=cast.lin(), at=at, milestone_id=lot.pk)


def inspect(lot: Milestone, defects: int = 0, words: str = "", at: Any = SIGNED + 2 * DAY) -> Any:
    return services.inspect_lot(by=cast.zhou(), at=at, milestone_id=lot.pk, defect_count=defects, words=words)


def test_an_award_opens_the_project_with_nothing_typed_twice() -> None:
    engagement = hall.signed()
    assert engagement.state == "active"
    project = engagement.project
    assert project is not None
    assert (project.state, project.firm, project.client) == ("draft", engagement.firm, engagement.buyer)
    assert (project.title, project.task_price_fen) == ("酒店评论情感标注", 50)
    assert project.guidelines.get().body == hall.WORDING["guideline"]
    assert project.quality_plans.get().overlap == 1
    today = clock.business_date(SIGNED)
    assert [lot.due_on for lot in lots(engagement)] == [today + 10 * DAY, today + 20 * DAY]
    assert project.items.count() == 0
    with clock.moved_to(SIGNED):
        assert tasks.fill_projects() == 1
        assert tasks.fill_project(str(engagement.pk)) == 0  # what is there is skipped
    items = list(project.items.order_by("ordinal"))
    assert [item.text for item in items] == list(hall.REVIEWS)
    assert items[0].batch.licence == hall.WORDING["licence"]


def test_from_signing_to_paid_and_rated_the_books_follow() -> None:
    engagement = hall.signed()
    first, second = lots(engagement)
    assert books() == {}
    fund(first)
    assert books() == {"bank": -30_003, "escrow": 30_003}
    deliver(first)
    found = inspect(
        first, 3, "两条看反了，一条漏标"
    )  # the whole lot of three is looked at, none may be wrong
    assert (found.sample_size, found.accept_at_most, found.is_accepted) == (3, 0, False)
    assert (states(engagement), books()) == (["funded", "planned"], {"bank": -30_003, "escrow": 30_003})
    deliver(first, SIGNED + 3 * DAY)
    inspect(first, at=SIGNED + 4 * DAY)
    fee = LotRelease.objects.get().fee_fen
    assert (fee, LotRelease.objects.get().fee_bp) == (600, 200)  # two per cent of 300.03, floored
    assert books() == {"bank": -30_003, "wallet": 30_003 - fee, "fees": fee}
    money.fund_all(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    assert books()["escrow"] == 30_003
    deliver(second)
    inspect(second)
    engagement.refresh_from_db()
    assert (engagement.state, states(engagement)) == ("completed", ["accepted", "accepted"])
    assert books() == {"bank": -60_006, "wallet": 60_006 - 2 * fee, "fees": 2 * fee}
    services.rate_firm(
        by=cast.zhou(), at=OPENED, engagement_id=engagement.pk, quality=5, punctuality=4, communication=3
    )
    services.answer_rating(by=cast.lin(), at=OPENED, engagement_id=engagement.pk, words="谢谢，下次更快。")
    with pytest.raises(services.AlreadyRated):
        services.answer_rating(by=cast.lin(), at=OPENED, engagement_id=engagement.pk, words="再说一句")
    firm = directory.firm_of(engagement.firm.uscc)
    figures = (
        "item_count",
        "lot_count",
        "inspection_count",
        "pass_bp",
        "on_time_bp",
        "dispute_count",
        "mark",
    )
    assert [getattr(firm, name) for name in figures] == [6, 2, 3, 6_666, 10_000, 0, 400]
    assert firm.__dict__["since"] == SIGNED
    assert [each.label for each in directory.tasks_of([firm.pk])[firm.pk]] == ["分类"]
    assert not RevenueLine.objects.exists()  # a service contract is no trade of a listed product


def test_an_accepted_project_accepts_its_lots_and_a_lot_paid_later_at_once() -> None:
    engagement = hall.signed()
    first, second = lots(engagement)
    fund(first)
    project_id = engagement.project_id
    assert project_id is not None
    assert services.note_accepted_items(by=cast.zhou(), at=SIGNED, project_id=project_id, item_count=2) == []
    (done,) = services.note_accepted_items(by=cast.zhou(), at=SIGNED, project_id=project_id, item_count=3)
    assert (done.pk, LotRelease.objects.count()) == (first.pk, 1)
    assert services.note_accepted_items(by=cast.zhou(), at=SIGNED, project_id=project_id, item_count=3) == []
    services.note_accepted_project(by=cast.zhou(), at=SIGNED, project_id=project_id)
    assert states(engagement) == ["accepted", "planned"]  # accepted work that is not paid for yet
    fund(second)
    engagement.refresh_from_db()
    assert (engagement.state, LotRelease.objects.count()) == ("completed", 2)


def test_the_whole_way_by_the_project_itself() -> None:
    engagement = hall.signed()
    money.fund_all(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    with clock.moved_to(SIGNED):
        tasks.fill_projects()
    project = engagement.project
    assert project is not None
    lead, reviewer = cast.lin(), cast.tao()
    projects.open_project(by=lead, at=SIGNED, project_id=project.pk, pay_reason="试做定价")
    for _number in range(6):
        task = work.claim_task(by=cast.mei(), at=SIGNED, project_id=project.pk)
        work.submit(by=cast.mei(), at=SIGNED, task_id=task.pk, result=sentiment())
        work.review(by=reviewer, at=SIGNED, task_id=task.pk, verdict="accept")
    projects.deliver_project(by=lead, at=SIGNED, project_id=project.pk)
    assert LotRelease.objects.count() == 0
    projects.accept_project(by=cast.zhou(), at=SIGNED + DAY, project_id=project.pk)
    engagement.refresh_from_db()
    assert (engagement.state, states(engagement)) == ("completed", ["accepted", "accepted"])
    assert Task.objects.filter(project=project, state="accepted").count() == 6
    found = books()
    assert (found["bank"], found["wallet"] + found["fees"]) == (-60_006, 60_006)
    assert (found["labour_cost"], found["earnings"]) == (-300, 300)
    with pytest.raises(MoveNotAllowed):
        projects.accept_project(by=cast.zhou(), at=SIGNED + DAY, project_id=project.pk)
    assert LotRelease.objects.count() == 2


def test_paying_twice_is_one_payment_and_a_declined_method_moves_nothing() -> None:
    engagement = hall.signed()
    first, _second = lots(engagement)
    with pytest.raises(PaymentDeclined):
        fund(first, method="pm_test_declined")
    assert books() == {}
    assert fund(first) == fund(first)
    assert (Deposit.objects.count(), Entry.objects.count()) == (1, 1)
    money.fund_all(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(money.NoLotToFund):
        money.fund_all(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    assert books() == {"bank": -60_006, "escrow": 60_006}


def test_a_live_installation_takes_no_test_money(settings: Any) -> None:
    settings.PAYMENTS_LIVE = True
    with pytest.raises(TestMethodsOff):
        fund(lots(hall.signed())[0])
    assert books() == {}


def test_wrong_parties_move_neither_lots_nor_money() -> None:
    engagement = hall.awarded()
    first = lots(engagement)[0]
    with pytest.raises(money.LotNotFundable):
        fund(first)
    with pytest.raises(NotFound):
        services.sign_contract(by=cast.he(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(services.WrongSide):
        services.sign_contract(by=cast.gu(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(services.OtherText):
        services.sign_contract(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk, text_sha256="0" * 64)
    services.sign_contract(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(services.AlreadySigned):
        services.sign_contract(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk)
    services.sign_contract(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(services.WrongSide):
        money.fund_lot(by=cast.lin(), at=SIGNED, milestone_id=first.pk)
    with pytest.raises(NotFound):
        money.fund_lot(by=cast.he(), at=SIGNED, milestone_id=first.pk)
    fund(first)
    with pytest.raises(services.WrongSide):
        services.deliver_lot(by=cast.zhou(), at=SIGNED, milestone_id=first.pk)
    with pytest.raises(NotAllowed):
        services.deliver_lot(by=cast.mei(), at=SIGNED, milestone_id=first.pk)
    deliver(first)
    with pytest.raises(services.WrongSide):
        services.inspect_lot(by=cast.lin(), at=SIGNED, milestone_id=first.pk, defect_count=0)
    with pytest.raises(InvalidInput):
        inspect(first, 4)
    with pytest.raises(InvalidInput):
        inspect(first, 1)  # a refusal has its reason
    with pytest.raises(services.NothingToRate):
        services.rate_firm(
            by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk, quality=1, punctuality=1, communication=1
        )
    assert (states(engagement), books()) == (["delivered", "planned"], {"bank": -30_003, "escrow": 30_003})


def test_before_signing_either_side_may_step_back() -> None:
    engagement = hall.awarded()
    services.cancel_engagement(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk, reason="人员不足")
    engagement.refresh_from_db()
    assert (engagement.state, states(engagement), books()) == ("cancelled", ["dropped", "dropped"], {})


def test_an_agreed_end_gives_back_what_was_not_released() -> None:
    engagement = hall.signed(lot_count=3)
    money.fund_all(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    first, second, _third = lots(engagement)
    deliver(first)
    inspect(first)
    deliver(second)
    services.ask_termination(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk, reason="人员离职")
    with pytest.raises(services.WrongSide):
        services.agree_termination(by=cast.lin(), at=SIGNED, engagement_id=engagement.pk)
    with pytest.raises(services.LotAwaitsInspection):
        services.agree_termination(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    inspect(second, 1, "第二条错了")
    services.agree_termination(by=cast.zhou(), at=SIGNED, engagement_id=engagement.pk)
    assert states(engagement) == ["accepted", "returned", "returned"]
    found = books()
    assert (found["bank"], found.get("escrow", 0)) == (-20_002, 0)
    assert LotReturn.objects.aggregate(fen=Sum("amount_fen"))["fen"] == 40_004
    assert directory.firm_of(engagement.firm.uscc).__dict__["dispute_count"] == 1


def test_the_buyer_ends_alone_only_what_is_long_overdue() -> None:
    engagement = hall.signed()
    first = lots(engagement)[0]
    fund(first)
    late = SIGNED + (10 + rules.GRACE_DAYS) * DAY
    with pytest.raises(services.NotLateEnough):
        services.end_overdue(by=cast.zhou(), at=late, engagement_id=engagement.pk, reason="一直没交")
    services.end_overdue(by=cast.zhou(), at=late + DAY, engagement_id=engagement.pk, reason="一直没交")
    assert (states(engagement), books()) == (["returned", "dropped"], {})


def test_a_lot_nobody_inspects_counts_as_accepted() -> None:
    engagement = hall.signed()
    first = lots(engagement)[0]
    fund(first)
    deliver(first, SIGNED)
    end = rules.inspection_end(SIGNED)
    with pytest.raises(services.TooEarly):
        services.accept_uninspected(at=end - timedelta(seconds=1), milestone_id=first.pk)
    with clock.moved_to(end):
        assert tasks.keep_time() == 1
    assert (states(engagement)[0], LotRelease.objects.count()) == ("accepted", 1)


def test_the_database_keeps_money_to_what_was_agreed() -> None:
    engagement = hall.signed()
    first = lots(engagement)[0]
    deposit = fund(first)
    deliver(first)
    inspect(first)
    for wrong in (
        lambda: LotReturn.objects.create(
            milestone=first, amount_fen=first.amount_fen, reason="不该", returned_at=NOON, entry=deposit.entry
        ),
        lambda: Deposit.objects.filter(pk=deposit.pk).update(amount_fen=1),
        lambda: LotRelease.objects.all().delete(),
        lambda: ServiceContract.objects.filter(pk=engagement.contract.pk).update(text="改了"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            wrong()
    with pytest.raises(money.LotNotHeld):
        money.return_lot(by=cast.zhou(), at=NOON, milestone_id=first.pk, reason="不该")


def at_once(deeds: list[Callable[[], Any]]) -> list[Any]:
    """Do all at the same moment, each on its own connection: what each gave, or its refusal."""
    start = Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return deed()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


@pytest.mark.django_db(transaction=True)
def test_two_awards_at_once_are_one() -> None:
    tender = hall.published()
    bids = [hall.submitted(tender, by=cast.he()), hall.submitted(tender)]
    zhou = cast.zhou()
    award = partial(services.award_bid, by=zhou, at=OPENED, reason="就选它了")
    found = at_once([partial(award, bid_id=bid.pk) for bid in bids * 4])
    assert sum(isinstance(one, Engagement) for one in found) == 1
    assert Engagement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_releases_and_sixteen_payments_at_once_move_the_money_once() -> None:
    engagement = hall.signed()
    first = lots(engagement)[0]
    zhou, lin = cast.zhou(), cast.lin()
    paid = at_once([lambda: money.fund_lot(by=zhou, at=SIGNED, milestone_id=first.pk)] * 16)
    assert len({deposit.pk for deposit in paid}) == 1
    services.deliver_lot(by=lin, at=SIGNED, milestone_id=first.pk)
    found = at_once(
        [lambda: services.inspect_lot(by=zhou, at=SIGNED, milestone_id=first.pk, defect_count=0)] * 16
    )
    assert sum(not isinstance(one, Refusal) for one in found) == 1
    again = at_once([lambda: money.release_lot(by=zhou, at=SIGNED, milestone_id=first.pk)] * 16)
    assert len({release.pk for release in again}) == 1
    assert (Deposit.objects.count(), LotRelease.objects.count(), Entry.objects.count()) == (1, 1, 2)
    assert books()["bank"] == -30_003
