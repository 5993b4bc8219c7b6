"""The demo's broker at work: a buyer's mandate, a match, a deal that still lacks a record.

Telling it again changes nothing: what is there is found by the broker's mandates.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from exchange.brokers import services
from exchange.brokers.models import Mandate
from exchange.brokers.selectors import candidates_of
from exchange.catalogue.models import Product
from exchange.catalogue.selectors import plans_on_sale
from exchange.trading import services as trading
from kernel.money import Money
from organizations.permissions import Actor

BUYER, BROKER = "yunshan", "hetong"


@transaction.atomic
def tell() -> None:
    """One mandate in force, one accepted match, one deal over a new order; its review record is missing."""
    buyer, broker = people.organization(BUYER), people.organization(BROKER)
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
