"""The main job as a story: the books are asserted at every step, and every yuan is walked back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta

import pytest

from annotation.work.models import Task
from assets.registry import verification
from assets.registry.rules import Outcome
from config.stories import sources, way
from config.stories.way import shanghai
from documents import objects
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Purpose
from settlement.payments import services as payments
from settlement.revenue import selectors as revenue
from settlement.rewards import services as rewards
from tests import cast
from tests.settlement.rewards import steps
from tests.world import GROSS, team

pytestmark = pytest.mark.django_db


def balance(purpose: Purpose, **owner: object) -> Money:
    """The sum over all stripes of one owner's accounts for one purpose."""
    accounts = Account.objects.filter(purpose=purpose, **owner)
    return Money(sum(accounts.values_list("posted_fen", flat=True)))


def assert_books_balance() -> None:
    assert Money(sum(Account.objects.values_list("posted_fen", flat=True))) == Money(0)
    assert ledger.prove().is_sound


def test_sixteen_texts_become_a_reward_of_fifty_thousand_yuan() -> None:  # noqa: PLR0915 - one story
    people, reviewer, buyer = team(), cast.gu(), cast.zhou()
    firm, start = people.lead.organization, shanghai(2025, 3, 3)
    assert firm is not None

    # Labelling: 16 texts at ¥0.50, one sent back once; acceptance makes the pay payable, no money moves yet.
    project = way.annotate(
        people, sources.reviews(16), title="评论情感标注", price=Money.from_yuan("0.50"), at=start, slips=(5,)
    )
    assert Task.objects.filter(project=project, state="accepted").count() == 16
    assert balance(Purpose.EARNINGS) == Money.from_yuan("8.00")
    assert balance(Purpose.LABOUR_COST, organization=firm) == Money.from_yuan("-8.00")
    assert_books_balance()

    # Sealing: every file's hash is what lies in the store; every row leads back to its submission.
    version = way.seal(
        people, project, name="评论（示例）", name_en="Reviews", description="", at=start + timedelta(days=9)
    )
    for file in version.files.all():
        assert hashlib.sha256(objects.get(file.object_key)).hexdigest() == file.sha256
    assert version.row_count == version.lineage.count() == 16
    manifest = objects.get(version.manifest_key)
    assert hashlib.sha256(manifest).hexdigest() == version.root_hash

    # Registration: ten working days of notice, then a certificate that verifies by number and by token.
    certificate = way.register(
        people,
        reviewer,
        version,
        title="评论（示例）",
        use_case="训练与评测中文情感分析模型",
        at=start + timedelta(days=11),
    )
    assert certificate.claims["certificate"]["asset"]["root_hash"] == version.root_hash
    for what in (certificate.number, certificate.token):
        assert verification.verify(what, on=certificate.valid_from).outcome == Outcome.VALID

    # Listing and the order, step by step with the books.
    _product, plans = way.list_product(
        people, reviewer, certificate, title_en="Reviews", summary="中文评论情感二分类", description="每行一条评论与一个情感标签，附来源。", industry="education",
        plans=[("全量版", GROSS)], at=certificate.issued_at + timedelta(days=1),
    )  # fmt: skip
    at = shanghai(2025, 5, 12)
    order = trading.place_order(by=buyer, at=at, plan_id=plans[0].pk, use_statement="训练本公司模型")
    trading.sign_contract(by=buyer, at=at, order_id=order.pk)
    trading.sign_contract(by=people.lead, at=at, order_id=order.pk)
    assert balance(Purpose.ESCROW) == Money(0)

    payments.pay_order(by=buyer, at=at, order_id=order.pk, method="pm_test_ok")
    assert balance(Purpose.BANK) == -GROSS
    assert balance(Purpose.ESCROW) == GROSS
    assert balance(Purpose.WALLET, organization=firm) == Money(0)
    assert_books_balance()

    delivery.deliver(by=people.lead, at=at + timedelta(days=1), order_id=order.pk)
    file = version.files.order_by("path").first()
    assert file is not None
    _download, url = delivery.hand_out_link(
        by=buyer, at=at + timedelta(days=1), order_id=order.pk, file_id=file.pk
    )
    assert url.startswith("http://127.0.0.1")
    assert balance(Purpose.ESCROW) == GROSS

    trading.accept_order(by=buyer, at=at + timedelta(days=2), order_id=order.pk)
    order.refresh_from_db()
    assert order.state == "completed"
    fee = GROSS.share(200, 10_000)
    assert balance(Purpose.ESCROW) == Money(0)
    assert balance(Purpose.FEES) == fee == Money.from_yuan("106000.00")
    assert balance(Purpose.WALLET, organization=firm) == GROSS - fee
    assert_books_balance()
    assert order.filing.state == "filed" and order.filing.voucher_number.startswith("JY-2025-")  # noqa: PT018

    # Revenue without VAT is exactly the threshold, and the reward exactly one per cent of all of it.
    annual = revenue.annual(firm.pk, 2025)
    assert Money(annual.counted_fen) == Money.from_yuan("5000000.00")
    claim = rewards.draft_claim(by=Actor.system("测试"), at=shanghai(2026, 1, 8), firm_id=firm.pk, year=2025)
    decision = claim.decision
    assert decision is not None
    assert (decision.outcome, Money(decision.amount_fen)) == ("granted", Money.from_yuan("50000.00"))
    assert rewards.replay(by=cast.yan(), at=shanghai(2026, 1, 9), decision_id=decision.pk).is_same

    # And back: from the line to the bytes of the first text.
    found = revenue.line_for(people.lead, order.revenue_lines.get().pk)
    told = json.dumps([asdict(station) for station in revenue.chain_of(found)], default=str)
    for part in (order.number, order.filing.voucher_number, order.contract.text_sha256, certificate.number,
                 version.root_hash, project.number, project.items.get(ordinal=1).sha256):  # fmt: skip
        assert part in told

    # Two pairs of eyes, notice, approval, one award.
    steps.notice()
    rewards.confirm(by=people.lead, at=shanghai(2026, 1, 9), claim_id=claim.pk)
    rewards.first_review(by=reviewer, at=shanghai(2026, 1, 12), claim_id=claim.pk, opinion="相符")
    rewards.second_review(by=cast.shen(), at=shanghai(2026, 1, 13), claim_id=claim.pk, opinion="同意")
    rewards.announce(by=cast.shen(), at=shanghai(2026, 1, 13), claim_id=claim.pk)
    assert Money(steps.awarded(claim, at=shanghai(2026, 1, 26)).amount_fen) == Money.from_yuan("50000.00")
    steps.paid(at=shanghai(2026, 1, 28), firm=people.lead)
    claim.refresh_from_db()
    assert claim.state == "disbursed"

    # A refund after the year takes revenue of the year of receipt below the threshold and reopens the claim.
    payments.refund_order(
        by=reviewer,
        at=shanghai(2026, 2, 3),
        order_id=order.pk,
        amount=Money.from_yuan("0.02"),
        reason="尾差退还",
    )
    assert revenue.annual(firm.pk, 2025).counted_fen < 500_000_000
    assert_books_balance()
