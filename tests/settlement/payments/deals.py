"""Short ways to money that moved: a settled order, a refund, a project that pays."""

from __future__ import annotations

from datetime import timedelta

from annotation.projects.models import Batch, Item, Project
from annotation.work.models import Task
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.payments import services
from settlement.payments.models import Refund
from tests import cast
from tests.exchange import market

NOON = cast.NOON
PRICE = market.PRICE  # ¥68,000.00, of which tax ¥3,849.06


def delivered_and_accepted(order: Order) -> Order:
    delivery.deliver(by=cast.lin(), at=NOON + timedelta(days=1), order_id=order.pk)
    trading.accept_order(by=cast.zhou(), at=NOON + timedelta(days=2), order_id=order.pk)
    order.refresh_from_db()
    return order


def sold() -> Order:
    """An order that is paid, delivered, accepted and released."""
    order = market.contracted()
    services.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    return delivered_and_accepted(order)


def refund(order: Order, fen: int, *, key: str = "", who: Actor | None = None) -> Refund:
    return services.refund_order(
        by=who or cast.gu(),
        at=NOON + timedelta(days=9),
        order_id=order.pk,
        amount=Money(fen),
        reason="部分样本重复",
        key=key,
    )


def project(*, state: str = "accepted", price_fen: int = 50, **tasks: int) -> Project:
    """A project of 清蓝 with so many accepted tasks by annotator name, and one returned task of 梅."""
    made = Project.objects.create(
        number=new_number("BZ", cast.NOON),
        firm=cast.organization(cast.QINGLAN),
        title="评论情感（示例）",
        modality="text",
        labeling_config="<View/>",
        task_price_fen=price_fen,
        created_at=cast.NOON,
        opened_at=cast.NOON,
        delivered_at=cast.NOON,
        accepted_at=cast.NOON,
        state=state,
    )
    batch = Batch.objects.create(
        project=made, ordinal=1, source="示例", licence="示例", imported_at=cast.NOON
    )
    wanted = [
        (cast.person(name, cast.QINGLAN, cast.Role.ANNOTATOR).user, "accepted")
        for name, count in tasks.items()
        for _number in range(count)
    ]
    wanted.append((cast.mei().user, "returned"))
    for ordinal, (annotator, task_state) in enumerate(wanted):
        item = Item.objects.create(
            project=made,
            batch=batch,
            ordinal=ordinal,
            name=f"{ordinal}.txt",
            media_type="text/plain",
            size=1,
            sha256=f"{ordinal:064d}",
            object_key="x",
        )
        Task.objects.create(
            project=made,
            item=item,
            annotator=annotator,
            price_fen=price_fen,
            state=task_state,
            accepted_at=cast.NOON,
        )
    return made
