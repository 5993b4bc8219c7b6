"""The demand board's pages and API: the whole way by forms, and who is kept out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from exchange.demands.models import Answer, AnswerMessage, Demand
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.demands import board

pytestmark = pytest.mark.django_db
FORM = {
    "title": "商品评论情感标注数据", "description": "训练客服质检模型。", "industry": "commerce", "quality": "95.5",
    "budget_most": "100000", "deadline": "2026-03-12T12:00", "visibility": "public", "contact_name": "周四",
    "contact_phone": "0763-3366123", "idempotency_key": "k1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.moved_to(NOON):
        yield


def client_of(actor: Actor | None) -> Client:
    client = Client()
    if actor is not None:
        assert actor.user is not None
        client.force_login(actor.user)
    return client


def test_the_whole_way_by_forms() -> None:
    buyer, firm = client_of(cast.zhou()), client_of(cast.lin())
    made = [buyer.post("/demands/new/", FORM) for _twice in range(2)]
    demand = Demand.objects.get()
    assert {answer["Location"] for answer in made} == {f"/demands/{demand.number}/"}
    assert (demand.quality_bp, demand.budget_most_fen, demand.budget_least_fen) == (9_550, 10_000_000, None)
    assert client_of(None).get(f"/demands/{demand.number}/").status_code == 404
    buyer.post(f"/demands/{demand.number}/edit/", {**FORM, "title": "评论情感"})
    buyer.post(f"/demands/{demand.number}/move/", {"move": "publish"})
    product = market.listed()
    hall = firm.get("/demands/").content.decode()
    assert "评论情感" in hall
    assert "行业相同" in hall  # what suits the firm's products, with reasons
    answered = firm.post(
        f"/demands/{demand.number}/respond/",
        {"product": product.number, "words": "现成", "idempotency_key": "a1"},
    )
    answer = Answer.objects.get()
    assert answered["Location"] == f"/demands/answers/{answer.pk}/"
    assert "现成" in buyer.get(f"/demands/answers/{answer.pk}/").content.decode()
    for _twice in range(2):
        buyer.post(
            f"/demands/answers/{answer.pk}/act/",
            {"step": "message", "text": "样例呢？", "idempotency_key": "m1"},
        )
    assert AnswerMessage.objects.count() == 1
    buyer.post(f"/demands/answers/{answer.pk}/act/", {"step": "choose"})
    page = buyer.get(f"/demands/answers/{answer.pk}/").content.decode()
    assert "已中选" in page
    assert f"/catalogue/{product.number}/" in page
    assert firm.get("/demands/answers/").content.decode().count("已中选") == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"deadline": "2026-03-01T12:00"}, "截止时间应晚于现在"),
        ({"budget_least": "5", "budget_most": ""}, "请填写预算上限"),
        ({"contact_phone": ""}, "请至少填写一项"),
        ({"title": ""}, "需求名称"),
    ],
)
def test_what_is_wrong_is_said_on_the_form_and_nothing_is_lost(wrong: dict[str, str], said: str) -> None:
    answer = client_of(cast.zhou()).post("/demands/new/", {**FORM, **wrong})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert "训练客服质检模型。" in page
    assert not Demand.objects.exists()


def test_strangers_are_kept_out_of_pages() -> None:
    demand = board.published()
    answer = board.offered(demand)
    for who, status in ((cast.he(), 404), (cast.gu(), 404), (cast.zhou(), 200), (cast.lin(), 200)):
        assert client_of(who).get(f"/demands/answers/{answer.pk}/").status_code == status
    assert client_of(cast.lin()).post(f"/demands/{demand.number}/move/", {"move": "close"}).status_code == 403
    assert (
        client_of(cast.lin()).post(f"/demands/{demand.number}/moderate/", {"reason": "x"}).status_code == 403
    )
    assert client_of(cast.lin()).get("/demands/mine/").status_code == 403
    assert client_of(cast.zhou()).get("/demands/answers/").status_code == 403
    page = client_of(cast.he()).get(f"/demands/{demand.number}/").content.decode()
    assert "重新标注" not in page
    assert "0763-3366123" not in page
    assert "0763-3366123" in client_of(cast.lin()).get(f"/demands/{demand.number}/").content.decode()


def test_the_operator_hides_by_form() -> None:
    demand = board.published()
    gu = client_of(cast.gu())
    gu.post(f"/demands/{demand.number}/moderate/", {"move": "hide", "reason": ""})
    assert not Demand.objects.get().is_hidden
    gu.post(f"/demands/{demand.number}/moderate/", {"move": "hide", "reason": "广告"})
    assert Demand.objects.get().is_hidden
    assert client_of(None).get(f"/demands/{demand.number}/").status_code == 404
    assert "广告" in client_of(cast.zhou()).get(f"/demands/{demand.number}/").content.decode()


def test_the_api_walks_the_same_way() -> None:
    def post(client: Client, path: str, body: dict[str, Any], key: str) -> Any:
        return client.post(
            f"/api/demands{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

    buyer, firm = client_of(cast.zhou()), client_of(cast.lin())
    body = {**board.WORDING, "deadline": board.DEADLINE.isoformat()}
    made = post(buyer, "/demands", body, "1")
    number = made.json()["number"]
    assert (made.status_code, post(buyer, "/demands", body, "1").json()["number"]) == (201, number)
    assert Client().get(f"/api/demands/demands/{number}").status_code == 404
    assert post(buyer, f"/demands/{number}/publication", {}, "2").json()["state"] == "published"
    assert [each["number"] for each in Client().get("/api/demands/demands?q=评论").json()["items"]] == [
        number
    ]
    product = market.listed()
    (match,) = firm.get(f"/api/demands/demands/{number}/matches").json()
    assert (match["product"], match["score"]) == (product.number, 100)
    offer = {"words": "方案", "price_fen": 100, "delivery_days": 3}
    answered = post(firm, f"/demands/{number}/answers", offer, "3")
    assert answered.status_code == 201
    answer = answered.json()["id"]
    assert post(firm, f"/answers/{answer}/messages", {"text": "您好"}, "4").status_code == 201
    assert client_of(cast.he()).get(f"/api/demands/answers/{answer}/messages").status_code == 404
    assert client_of(cast.he()).get(f"/api/demands/demands/{number}/answers").json() == []
    assert post(firm, f"/answers/{answer}/award", {}, "5").json()["title"] == "demand_wrong_side"
    assert post(buyer, f"/answers/{answer}/award", {}, "6").json()["state"] == "chosen"


def test_lists_cost_the_same_whatever_their_length() -> None:
    demand = board.published()
    board.offered(demand)
    market.listed()
    firm, buyer = client_of(cast.lin()), client_of(cast.zhou())
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost() -> list[int]:
        found = []
        for client, path in (
            (Client(), "/demands/"), (firm, "/demands/"), (firm, "/demands/answers/"), (buyer, "/demands/mine/"),
            (buyer, f"/demands/{demand.number}/"), (buyer, "/searches/"),
        ):  # fmt: skip
            client.get(path)
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200, path
            found.append(len(asked))
        return found

    before = cost()
    for number in range(4):
        board.offered(board.published(title=f"需求 {number} 评论情感标注"))
        market.listed(title=f"产品 {number}", name=f"数据{number}")
    board.offered(demand, by=cast.he())
    assert cost() == before
