"""The demo's broker at work: a buyer's mandate, a match, a deal that still lacks a record; the data space it leads.

Telling it again changes nothing: what is there is found by the broker's mandates.
"""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from documents.services import store_upload
from exchange.brokers import services
from exchange.brokers.models import Mandate
from exchange.brokers.selectors import candidates_of
from exchange.catalogue.models import Product
from exchange.catalogue.selectors import plans_on_sale
from exchange.dataspace import services as spaces
from exchange.dataspace.models import Space
from exchange.trading import services as trading
from kernel.money import Money
from organizations.permissions import Actor

BUYER, BROKER = "yunshan", "hetong"


@transaction.atomic
def tell() -> None:
    """A running data space; one mandate in force, one match, one deal over a new order that lacks its review record."""
    buyer, broker = people.organization(BUYER), people.organization(BROKER)
    _tell_space()
    if Mandate.objects.filter(broker=broker).exists():
        return
    zhou, hong = people.actor("zhou"), people.actor("hong")
    start = shanghai(2026, 11, 2)
    mandate = services.offer_mandate(
        by=zhou, at=start, principal_id=buyer.pk, broker_id=broker.pk,
        terms=services.Proposal(
            side="demand", wish_modality="text", wish_labels=("正面", "负面"),
            wish_budget=Money.from_yuan("6000000"), starts_at=start, ends_at=shanghai(2027, 11, 2),
            commission_bp=150, payer="buyer",
        ),
    )  # fmt: skip
    for who in (zhou, hong):
        services.sign_mandate(by=who, at=start, mandate_id=mandate.pk, text_sha256=mandate.text_sha256)
    found = candidates_of(mandate)
    if not found:
        return
    product, at = found[0].product, start + timedelta(days=3)
    match = services.record_match(
        by=hong, at=at, mandate_id=mandate.pk, product_number=product.number,
        reason="数据形态和标签与需求一致，在预算之内，供方可以按季更新。",
    )  # fmt: skip
    services.answer_match(by=zhou, at=at + timedelta(days=1), match_id=match.pk, is_accepted=True)
    plan = plans_on_sale().filter(product=product)[0]
    order = trading.place_order(
        by=zhou, at=at + timedelta(days=2), plan_id=plan.pk, use_statement="训练和评测本公司的文本理解模型"
    )
    deal = services.propose_deal(
        by=hong, at=at + timedelta(days=2), match_id=match.pk, order_number=order.number
    )
    services.keep_record(
        by=hong, at=at + timedelta(days=3), deal_id=deal.pk, kind="source_demanded",
        statement="已书面要求供方说明数据来源，并约定三日内答复。",
    )  # fmt: skip
    services.keep_record(
        by=hong, at=at + timedelta(days=5), deal_id=deal.pk, kind="source_received",
        statement="供方提供登记证书及来源说明，已核对证书编号与版本。", fact="certificate",
    )  # fmt: skip
    for who in (zhou, _lead_of(product)):
        services.confirm_deal(
            by=who, at=at + timedelta(days=5), deal_id=deal.pk, commission=Money(deal.commission_fen)
        )


def _lead_of(product: Product) -> Actor:
    """Who acts for the product's supplier."""
    firm = next(each.key for each in people.FIRMS if each.uscc == product.supplier.uscc)
    return people.actor("lin" if firm == "qinglan" else f"{firm}-lead")


_RULES = """一、成员资格：清远及周边从事文本标注、训练和评测的单位，经牵头单位邀请加入。
二、用途：空间内共享的产品限成员训练和评测自有模型，不得转售，不得向空间外提供。
三、安全：成员指定专人管理，发现泄露当日报告牵头单位和服务基地。
四、退出：成员可以随时说明理由退出，已有订单按合同履行。
"""


def _tell_space() -> None:
    """A data space with a firm and a buyer as members, a milestone ahead, one late, and a landed project verified."""
    hong, gu, at = people.actor("hong"), people.actor("gu"), shanghai(2026, 9, 7)
    if Space.objects.filter(leader=hong.organization).exists():
        return
    space = spaces.apply_space(
        by=hong, at=at,
        stated=spaces.Stated(
            kind="data_space", title="商贸文本数据空间（示例）", industry="commerce", rules=_RULES,
            purpose="面向商贸客服和评价分析，汇集带标注的中文文本，成员共享产品和标注规范，形成可交易的数据产品。",
        ),
    )  # fmt: skip
    for title, target, due in (
        ("首批成员签约", "至少两家单位同意规则并加入。", date(2026, 10, 30)),
        ("标注规范发布", "成员共同使用的情感标注规范定稿。", date(2026, 11, 13)),
        ("首个空间产品成交", "空间内共享的产品完成一笔订单。", date(2027, 3, 31)),
    ):
        spaces.plan_milestone(by=hong, at=at, space_id=space.pk, title=title, target=target, due_on=due)
    approved = at + timedelta(days=3)
    spaces.approve_space(by=gu, at=approved, space_id=space.pk, reason="目标可核验，规则完整，同意设立。")
    told = space.rule_versions.get().text_sha256
    for key in ("lin", "zhou"):
        who = people.actor(key)
        assert who.organization is not None
        spaces.invite_member(by=hong, at=approved, space_id=space.pk, uscc=who.organization.uscc)
        spaces.join_space(by=who, at=approved + timedelta(days=1), space_id=space.pk, text_sha256=told)
    papers = [
        store_upload(by=hong, at=approved, purpose="evidence", name=name, file=BytesIO(text.encode()))
        for name, text in (
            ("成员名单.csv", "单位,加入日期\n示例,2026-09-11\n"),
            ("投资协议摘要.csv", "项目,金额\n示例,12000000\n"),
        )
    ]
    reached = space.milestones.order_by("due_on")[0]
    later = shanghai(2026, 10, 12)
    spaces.report_milestone(
        by=hong,
        at=later,
        milestone_id=reached.pk,
        report="两家单位已加入，名单见附件。",
        document_id=papers[0].pk,
    )
    spaces.decide_milestone(
        by=gu, at=later, milestone_id=reached.pk, move="confirm", reason="名单与平台记录一致。"
    )
    landing = spaces.claim_landing(
        by=hong, at=later, space_id=space.pk, title="客服语料中心（示例）", firm="示例语料服务有限公司",
        place="441802", amount=Money.from_yuan("12000000"), landed_on=date(2026, 10, 8),
        statement="经空间对接，语料企业在清城区设立中心。", document_id=papers[1].pk,
    )  # fmt: skip
    spaces.decide_landing(
        by=gu, at=later, landing_id=landing.pk, is_verified=True, opinion="协议摘要与到账凭证一致。"
    )
