"""The main job, end to end, on real input: from review texts to a reward decision with its reasons.

The journey belongs to the firm 凤城语料 (示例) and the year 2025: sixty real reviews are labelled, sealed,
registered, listed and sold for ¥5,300,000.00, which is ¥5,000,000.00 without VAT, the threshold of
Article 3(1) to the fen. Run again, it tells the same story from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from annotation.projects.models import Project
from assets.registry.models import Certificate
from config.stories import people, rewarding, sources, way
from config.stories.way import Team, shanghai
from exchange.filings.models import Filing
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.payments.models import Release
from settlement.revenue import selectors as revenue
from settlement.rewards import services as rewards
from settlement.rewards.models import Claim

FIRM, YEAR = "fengcheng", 2025
TITLE = "中文图书评论情感标注集（示例）"
TEXTS = 60
GROSS = Money.from_yuan("5300000.00")


@dataclass(frozen=True, slots=True)
class Step:
    """One step as told: title, one sentence, figures by name, and where to look at it."""

    number: int
    title: str
    told: str
    figures: dict[str, Any]
    url: str = ""


@dataclass(slots=True)
class Story:
    """The whole journey: its steps and the decision at the end."""

    steps: list[Step] = field(default_factory=list)
    decision: dict[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {"steps": [asdict(step) for step in self.steps], "decision": self.decision}


def _address(name: str, *arguments: object) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=arguments)}"


def _team() -> Team:
    return Team(
        people.actor(f"{FIRM}-lead"),
        (people.actor(f"{FIRM}-annotator"), people.actor(f"{FIRM}-annotator2")),
        people.actor(f"{FIRM}-reviewer"),
    )


@transaction.atomic
def _walk(say: Callable[[str], None]) -> None:
    """Walk the whole way once, in one transaction; times are those of 2025 and early 2026."""
    team, reviewer, buyer = _team(), people.actor("gu"), people.actor("zhou")
    texts, start = sources.reviews(TEXTS), shanghai(YEAR, 3, 3)
    project = way.annotate(
        team,
        texts,
        title="中文图书评论情感标注项目（示例）",
        price=Money.from_yuan("0.50"),
        at=start,
        slips=(6, 23, 41),
    )
    say("annotation accepted")
    version = way.seal(
        team, project, name=TITLE, name_en="Chinese book review sentiment, real texts (demo)",
        description="六十条真实中文评论，双人分工标注、逐条质检，来源与许可见批次记录。", at=start + timedelta(days=9),
    )  # fmt: skip
    certificate = way.register(
        team,
        reviewer,
        version,
        title=TITLE,
        use_case="训练与评测中文情感分析模型",
        at=start + timedelta(days=11),
    )
    say("certificate issued")
    _product, plans = way.list_product(
        team, reviewer, certificate, title_en="Chinese book review sentiment, real texts (demo)",
        summary="真实中文图书评论情感二分类，逐条质检，附来源、规范与文件哈希。",
        description="每行一条评论与一个情感标签。可沿血缘回到标注批次与原文件哈希。",
        industry="education", plans=[("全量授权版", GROSS)], at=certificate.issued_at + timedelta(days=2),
    )  # fmt: skip
    way.trade(
        team.lead,
        buyer,
        plans[0].pk,
        use="训练并评测本公司的中文情感分析模型，不对外提供原始数据",
        at=shanghai(YEAR, 5, 12),
    )
    say("trade completed and filed")
    claim = rewards.draft_claim(
        by=Actor.system("奖励测算"),
        at=shanghai(YEAR + 1, 1, 8),
        firm_id=people.organization(FIRM).pk,
        year=YEAR,
    )
    rewarding.open_year()
    rewards.confirm(by=team.lead, at=shanghai(YEAR + 1, 1, 9), claim_id=claim.pk)
    say("claim confirmed")


def claim_of_journey() -> Claim | None:
    """The claim at the journey's end, if it was walked."""
    return (
        Claim.objects.select_related("decision", "firm")
        .filter(firm__uscc=people.BY_KEY[FIRM].uscc, year=YEAR)
        .first()
    )


