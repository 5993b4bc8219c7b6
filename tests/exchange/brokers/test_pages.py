"""Broking's pages and JSON: what each party may see and do there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from exchange.brokers import services
from exchange.brokers.models import ConductRecord, Deal, Mandate, Match, Rating
from exchange.brokers.selectors import todos
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong, jiang

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' clock stands an hour after START."""
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(hours=1))


def client(who: Actor) -> Client:
    found = Client()
    assert who.user is not None
    found.force_login(who.user)
    return found


def get(who: Actor, name: str, *args: Any, **query: str) -> Any:
    return client(who).get(reverse(f"brokers:{name}", args=args), query)


def post(who: Actor, name: str, *args: Any, **data: Any) -> Any:
    return client(who).post(reverse(f"brokers:{name}", args=args), {"idempotency_key": uuid4().hex, **data})


def api(who: Actor, path: str, body: dict[str, Any] | None = None) -> Any:
    found = client(who)
    if body is None:
        return found.get(f"/api/brokers/{path}")
    return found.post(
        f"/api/brokers/{path}", json.dumps(body), content_type="application/json",
        headers={"Idempotency-Key": uuid4().hex},
    )  # fmt: skip


OFFER = {
    "side": "demand", "scope": "industries", "industries": ["commerce"], "wish_modality": "text",
    "wish_labels": "正面\n负面", "wish_budget": "80000", "first_day": "2026-05-01", "final_day": "2026-12-31",
    "commission_percent": "2.5", "payer": "buyer",
}  # fmt: skip


def test_a_principal_offers_a_mandate_on_the_page_once() -> None:
    brokerage.broker_in_pilot()
    key = uuid4().hex
    data = {**OFFER, "broker": str(hong().organization_id), "idempotency_key": key}
    zhou = client(cast.zhou())
    first = zhou.post(reverse("brokers:offer"), data)
    again = zhou.post(reverse("brokers:offer"), data)
    assert (first.status_code, first.url) == (302, again.url)
    mandate = Mandate.objects.get()
    assert (mandate.commission_bp, mandate.wish_labels) == (250, ["正面", "负面"])
    assert mandate.ends_at == clock.end_of(clock.business_date(mandate.ends_at - timedelta(seconds=1)))
    page = zhou.get(first.url).content.decode()
    assert "等待委托人、数据经纪人签署。" in page


def test_a_broker_offers_to_a_principal_by_its_code() -> None:
    brokerage.broker_in_pilot()
    cast.zhou()
    assert post(hong(), "offer", **OFFER, uscc="91440101MA5000099X").status_code == 422
    assert post(hong(), "offer", **OFFER, uscc=cast.YUNSHAN[1]).status_code == 302
    assert Mandate.objects.get().offered_by_party == "broker"


def test_both_a_share_and_a_fixed_amount_are_refused_on_the_form() -> None:
    brokerage.broker_in_pilot()
    answer = post(cast.zhou(), "offer", **OFFER, broker=str(hong().organization_id), commission="500")
    assert answer.status_code == 422
    assert "佣金比例和固定佣金填写其中一项。" in answer.content.decode()
    assert Mandate.objects.count() == 0


def test_signing_asks_first_who_one_is() -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.offered()
    assert get(cast.zhou(), "sign", mandate.pk).status_code == 200
    answer = post(cast.zhou(), "sign", mandate.pk, text_sha256=mandate.text_sha256)
    assert answer.status_code == 302
    assert "reauthenticate" in answer.url
    assert mandate.signatures.count() == 0


def test_the_broker_matches_and_the_principal_answers_on_pages() -> None:
    brokerage.broker_in_pilot()
    mandate, product = brokerage.active(), market.listed()
    page = get(hong(), "record_match", mandate.pk, product=product.number).content.decode()
    assert "标签 30/30" in page
    answer = post(hong(), "record_match", mandate.pk, product_number=product.number, reason="标签齐全。")
    match = Match.objects.get()
    assert answer.url == reverse("brokers:match", args=[match.pk])
    assert [str(each.title) for each in todos(cast.zhou())] == ["答复撮合：商品评论情感标注数据集"]
    assert get(cast.lin(), "match", match.pk).status_code == 404
    assert post(hong(), "accept", match.pk).status_code == 403
    assert post(cast.zhou(), "accept", match.pk).status_code == 302
    order = market.placed(product, at=START + timedelta(minutes=65))
    assert order.number in get(hong(), "match", match.pk).content.decode()
    assert post(hong(), "match", match.pk, order_number=order.number).status_code == 302
    assert Deal.objects.get().order == order


