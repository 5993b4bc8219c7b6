"""The demo's rewards for 2025: notice and budget, awards paid, one in its public notice, one being paid back.

飞霞 is paid at the cap; 英石 crosses the threshold with one large sale, is paid, gives money back in February and
now repays its award; 清蓝 stands in its public notice; 北江, one fen short, objects.
"""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from config.stories import people, way
from config.stories.way import Team, shanghai
from documents.services import store_upload
from exchange.catalogue.models import Product
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments
from settlement.revenue import selectors as revenue
from settlement.rewards import services
from settlement.rewards.models import ApplicationNotice, Claim, NoticeMeasure
from settlement.rewards.selectors import MEASURE, offices

YEAR = 2025
YINGSHI_NET = Money.from_yuan("5400000.00")
LARGE_PLAN = "全库授权版"
OPINION = "凭证、证书与资金流水相符"


@transaction.atomic
def open_year() -> ApplicationNotice:
    """The application notice for 2025 with its budget; the one that is there when it was opened before."""
    known = NoticeMeasure.objects.filter(measure=MEASURE, year=YEAR, is_current=True).first()
    if known is not None:
        return known.notice
    _name_offices()
    _recognise_parks()
    shen, fang = people.actor("shen"), people.actor("fang")
    line = services.make_budget(
        by=fang, at=shanghai(2026, 1, 4), title="2025 年度数据产品交易奖励（示例）", measures=[MEASURE], year=YEAR,
        fiscal_year=2026, rule="in_order", amount=Money.from_yuan("1200000.00"),
        source="示例财〔2026〕1 号", reason="年初预算安排",
    )  # fmt: skip
    return services.publish_notice(
        by=shen, at=shanghai(2026, 1, 4), title="2025 年度数据产品交易奖励申报通知（示例）", measures=[MEASURE],
        year=YEAR, opens_at=shanghai(2026, 1, 5, 9), closes_at=shanghai(2026, 3, 16, 0), budget_id=line.pk,
        body="符合条件的企业由系统起草测算，在工作台核对后确认；有异议的逐项提出。",
    )  # fmt: skip


def _name_offices() -> None:
    """The demo has one department: it stands for every office that the rule cards name."""
    for name, _measures, _office in offices():
        services.name_office(
            by=Actor.system("平台开通"), at=shanghai(2026, 1, 4), source=name.zh,
            organization_id=people.organization("bureau").pk,
        )  # fmt: skip


def _recognise_parks() -> None:
    """The department recognises the park and 飞霞 in it; the park's operator waits for its own recognition."""
    shen, at = people.actor("shen"), shanghai(2026, 1, 4)
    whole = services.recognise_park(
        by=shen, at=at, name=people.PARK, place="441803", from_on=date(2024, 10, 8), reason="市政府批复（示例）",
        document_id=_paper(shen, at, "园区认定批复（示例）.pdf"),
    )  # fmt: skip
    for key in ("feixia-lead", "pei"):
        firm = people.actor(key)
        asked = services.apply_for_park(
            by=firm, at=at, park_id=whole.park_id, from_on=date(2025, 1, 1), note="租赁合同见附件",
            document_id=_paper(firm, at, "入驻合同（示例）.pdf"),
        )  # fmt: skip
        if key == "feixia-lead":
            services.decide_park_application(
                by=shen, at=at, recognition_id=asked.pk, is_recognised=True, reason="租赁合同与现场核查一致"
            )


