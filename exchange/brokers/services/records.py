"""The records that the law wants of each deal, and the yearly assessment from them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from exchange.acceptance.selectors import kept_of
from exchange.brokers import rules
from exchange.brokers.models import ConductRecord, Deal
from exchange.brokers.permissions import WORK
from exchange.brokers.selectors import counted_deals, deals_visible_to
from exchange.brokers.states import DealState, FactKind, RecordKind
from exchange.pilots import services as pilots
from exchange.pilots.models import Assessment
from exchange.pilots.permissions import MANAGE
from exchange.pilots.rules import facts_from
from exchange.pilots.selectors import pilots_visible_to
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from organizations.models import Organization
from organizations.permissions import Actor


class AlreadyRecorded(Refusal):
    """Each record is made once and never changed."""

    code = "conduct_already_recorded"
    message = _("“%(kind)s”已有记录，记录不能改动。")


def locked_deal(by: Actor, deal_id: UUID) -> Deal:
    """The deal under lock with its order; NotFound unless the actor may see it."""
    rows = Deal.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = rows.select_related("order__certificate", "match__mandate").filter(pk=deal_id).first()
    if found is None or not (by.is_system or deals_visible_to(by).filter(pk=deal_id).exists()):
        raise NotFound
    return found


@transaction.atomic
def keep_record(
    *,
    by: Actor,
    at: datetime,
    deal_id: UUID,
    kind: str,
    statement: str,
    fact: str = FactKind.STATEMENT.value,
    document_id: UUID | None = None,
) -> ConductRecord:
    """The broker keeps one record of a deal: what was asked, received or checked, and what it rests on.

    `fact`: statement, certificate (the order's), contract (the order's) or document (own, stored). What was
    received about the source rests on a certificate or a file. Raises AlreadyRecorded, InvalidInput.
    """
    deal = locked_deal(by, deal_id)
    by.require(WORK)
    if not by.belongs_to(deal.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(by.organization or "—"))
    if kind not in rules.BY_HAND:
        raise InvalidInput(field="kind", reason=_("身份审核和交易记录由平台核实后自动记载，请选择其他记录。"))
    if deal.records.filter(kind=kind).exists():
        raise AlreadyRecorded(field="kind", kind=RecordKind(kind).label)
    statement = statement.strip()
    if not rules.LEAST_WORDS <= len(statement) <= rules.MOST_WORDS:
        raise InvalidInput(field="statement", reason=_("请用 4 到 1000 个字写明时间、方式和结论。"))
    if kind == RecordKind.SOURCE_RECEIVED and fact not in (FactKind.CERTIFICATE, FactKind.DOCUMENT):
        raise InvalidInput(field="fact", reason=_("收到的来源说明应以登记证书或上传的文件为依据。"))
    label, document = _resting_on(deal, fact, document_id)
    return _keep(deal, kind, statement, fact, label, by=by, at=at, document=document)


def _resting_on(deal: Deal, fact: str, document_id: UUID | None) -> tuple[str, Document | None]:
    """The fact's label and the file, if it is one of the broker's own stored ones."""
    if fact == FactKind.STATEMENT:
        return "", None
    if fact == FactKind.CERTIFICATE:
        return deal.order.certificate.number, None
    if fact == FactKind.CONTRACT:
        return deal.order.contract.number, None
    if fact != FactKind.DOCUMENT:
        raise InvalidInput(field="fact", reason=_("请选择列出的依据。"))
    rows = Document.objects.filter(organization=deal.broker_id, state=DocumentState.STORED)
    document = rows.filter(pk=document_id).first() if document_id is not None else None
    if document is None:
        raise InvalidInput(field="document", reason=_("请上传文件，或选择本单位已上传的文件。"))
    return document.name, document


def _keep(
    deal: Deal, kind: str, statement: str, fact: str, label: str, *, by: Actor, at: datetime,
    document: Document | None = None,
) -> ConductRecord:  # fmt: skip
    years = rules.years_kept(kind, settings.BROKER_RECORD_YEARS)
    made = ConductRecord(
        deal=deal,
        kind=kind,
        statement=statement,
        fact=fact,
        fact_label=label[:200],
        document=document,
        made_by=by.user,
        made_by_label=by.label[:200],
        made_at=at,
        keep_until=rules.keep_until(at, years),
    )
    made.save(force_insert=True)
    record(
        by=by, at=at, action="deals.keep_record", subject=deal,
        detail={"kind": kind, "fact": fact, "label": label, "sha256": document.sha256 if document else ""},
    )  # fmt: skip
    return made


def note_identities(deal: Deal, *, by: Actor, at: datetime) -> None:
    """Record the identity of each side that the platform has verified, once (deal locked by the caller)."""
    kept = set(deal.records.values_list("kind", flat=True))
    sides = (
        (RecordKind.SUPPLIER_IDENTITY, deal.order.supplier_id),
        (RecordKind.BUYER_IDENTITY, deal.order.buyer_id),
    )
    firms = Organization.objects.in_bulk([organization_id for _kind, organization_id in sides])
    for kind, organization_id in sides:
        firm = firms[organization_id]
        if kind in kept or not firm.is_verified or firm.verified_at is None:
            continue
        day = clock.business_date(firm.verified_at)
        words = f"{firm.name}（{firm.uscc}）已于 {day} 通过平台单位认证。"
        _keep(deal, kind, words, FactKind.VERIFICATION.value, firm.uscc, by=by, at=at)


def note_transaction(deal: Deal, *, by: Actor, at: datetime) -> None:
    """Record the completed trade: its order, contract and filing (deal locked by the caller)."""
    if deal.records.filter(kind=RecordKind.TRANSACTION).exists():
        return
    order = deal.order
    filing = getattr(order, "filing", None)
    words = (
        f"订单 {order.number} 于 {clock.business_date(at)} 完成，"
        f"含税金额 {order.amount_fen // 100}.{order.amount_fen % 100:02d} 元，合同 {order.contract.number}。"
    )
    fact, label = FactKind.CONTRACT.value, order.contract.number
    if filing is not None and filing.voucher_number:
        fact, label = FactKind.FILING.value, filing.voucher_number
    reduced = kept_of(order).reduced
    if reduced:
        words += f"验收前扣减 {reduced.yuan} 元。"
    _keep(deal, RecordKind.TRANSACTION.value, words, fact, label, by=by, at=at)


@transaction.atomic
def assess_year(*, by: Actor, at: datetime, pilot_id: UUID, year: int) -> Assessment:
    """Assess a pilot's year with what the deals on record say; refusals as for exchange.pilots.assess."""
    pilot = pilots_visible_to(by).filter(pk=pilot_id).first()
    if pilot is None:
        raise NotFound
    by.require(MANAGE)
    # No deal of this broker may change between counting and assessing.
    rows = Deal.objects.filter(broker=pilot.organization_id, state=DealState.COMPLETED)
    list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
    deals = counted_deals(pilot.organization_id, year)
    return pilots.assess(by=by, at=at, pilot_id=pilot_id, year=year, facts=facts_from(deals), deals=deals)
