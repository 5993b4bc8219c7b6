"""The marketplace by its pages and API: the whole way by forms, who is kept out, what stays sealed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exchange.tenders import directory, services
from exchange.tenders.models import Bid, Engagement, Tender
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.annotation.scenes import sentiment
from tests.cast import NOON
from tests.exchange.tenders import hall
from tests.exchange.tenders.hall import DEADLINE, OPENED, SIGNED
from tests.sessions import confirm_identity

pytestmark = pytest.mark.django_db
FORM = {
    "title": "酒店评论情感标注", "brief": "训练客服质检模型。", "task": "classification", "modality": "text",
    "template": "choices", "guideline": "看整体语气。", "source": "自有评论", "licence": "自有", "item_count": "4",
    "lot_count": "2", "aql_percent": "2.5", "due_on": "2026-04-30", "deadline": "2026-03-09T12:00",
    "visibility": "public", "idempotency_key": "k1",
}  # fmt: skip
BID = {
    "unit": "item", "unit_price": "1.20", "people_count": "3", "days": "10", "overlap": "1", "review_percent": "100",
    "plan": "三人标注，一人全检。", "task_pay": "0.30", "valid_until": "2026-04-30",
}  # fmt: skip


def client_of(actor: Actor | None) -> Client:
    client = Client()
    if actor is not None:
        assert actor.user is not None
        client.force_login(actor.user)
    return client


def confirmed(actor: Actor) -> Client:
    client = client_of(actor)
    confirm_identity(client)
    return client


def files() -> dict[str, Any]:
    return {
        "samples": SimpleUploadedFile("s.txt", "房间干净\n早餐一般".encode()),
        "work": SimpleUploadedFile("w.txt", "服务太差\n价格公道".encode()),
    }


def test_the_whole_way_by_forms() -> None:  # noqa: PLR0915 - one journey
    buyer, firm = client_of(cast.zhou()), client_of(cast.lin())
    with clock.moved_to(NOON):
        made = [buyer.post("/tenders/new/", {**FORM, **files()}) for _twice in range(2)]
        tender = Tender.objects.get()
        here = f"/tenders/{tender.number}/"
        assert {answer["Location"] for answer in made} == {here}
        assert client_of(None).get(here).status_code == 404
        buyer.post(f"{here}edit/", {**FORM, "title": "酒店评论"})
        assert tender.items.count() == 4  # nothing chosen, nothing replaced
        buyer.post(f"{here}move/", {"move": "publish"})
        assert "酒店评论" in client_of(None).get("/tenders/").content.decode()
        assert "房间干净" not in client_of(None).get(here).content.decode()
        page = firm.get(here).content.decode()
        assert "房间干净" in page
        assert "服务太差" not in page
        firm.post(f"{here}ask/", {"question": "有中性吗？", "idempotency_key": "q1"})
        firm.post(f"{here}bid/", BID)
        refused = firm.post(f"{here}bid/samples/1/", {})
        assert refused.status_code == 422
        first = firm.post(f"{here}bid/samples/1/", {"c0": "正面"})
        assert first["Location"] == f"{here}bid/samples/2/"
        firm.post(f"{here}bid/samples/2/", {"c0": "中性"})
        firm.post(f"{here}bid/step/", {"step": "submit"})
        bid = Bid.objects.get()
        assert (bid.state, bid.amount_fen) == ("submitted", 480)
        sealed = buyer.get(f"{here}compare/").content.decode()
        assert "投标密封中" in sealed
        assert "4.80" not in sealed
    with clock.moved_to(DEADLINE + timedelta(hours=1)):
        opened = buyer.get(f"{here}compare/").content.decode()
        assert "4.80" in opened
        assert "中性" in opened
        awarded = buyer.post(f"{here}compare/", {"bid": str(bid.pk), "reason": "试标全对"})
        found = Engagement.objects.get()
        there = f"/tenders/contracts/{found.number}/"
        assert awarded["Location"] == f"{there}text/"
    with clock.moved_to(SIGNED):
        text = {"text_sha256": found.contract.text_sha256}
        unconfirmed = client_of(cast.zhou()).post(f"{there}sign/", text)
        assert unconfirmed["Location"].startswith("/accounts/reauthenticate/")
        buyer, firm = confirmed(cast.zhou()), confirmed(cast.lin())
        for side in (buyer, firm):
            side.post(f"{there}sign/", text)
        paid = buyer.post(f"/lots/contracts/{found.number}/fund/", {"method": "pm_test_ok"})
        assert paid["Location"] == there
        for lot in found.milestones.order_by("ordinal"):
            firm.post(f"/tenders/lots/{lot.pk}/deliver/")
            assert "提交验收" in buyer.get(there).content.decode()
            buyer.post(f"/tenders/lots/{lot.pk}/inspect/", {"defect_count": "0"})
        assert {lot.state for lot in found.milestones.all()} == {"accepted"}
        buyer.post(
            f"{there}rate/", {"quality": "5", "punctuality": "5", "communication": "4", "words": "可靠"}
        )
        firm.post(f"{there}rate/", {"words": "谢谢"})
        public = client_of(None).get(f"/providers/{found.firm.uscc}/").content.decode()
        assert "可靠" in public
        assert "谢谢" in public
        assert (
            cast.QINGLAN[0]
            in client_of(None).get("/providers/?sort=passed&task=classification").content.decode()
        )


@pytest.mark.parametrize("sort", sorted(directory.SORTS))
def test_the_directory_is_public_searched_and_sorted(sort: str) -> None:
    cast.lin(), cast.he()
    page = client_of(None).get(f"/providers/?sort={sort}&q=清蓝").content.decode()
    assert cast.QINGLAN[0] in page
    assert cast.BEIJIANG[0] not in page


def test_the_directory_takes_the_same_number_of_queries_for_any_number_of_firms(
    django_assert_max_num_queries: Any,
) -> None:
    cast.lin(), cast.he()
    with django_assert_max_num_queries(4):
        client_of(None).get("/providers/")


def test_others_find_nothing_and_watchers_see_contracts_but_no_bids() -> None:
    engagement = hall.signed()
    there = f"/tenders/contracts/{engagement.number}/"
    with clock.moved_to(SIGNED):
        assert client_of(cast.he()).get(there).status_code == 404
        assert client_of(cast.mei()).get(there).status_code == 404
        assert client_of(cast.gu()).get(there).status_code == 200
        assert client_of(cast.gu()).get(f"/tenders/{engagement.tender.number}/compare/").status_code == 403
        lot = engagement.milestones.first()
        assert lot is not None
        assert client_of(cast.gu()).post(f"/tenders/lots/{lot.pk}/deliver/").status_code == 403
        assert client_of(cast.lin()).get(f"/lots/{lot.pk}/fund/").status_code == 403
        assert client_of(cast.he()).get(f"/lots/{lot.pk}/fund/").status_code == 404


def post(client: Client, address: str, body: dict[str, Any], key: str) -> Any:
    headers = {"Idempotency-Key": key}
    return client.post(
        f"/api/tenders{address}", json.dumps(body), content_type="application/json", headers=headers
    )


def test_by_the_api_bids_stay_sealed_until_the_deadline() -> None:
    tender = hall.published()
    buyer, firm = client_of(cast.zhou()), client_of(cast.lin())
    told = {
        "unit": "item", "unit_price_fen": 120, "task_pay_fen": 30, "people_count": 3, "days": 10,
        "plan": "三人标注，一人全检。", "valid_until": "2026-04-30",
    }  # fmt: skip
    with clock.moved_to(NOON):
        assert post(firm, f"/tenders/{tender.number}/bid", told, "b1").status_code == 201
        for ordinal in (1, 2):
            address = f"/tenders/{tender.number}/bid/samples/{ordinal}"
            assert post(firm, address, {"result": sentiment()}, f"s{ordinal}").status_code == 200
        done = post(firm, f"/tenders/{tender.number}/bid/submission", {}, "p1")
        assert done.json()["state"] == "submitted"
        assert buyer.get(f"/api/tenders/tenders/{tender.number}/bids").json() == []
        assert len(firm.get(f"/api/tenders/tenders/{tender.number}/bids").json()) == 1
    with clock.moved_to(OPENED):
        (bid,) = buyer.get(f"/api/tenders/tenders/{tender.number}/bids").json()
        assert (bid["amount_fen"], "task_pay_fen" in bid) == (720, False)
        late = post(firm, f"/tenders/{tender.number}/bid", told, "b2")
        assert (late.status_code, late.json()["title"]) == (409, "tender_deadline_passed")
        awards = [
            post(buyer, f"/bids/{bid['id']}/award", {"reason": "试标全对"}, "a1") for _twice in range(2)
        ]
        assert [answer.status_code for answer in awards] == [201, 201]
        assert awards[0].json() == awards[1].json()
        assert [lot["amount_fen"] for lot in awards[0].json()["lots"]] == [360, 360]
    assert client_of(None).get("/api/tenders/providers").status_code == 200


def test_the_firm_learns_why_another_won() -> None:
    tender = hall.published()
    other = hall.submitted(tender, by=cast.he(), unit_price=Money(12_000))
    bid = hall.submitted(tender)
    services.award_bid(by=cast.zhou(), at=OPENED, bid_id=bid.pk, reason="试标全对", others="报价偏高一些")
    with clock.moved_to(OPENED):
        assert "报价偏高一些" in client_of(cast.he()).get("/tenders/bids/").content.decode()
    other.refresh_from_db()
    assert (other.state, other.outcome) == ("declined", "报价偏高一些")
