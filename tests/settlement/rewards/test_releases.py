"""Releasing the rules by two people, and what decisions and reviews make of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from kernel.errors import InvalidInput, NotAllowed
from kernel.money import Money
from settlement.revenue import services as revenue
from settlement.rewards import blocks, engine, releases, scenarios, selectors, services
from settlement.rewards.models import RuleRelease
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED
from tests.settlement.rewards.test_money import DUE, SYSTEM

pytestmark = pytest.mark.django_db


def proposed() -> RuleRelease:
    return services.propose_release(by=cast.shen(), at=DRAFTED, note="首次发布，依据征求意见稿")


def released() -> RuleRelease:
    return services.approve_release(by=cast.ruan(), at=DRAFTED, release_id=proposed().pk)


def drafted() -> selectors.Claim:
    trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    return services.draft_claim(by=cast.lin(), at=DRAFTED + timedelta(hours=1), firm_id=firm.pk, year=2025)


def test_a_version_is_every_file_that_its_decisions_come_from() -> None:
    files = releases.files_of("2023-12-draft")
    for name in ("engine/operations.py", "measures/internship.py", "measures/internship.2023-12-draft.toml",
                 "measures/policy.2023-12-draft.toml", "measures/internship.scenarios.yaml"):  # fmt: skip
        assert len(files[name]) == 64
    assert releases.content_sha256("2023-12-draft") == engine.sha256(files)


def test_two_people_release_what_the_files_are_now_and_decisions_name_it() -> None:
    first = proposed()
    assert proposed().pk == first.pk  # twice is once
    with pytest.raises(services.SamePerson):
        services.approve_release(by=cast.shen(), at=DRAFTED, release_id=first.pk)
    assert selectors.last_release() is None
    services.approve_release(by=cast.ruan(), at=DRAFTED, release_id=first.pk)
    assert first.scenario_count == releases.tried()[0]
    assert selectors.release_standing().is_same
    with pytest.raises(services.AlreadyReleased, match=first.number):
        proposed()
    decision = drafted().decision
    assert decision is not None
    assert (decision.release_id, decision.policy_version) == (first.pk, first.version)


def test_nobody_else_releases_and_a_note_is_needed() -> None:
    for who in (cast.lin, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.propose_release(by=who(), at=DRAFTED, note="x")
        with pytest.raises(NotAllowed):
            services.approve_release(by=who(), at=DRAFTED, release_id=proposed().pk)
    with pytest.raises(InvalidInput):
        services.propose_release(by=cast.shen(), at=DRAFTED, note=" ")


def test_a_failing_sentence_refuses_the_release_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    first = proposed()
    wrong = engine.Text("不符", "differs")
    name = scenarios.of("internship")[0].name
    monkeypatch.setattr(scenarios, "problems", lambda each: [wrong] if each.name == name else [])
    with pytest.raises(services.ScenariosFail, match=name.zh):
        services.approve_release(by=cast.ruan(), at=DRAFTED, release_id=first.pk)
    assert selectors.last_release() is None


def test_files_that_differ_are_named_and_their_decisions_pass_no_second_review(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = proposed()
    release = released()
    changed = {**release.files, "measures/internship.py": "0" * 64}
    for module in (releases, selectors):
        monkeypatch.setattr(module, "files_of", lambda _version: changed)
        monkeypatch.setattr(module, "content_sha256", lambda _version: engine.sha256(changed))
    standing = selectors.release_standing()
    assert (standing.is_same, standing.changed_files) == (False, ["measures/internship.py"])
    with pytest.raises(services.AlreadyReleased):  # the old proposal is released already
        services.approve_release(by=cast.ruan(), at=DRAFTED, release_id=old.pk)
    claim = drafted()
    assert claim.decision is not None
    assert claim.decision.release_id is None
    monkeypatch.setattr(blocks, "_checks", [selectors.unreleased_rules])
    steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED + timedelta(hours=1), claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=DRAFTED + timedelta(hours=1), claim_id=claim.pk)
    with pytest.raises(services.ReviewBlocked, match="未经发布"):
        services.second_review(by=cast.shen(), at=DRAFTED + timedelta(hours=1), claim_id=claim.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.FIRST_REVIEWED


def reopened_under_unreleased_rules(monkeypatch: pytest.MonkeyPatch) -> selectors.Claim:
    """A paid claim reopened for a supplement while the files that run are not those that were released."""
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025)
    steps.awarded(steps.announced(claim))
    steps.paid()
    revenue.rule_on_trade(
        by=cast.gu(), at=steps.MARCH, order_id=order.pk, code="circular", is_excluded=True, reason="资金回流"
    )
    services.review_granted(by=SYSTEM, at=steps.MARCH, firm_id=firm.pk, year=2025, cause="认定循环")
    case = services.open_recovery(
        by=cast.shen(), at=steps.MARCH, claim_id=claim.pk, cause="认定循环", due_on=DUE
    )
    services.confirm_recovery(by=cast.ruan(), at=steps.MARCH, case_id=case.pk)
    services.enter_return(
        by=cast.ruan(), at=steps.MARCH, case_id=case.pk, amount=Money(6_800_000), reference="B1"
    )
    released()
    with monkeypatch.context() as patch:
        patch.setattr(selectors, "content_sha256", lambda _version: "0" * 64)
        revenue.rule_on_trade(
            by=cast.gu(), at=steps.MARCH, order_id=order.pk, code="circular", is_excluded=False, reason="复核"
        )
        services.review_granted(by=SYSTEM, at=steps.MARCH, firm_id=firm.pk, year=2025, cause="认定撤销")
    claim.refresh_from_db()
    assert claim.decision is not None
    assert (claim.state, claim.decision.release_id) == (ClaimState.REOPENED, None)
    return claim


def release_of(monkeypatch: pytest.MonkeyPatch, content: str, at: datetime) -> None:
    """Files with another fingerprint, proposed and released."""
    for module in (releases, selectors):
        monkeypatch.setattr(module, "content_sha256", lambda _version: content)
    made = services.propose_release(by=cast.shen(), at=at, note="第二次发布")
    services.approve_release(by=cast.ruan(), at=at, release_id=made.pk)


def test_a_supplement_decided_by_rules_nobody_released_is_worked_out_anew_once_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = reopened_under_unreleased_rules(monkeypatch)
    monkeypatch.setattr(blocks, "_checks", [selectors.unreleased_rules])
    with pytest.raises(services.ReviewBlocked, match="未经发布"):
        services.announce(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk)
    release_of(monkeypatch, "1" * 64, steps.MARCH)
    claim.refresh_from_db()
    assert claim.decision is not None
    last = selectors.last_release()
    assert last is not None
    assert (claim.state, claim.decision.release_id) == (ClaimState.REOPENED, last.pk)
    assert claim.decision.amount_fen == 6_800_000
    assert services.announce(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk).state == ClaimState.IN_NOTICE
    steps.batch(at=steps.MARCH + timedelta(days=14))
    (payment,) = steps.paid(at=steps.MARCH + timedelta(days=15))
    assert payment.amount_fen == 6_800_000


def test_a_supplement_in_its_notice_stays_there_while_the_released_rules_give_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = reopened_under_unreleased_rules(monkeypatch)
    monkeypatch.setattr(blocks, "_checks", [])  # announced before the first release, say
    services.announce(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk)
    release_of(monkeypatch, "1" * 64, steps.MARCH)
    claim.refresh_from_db()
    assert claim.decision is not None
    assert claim.decision.release is not None
    assert (claim.state, claim.decision.release.content_sha256) == (ClaimState.IN_NOTICE, "1" * 64)
    claims_with_decisions = claim.decisions.count()
    release_of(monkeypatch, "2" * 64, steps.MARCH)  # what names a release is not decided again
    assert claim.decisions.count() == claims_with_decisions


def test_a_supplement_worth_another_amount_by_the_released_rules_leaves_its_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = reopened_under_unreleased_rules(monkeypatch)
    monkeypatch.setattr(blocks, "_checks", [])  # announced before the first release, say
    services.announce(by=cast.shen(), at=steps.MARCH, claim_id=claim.pk)
    trades.sale("1000000.00")
    release_of(monkeypatch, "1" * 64, steps.MARCH)
    claim.refresh_from_db()
    assert claim.decision is not None
    assert (claim.state, claim.decision.amount_fen) == (ClaimState.REOPENED, 7_800_000)


def test_a_proposal_whose_files_changed_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    first = proposed()
    monkeypatch.setattr(releases, "content_sha256", lambda _version: "0" * 64)
    with pytest.raises(services.ReleaseStale):
        services.approve_release(by=cast.ruan(), at=DRAFTED, release_id=first.pk)


def test_the_register_of_releases_is_never_changed() -> None:
    release = released()
    for rows in (RuleRelease.objects.filter(pk=release.pk), type(release.approval).objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleRelease.objects.update(note="另写")


def test_a_release_by_clicking() -> None:
    def client(who: cast.Actor) -> Client:
        found = Client(headers={"accept-language": "zh-hans"})
        assert who.user is not None
        found.force_login(who.user)
        return found

    library = reverse("rewards:rules")
    assert "规则文件尚未发布" in Client().get(library).content.decode()
    shen, ruan, lin = client(cast.shen()), client(cast.ruan()), client(cast.lin())
    assert "发布说明" not in lin.get(library).content.decode()
    assert "发布说明" in shen.get(library).content.decode()
    told = {"idempotency_key": "a", "note": ""}
    assert shen.post(reverse("rewards:propose_release"), told).status_code == 422
    assert lin.post(reverse("rewards:propose_release"), {**told, "note": "x"}).status_code == 403
    told = {"idempotency_key": "b", "note": "首次发布"}
    assert shen.post(reverse("rewards:propose_release"), told).status_code == 302
    release = RuleRelease.objects.get()
    approve = reverse("rewards:approve_release", args=[release.pk])
    assert approve not in shen.get(library).content.decode()
    assert approve in ruan.get(library).content.decode()
    assert shen.post(approve, {"idempotency_key": "c"}).status_code == 403
    assert ruan.post(approve, {"idempotency_key": "d"}).status_code == 302
    shown = Client().get(library).content.decode()
    assert release.number in shown
    assert "文件与发布时相同" in shown