def test_both_sides_see_the_commission_before_they_confirm() -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.proposed()
    for side in (cast.zhou(), cast.lin()):
        page = get(side, "deal", deal.pk).content.decode()
        assert "确认即同意由该经纪人促成" in page
        assert "1,700.00" in page
        assert post(side, "confirm", deal.pk, commission_fen="1").status_code == 409
        assert post(side, "confirm", deal.pk, commission_fen=str(deal.commission_fen)).status_code == 302
    deal.refresh_from_db()
    assert deal.state == "confirmed"
    assert get(cast.he(), "deal", deal.pk).status_code == 404


def test_the_deals_page_and_the_board_name_what_is_missing() -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    missing = "要求说明数据来源、收到数据来源说明、审核记录、交易记录"
    page, order = get(hong(), "deal", deal.pk).content.decode(), f"/orders/{deal.order_id}/"
    assert (missing in page, deal.order.number in page, order in page) == (True, True, False)
    assert order in get(cast.zhou(), "deal", deal.pk).content.decode()
    assert missing in get(cast.gu(), "board").content.decode()
    assert get(cast.zhou(), "board").status_code == 403
    data = {"kind": "source_demanded", "statement": "四月二日书面要求供方说明来源。", "fact": "statement"}
    assert post(cast.zhou(), "keep", deal.pk, **data).status_code == 403
    assert post(hong(), "keep", deal.pk, **{**data, "fact": "document"}).status_code == 422
    assert post(hong(), "keep", deal.pk, **data).status_code == 302
    assert ConductRecord.objects.get(kind="source_demanded").made_by_label == hong().label
    assert "要求说明数据来源、" not in get(cast.gu(), "board").content.decode()


def test_a_handover_is_the_principals_page() -> None:
    pilot = brokerage.broker_in_pilot()
    brokerage.broker_in_pilot(by=jiang(), title="江岸的批次（示例）")
    mandate = brokerage.active()
    from exchange.pilots import services as pilots

    pilots.exit_pilot(by=cast.gu(), at=START, pilot_id=pilot.pk, reason="多次未按要求留存记录。")
    services.open_handovers(by=cast.gu(), at=START, broker_id=pilot.organization_id)
    assert "移交其他经纪人" in get(cast.zhou(), "mandate", mandate.pk).content.decode()
    assert get(hong(), "handover", mandate.pk).status_code == 403
    assert post(cast.zhou(), "handover", mandate.pk, broker=str(jiang().organization_id)).status_code == 302
    assert Mandate.objects.get(follows=mandate).broker_id == jiang().organization_id


def test_the_operator_assesses_a_year_from_the_record() -> None:
    pilot = brokerage.broker_in_pilot()
    assert get(hong(), "assess", pilot.pk, 2026).status_code == 200
    assert post(hong(), "assess", pilot.pk, 2026).status_code == 403
    assert post(cast.gu(), "assess", pilot.pk, 2026).status_code == 409  # the year is not over
    assert pilot.assessments.count() == 0