def _annotation_steps(project: Project, certificate: Certificate) -> list[Step]:
    version = certificate.version
    assert version is not None, "the journey registers a dataset"
    tasks = project.tasks
    returned = tasks.filter(submissions__reviews__verdict="return").distinct().count()
    pay = Money(sum(project.payouts.values_list("amount_fen", flat=True)))
    batch = project.batches.get()
    return [
        Step(1, "标注 Annotation", f"{project.number}：{tasks.count()} 条真实评论，全部质检通过，{returned} 条曾退回返工",
             {"tasks": tasks.count(), "returned_once": returned, "annotators_pay": pay.yuan, "source": batch.source,
              "licence": batch.licence}, _address("projects:detail", project.pk)),
        Step(2, "数据集封版 Dataset version", f"{version}：{version.file_count} 个文件，根哈希 {version.root_hash[:16]}…",
             {"files": version.file_count, "bytes": version.byte_count, "rows": version.row_count,
              "root_hash": version.root_hash}, _address("datasets:detail", version.dataset_id)),
        Step(3, "资产登记 Registration", f"证书 {certificate.number}，有效期 {certificate.valid_from} 至 {certificate.valid_until}",
             {"certificate": certificate.number, "key_id": certificate.key_id, "pdf_sha256": certificate.document_sha256},
             _address("verification:number", certificate.number)),
    ]  # fmt: skip


def _trade_steps(order: Order, filing: Filing, release: Release) -> list[Step]:
    product = order.product
    return [
        Step(4, "挂牌 Listing", f"{product.number} {product.title}", {"product": product.number,
             "price": Money(order.plan.price_fen).yuan}, _address("catalogue:product", product.number)),
        Step(5, "交易 Order", f"{order.number}：合同 {order.contract.number}，双方签署，付款托管，交付，验收",
             {"order": order.number, "contract_sha256": order.contract.text_sha256, "amount": Money(order.amount_fen).yuan,
              "tax": Money(order.tax_fen).yuan}, _address("trading:order", order.pk)),
        Step(6, "结算 Settlement", f"放款 {Money(release.gross_fen)}：服务费 {Money(release.fee_fen)}，供方 {Money(release.seller_fen)}",
             {"gross": Money(release.gross_fen).yuan, "fee": Money(release.fee_fen).yuan,
              "seller": Money(release.seller_fen).yuan, "books": ledger.prove().as_data()}, _address("ledger:index")),
        Step(7, "交易备案 Filing", f"凭证 {filing.voucher_number}", {"voucher": filing.voucher_number},
             _address("filings:voucher", filing.pk)),
    ]  # fmt: skip


def tell() -> Story:
    """The journey as stored: every figure read back from the product."""
    claim = claim_of_journey()
    assert claim is not None, "the journey has been walked"
    assert claim.decision is not None
    order = Order.objects.select_related(
        "product",
        "plan",
        "contract",
        "filing",
        "release",
        "certificate__version__project",
        "certificate__version__dataset",
    ).get(supplier=claim.firm, placed_at__year=YEAR)
    version = order.certificate.version
    assert version is not None, "the journey registers a dataset"
    project = version.project
    assert project is not None
    annual = revenue.annual(claim.firm_id, YEAR)
    decision = claim.decision
    steps = [
        *_annotation_steps(project, order.certificate),
        *_trade_steps(order, order.filing, order.release),
        Step(8, "年度实际收入 Actual revenue", f"{YEAR} 年计入 {Money(annual.counted_fen)}",
             {"counted": Money(annual.counted_fen).yuan, "excluded": Money(annual.excluded_fen).yuan,
              "lines": annual.line_count}, _address("revenue:index")),
        Step(9, "第三条第（一）项奖励 Article 3(1)", f"{decision.get_outcome_display()}：{Money(decision.amount_fen)}",
             {"outcome": decision.outcome, "amount": Money(decision.amount_fen).yuan,
              "policy_version": decision.policy_version, "decision_sha256": decision.decision_sha256},
             _address("rewards:claim", claim.number)),
    ]  # fmt: skip
    return Story(
        steps,
        {"claim": claim.number, "outcome": decision.outcome, "amount": Money(decision.amount_fen).yuan,
         "trace": decision.trace},
    )  # fmt: skip


def run(say: Callable[[str], None]) -> Story:
    """Walk the journey if it has not been walked, then tell it."""
    people.settle(shanghai(2024, 10, 8))
    if claim_of_journey() is None:
        _walk(say)
    return tell()
