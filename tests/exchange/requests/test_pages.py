"""Requests by the test client: forms without script, a deal settled on its page, the JSON way, constant queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from exchange.requests.models import Offer, PurchaseRequest
from exchange.trading.models import Order
from kernel import clock
from tests import cast
from tests.cast import NOON
from tests.exchange import deals, market
from tests.exchange.test_api import Caller
from tests.exchange.test_pages import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    cache.clear()
    with clock.moved_to(NOON):
        yield


def key_on(page: str) -> str:
    found = re.search(r'name="idempotency_key" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


FORM = {
    "purpose": "training", "use_statement": "训练本公司的客服质检模型", "place": "own", "people_count": "12",
    "term_days": "730", "is_training": "yes", "is_abroad": "no",
}  # fmt: skip


def test_a_deal_goes_its_way_over_the_pages() -> None:
    plan = market.plan_of(market.listed())
    zhou, lin, he = client_of(cast.zhou()), client_of(cast.lin()), client_of(cast.he())
    address = f"/requests/new/{plan.pk}/"
    assert address in zhou.get(f"/orders/new/{plan.pk}/").content.decode()
    form = {**FORM, "idempotency_key": key_on(zhou.get(address).content.decode())}
    assert zhou.post(address, {**form, "use_statement": "用"}).status_code == 422
    first, second = zhou.post(address, form), zhou.post(address, form)
    request = PurchaseRequest.objects.get()
    assert first["Location"] == second["Location"] == f"/requests/{request.pk}/"
    assert (
        "贵单位对这个方案已有一份办理中的使用申请"
        in zhou.post(address, {**FORM, "idempotency_key": "another"}).content.decode()
    )
    page = f"/requests/{request.pk}/"
    assert request.number in lin.get("/requests/?side=received").content.decode()
    assert (he.get(page).status_code, he.post(f"{page}approve/").status_code) == (404, 404)
    assert zhou.post(f"{page}approve/").status_code == 403
    terms = {"plan": str(plan.pk), "price": "52000", "template": "entrusted_processing", "licence": "training",
             "territory": "CN", "term_days": "365", "user_count": "12", "inspection_days": "10",
             "clauses": ["delete_at_end"], "note": "一年", "after_version": "0"}  # fmt: skip
    assert lin.post(f"{page}offers/", {**terms, "price": "五万"}).status_code == 422
    assert lin.post(f"{page}offers/", terms).status_code == 302
    repeated = lin.post(f"{page}offers/", terms)
    assert (repeated.status_code, Offer.objects.count()) == (422, 1)
    assert "条件已有第 1 版" in repeated.content.decode()
    shown = zhou.get(page).content.decode()
    assert "接受第 1 版 ¥52,000.00" in shown
    assert zhou.post(f"{page}offers/", {**terms, "price": "50000", "after_version": "1"}).status_code == 302
    assert '<mark class="changed">¥50,000.00</mark>' in lin.get(page).content.decode()
    assert zhou.post(f"{page}accept/", {"version": "2"}).status_code == 409
    assert lin.post(f"{page}accept/", {"version": "1"}).status_code == 409
    answer = lin.post(f"{page}accept/", {"version": "2"})
    order = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.pk}/"
    assert (order.amount_fen, order.contract.template) == (5_000_000, "entrusted_processing")
    timeline = zhou.get(f"/orders/{order.pk}/").content.decode()
    assert "需方提出第 2 版条件" in timeline
    rules = zhou.get(f"/orders/{order.pk}/contract/").content.decode()
    for told in ("不得", "转售数据", "自交付起 365 天内", "删除全部数据和副本并出具证明"):
        assert told in rules


def test_a_refused_buyer_reads_why_and_asks_again() -> None:
    request = deals.asked()
    zhou, lin, page = client_of(cast.zhou()), client_of(cast.lin()), f"/requests/{request.pk}/"
    assert lin.post(f"{page}refuse/", {"reason": ""}).status_code == 422
    refusal = {"reason": "人数过多，无法管控", "advice": "请限于五人以内"}
    assert lin.post(f"{page}refuse/", refusal).status_code == 302
    shown = zhou.get(page).content.decode()
    assert "请限于五人以内" in shown
    again = f"/requests/new/{request.plan_id}/?again={request.pk}"
    assert again.replace("&", "&amp;") in shown
    form = zhou.get(again).content.decode()
    assert "人数过多，无法管控" in form
    sent = {**FORM, "people_count": "5", "change_note": "减为五人", "idempotency_key": key_on(form)}
    answer = zhou.post(again, sent)
    following = PurchaseRequest.objects.get(previous=request)
    assert answer["Location"] == f"/requests/{following.pk}/"
    assert request.number in zhou.get(answer["Location"]).content.decode()
    assert zhou.get(again).status_code == 404


def test_an_approved_request_is_ordered_or_withdrawn_by_the_buyer() -> None:
    request = deals.asked()
    zhou, lin, page = client_of(cast.zhou()), client_of(cast.lin()), f"/requests/{request.pk}/"
    assert lin.post(f"{page}approve/", {"remark": "请按申请使用"}).status_code == 302
    assert "按标价 ¥68,000.00 下单" in zhou.get(page).content.decode()
    assert lin.post(f"{page}order/").status_code == 403
    assert zhou.post(f"{page}withdraw/", {"reason": ""}).status_code == 422
    assert zhou.post(f"{page}order/").status_code == 302
    assert zhou.post(f"{page}order/").status_code == 409
    assert zhou.post(f"{page}withdraw/", {"reason": "不再需要"}).status_code == 422
    assert Order.objects.count() == 1


def test_signing_asks_who_one_is_and_the_pdf_is_made_once() -> None:
    order = market.placed()
    plain, sure = Client(), client_of(cast.zhou())
    plain.force_login(cast.zhou().user)  # type: ignore[arg-type]
    page = f"/orders/{order.pk}/contract/"
    assert "/accounts/reauthenticate/" in plain.get(page).content.decode()
    asked = plain.post(f"/orders/{order.pk}/sign/", {"text_sha256": order.contract.text_sha256})
    assert asked["Location"] == f"/accounts/reauthenticate/?next=%2Forders%2F{order.pk}%2Fcontract%2F"
    in_browser = plain.post(
        f"/api/orders/{order.pk}/signature", {"text_sha256": order.contract.text_sha256},
        content_type="application/json", headers={"Idempotency-Key": "a"},
    )  # fmt: skip
    assert (in_browser.status_code, in_browser.json()["title"]) == (403, "identity_not_confirmed")
    assert not order.contract.signatures.exists()
    assert sure.post(f"{page}document/").status_code == 409
    assert sure.get(f"{page}document/").status_code == 302
    assert sure.post(f"/orders/{order.pk}/sign/").status_code == 302
    assert client_of(cast.lin()).post(f"/orders/{order.pk}/sign/").status_code == 302
    assert sure.post(f"{page}document/").status_code == 302
    assert sure.get(f"{page}document/").content.startswith(b"%PDF")
    policy = sure.get(f"{page}policy/")
    assert policy.content.decode() == order.contract.policy
    assert client_of(cast.he()).get(f"{page}policy/").status_code == 404


def test_a_supplement_goes_its_way_over_the_pages() -> None:
    order = deals.negotiated()
    zhou, lin = client_of(cast.zhou()), client_of(cast.lin())
    address = f"/orders/{order.pk}/supplements/new/"
    form = {"kind": "amendment", "term_days": "730", "reason": "项目延期",
            "idempotency_key": key_on(zhou.get(address).content.decode())}  # fmt: skip
    assert zhou.post(address, {**form, "term_days": "3"}).status_code == 422
    where = zhou.post(address, form)["Location"]
    assert zhou.post(address, form)["Location"] == where
    assert "签署" in lin.get(where).content.decode()
    assert client_of(cast.gu()).get(address).status_code == 403
    assert client_of(cast.he()).get(where).status_code == 404
    assert lin.post(f"{where}end/", {"reason": "", "move": "decline"}).status_code == 422
    for client in (zhou, lin):
        assert client.post(f"{where}sign/").status_code == 302
    order.refresh_from_db()
    assert order.term_days == 730
    assert "补充合同生效" in zhou.get(f"/orders/{order.pk}/").content.decode()


def test_the_same_over_the_api_each_request_counting_once() -> None:
    product = market.listed()
    buyer, supplier = Caller(cast.zhou()), Caller(cast.lin())
    body: dict[str, Any] = {
        "plan_id": str(market.plan_of(product).pk), "purpose": "training", "use_statement": "训练客服质检模型",
        "place": "own", "people_count": 12, "is_training": True, "is_abroad": False,
    }  # fmt: skip
    made = buyer.post("/requests/", body, key="1")
    assert made.status_code == 201, made.content
    assert buyer.post("/requests/", body, key="1")["Idempotent-Replayed"] == "true"
    assert buyer.post("/requests/", body, key="2").json()["title"] == "already_asked"
    path = f"/requests/{made.json()['id']}"
    assert Caller(cast.he()).get(path).status_code == 404
    assert buyer.post(f"{path}/approval", {}, key="3").status_code == 403
    assert supplier.post(f"{path}/approval", {}, key="4").json()["state"] == "approved"
    offer = {"plan_id": body["plan_id"], "price_fen": 100_00, "licence": "internal", "inspection_days": 7}
    assert supplier.post(f"{path}/offers", offer, key="5").json()["version"] == 1
    assert supplier.post(f"{path}/offers", offer, key="6").json()["title"] == "offer_outdated"
    assert [each["version"] for each in buyer.get(f"{path}/offers").json()] == [1]
    placed = buyer.post(f"{path}/acceptance", {"version": 1}, key="7")
    assert placed.status_code == 201, placed.content
    assert buyer.post(f"{path}/acceptance", {"version": 1}, key="7").json() == placed.json()
    assert (
        buyer.get("/requests/?side=asked&state=ordered").json()["items"][0]["order_id"] == placed.json()["id"]
    )
    order = f"/orders/{placed.json()['id']}"
    contract = buyer.get(f"{order}/contract").json()
    assert contract["policy"]["@type"] == "Agreement"
    assert buyer.get(f"{order}/contract/rules").json()[0]["kind"] == "permission"
    for caller, key in ((buyer, "8"), (supplier, "9")):
        signed = caller.post(f"{order}/signature", {"text_sha256": contract["text_sha256"]}, key=key)
        assert signed.status_code == 200, signed.content
    document = buyer.post(f"{order}/contract/document", key="10").json()
    assert len(document["document_sha256"]) == 64
    ending = {"kind": "termination", "reason": "项目取消"}
    supplement = buyer.post(f"{order}/supplements", ending, key="11").json()
    path = f"/orders/supplements/{supplement['id']}"
    assert buyer.post(f"{path}/refusal", {"reason": "不同意"}, key="12").status_code == 403
    for caller, key in ((buyer, "13"), (supplier, "14")):
        signed = caller.post(f"{path}/signature", {"text_sha256": supplement["text_sha256"]}, key=key)
    assert signed.json()["state"] == "in_force"
    assert buyer.get(order).json()["state"] == "cancelled"
    assert [each["number"] for each in buyer.get(f"{order}/supplements").json()] == [supplement["number"]]


@pytest.mark.parametrize("path", ["/requests/?limit=0", "/requests/?cursor=x"])
def test_nonsense_gets_a_problem_document(path: str) -> None:
    assert Caller(cast.gu()).get(path).status_code == 422


def test_pages_ask_as_often_with_much_content_as_with_little(
    django_assert_num_queries: Callable[[int], Any], django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    request = deals.asked()
    deals.offered(request, by=cast.lin())
    zhou = client_of(cast.zhou())
    pages = ("/requests/", f"/requests/{request.pk}/")

    def counts() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as asked:
                assert zhou.get(page).status_code == 200
            found.append(len(asked))
        return found

    counts()
    before = counts()
    for version in range(1, 6):
        deals.offered(request, by=(cast.lin(), cast.zhou())[version % 2], after=version)
    for name in ("甲", "乙", "丙"):
        deals.asked(market.listed(title=name, name=name))
    assert counts() == before
    assert max(before) < 40
