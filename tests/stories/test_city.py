"""The demo city: two years of trade, made through the services, with the figures it promises."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from config.stories import city, negotiation, people, settling, voices
from config.stories.way import shanghai
from exchange.acceptance.models import Complaint
from exchange.catalogue.models import ListingRevision, Product, Question
from exchange.delivery import services as delivery
from exchange.requests.models import PurchaseRequest
from exchange.reviews.models import Review
from exchange.trading.models import Order
from settlement.banking import selectors as banking
from settlement.banking.models import BankImport, BankLine
from settlement.invoicing.models import Invoice, Wish
from settlement.ledger import selectors as ledger
from settlement.ledger.models import DayClose, Hold, ProofRun
from settlement.payruns.models import PayRun
from settlement.revenue import selectors as revenue
from settlement.rewards.models import Claim, ParkRecognition, RuleRelease

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def small() -> list[city.Line]:
    """The same firms with a twentieth of the orders (at least as many as the refunds need)."""
    return [
        replace(
            line,
            orders_2025=60 if line.firm == "yingshi" else max(4, line.orders_2025 // 20),
            orders_2026=line.orders_2026 // 20,
        )
        for line in city.LINES
    ]


def test_the_whole_city_has_more_than_two_thousand_orders() -> None:
    assert sum(line.orders_2025 + line.orders_2026 for line in city.LINES) > 2_000


def counted(firm: str) -> int:
    return revenue.annual(people.organization(firm).pk, 2025).counted_fen


def claim(firm: str) -> Claim:
    return Claim.objects.select_related("decision").get(firm=people.organization(firm), year=2025)


class CutOff(BaseException):
    """The load ends here, as with a kill."""


def cut_off_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the load of the city break off between two services of its so manieth trade."""
    calls, deliver = itertools.count(1), delivery.deliver

    def break_off(**arguments: Any) -> Any:
        if next(calls) == count:
            raise CutOff
        return deliver(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "deliver", break_off)
        with pytest.raises(CutOff):
            city.load(say=lambda _line: None, at=shanghai(2026, 11, 20), processes=1, lines=small())


def the_money_desks_have_work() -> None:
    """The statement, the invoices, the pay run, the closed days, the amount held back, the release; told once."""
    closes = list(DayClose.objects.order_by("ordinal"))
    assert [close.day.isoformat() for close in closes] == ["2026-10-31", "2026-11-02", "2026-11-03"]
    assert closes[2].previous_hash == closes[1].hash
    assert ProofRun.objects.get().is_sound
    assert PayRun.objects.get().state == "paid"
    left = {line.reference: banking.left_of(line).fen for line in BankLine.objects.all()}
    # Nine orders, one of them in two lines; open: the bank's fee, a stranger's money, what was matched by mistake.
    assert len(left) == 13
    assert sorted(fen for fen in left.values() if fen)[:2] == [10_50, 1_234_567]
    assert sum(1 for fen in left.values() if fen) == 3
    gaps = [
        [gap.value for gap, _fen in banking.order_visible_to(people.actor("lin"), order.pk).gaps]
        for order in settling._latest_orders()
    ]
    assert gaps[settling.HALF] == ["receipt_short", "invoice_short"]  # and its invoice credited in part
    assert gaps[settling.OVER] == ["overpaid", "not_invoiced"]
    assert gaps[settling.MISTAKEN] == ["receipt_missing", "not_invoiced"]
    assert gaps[0] == []
    assert (Invoice.objects.count(), Wish.objects.filter(state="open").count()) == (7, 1)
    assert Hold.objects.get().amount_fen == 1_280_000
    assert RuleRelease.objects.get().approval is not None
    assert sorted(ParkRecognition.objects.values_list("state", flat=True)) == [
        "applied", "recognised", "recognised",
    ]  # fmt: skip
    settling.tell(shanghai(2026, 11, 21))
    settling.release_rules(shanghai(2026, 11, 21))
    assert (BankImport.objects.count(), DayClose.objects.count(), PayRun.objects.count()) == (1, 3, 1)


def test_the_city_stands_as_promised_and_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the orders at the same aims: every promise but the number itself, which is asserted apart.

    The first load breaks off in the middle of a trade; the second one carries on.
    """
    cut_off_after(37, monkeypatch)
    told: list[str] = []
    assert city.load(say=told.append, at=shanghai(2026, 11, 20), processes=1, lines=small())
    assert not city.load(say=told.append, at=shanghai(2026, 11, 21))

    assert counted("qinglan") > 500_000_000
    assert counted("beijiang") == 499_999_999
    assert counted("feixia") > 10_000_000_000
    outcomes = {firm: claim(firm).decision for firm in ("qinglan", "beijiang", "feixia")}
    assert (outcomes["beijiang"].outcome, outcomes["beijiang"].amount_fen) == ("not_eligible", 0)
    assert (outcomes["feixia"].outcome, outcomes["feixia"].amount_fen) == ("granted", 100_000_000)
    assert outcomes["qinglan"].amount_fen == counted("qinglan") // 100
    states = {firm: claim(firm).state for firm in ("feixia", "yingshi", "qinglan", "beijiang", "bijia")}
    assert states == {
        "feixia": "disbursed", "yingshi": "recovering", "qinglan": "in_notice", "beijiang": "objected",
        "bijia": "drafted",
    }  # fmt: skip

    dealings = PurchaseRequest.objects.order_by("requested_at", "pk").values_list("state", flat=True)
    assert list(dealings) == ["ordered", "refused", "approved", "requested"]
    deal = PurchaseRequest.objects.get(state="ordered")
    assert (deal.order.state, deal.order.amount_fen, deal.accepted_version) == ("contracted", 1_080_000, 2)  # type: ignore[union-attr]
    negotiation.tell()
    assert PurchaseRequest.objects.count() == 4

    lapsed = Product.objects.get(supplier=people.organization("lianjiang"))
    assert (lapsed.state, lapsed.certificate.state) == ("suspended", "cancelled")
    assert Order.objects.filter(supplier=people.organization("yingshi"), state="refunded").count() == 1
    assert sorted(Complaint.objects.values_list("state", flat=True)) == ["disputed", "settled"]
    assert Review.objects.count() == 6
    assert Question.objects.filter(answered_at=None).count() == 1
    change = ListingRevision.objects.get(state="submitted")
    assert change.product.supplier == people.organization("beijiang")
    voices.tell()
    assert (Review.objects.count(), Question.objects.count()) == (6, 4)
    the_money_desks_have_work()
    assert ledger.prove().is_sound
    for firm in ("qinglan", "beijiang", "feixia", "lianjiang", "yingshi", "bijia"):
        assert revenue.recomputation(people.organization(firm).pk, 2025).is_equal
