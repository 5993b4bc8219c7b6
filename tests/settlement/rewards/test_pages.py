"""The pages and the API of rewards: who sees what, what they say, and that reading writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kernel import clock
from kernel.models import Transition
from organizations.permissions import Actor
from settlement.revenue.models import RevenueLine
from settlement.rewards import services
from settlement.rewards.models import Claim, Decision
from settlement.rewards.states import ClaimState
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement import trades
from tests.settlement.rewards.facts import facts
from tests.settlement.rewards.test_procedure import DRAFTED, NOTICE_OVER, at_state, drafted, firm

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_february_2026() -> Iterator[None]:
    with clock.moved_to(NOTICE_OVER):
        yield


def signed_in(who: Callable[[], Actor], language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    user = who().user
    assert user is not None
    client.force_login(user)
    confirm_identity(client)
    return client


def body(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_everyone_reads_the_policy_and_its_parameters(client: Client, language: str) -> None:
    page = client.get(reverse("rewards:policy"), headers={"accept-language": language})
    assert page.status_code == 200
    text = body(page)
    assert "¥5,000,000.00" in text
    assert "¥1,000,000.00" in text
    assert "c35ae882" in text
    assert ("演示假定" in text) is (language == "zh-hans") or language == "en"
    assert ("five million yuan or more" in text) is (language == "en")


def test_the_trial_answers_six_questions_and_stores_nothing(client: Client) -> None:
    assert client.get(reverse("rewards:estimate")).status_code == 200
    with CaptureQueriesContext(connection) as seen:
        page = client.get(
            reverse("rewards:estimate"),
            {"year": 2025, "scope": "annotation", "certificate": "yes", "receipts": "6800000", "awards": 0},
        )
    assert page.status_code == 200
    assert "68,000.00" in body(page)
    assert "人民币陆万捌仟元整" in body(page)
    assert len(seen) == 0
    assert Claim.objects.count() == 0


def test_the_trial_says_what_is_missing_and_what_is_short(client: Client) -> None:
    asked = {"year": 2025, "scope": "04", "certificate": "", "receipts": "6800000", "awards": 0}
    assert "还缺少事实：年度内有效的登记证书" in body(client.get(reverse("rewards:estimate"), asked))
    asked |= {"certificate": "yes", "deductions": "1800000.01"}
    assert "还差 ¥0.01" in body(client.get(reverse("rewards:estimate"), asked))


def test_the_trial_refuses_nonsense_on_the_form(client: Client) -> None:
    page = client.get(reverse("rewards:estimate"), {"year": 1066, "receipts": "lots"})
    assert page.status_code == 422


@pytest.mark.parametrize(
    ("who", "status"),
    [(cast.lin, 200), (cast.gu, 200), (cast.shen, 200), (cast.yan, 200), (cast.mei, 404), (cast.he, 404)],
)
def test_who_opens_a_claim(who: Callable[[], Actor], status: int) -> None:
    claim = drafted()
    assert signed_in(who).get(reverse("rewards:claim", args=[claim.number])).status_code == status


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    for name in ("rewards:index", "rewards:review", "revenue:index"):
        page = client.get(reverse(name))
        assert page.status_code == 302
        assert "login" in page["Location"]


def test_a_missing_claim_is_not_found() -> None:
    assert signed_in(cast.gu).get(reverse("rewards:claim", args=["JL-2026-0000000-X"])).status_code == 404


def test_the_statement_tells_the_firm_all_and_lets_it_confirm() -> None:
    claim = drafted()
    lin = signed_in(cast.lin)
    text = body(lin.get(reverse("rewards:claim", args=[claim.number])))
    for words in ("68,000.00", "人民币陆万捌仟元整", "逐项判定", "确认测算", "提出异议", "¥1,800,000.00"):
        assert words in text
    answer = lin.post(reverse("rewards:confirm", args=[claim.number]))
    assert answer.status_code == 302
    claim.refresh_from_db()
    assert claim.state == ClaimState.CONFIRMED


def test_the_firm_objects_to_one_item() -> None:
    claim = drafted()
    lin = signed_in(cast.lin)
    address = reverse("rewards:object", args=[claim.number])
    assert lin.post(address, {"item": "weather", "statement": ""}).status_code == 422
    assert lin.post(address, {"item": "revenue", "statement": "少计一笔"}).status_code == 302
    assert "少计一笔" in body(signed_in(cast.gu).get(reverse("rewards:claim", args=[claim.number])))


def test_a_statement_that_grants_nothing_offers_no_confirmation() -> None:
    claim = drafted("4999999.99")
    lin = signed_in(cast.lin)
    text = body(lin.get(reverse("rewards:claim", args=[claim.number])))
    assert "还差 ¥0.01" in text
    assert reverse("rewards:confirm", args=[claim.number]) not in text
    assert lin.post(reverse("rewards:confirm", args=[claim.number])).status_code == 409


def test_the_firm_has_a_year_worked_out_from_the_list() -> None:
    trades.sale("6800000.00")
    lin = signed_in(cast.lin)
    assert "测算一个年度" in body(lin.get(reverse("rewards:index")))
    answer = lin.post(reverse("rewards:draft"), {"year": 2025})
    assert answer["Location"] == reverse("rewards:claim", args=[Claim.objects.get().number])


def test_reviewers_decide_from_the_rail_in_two_offices() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    decide = reverse("rewards:decide", args=[claim.number])
    assert signed_in(cast.lin).post(decide, {"decision": "agree"}).status_code == 403
    assert signed_in(cast.shen).post(decide, {"decision": "reject", "opinion": "x"}).status_code == 403
    gu = signed_in(cast.gu)
    assert gu.post(decide, {"decision": "reject", "opinion": ""}).status_code == 422
    assert gu.post(decide, {"decision": "dance"}).status_code == 422
    assert gu.post(decide, {"decision": "agree", "opinion": "相符"}).status_code == 302
    shen = signed_in(cast.shen)
    assert "同意测算结果" in body(shen.get(reverse("rewards:claim", args=[claim.number])))
    for wanted in ("agree", "announce"):
        assert shen.post(decide, {"decision": wanted, "opinion": "同意"}).status_code == 302
    assert shen.post(decide, {"decision": "approve"}).status_code == 422
    claim.refresh_from_db()
    assert claim.state == ClaimState.IN_NOTICE


def test_the_queue_shows_each_office_its_own() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    assert claim.number in body(signed_in(cast.gu).get(reverse("rewards:review")))
    assert claim.number not in body(signed_in(cast.shen).get(reverse("rewards:review")))
    assert signed_in(cast.lin).get(reverse("rewards:review")).status_code == 403
    assert signed_in(cast.yan).get(reverse("rewards:review")).status_code == 403


def test_the_review_page_shows_every_other_reading() -> None:
    claim = at_state(ClaimState.CONFIRMED, "6800000.00")
    text = body(signed_in(cast.gu).get(reverse("rewards:claim", args=[claim.number])))
    for words in ("口径与差异", "含增值税", "72,080.00", "企业将看到的说明", "测算指纹"):
        assert words in text


def test_the_auditor_replays_a_decision() -> None:
    claim = drafted()
    yan = signed_in(cast.yan)
    assert yan.get(reverse("rewards:audit", args=[claim.number])).status_code == 200
    page = yan.post(reverse("rewards:replay", args=[claim.number]))
    assert "重演一致" in body(page)
    lin = signed_in(cast.lin)
    assert lin.get(reverse("rewards:audit", args=[claim.number])).status_code == 403
    assert lin.post(reverse("rewards:replay", args=[claim.number])).status_code == 403


def test_reading_a_claim_takes_the_same_queries_whatever_its_year_holds() -> None:
    claim = drafted()
    gu = signed_in(cast.gu)
    address = reverse("rewards:claim", args=[claim.number])
    gu.get(address)
    with CaptureQueriesContext(connection) as few:
        gu.get(address)
    for _each in range(3):
        trades.sale("100.00")
    services.draft_claim(by=Actor.system("测试"), at=DRAFTED, firm_id=firm().pk, year=2025)
    with CaptureQueriesContext(connection) as many:
        gu.get(address)
    assert len(few) == len(many)


def test_the_list_takes_the_same_queries_for_one_claim_and_for_three() -> None:
    drafted()
    gu = signed_in(cast.gu)
    gu.get(reverse("rewards:index"))
    with CaptureQueriesContext(connection) as few:
        gu.get(reverse("rewards:index"))
    for year in (2024, 2026):
        services.draft_claim(by=Actor.system("测试"), at=DRAFTED, firm_id=firm().pk, year=year)
    with CaptureQueriesContext(connection) as many:
        gu.get(reverse("rewards:index"))
    assert len(few) == len(many)


# --- API ----------------------------------------------------------------------------------------


def post(client: Client, address: str, payload: Any = None, key: str = "1") -> Any:
    return client.post(
        address, json.dumps(payload or {}), content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_the_api_drafts_once_for_one_key_and_reads_it_back() -> None:
    trades.sale("6800000.00")
    lin = signed_in(cast.lin)
    first = post(lin, "/api/rewards/claims", {"year": 2025})
    assert first.status_code == 201
    assert first.json()["amount_fen"] == 6_800_000
    again = post(lin, "/api/rewards/claims", {"year": 2025})
    assert again["Idempotent-Replayed"] == "true"
    number = first.json()["number"]
    assert lin.get("/api/rewards/claims").json()["items"][0]["number"] == number
    (decision,) = lin.get(f"/api/rewards/claims/{number}/decisions").json()
    assert decision["trace"]["schema"] == "qingshu.decision/1"
    assert signed_in(cast.he).get(f"/api/rewards/claims/{number}").status_code == 404


def test_the_api_walks_the_whole_procedure() -> None:
    claim = drafted()
    base = f"/api/rewards/claims/{claim.number}"
    lin, gu, shen = signed_in(cast.lin), signed_in(cast.gu), signed_in(cast.shen)
    assert post(lin, f"{base}/confirm").json()["state"] == "confirmed"
    assert post(lin, f"{base}/first-review", {}, "2").status_code == 403
    assert post(gu, f"{base}/first-review", {"opinion": "相符"}).json()["state"] == "first_reviewed"
    assert post(shen, f"{base}/second-review", {"opinion": "同意"}).json()["state"] == "second_reviewed"
    assert post(shen, f"{base}/announce", key="2").json()["state"] == "in_notice"
    assert post(signed_in(cast.yan), f"{base}/replay").json()["is_same"] is True


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"facts": dict(facts(680_000_000).document)}, 200),
        ({"facts": dict(facts(680_000_000).document), "interpretation": {"tax": "perhaps"}}, 422),
        ({"facts": {}}, 422),
        ({"facts": {"schema": "qingshu.facts/1", "measure": "data_product_trading", "year": 1.5}}, 422),
        ({"facts": {**facts(1).document, "subject": {"name": 1.5}}}, 422),
        ({"facts": {**facts(1).document, "facts": {"receipts_fen": 3}}}, 422),
        ({"facts": {**facts(1).document, "year": 10**9}}, 422),
    ],
)
def test_the_api_decides_from_facts_alone(client: Client, payload: Any, status: int) -> None:
    answer = client.post("/api/rewards/estimate", json.dumps(payload), content_type="application/json")
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["amount_fen"] == 6_800_000


def test_the_api_gives_the_parameters(client: Client) -> None:
    found = client.get("/api/rewards/policy").json()
    assert found["version"] == "2023-12-draft"
    assert {row["name"]: row["value"] for row in found["parameters"]}["reward_rate"] == "1/100"


def test_nothing_changes_on_any_refusal() -> None:
    claim = drafted()
    before = (Transition.objects.count(), Decision.objects.count(), RevenueLine.objects.count())
    for who in (cast.mei, cast.he, cast.zhou, cast.yan):
        client = signed_in(who)
        for name in ("confirm", "object", "redraft", "decide"):
            answer = client.post(reverse(f"rewards:{name}", args=[claim.number]), {"decision": "agree"})
            assert answer.status_code in (403, 404, 422)
    assert (Transition.objects.count(), Decision.objects.count(), RevenueLine.objects.count()) == before