def test_an_assessment_names_its_deals_and_no_figure_is_typed(
    product_wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    brokerage.settle(deal.order)
    monkeypatch.setattr(clock, "now", lambda: START.replace(year=2027, month=1, day=10))
    path = f"pilots/{pilot.pk}/assessments"
    assert api(hong(), path, {"year": 2026}).status_code == 403
    assert api(cast.gu(), path, {"year": 1999}).status_code == 422
    made = api(cast.gu(), path, {"year": 2026, "deals": 12, "amount_fen": 1_000_000_00})
    assert (made.status_code, made.json()["trace"]["facts"]["deals"]) == (201, 1)
    assert [each["number"] for each in made.json()["trace"]["deals"]] == [deal.number]
    page = client(hong())
    told = page.get(f"/pilots/{pilot.pk}/").content.decode()
    assert f'href="/brokers/deals/{deal.pk}/">{deal.number}</a>' in told
    assert page.post(f"/api/pilots/pilots/{pilot.pk}/assessments").status_code == 405


def test_a_buyer_rates_on_the_page(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    brokerage.settle(deal.order)
    assert post(cast.lin(), "rate", deal.pk, stars="5").status_code == 403
    assert post(cast.zhou(), "rate", deal.pk, stars="9").status_code == 422
    assert post(cast.zhou(), "rate", deal.pk, stars="5", words="及时").status_code == 302
    assert Rating.objects.get().stars == 5


def test_everything_can_be_done_as_json(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    zhou, lin = cast.zhou(), cast.lin()
    body = {
        "principal_id": str(zhou.organization_id), "broker_id": str(hong().organization_id), "side": "demand",
        "starts_at": START.isoformat(), "ends_at": brokerage.END.isoformat(), "commission_bp": 250, "payer": "buyer",
    }  # fmt: skip
    made = api(zhou, "mandates", body)
    assert made.status_code == 201
    mandate = made.json()
    for who in (zhou, hong()):
        signed = api(who, f"mandates/{mandate['id']}/signature", {"text_sha256": mandate["text_sha256"]})
    assert signed.json()["state"] == "active"
    product = market.listed()
    told = {"product_number": product.number, "reason": "价格合适。"}
    match = api(hong(), f"mandates/{mandate['id']}/matches", told).json()
    assert api(zhou, f"matches/{match['id']}/answer", {"is_accepted": True}).json()["state"] == "accepted"
    order = market.placed(product, at=START + timedelta(hours=1))
    deal = api(hong(), f"matches/{match['id']}/deal", {"order_number": order.number}).json()
    assert deal["commissions"] == [{"mandate": mandate["number"], "payer": "buyer", "amount_fen": 1_700_00}]
    for who in (zhou, lin):
        answer = api(who, f"deals/{deal['id']}/confirmation", {"commission_fen": deal["commission_fen"]})
        assert answer.status_code == 200
    kept = {"kind": "review", "statement": "交易双方资料齐全。"}
    assert api(zhou, f"deals/{deal['id']}/records", kept).status_code == 403
    assert api(hong(), f"deals/{deal['id']}/records", kept).status_code == 201
    brokerage.settle(order)
    assert api(zhou, f"deals/{deal['id']}/rating", {"stars": 5}).json()["state"] == "completed"
    assert api(cast.he(), f"deals/{deal['id']}").status_code == 404
    told = api(lin, "deals").json()["items"]
    assert [(each["number"], len(each["commissions"])) for each in told] == [(deal["number"], 1)]
    assert [each["kind"] for each in told[0]["records"] if not each["made_at"]] == [
        "source_demanded", "source_received",
    ]  # fmt: skip
    assert api(cast.mei(), "deals").status_code == 403
    assert [each["number"] for each in api(zhou, "mandates").json()["items"]] == [mandate["number"]]


def test_the_lists_take_the_same_number_of_queries_however_long(django_assert_max_num_queries: Any) -> None:
    brokerage.broker_in_pilot()
    mandate = brokerage.active()
    who = client(cast.gu())

    def counted(name: str) -> int:
        with django_assert_max_num_queries(40) as found:
            assert who.get(reverse(f"brokers:{name}")).status_code == 200
        return len(found)

    brokerage.confirmed(brokerage.accepted(mandate))
    before = [counted(name) for name in ("mine", "deals", "board")]
    for _number in range(3):
        brokerage.confirmed(brokerage.accepted(mandate))
        brokerage.active("supply")
    assert [counted(name) for name in ("mine", "deals", "board")] == before
    assert Deal.objects.count() == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": "2026-05-01T00:00:00"},
        {"commission_fen": 10**19},
        {"side": "\x00"},
        {"ends_at": "9999-12-31T23:59:59Z"},
    ],
)
def test_hostile_terms_are_refused_as_json(wrong: dict[str, Any]) -> None:
    brokerage.broker_in_pilot()
    body = {
        "principal_id": str(cast.zhou().organization_id), "broker_id": str(hong().organization_id), "side": "demand",
        "starts_at": START.isoformat(), "ends_at": brokerage.END.isoformat(), "commission_bp": 250, "payer": "buyer",
    }  # fmt: skip
    assert api(cast.zhou(), "mandates", {**body, **wrong}).status_code == 422
    assert Mandate.objects.count() == 0
