"""The other ways of a review and the releases of rules as JSON: the same services, the same refusals, once per key."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.test import Client

from organizations.permissions import Actor
from settlement.rewards import measures, services
from settlement.rewards.models import Adjustment, Assignment, Claim, Consultation, Hold, RuleRelease
from tests import cast
from tests.settlement.rewards.steps import DRAFTED
from tests.settlement.rewards.test_deadlines import confirmed

pytestmark = pytest.mark.django_db
_keys = count(1)


@pytest.fixture(autouse=True)
def it_is_january(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.clock.now", lambda: DRAFTED)


def ask(who: Actor, path: str, body: dict[str, Any], key: str = "") -> Any:
    client = Client(headers={"accept-language": "zh-hans"})
    assert who.user is not None
    client.force_login(who.user)
    return client.post(
        f"/api/rewards{path}", body, content_type="application/json",
        headers={"Idempotency-Key": key or f"k{next(_keys)}"},
    )  # fmt: skip


def read(who: Actor, path: str) -> Any:
    client = Client()
    assert who.user is not None
    client.force_login(who.user)
    return client.get(f"/api/rewards{path}")


def xu() -> Actor:
    """Another first reviewer at the exchange's service base."""
    return cast.person("xu", cast.BASE, cast.Role.FIRST_REVIEWER)


WAYS: dict[str, dict[str, Any]] = {
    "assign": {"colleague": "00000000-0000-0000-0000-000000000001", "reason": "本人休假"},
    "consult": {"colleague": "00000000-0000-0000-0000-000000000001", "question": "价格是否合理"},
    "second-opinion": {"is_in_favour": True, "opinion": "合理"},
    "hold": {"until": "2026-01-20", "reason": "等待税务局回函"},
    "resume": {},
    "take-back": {"reason": "看错了证书"},
    "adjust": {"question": "when_actual", "reading": "accrual", "reason": "按验收确认"},
}


@pytest.mark.parametrize("way", WAYS)
def test_only_the_office_that_reviews_takes_a_way_and_a_stranger_sees_no_claim(way: str) -> None:
    claim = confirmed()
    path = f"/claims/{claim.number}/{way}"
    for who, status in ((cast.lin(), 403), (cast.he(), 404), (cast.yan(), 403), (cast.mei(), 403)):
        assert ask(who, path, WAYS[way]).status_code == status
    assert Client().post(f"/api/rewards{path}", WAYS[way], content_type="application/json").status_code == 401
    kept = (Assignment, Consultation, Hold, Adjustment)
    assert [model.objects.count() for model in kept] == [0, 0, 0, 0]  # type: ignore[attr-defined]
    assert Claim.objects.get().state == "confirmed"


def test_a_review_is_passed_on_consulted_held_and_resumed_once_per_key() -> None:
    claim, gu, other = confirmed(), cast.gu(), xu()
    path, colleague = f"/claims/{claim.number}", str(other.user_id)
    assert read(gu, f"{path}/review").json() == {
        "number": claim.number, "state": "confirmed", "due_on": "2026-01-19", "assignee": None, "held_until": None,
        "awaited": [], "colleagues": sorted([str(gu.user_id), colleague], key=lambda pk: pk != str(gu.user_id)),
    }  # fmt: skip
    assert read(cast.lin(), f"{path}/review").status_code == 403
    for _twice in range(2):
        asked = ask(gu, f"{path}/consult", {"colleague": colleague, "question": "价格是否合理"}, "c")
        assert asked.status_code == 200
    assert read(gu, f"{path}/review").json()["awaited"] == [colleague]
    assert ask(gu, f"{path}/first-review", {"opinion": "相符"}).json()["title"] == "opinion_awaited"
    assert ask(gu, f"{path}/second-opinion", WAYS["second-opinion"]).json()["title"] == "not_asked"
    assert ask(other, f"{path}/second-opinion", WAYS["second-opinion"]).status_code == 200
    for _twice in range(2):
        assert ask(gu, f"{path}/hold", WAYS["hold"], "h").status_code == 200
    told = read(gu, f"{path}/review").json()
    assert (told["held_until"], told["due_on"], told["awaited"]) == ("2026-01-20", "2026-01-27", [])
    assert ask(gu, f"{path}/hold", {**WAYS["hold"], "reason": "别的"}, "h").status_code == 409
    assert ask(gu, f"{path}/first-review", {"opinion": "相符"}).json()["title"] == "claim_on_hold"
    assert ask(gu, f"{path}/resume", {}).status_code == 200
    assert ask(gu, f"{path}/resume", {}).json()["title"] == "not_on_hold"
    assert ask(gu, f"{path}/assign", {"colleague": colleague, "reason": "本人休假"}).status_code == 200
    assert ask(gu, f"{path}/first-review", {"opinion": "相符"}).json()["title"] == "assigned_to_other"
    assert ask(other, f"{path}/first-review", {"opinion": "相符"}).json()["state"] == "first_reviewed"
    assert ask(gu, f"{path}/take-back", WAYS["take-back"]).json()["title"] == "not_your_review"
    assert ask(other, f"{path}/take-back", WAYS["take-back"]).json()["state"] == "confirmed"
    assert (Consultation.objects.count(), Hold.objects.count(), Assignment.objects.count()) == (1, 1, 1)


def test_another_reading_is_agreed_to_and_goes_back_to_the_firm() -> None:
    claim = confirmed()
    assert claim.decision is not None
    card = measures.CARDS[claim.measure]
    chosen = claim.decision.interpretation
    question, reading = next(
        (each.name, option.name)
        for each in card.questions
        for option in each.options
        if option.is_available and chosen.get(each.name) != option.name
    )
    body = {"question": question, "reading": reading, "reason": "双方书面说明"}
    wrong = ask(cast.gu(), f"/claims/{claim.number}/adjust", {**body, "reading": "so"})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "invalid_input")
    for _twice in range(2):
        answer = ask(cast.gu(), f"/claims/{claim.number}/adjust", body, "a")
        assert (answer.status_code, answer.json()["state"]) == (200, "drafted")
    assert Adjustment.objects.count() == 1


def test_rules_are_proposed_by_one_person_and_released_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settlement.rewards.releases.tried", lambda: (12, []))
    body = {"note": "首次发布"}
    for who in (cast.lin(), cast.gu(), cast.yan()):
        assert ask(who, "/releases", body).status_code == 403
    assert not RuleRelease.objects.exists()
    for _twice in range(2):
        made = ask(cast.shen(), "/releases", body, "r")
        assert made.status_code == 201
    release = made.json()["id"]
    assert ask(cast.shen(), f"/releases/{release}/approve", {}).json()["title"] == "same_person"
    assert ask(cast.gu(), f"/releases/{release}/approve", {}).status_code == 403
    [told] = Client().get("/api/rewards/releases").json()
    assert (told["scenario_count"], told["approved_at"]) == (12, None)
    assert ask(cast.ruan(), f"/releases/{release}/approve", {}).status_code == 200
    [told] = Client().get("/api/rewards/releases").json()
    assert told["approved_by"] == cast.ruan().label
    assert ask(cast.ruan(), "/releases", body).json()["title"] == services.AlreadyReleased.code
