"""The data spaces' pages and API: the way through by hand, and closed doors."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from exchange.dataspace.models import Landing, Member, Milestone, Space
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong
from tests.exchange.dataspace import spacing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_day_of_the_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=1))


def client_of(who: Actor) -> Client:
    client = Client()
    assert who.user is not None
    client.force_login(who.user)
    return client


def sent(client: Client, address: str, told: dict[str, Any] | None = None, *, key: str = "") -> Any:
    return client.post(address, {"idempotency_key": key or f"k{address}", **(told or {})})


def page(name: str, *arguments: Any) -> str:
    return reverse(f"dataspace:{name}", args=arguments)


def test_a_space_from_the_application_to_a_verified_landing_by_hand() -> None:
    brokerage.broker_in_pilot()
    product = spacing.hidden()
    broker, operator, firm, buyer = (client_of(who) for who in (hong(), cast.gu(), cast.lin(), cast.zhou()))
    told = {
        "kind": "data_space", "title": "陶瓷行业数据空间（示例）", "industry": "manufacturing",
        "purpose": spacing.PURPOSE, "rules": spacing.RULES,
    }  # fmt: skip
    first = sent(broker, page("apply"), told)
    again = sent(broker, page("apply"), told)
    space = Space.objects.get()
    assert first.url == again.url == page("plan", space.pk)
    milestone = {"title": "首批签约", "target": "五家企业加入", "due_on": "2026-08-01"}
    assert sent(broker, page("plan", space.pk), milestone).status_code == 302
    decided = sent(operator, page("decide", space.pk), {"verdict": "approve", "reason": "目标可核验。"})
    assert decided.status_code == 302
    for who, client in ((cast.lin(), firm), (cast.zhou(), buyer)):
        assert client.get(page("space", space.pk)).status_code == 404
        assert who.organization is not None
        sent(broker, page("invite", space.pk), {"uscc": who.organization.uscc}, key=f"invite {who.label}")
        text = client.get(page("rules", space.pk)).content.decode()
        found = re.search(r'name="text_sha256" value="(\w+)"', text)
        assert found is not None
        sent(client, page("rules", space.pk), {"text_sha256": found[1]})
    assert Member.objects.filter(state="joined").count() == 3
    sent(firm, page("products", space.pk), {"product_number": product.number})
    assert product.title in buyer.get(page("products", space.pk)).content.decode()
    file = SimpleUploadedFile("合同.csv", "项目,金额\n示例,1\n".encode(), "text/csv")
    landed = {
        "title": "检测中心（示例）", "firm": "示例检测有限公司", "place": "441802", "amount": "12000000",
        "landed_on": "2026-05-01", "statement": "经空间对接落地。", "file": file,
    }  # fmt: skip
    assert sent(broker, page("landing", space.pk), landed).status_code == 302
    landing = Landing.objects.get()
    sent(operator, page("decide_landing", landing.pk), {"verdict": "verify", "reason": "凭证一致。"})
    landing.refresh_from_db()
    assert landing.state == "verified"
    report = {"report": "五家已加入。", "file": SimpleUploadedFile("名单.csv", b"a,b\n1,2\n", "text/csv")}
    assert sent(broker, page("report", Milestone.objects.get().pk), report).status_code == 302
    sent(buyer, page("leave", space.pk), {"reason": "业务调整。"})
    for address in (page("space", space.pk), page("products", space.pk), reverse("catalogue:product", args=[product.number])):  # fmt: skip
        assert buyer.get(address).status_code == 404


def test_what_is_refused_says_so_on_the_form_and_changes_nothing() -> None:
    space = spacing.active()
    broker = client_of(hong())
    answer = sent(broker, page("invite", space.pk), {"uscc": "91441802MA5000099X"})
    assert answer.status_code == 422
    assert "请核对统一社会信用代码" in answer.content.decode()
    assert Member.objects.count() == 1
    assert sent(broker, page("move", space.pk, "resume"), {"reason": "恢复看看。"}).status_code == 403
    assert broker.get(page("move", space.pk, "vanish")).status_code == 404


def test_who_may_only_look_gets_403_and_who_may_not_look_404() -> None:
    space = spacing.active()
    landing = spacing.claimed(space)
    milestone = space.milestones.get()
    for name in ("invite", "publish", "landing", "result", "plan"):
        assert client_of(cast.shen()).get(page(name, space.pk)).status_code == 403
        assert client_of(cast.zhou()).get(page(name, space.pk)).status_code == 404
    for name, key in (("decide_landing", landing.pk), ("decide_milestone", milestone.pk)):
        assert client_of(hong()).get(page(name, key)).status_code == 403
        assert client_of(cast.zhou()).get(page(name, key)).status_code == 404
    assert client_of(cast.zhou()).get(page("pilot")).status_code == 403
    for who in (cast.shen(), cast.gu(), cast.yan()):
        assert client_of(who).get(page("pilot")).status_code == 200
    evidence = page("evidence", space.pk, landing.document_id)
    assert client_of(cast.gu()).post(evidence).status_code == 302
    assert client_of(cast.zhou()).post(evidence).status_code == 404


def test_the_api_walks_the_same_way() -> None:
    space = spacing.active()
    product = spacing.hidden()
    broker, firm, buyer = (client_of(who) for who in (hong(), cast.lin(), cast.zhou()))
    root = f"/api/spaces/{space.pk}"

    def post(client: Client, address: str, body: dict[str, Any]) -> Any:
        return client.post(
            address, json.dumps(body), "application/json", headers={"Idempotency-Key": address}
        )

    assert buyer.get(root).status_code == 404
    for who, client in ((cast.lin(), firm), (cast.zhou(), buyer)):
        assert who.organization is not None
        made = broker.post(
            f"{root}/members", json.dumps({"uscc": who.organization.uscc}), "application/json",
            headers={"Idempotency-Key": who.label.encode().hex()},
        )  # fmt: skip
        assert made.status_code == 201
        told = client.get(f"{root}/rules").json()[0]["text_sha256"]
        assert post(client, f"{root}/membership", {"text_sha256": told}).json()["state"] == "joined"
    assert post(firm, f"{root}/products", {"product_number": product.number}).status_code == 201
    assert [each["product"] for each in buyer.get(f"{root}/products").json()["items"]] == [product.number]
    assert client_of(cast.he()).get(f"{root}/products").status_code == 404
    assert [each["state"] for each in buyer.get("/api/spaces").json()["items"]] == ["active"]
    assert client_of(cast.he()).get("/api/spaces").json()["items"] == []
    wrong = post(buyer, f"{root}/moves", {"move": "close", "reason": "替牵头单位关闭。"})
    assert (wrong.status_code, wrong.json()["title"]) == (403, "not_allowed")
    assert post(buyer, f"{root}/departure", {"reason": "业务调整。"}).json()["state"] == "left"
    assert buyer.get(f"{root}/products").status_code == 404
