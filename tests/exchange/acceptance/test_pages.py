"""Inspections and disputes by test client and API key: who sees what, evidence, one request one deed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exchange.acceptance import selectors, services
from exchange.acceptance.models import Attachment, Complaint, Ruling
from exchange.trading.models import Order
from kernel import clock
from kernel.money import Money
from tests import cast
from tests.exchange.acceptance import quarrels
from tests.exchange.acceptance.quarrels import DELIVERED
from tests.exchange.test_api import Caller
from tests.exchange.test_pages import client_of
from web.navigation import counted

pytestmark = pytest.mark.django_db
LATER = DELIVERED + timedelta(days=4, hours=1)


@pytest.fixture(autouse=True)
def four_days_later() -> Any:
    cache.clear()
    with clock.moved_to(LATER):
        yield


def test_a_complaint_with_evidence_is_filed_once_by_two_clicks_and_the_other_side_opens_the_file() -> None:
    order = quarrels.delivered()
    buyer = client_of(cast.zhou())
    told = {"kind": "unreadable", "path": "", "text": "第三个文件打不开。", "idempotency_key": "k1"}
    for _click in range(2):
        file = SimpleUploadedFile("截图.txt", "打开时报错".encode(), "text/plain")
        answer = buyer.post(f"/acceptance/orders/{order.pk}/complain/", {**told, "file": file})
        assert answer.status_code == 302
    found = Complaint.objects.get()
    attachment = Attachment.objects.get()
    assert (attachment.document.name, attachment.sha256) == ("截图.txt", attachment.document.sha256)
    path = f"/acceptance/complaints/{found.pk}/files/{attachment.document_id}/"
    for who, status in ((cast.lin(), 302), (cast.gu(), 302), (cast.yan(), 302), (cast.he(), 404)):
        assert client_of(who).post(path).status_code == status


def test_an_unknown_path_is_told_on_the_form_and_nothing_is_filed() -> None:
    order = quarrels.delivered()
    told = {"kind": "missing", "path": "no/such.txt", "text": "这个文件没有。", "idempotency_key": "k1"}
    answer = client_of(cast.zhou()).post(f"/acceptance/orders/{order.pk}/complain/", told)
    assert answer.status_code == 422
    assert "交付的版本中没有这个文件" in answer.content.decode()
    assert not Complaint.objects.exists()


def test_each_viewer_gets_its_own_actions() -> None:
    found = quarrels.complaint()
    path = f"/acceptance/complaints/{found.pk}/"
    told = {who: client_of(who()).get(path) for who in (cast.zhou, cast.lin, cast.gu, cast.yan, cast.he)}
    assert [told[who].status_code for who in told] == [200, 200, 200, 200, 404]
    shown = {who: answer.content.decode() for who, answer in told.items()}
    for words, viewers in (
        ("提交答复", {cast.lin}),
        ("撤回交付异议", {cast.zhou}),
        ("补充另一个问题", {cast.zhou}),
    ):
        assert {who for who in shown if words in shown[who]} == viewers, words


def test_the_effect_on_the_money_is_shown_before_the_ruling_and_showing_it_decides_nothing() -> None:
    found = quarrels.disputed()
    operator, path = client_of(cast.gu()), f"/acceptance/complaints/{found.pk}/ruling/"
    assert "¥66,640.00" in operator.get(path).content.decode()
    told: dict[str, Any] = {"outcome": "partial_refund", "amount": "10000.01", "citations": ["contract_5"],
                            "text": "部分内容不符，减少价款。"}  # fmt: skip
    page = operator.post(path, told).content.decode()
    for amount in ("¥10,000.01", "¥566.03", "¥57,999.99", "¥1,159.99", "¥56,840.00"):
        assert amount in page, amount
    assert not Ruling.objects.exists()
    assert operator.post(path, {**told, "amount": "68000"}).status_code == 422
    assert operator.post(path, {**told, "citations": []}).status_code == 422
    decided = {**told, "step": "decide", "idempotency_key": "k"}
    assert [operator.post(path, decided).status_code for _click in range(2)] == [302, 302]
    assert Ruling.objects.count() == 1
    assert quarrels.books() == {"bank": "-57999.99", "fees": "1159.99", "wallet": "56840.00"}
    for who, status in ((cast.zhou(), 403), (cast.yan(), 403), (cast.he(), 404)):
        assert client_of(who).get(path).status_code == status


def test_the_judge_reads_what_was_reported_and_is_told_that_another_confirms(settings: Any) -> None:
    settings.RULING_CONFIRMATION_FEN = 1
    found = quarrels.disputed()
    operator, path = client_of(cast.gu()), f"/acceptance/complaints/{found.pk}/ruling/"
    page = operator.get(path).content.decode()
    assert quarrels.MISSING.text in page
    assert "我方核对后答复如下。" in page
    told = {"outcome": "uphold", "citations": ["contract_5"], "text": "交付与清单一致。"}
    page = operator.post(path, told).content.decode()
    assert ("提交复核</button>" in page, "作出裁决</button>" in page) == (True, False)
    decided = {**told, "step": "decide", "idempotency_key": "k"}
    said = operator.post(path, decided, follow=True).content.decode()
    assert "另一位审核员复核同意后生效" in said
    assert (
        "待第二人复核"
        not in client_of(cast.lin()).get(f"/acceptance/complaints/{found.pk}/").content.decode()
    )


def test_the_board_is_the_operators_and_the_auditors() -> None:
    found = quarrels.disputed()
    for who, status in ((cast.gu, 200), (cast.yan, 200), (cast.zhou, 403), (cast.lin, 403), (cast.shen, 403)):
        assert client_of(who()).get("/acceptance/disputes/").status_code == status, who
    assert found.number in client_of(cast.gu()).get("/acceptance/disputes/").content.decode()
    assert Client().get("/acceptance/disputes/").status_code == 302


def test_the_desk_says_whose_turn_it_is() -> None:
    found = quarrels.complaint()

    def told(who: Any) -> list[str]:
        return [str(todo.title).split("：")[0] for todo in selectors.todos(who())]

    assert (told(cast.lin), told(cast.zhou), told(cast.gu)) == (["答复交付异议"], [], [])
    quarrels.answered(found)
    assert (told(cast.lin), told(cast.zhou), told(cast.gu)) == ([], ["回应供方答复"], [])
    services.escalate(by=cast.zhou(), at=LATER, complaint_id=found.pk, text="文件确实没有。")
    assert (told(cast.lin), told(cast.zhou), told(cast.gu)) == (["提交争议陈述与证据"], [], [])
    services.state_evidence(by=cast.lin(), at=LATER, complaint_id=found.pk, text="文件齐全。")
    assert (told(cast.lin), told(cast.zhou), told(cast.gu)) == ([], [], ["裁决争议"])
    assert counted(selectors.waiting(cast.gu())) == [1]
    assert [hit.number for hit in selectors.find_complaints(cast.zhou(), found.number)] == [found.number]
    assert selectors.find_complaints(cast.he(), found.number) == []


def test_the_whole_way_by_api() -> None:
    order = quarrels.delivered()
    buyer, seller = Caller(cast.zhou()), Caller(cast.lin())
    body: dict[str, Any] = {"defects": [{"kind": "missing", "text": "清单中的第三个文件没有交付。"}]}
    path = f"/acceptance/orders/{order.pk}/complaints"
    assert buyer.post(path, body).status_code == 422
    first, again = buyer.post(path, body, key="a"), buyer.post(path, body, key="a")
    assert (first.status_code, again.json()) == (201, first.json())
    found = first.json()
    assert (found["state"], found["turn"]) == ("filed", ["supplier"])
    path = f"/acceptance/complaints/{found['id']}"
    assert Caller(cast.he()).get(path).status_code == 404
    refused = seller.post(f"{path}/answer", {"kind": "partial_refund", "text": "愿退一部分。"}, key="b")
    assert (refused.status_code, refused.json()["title"]) == (422, "invalid_input")
    body = {"kind": "partial_refund", "text": "愿退一部分。", "amount_fen": 1_000_001}
    offer = seller.post(f"{path}/answer", body, key="c").json()["offers"][0]
    effect = buyer.get(f"{path}/effect?outcome=partial_refund&amount_fen=1000001").json()
    assert (effect["seller_fen"], effect["fee_fen"], effect["kept_tax_fen"]) == (5_684_000, 115_999, 328_302)
    settled = buyer.post(f"{path}/settlement", {"offer_id": offer["id"]}, key="d").json()
    assert (settled["state"], settled["turn"]) == ("settled", [])
    assert Order.objects.get(pk=order.pk).state == "completed"
    assert [each["number"] for each in seller.get("/acceptance/complaints").json()["items"]] == [
        found["number"]
    ]
    assert quarrels.books() == {"bank": "-57999.99", "fees": "1159.99", "wallet": "56840.00"}


def test_a_program_cannot_rule() -> None:
    found = quarrels.disputed()
    body = {"outcome": "uphold", "text": "内容相符，支持供方。", "citations": ["contract_5"]}
    answer = Caller(cast.gu()).post(f"/acceptance/complaints/{found.pk}/rulings", body, key="r")
    assert (answer.status_code, answer.json()["title"]) == (403, "person_needed")
    assert not Ruling.objects.exists()


def test_accepting_with_the_checklist_keeps_what_was_compared() -> None:
    order = quarrels.delivered()
    told = {"checks": ["rows", "root_hash"], "remarks": "抽查二十条。", "idempotency_key": "k"}
    path = f"/acceptance/orders/{order.pk}/"
    assert [client_of(cast.zhou()).post(f"{path}accept/", told).status_code for _click in range(2)] == [
        302,
        302,
    ]
    page = client_of(cast.lin()).get(path).content.decode()
    assert "根哈希与合同一致" in page
    assert "抽查二十条。" in page
    assert quarrels.books() == {"bank": "-68000.00", "fees": "1360.00", "wallet": "66640.00"}


def test_the_voucher_tells_what_was_taken_off() -> None:
    order = quarrels.delivered()
    quarrels.accepted(
        quarrels.answered(quarrels.complaint(order), kind="partial_refund", amount=Money(1_000_001))
    )
    page = client_of(cast.zhou()).get(f"/filings/{order.filing.pk}/").content.decode()
    assert "验收前扣减" in page
    assert "¥57,999.99" in page
    page = client_of(cast.zhou()).get(f"/payments/{order.pk}/").content.decode()
    assert "验收前从托管退回" in page
