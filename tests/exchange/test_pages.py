"""The exchange's pages by the test client: who sees what, forms without script, one click one thing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from documents import objects
from exchange.catalogue.models import Product
from exchange.delivery.models import Download
from exchange.filings import services as filings
from exchange.trading.models import Order
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.sessions import confirm_identity

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with clock.moved_to(NOON):
        yield


def client_of(actor: Actor) -> Client:
    """A session in which the person has just confirmed who it is."""
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    confirm_identity(client)
    return client


def test_the_product_page_tells_everything_and_its_json_ld_is_sound() -> None:
    product = market.listed(summary="坏人</script><b>&")
    page = Client().get(f"/catalogue/{product.number}/").content.decode()
    for told in ("商品评论情感标注数据集", "¥68,000.00", "物流很快，包装完好。", "正面", "99.1%", "<svg",
                 f"/verify/{product.certificate.number}/", "转售、公开或再许可原始数据"):  # fmt: skip
        assert told in page, told
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert block is not None
    told = json.loads(block.group(1))
    assert (told["@type"], told["identifier"], told["description"]) == (
        "Dataset",
        product.number,
        "坏人</script><b>&",
    )
    assert told["offers"] == [
        {"@type": "Offer", "name": "标准版", "price": "68000.00", "priceCurrency": "CNY"}
    ]
    assert "坏人</script>" not in page


def test_the_catalogue_answers_a_page_or_the_found_part() -> None:
    market.listed()
    whole = Client().get("/catalogue/?q=评论&modality=text").content.decode()
    part = Client().get("/catalogue/?q=评论", headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    assert "商品评论情感标注数据集" in part
    assert "没有找到符合条件的产品" in Client().get("/catalogue/?q=不存在").content.decode()


def test_a_supplier_drafts_prices_checks_and_submits_without_script() -> None:
    certificate = market.certificate_for(cast.organization(cast.QINGLAN))
    client = client_of(cast.lin())
    assert certificate.number in client.get("/selling/new/").content.decode()
    form = {
        "title": "评论",
        "summary": "三类",
        "description": "说明",
        "industry": "commerce",
        "licence": "training",
    }
    address = f"/selling/new/{certificate.pk}/"
    assert client.post(address, {**form, "title": ""}).status_code == 422
    answer = client.post(address, form)
    product = Product.objects.get()
    assert answer["Location"] == f"/selling/{product.number}/plans/"
    assert client.post(address, form)["Location"] == f"/selling/{product.number}/"  # the second click
    assert Product.objects.count() == 1
    assert client.post(f"/selling/{product.number}/check/").status_code == 422
    plan = {"name": "标准版", "kind": "one_off", "price": "1280.50", "tax_rate_bp": "600"}
    assert client.post(f"/selling/{product.number}/plans/", {**plan, "price": "1.234"}).status_code == 422
    assert client.post(f"/selling/{product.number}/plans/", plan).status_code == 302
    for part in (
        "",
        "wording/",
        "licence/",
        "plans/",
        "compliance/",
        "needs/",
        "examples/",
        "contacts/",
        "access/",
        "check/",
    ):
        assert client.get(f"/selling/{product.number}/{part}").status_code == 200
    assert client.post(f"/selling/{product.number}/licence/", {"licence": "commercial"}).status_code == 302
    declared = {
        "personal_information": "anonymised", "has_no_important_data": "on", "is_source_lawful": "on",
        "restrictions": "仅限境内",
    }  # fmt: skip
    assert client.post(f"/selling/{product.number}/compliance/", declared).status_code == 302
    contact = {"kind": "business", "name": "林晓", "phone": "13800000001"}
    assert client.post(f"/selling/{product.number}/contacts/", contact).status_code == 302
    assert client.post(f"/selling/{product.number}/check/").status_code == 302
    product.refresh_from_db()
    assert (product.state, product.licence, product.price_from_fen) == ("submitted", "commercial", 128_050)
    assert client_of(cast.he()).get(f"/selling/{product.number}/").status_code == 404
    assert client_of(cast.mei()).get("/selling/").status_code == 403


def test_the_operator_decides_with_a_reason() -> None:
    product = market.drafted()
    client_of(cast.lin()).post(f"/selling/{product.number}/check/")
    operator = client_of(cast.gu())
    assert product.number in operator.get("/catalogue/review/").content.decode()
    address = f"/catalogue/review/{product.number}/"
    refused = operator.post(address, {"decision": "reject", "opinion": " "})
    assert refused.status_code == 422
    assert "请写明理由" in refused.content.decode()
    assert operator.post(address, {"decision": "publish", "opinion": "同意"}).status_code == 302
    product.refresh_from_db()
    assert product.state == "listed"
    operator.post(f"{address}control/", {"move": "suspend", "reason": "抽查"})
    product.refresh_from_db()
    assert product.state == "suspended"
    assert "抽查" in client_of(cast.lin()).get(f"/selling/{product.number}/").content.decode()
    assert Client().get(f"/catalogue/{product.number}/").status_code == 404
    assert client_of(cast.zhou()).get("/catalogue/review/").status_code == 403


def test_one_form_places_one_order_however_often_it_is_sent() -> None:
    plan = market.plan_of(market.listed())
    buyer = client_of(cast.zhou())
    assert buyer.get(f"/orders/new/?plan={plan.pk}")["Location"] == f"/orders/new/{plan.pk}/"
    address = f"/orders/new/{plan.pk}/"
    key = re.search(r'name="idempotency_key" value="([^"]+)"', buyer.get(address).content.decode())
    assert key is not None
    form = {"use_statement": "训练本公司的客服质检模型", "idempotency_key": key.group(1)}
    assert buyer.post(address, {**form, "use_statement": "用"}).status_code == 422
    first, second = buyer.post(address, form), buyer.post(address, form)
    assert first["Location"] == second["Location"]
    assert Order.objects.count() == 1
    assert client_of(cast.mei()).post(address, form).status_code == 422
    assert Order.objects.count() == 1


def test_an_order_page_shows_each_side_its_next_step() -> None:
    order = market.placed()
    address = f"/orders/{order.pk}/"
    lin, zhou = client_of(cast.lin()), client_of(cast.zhou())
    assert "签署合同" in zhou.get(address).content.decode()
    assert zhou.post(f"{address}sign/", {"text_sha256": "0" * 64}).status_code == 409
    assert zhou.post(f"{address}sign/", {"text_sha256": order.contract.text_sha256}).status_code == 302
    assert zhou.post(f"{address}sign/").status_code == 409
    assert lin.post(f"{address}sign/").status_code == 302
    assert "等待需方付款到托管" in lin.get(address).content.decode()
    assert order.contract.text_sha256 in lin.get(f"{address}contract/").content.decode()
    from exchange.trading import services as trading

    trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=order.pk)
    assert f"/deliveries/{order.pk}/deliver/" in lin.get(address).content.decode()
    assert lin.post(f"/deliveries/{order.pk}/deliver/").status_code == 302
    checklist, judging = f"/acceptance/orders/{order.pk}/", f"/reviews/orders/{order.pk}/"
    shown = zhou.get(address).content.decode()
    assert ("核对并验收" in shown, checklist in shown, f"{address}accept/" in shown) == (True, True, False)
    assert "核对并验收" not in lin.get(address).content.decode()
    assert zhou.post(f"{address}accept/").status_code == 302
    order.refresh_from_db()
    assert order.state == "accepted"
    assert judging not in zhou.get(address).content.decode()
    trading.complete_order(by=market.SYSTEM, at=NOON, order_id=order.pk)
    assert judging in zhou.get(address).content.decode()
    for other in (cast.lin(), cast.gu()):
        assert judging not in client_of(other).get(address).content.decode()
    for who, status in ((cast.he(), 404), (cast.mei(), 404), (cast.gu(), 200), (cast.yan(), 200)):
        assert client_of(who).get(address).status_code == status
    assert Client().get(address).status_code == 302


def test_orders_are_listed_by_the_time_they_were_placed() -> None:
    product = market.listed()
    late = market.placed(product, at=NOON + timedelta(days=1))
    early = market.placed(product, at=NOON)
    listed = client_of(cast.zhou()).get("/orders/").content.decode()
    assert listed.index(late.number) < listed.index(early.number)


def test_cancelling_without_a_reason_shows_the_form_again() -> None:
    order = market.placed()
    buyer = client_of(cast.zhou())
    assert buyer.post(f"/orders/{order.pk}/cancel/", {"reason": ""}).status_code == 422
    assert buyer.post(f"/orders/{order.pk}/cancel/", {"reason": "不再需要"}).status_code == 302
    order.refresh_from_db()
    assert order.state == "cancelled"


def test_a_download_is_a_post_that_leads_to_the_bytes() -> None:
    order = market.delivered(market.listed(files=(objects.put("test", b"row", "text/plain"),)))
    file = order.version.files.get()
    buyer, address = client_of(cast.zhou()), f"/deliveries/{order.pk}/files/{file.pk}/"
    assert buyer.get(address).status_code == 405
    answer = buyer.post(address)
    assert answer.status_code == 303
    assert "X-Amz-Signature" in answer["Location"]
    for other, status in ((cast.lin(), 403), (cast.he(), 404), (cast.gu(), 403)):
        assert client_of(other).post(address).status_code == status
    assert Download.objects.count() == 1
    log = client_of(cast.lin()).get(f"/deliveries/{order.pk}/").content.decode()
    assert "Zhou · 云山智能" in log
    assert "下载 items" not in log
    sums = b"".join(buyer.get(f"/deliveries/{order.pk}/checksums.txt").streaming_content)  # type: ignore[attr-defined]
    assert sums.decode() == f"{file.sha256}  {file.path}\n"


def test_the_register_prints_a_voucher_and_exports_without_formulas() -> None:
    product = market.listed(title="=HYPERLINK(1)")
    filing = filings.file_trade(by=market.SYSTEM, at=NOON, order_id=market.completed(product).pk)
    operator = client_of(cast.gu())
    assert str(filing.voucher_number) in operator.get("/filings/").content.decode()
    page = operator.get(f"/filings/{filing.pk}/").content.decode()
    assert filing.claims["contract"]["sha256"] in page
    answer = operator.post("/filings/export/", {"year": "2026", "state": ""})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("\ufeff交易凭证编号,")
    assert ",'=HYPERLINK(1)," in text
    assert ",68000.00,3849.05,68000.00\r\n" in text
    assert AuditEvent.objects.get(action="filings.export").detail == {"rows": 1, "year": 2026, "state": ""}
    assert client_of(cast.lin()).post("/filings/export/").status_code == 403
    assert client_of(cast.lin()).get(f"/filings/{filing.pk}/").status_code == 200
    assert client_of(cast.he()).get(f"/filings/{filing.pk}/").status_code == 404
    assert (
        client_of(cast.zhou()).get(f"/filings/order/{filing.order_id}/")["Location"]
        == f"/filings/{filing.pk}/"
    )


@pytest.mark.parametrize("path", ["/orders/", "/filings/", "/selling/", "/catalogue/review/"])
def test_lists_cost_the_same_whatever_their_length(
    path: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    who = cast.gu() if path == "/catalogue/review/" else cast.lin()
    client = client_of(who)

    def one_more(i: int) -> None:
        product = market.listed(title=f"产品{i}", name=f"数据{i}")
        filings.file_trade(
            by=market.SYSTEM, at=NOON + timedelta(days=1), order_id=market.completed(product).pk
        )
        draft = market.drafted(title=f"待审{i}", name=f"待审数据{i}")
        client_of(cast.lin()).post(f"/selling/{draft.number}/check/")

    one_more(0)
    client.get(path)
    with django_assert_max_num_queries(40) as first:
        assert client.get(path).status_code == 200
    for i in range(1, 5):
        one_more(i)
    with django_assert_max_num_queries(40) as later:
        assert client.get(path).status_code == 200
    assert len(later.captured_queries) == len(first.captured_queries)