def _paper(by: Actor, at: datetime, name: str) -> UUID:
    body = io.BytesIO(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    return store_upload(by=by, at=at, purpose="evidence", name=name, file=body).pk


def sell_large(team: Team, reviewer: Actor, buyer: Actor) -> None:
    """英石's one large sale of October 2025, which brings its year to the aim exactly."""
    assert team.lead.organization is not None
    product = Product.objects.get(supplier=team.lead.organization)
    if product.plans.filter(name=LARGE_PLAN).exists():
        return
    counted = revenue.annual(team.lead.organization.pk, YEAR).counted_fen
    price = _gross(YINGSHI_NET.fen - counted)
    plan = way.add_plan(team, reviewer, product, name=LARGE_PLAN, price=price, at=shanghai(2025, 10, 13))
    way.trade(team.lead, buyer, plan.pk, use="评测大模型的中文情感理解能力", at=shanghai(2025, 10, 14))


def _gross(net_fen: int) -> Money:
    from config.stories.city import gross_for

    return Money(gross_for(net_fen))


def tell(at: datetime, teams: dict[str, Team]) -> None:
    """Every claim of 2025 brought to where the demo shows it; `at` is today."""
    open_year()
    drafted = shanghai(2026, 1, 12)
    found = {
        firm: services.draft_claim(
            by=Actor.system("奖励测算"), at=drafted, firm_id=people.organization(firm).pk, year=YEAR
        )
        for firm in teams
    }
    for firm in ("feixia", "yingshi", "qinglan"):
        services.confirm(by=teams[firm].lead, at=drafted + timedelta(days=2), claim_id=found[firm].pk)
    services.object_(
        by=teams["beijiang"].lead, at=drafted + timedelta(days=3), claim_id=found["beijiang"].pk,
        item="threshold", statement="年末一笔订单的尾差使收入差一分，请核对放款金额。",
    )  # fmt: skip
    _pay([found["feixia"], found["yingshi"]], teams, drafted)
    _recover(found["yingshi"], teams["yingshi"])
    _announce(found["qinglan"], at)


def _review(claim: Claim, first: datetime, second: datetime) -> None:
    services.first_review(by=people.actor("gu"), at=first, claim_id=claim.pk, opinion=OPINION)
    services.second_review(by=people.actor("shen"), at=second, claim_id=claim.pk, opinion="同意测算结果")
    services.announce(by=people.actor("shen"), at=second, claim_id=claim.pk)


def _pay(claims: list[Claim], teams: dict[str, Team], drafted: datetime) -> None:
    shen, fang = people.actor("shen"), people.actor("fang")
    for claim in claims:
        _review(claim, drafted + timedelta(days=4), drafted + timedelta(days=6))
    line = open_year().budget
    batch = services.propose_batch(by=shen, at=shanghai(2026, 2, 2), line_id=line.pk)
    services.approve_batch(by=fang, at=shanghai(2026, 2, 2, 15), batch_id=batch.pk)
    for firm, number in (("feixia", "6222000000000000001"), ("yingshi", "6222000000000000002")):
        services.set_payee_account(
            by=teams[firm].lead, at=shanghai(2026, 2, 3), bank="示例银行清远分行", account_number=number
        )
    file = services.prepare_disbursement(by=fang, at=shanghai(2026, 2, 4))
    services.approve_disbursement(by=shen, at=shanghai(2026, 2, 4, 15), disbursement_id=file.pk)
    for payment in file.payments.order_by("position"):
        services.enter_receipt(
            by=fang,
            at=shanghai(2026, 2, 5),
            payment_id=payment.pk,
            reference=f"示例回单 {payment.position:04d}",
        )


def _recover(claim: Claim, team: Team) -> None:
    """A refund of February takes 英石 below the threshold: the award comes back in instalments."""
    shen, fang = people.actor("shen"), people.actor("fang")
    product = Product.objects.get(supplier=claim.firm)
    order = product.orders.get(plan__name=LARGE_PLAN)
    payments.refund_order(
        by=team.lead, at=shanghai(2026, 2, 20), order_id=order.pk, amount=Money.from_yuan("530000.00"),
        reason="部分样本与约定口径不符，双方同意部分退款",
    )  # fmt: skip
    case = services.open_recovery(
        by=shen, at=shanghai(2026, 2, 24), claim_id=claim.pk, due_on=shanghai(2026, 4, 30).date(),
        cause="二月退款后年度实际收入低于条件，原奖励不再成立。",
    )  # fmt: skip
    services.confirm_recovery(by=fang, at=shanghai(2026, 2, 25), case_id=case.pk)
    services.enter_return(
        by=fang, at=shanghai(2026, 3, 20), case_id=case.pk, amount=Money.from_yuan("30000.00"),
        reference="示例缴款 0001",
    )  # fmt: skip


def _announce(claim: Claim, at: datetime) -> None:
    """清蓝's claim went through both reviews this week and is announced now; somebody asks about it."""
    _review(claim, at - timedelta(days=3), at - timedelta(days=1))
    services.object_publicly(
        by=Actor.anonymous(), at=at - timedelta(hours=6), claim_id=claim.pk, name="市民（示例）",
        contact="示例电话 0763-0000000", statement="请核实该公司与主要买方之间是否存在关联关系。",
    )  # fmt: skip
