"""The pages and the API of actual revenue."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.catalogue.models import Product
from kernel import clock
from organizations.permissions import Actor
from settlement.revenue import selectors
from settlement.revenue.models import RevenueLine, Ruling
from tests import cast
from tests.settlement import trades

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_june_2025() -> Iterator[None]:
    with clock.moved_to(datetime(2025, 6, 2, 4, 0, tzinfo=UTC)):
        yield


def signed_in(who: Callable[[], Actor], language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    user = who().user
    assert user is not None
    client.force_login(user)
    return client


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_firm_sees_its_year_against_the_threshold(language: str) -> None:
    order = trades.sale("4999999.99")
    text = signed_in(cast.lin, language).get(reverse("revenue:index")).content.decode()
    for words in ("¥4,999,999.99", "¥0.01", order.number):
        assert words in text


def test_offices_see_every_firm_and_each_of_them() -> None:
    trades.sale("68000.00")
    gu = signed_in(cast.gu)
    assert "清蓝" in gu.get(reverse("revenue:index")).content.decode()
    firm = cast.organization(cast.QINGLAN).pk
    assert "¥68,000.00" in gu.get(reverse("revenue:index"), {"firm": firm}).content.decode()


@pytest.mark.parametrize(
    ("who", "status"), [(cast.lin, 200), (cast.gu, 200), (cast.yan, 200), (cast.he, 404), (cast.mei, 403)]
)
def test_who_opens_whose_revenue(who: Callable[[], Actor], status: int) -> None:
    firm = cast.organization(cast.QINGLAN).pk
    assert signed_in(who).get(reverse("revenue:index"), {"firm": firm}).status_code == status
    assert signed_in(who).get(reverse("revenue:index"), {"firm": "x"}).status_code in (404, 403)


def test_one_line_is_walked_back_to_its_data() -> None:
    order = trades.sale("68000.00")
    line = RevenueLine.objects.get()
    text = signed_in(cast.lin).get(reverse("revenue:line", args=[line.pk])).content.decode()
    for words in (order.number, order.contract.number, order.filing.voucher_number, order.certificate.number):
        assert words in text
    stations = selectors.chain_of(selectors.line_for(cast.yan(), line.pk))
    keys = [station.key for station in stations]
    assert keys == [
        "statement",
        "transaction",
        "money",
        "voucher",
        "delivery",
        "contract",
        "certificate",
        "version",
    ]
    assert all(station.holds is not False for station in stations)
    assert signed_in(cast.he).get(reverse("revenue:line", args=[line.pk])).status_code == 404


def test_the_chain_shows_where_a_hash_no_longer_holds() -> None:
    order = trades.sale("68000.00")
    line = RevenueLine.objects.get()
    line.evidence["version"]["root_hash"] = "0" * 64
    line.save(update_fields=["evidence"])
    stations = {s.key: s for s in selectors.chain_of(selectors.line_for(cast.lin(), line.pk))}
    assert stations["version"].holds is False
    assert stations["delivery"].holds is True
    assert order.version.root_hash == stations["version"].digest


def test_any_yuan_leads_to_its_line() -> None:
    trades.sale("100.00")
    line = RevenueLine.objects.get()
    lin = signed_in(cast.lin)
    answer = lin.get(reverse("revenue:yuan"), {"year": 2025, "yuan": 57})
    assert answer["Location"] == reverse("revenue:line", args=[line.pk])
    assert lin.get(reverse("revenue:yuan"), {"year": 2025, "yuan": 101})["Location"].startswith(
        "/revenue/?year=2025"
    )


def test_a_reviewer_rules_in_a_case_only_never_on_the_line() -> None:
    """One reviewer would otherwise exclude unheard, or give back what two people excluded."""
    trades.sale("100.00")
    line = RevenueLine.objects.get()
    gu = signed_in(cast.gu)
    page = gu.get(reverse("revenue:line", args=[line.pk])).content.decode()
    assert "认定只在风险案件中作出" in page
    posted = {"code": "circular", "finding": "excluded", "reason": "资金回流"}
    assert gu.post(f"/revenue/lines/{line.pk}/rule/", posted).status_code == 404
    body = json.dumps({"code": "circular", "is_excluded": True, "reason": "资金回流"})
    answer = gu.post(
        f"/api/revenue/lines/{line.pk}/rulings", body, content_type="application/json",
        headers={"Idempotency-Key": "r1"},
    )  # fmt: skip
    assert answer.status_code == 404
    assert Ruling.objects.count() == 0


def test_the_export_is_safe_to_open_in_a_spreadsheet() -> None:
    order = trades.sale("100.00")
    trades.refund(order, "40.00", at=datetime(2025, 5, 6, tzinfo=UTC))
    Product.objects.update(title="=1+1")
    answer = signed_in(cast.lin).get(reverse("revenue:export"), {"year": 2025})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["net_yuan"] for row in rows] == ["100.00", "-40.00"]
    assert {row["product"] for row in rows} == {"'=1+1"}
    assert rows[0]["order"] == order.number


def test_the_page_takes_the_same_queries_for_one_line_and_for_many() -> None:
    trades.sale("100.00")
    lin = signed_in(cast.lin)
    lin.get(reverse("revenue:index"))
    with CaptureQueriesContext(connection) as few:
        lin.get(reverse("revenue:index"))
    for _each in range(3):
        trades.sale("100.00")
    with CaptureQueriesContext(connection) as many:
        lin.get(reverse("revenue:index"))
    assert len(few) == len(many)


def test_the_api_tells_the_year_its_lines_and_the_chain() -> None:
    trades.sale("100.00")
    lin = signed_in(cast.lin)
    annual = lin.get("/api/revenue/annual", {"year": 2025}).json()
    assert (annual["counted_fen"], annual["months"][2]) == (10_000, 10_000)
    (line,) = lin.get("/api/revenue/lines", {"year": 2025}).json()["items"]
    chain = lin.get(f"/api/revenue/lines/{line['id']}").json()
    assert chain["stations"][1]["holds"] is True
    assert signed_in(cast.he).get(f"/api/revenue/lines/{line['id']}").status_code == 404
    assert signed_in(cast.mei).get("/api/revenue/lines").status_code == 403
