"""The exchange as JSON: scoped keys, problems, and the same request twice being one deed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from documents import objects
from exchange.catalogue.models import Product
from exchange.delivery.models import Download
from exchange.filings import services as filings
from exchange.trading.models import Order, Signature
from kernel import clock
from organizations.models import ApiKey
from organizations.permissions import REGISTRY, Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    cache.clear()
    with clock.moved_to(NOON):
        yield


class Caller:
    """A program with an API key of one actor's organization."""

    def __init__(self, actor: Actor, scopes: list[str] | None = None) -> None:
        prefix = f"qs_{hashlib.sha256(actor.label.encode()).hexdigest()[:8]}"
        ApiKey.objects.get_or_create(
            prefix=prefix,
            defaults={
                "organization": actor.organization, "name": "测试", "created_by": actor.user,
                "secret_sha256": hashlib.sha256(b"secret").hexdigest(),
                "scopes": sorted(REGISTRY) if scopes is None else scopes,
                "expires_at": NOON + timedelta(days=30),
            },
        )  # fmt: skip
        self.headers = {"Authorization": f"Bearer {prefix}.secret"}

    def get(self, path: str) -> Any:
        return Client(headers=self.headers).get(f"/api{path}")

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> Any:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        return Client(headers=headers).post(f"/api{path}", body or {}, content_type="application/json")


def test_anybody_reads_the_public_catalogue() -> None:
    product = market.listed()
    market.drafted(title="草稿", name="草稿")
    listed = Client().get("/api/catalogue/products?q=评论&industry=commerce").json()
    assert [each["number"] for each in listed["items"]] == [product.number]
    whole = Client().get(f"/api/catalogue/products/{product.number}").json()
    assert whole["plans"][0]["price_fen"] == 6_800_000
    assert Client().get("/api/catalogue/facets?industry=commerce").json()["total"] == 1
    assert Client().get("/api/catalogue/products/CP-2026-0000000-0").status_code == 404


def test_a_listing_goes_its_way_over_the_api() -> None:
    certificate = market.certificate_for(cast.organization(cast.QINGLAN))
    supplier, operator = Caller(cast.lin()), Caller(cast.gu())
    body = {"certificate_id": str(certificate.pk), "title": "评论", "summary": "三类", "description": "说明",
            "industry": "commerce", "licence": "training"}  # fmt: skip
    made = supplier.post("/catalogue/products", body, key="a")
    assert made.status_code == 201, made.content
    again = supplier.post("/catalogue/products", body, key="a")
    assert (again.json(), again["Idempotent-Replayed"]) == (made.json(), "true")
    number = made.json()["number"]
    path = f"/catalogue/products/{number}"
    assert supplier.post(f"{path}/plans", {"name": "标准版", "price_fen": 100}, key="b").status_code == 201
    assert supplier.post(f"{path}/wording", {"title": "商品评论"}, key="c").json()["title"] == "商品评论"
    declared = {"personal_information": "none", "has_no_important_data": True, "is_source_lawful": True}
    assert supplier.post(f"{path}/content", declared, key="c2").status_code == 200
    contact = {"kind": "business", "name": "林晓", "email": "lin@example.cn"}
    assert supplier.post(f"{path}/contacts", contact, key="c3").status_code == 200
    assert supplier.post(f"{path}/submission", key="d").json()["state"] == "submitted"
    assert supplier.post(f"{path}/publication", {}, key="e").status_code == 403
    assert operator.get("/catalogue/reviews").json()["items"][0]["number"] == number
    assert operator.post(f"{path}/publication", {"reason": "同意"}, key="f").json()["state"] == "listed"
    assert operator.post(f"{path}/suspension", {}, key="g").json()["title"] == "reason_missing"
    assert supplier.get("/catalogue/own").json()["items"][0]["state"] == "listed"
    assert Product.objects.count() == 1


