"""Short ways into a dispute: a paid and delivered order, a complaint, an answer, a hearing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from assets.datasets.models import DatasetFile, DatasetVersion
from exchange.acceptance import services
from exchange.acceptance.models import Complaint, Offer
from exchange.acceptance.services import Reported
from exchange.delivery import services as delivery
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import Role
from settlement.ledger import selectors as ledger
from settlement.payments import services as payments
from tests import cast
from tests.exchange import market

NOON = cast.NOON
DELIVERED = NOON + timedelta(days=1)
END = DELIVERED + timedelta(days=7)
MISSING = Reported(kind="missing", text="清单中的第三个文件没有交付。")


def delivered(**kept: Any) -> Order:
    """An order of 云山 for ¥68,000.00, paid into escrow and delivered by 清蓝; inspected until END."""
    order = market.contracted(**kept)
    payments.pay_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=DELIVERED, order_id=order.pk)
    order.refresh_from_db()
    return order


def complaint(order: Order | None = None, *, at: datetime = DELIVERED + timedelta(days=2)) -> Complaint:
    """A complaint about a missing file, two days into the inspection period."""
    order = order or delivered()
    return services.file_complaint(by=cast.zhou(), at=at, order_id=order.pk, defects=[MISSING])


def answered(
    found: Complaint | None = None,
    *,
    kind: str = "rejection",
    at: datetime = DELIVERED + timedelta(days=3),
    **terms: Any,
) -> Offer:
    """The supplier's answer a day later."""
    found = found or complaint()
    return services.answer(
        by=cast.lin(), at=at, complaint_id=found.pk, kind=kind, text="我方核对后答复如下。", **terms
    )


def accepted(offer: Offer, *, at: datetime = DELIVERED + timedelta(days=4)) -> Complaint:
    """The buyer takes the offer."""
    return services.accept_offer(by=cast.zhou(), at=at, complaint_id=offer.complaint_id, offer_id=offer.pk)


def disputed(order: Order | None = None, *, at: datetime = DELIVERED + timedelta(days=4)) -> Complaint:
    """A rejected complaint before the exchange, with both sides' statements."""
    found = complaint(order)
    answered(found)
    services.escalate(by=cast.zhou(), at=at, complaint_id=found.pk, text="清单与交付的文件不一致。")
    services.state_evidence(by=cast.lin(), at=at, complaint_id=found.pk, text="文件齐全，附下载记录。")
    found.refresh_from_db()
    return found


def second_operator() -> Actor:
    """Another listing reviewer of the exchange's service base."""
    return cast.person("fang", cast.BASE, Role.LISTING_REVIEWER)


def ruled(found: Complaint, outcome: str, *, by: Actor | None = None, **terms: Any) -> Any:
    """A ruling two days after the hearing was opened."""
    return services.rule(
        by=by or cast.gu(), at=DELIVERED + timedelta(days=6), complaint_id=found.pk, outcome=outcome,
        text="双方证据表明，交付内容与合同第一条所列清单部分不符。",
        citations=terms.pop("citations", ["contract_1", "civil_582"]), **terms,
    )  # fmt: skip


def next_version(order: Order, *, is_certified: bool = True) -> DatasetVersion:
    """A later sealed version of the sold dataset with one file, certified for the supplier if so wished."""
    version = DatasetVersion.objects.create(
        dataset=order.version.dataset, version=order.version.version + 1, root_hash=f"{order.pk.hex}{'2' * 32}",
        file_count=1, byte_count=4_100, row_count=1_201, state="building",
    )  # fmt: skip
    DatasetFile.objects.create(
        version=version,
        path="items/000003.txt",
        size=4,
        sha256="3" * 64,
        object_key="x",
        media_type="text/plain",
    )
    DatasetVersion.objects.filter(pk=version.pk).update(state="sealed", sealed_at=NOON)
    version.refresh_from_db()
    if is_certified:
        market.certificate_for(order.supplier, version=version)
    return version


def books() -> dict[str, str]:
    """The balance of every purpose in yuan; the books balance, proven from the raw rows."""
    connection.check_constraints()
    assert ledger.prove().is_sound
    return {
        row.purpose.value: Money(row.credit_fen - row.debit_fen).yuan
        for row in ledger.trial_balance().rows
        if row.credit_fen or row.debit_fen
    }