def test_an_order_goes_its_way_and_each_request_counts_once() -> None:
    product = market.listed(files=(objects.put("test", b"row", "text/plain"),))
    buyer, supplier = Caller(cast.zhou()), Caller(cast.lin())
    body = {"plan_id": str(market.plan_of(product).pk), "use_statement": "训练本公司的客服质检模型"}
    assert buyer.post("/orders/", body).json()["title"] == "idempotency_key_missing"
    placed = buyer.post("/orders/", body, key="1")
    assert placed.status_code == 201, placed.content
    assert buyer.post("/orders/", body, key="1").json() == placed.json()
    assert buyer.post("/orders/", {**body, "use_statement": "别的用途"}, key="1").status_code == 409
    assert Order.objects.count() == 1
    path = f"/orders/{placed.json()['id']}"
    digest = buyer.get(f"{path}/contract").json()["text_sha256"]
    assert buyer.post(f"{path}/signature", {"text_sha256": "0" * 64}, key="2").json()["title"] == "other_text"
    assert buyer.post(f"{path}/signature", {"text_sha256": digest}, key="2").status_code == 200
    assert buyer.post(f"{path}/signature", {"text_sha256": digest}, key="2")["Idempotent-Replayed"] == "true"
    assert (
        buyer.post(f"{path}/signature", {"text_sha256": digest}, key="3").json()["title"] == "already_signed"
    )
    assert (
        supplier.post(f"{path}/signature", {"text_sha256": digest}, key="2").json()["state"] == "contracted"
    )
    assert Signature.objects.count() == 2
    from exchange.trading import services as trading

    order = Order.objects.get()
    trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)
    delivery = f"/deliveries/{order.pk}"
    assert buyer.post(delivery, key="4").status_code == 403
    assert supplier.post(delivery, key="5").json()["root_hash"] == product.version.root_hash
    files = buyer.get(f"{delivery}/files").json()
    assert files["items"][0]["sha256"] == hashlib.sha256(b"row").hexdigest()
    link = buyer.post(f"{delivery}/links", {"file_id": files["items"][0]["id"]})
    assert link.status_code == 201
    assert supplier.post(f"{delivery}/links", {"file_id": files["items"][0]["id"]}).status_code == 403
    assert (
        Caller(cast.he()).post(f"{delivery}/links", {"file_id": files["items"][0]["id"]}).status_code == 404
    )
    assert Download.objects.count() == 1
    assert len(supplier.get(f"{delivery}/downloads").json()["items"]) == 1
    assert buyer.post(f"{path}/acceptance", key="6").json()["state"] == "accepted"
    assert supplier.get("/orders/?side=sold").json()["items"][0]["state"] == "accepted"
    assert Caller(cast.he()).get(path).status_code == 404


def test_a_keys_scopes_narrow_what_it_may_do() -> None:
    product = market.listed()
    reader = Caller(cast.zhou(), scopes=["orders.view"])
    body = {"plan_id": str(market.plan_of(product).pk), "use_statement": "训练本公司的客服质检模型"}
    assert reader.post("/orders/", body, key="1").status_code == 403
    assert reader.get("/orders/").status_code == 200
    assert reader.get("/filings/").status_code == 403


def test_filings_are_read_with_their_token() -> None:
    filing = filings.file_trade(by=market.SYSTEM, at=NOON, order_id=market.completed().pk)
    register = Caller(cast.gu()).get("/filings/?year=2026&state=filed").json()["items"]
    assert [each["voucher_number"] for each in register] == [filing.voucher_number]
    whole = Caller(cast.zhou()).get(f"/filings/{filing.pk}").json()
    assert whole["token"] == filing.token
    assert Caller(cast.he()).get(f"/filings/{filing.pk}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/orders/?limit=0", "/orders/?cursor=x", "/filings/?year=abc", "/catalogue/products?limit=101"]
)
def test_nonsense_gets_a_problem_document(path: str) -> None:
    answer = Caller(cast.gu()).get(path)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"


def test_a_change_goes_its_way_over_the_api() -> None:
    product = market.listed()
    cast.zhou()
    supplier, operator, stranger = Caller(cast.lin()), Caller(cast.gu()), Caller(cast.he())
    path = f"/catalogue/products/{product.number}"
    assert supplier.post(f"{path}/content", {"title": "直接改"}, key="a").status_code == 409
    drafted = supplier.post(f"{path}/revision/content", {"title": "新名称"}, key="b").json()
    assert drafted["changes"] == [
        {"field": "title", "label": "产品名称", "before": "商品评论情感标注数据集", "after": "新名称"}
    ]
    plan = {
        "name": "流量版",
        "price_fen": 5_000,
        "kind": "metered_volume",
        "term_days": 30,
        "included_quantity": 10**9,
    }
    assert supplier.post(f"{path}/revision/plans", plan, key="c").status_code == 200
    wrong = supplier.post(f"{path}/revision/plans", {"name": "错", "price_fen": 0}, key="d")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "price")
    revision = f"/catalogue/revisions/{drafted['id']}"
    assert stranger.get(revision).status_code == 404
    assert operator.get(revision).status_code == 404  # not submitted yet
    assert supplier.post(f"{revision}/submission", {"note": "改名"}, key="e").json()["state"] == "submitted"
    assert supplier.post(f"{revision}/application", {"reason": ""}, key="f").status_code == 403
    applied = operator.post(f"{revision}/application", {"reason": "同意"}, key="g")
    assert applied.json()["state"] == "applied"
    again = operator.post(f"{revision}/application", {"reason": "同意"}, key="g")
    assert again["Idempotent-Replayed"] == "true"
    shown = supplier.get(path).json()
    assert (shown["title"], shown["price_from_fen"]) == ("新名称", 5_000)
    assert "价格已含 1 GB。" in shown["plans"][1]["words"]
    assert len(operator.get("/catalogue/revisions").json()["items"]) == 1
    invited = supplier.post(f"{path}/invitations", {"uscc": cast.YUNSHAN[1]}, key="h")
    assert invited.status_code == 201
    assert stranger.get(f"{path}/invitations").status_code in (403, 404)
    assert stranger.get(f"{path}/contacts").status_code in (403, 404)
    assert (
        supplier.post(f"{path}/ordering", {"ordering": "approval"}, key="i").json()["ordering"] == "approval"
    )
    policy = stranger.get(f"{path}/policy").json()
    assert (policy["@type"], policy["@context"]) == ("Offer", "http://www.w3.org/ns/odrl.jsonld")
