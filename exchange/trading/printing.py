"""The signed contract on paper: PDF/A-2u with both signatures, both hashes, and the order's page as QR code."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents import objects
from documents.printing import typeset
from exchange.trading import policies
from exchange.trading.models import ContractDocument, Order, Signature
from exchange.trading.permissions import VIEW_ORDERS
from exchange.trading.services import locked_order, party_of, require_side
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor

TEMPLATE = Path(__file__).resolve().parent / "templates" / "trading" / "contract.typ"
PREFIX = "contracts"
_HEADS = ("第", "附件")


class NotSigned(Refusal):
    """Only what both sides have signed is printed as a contract."""

    code = "contract_not_signed"
    message = _("双方都签署之后才能生成合同文件。请先完成签署。")


def _lines(text: str) -> list[tuple[str, str]]:
    """The text's lines below its title: articles' heads and the rest."""
    found = []
    for line in text.splitlines()[1:]:
        if line:
            is_head = line.startswith(_HEADS) and " " in line[:6]
            found.append(("head" if is_head else "line", line))
    return found


def _signatures(signatures: list[Signature]) -> list[dict[str, str]]:
    return [
        {
            "party": str(each.get_party_display()),
            "signer": each.signer_label,
            "at": f"{each.signed_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}",
        }
        for each in signatures
    ]


def pdf(order: Order) -> bytes:
    """The contract as PDF; the same contract and signatures give the same bytes."""
    contract, url = order.contract, f"{settings.SITE_URL}{reverse('trading:order', args=[order.pk])}"
    assert order.contracted_at is not None, "printed when signed"
    on = clock.business_date(order.contracted_at)
    with translation.override("zh-hans"):
        sheet: dict[str, Any] = {
            "number": contract.number,
            "order_number": order.number,
            "kind": contract.text.split("\n", 1)[0],
            "parties": [order.supplier.name, order.buyer.name],
            "lines": _lines(contract.text),
            "signatures": _signatures(list(contract.signatures.order_by("signed_at", "pk"))),
            "rules": [
                {
                    "party": str(rule.party),
                    "label": str(rule.label),
                    "action": str(rule.action),
                    "conditions": "；".join(rule.conditions) or "无条件",
                }
                for rule in policies.in_words(json.loads(contract.policy))
            ],
            "text_sha256": contract.text_sha256,
            "policy_sha256": contract.policy_sha256,
            "on": [on.year, on.month, on.day],
            "is_demo": order.supplier.is_demo or order.buyer.is_demo,
            "url": url,
        }
    return typeset(TEMPLATE, sheet, url=url, on=on)


@transaction.atomic
def issue_document(*, by: Actor, at: datetime, order_id: UUID) -> ContractDocument:
    """Make the PDF of a signed contract once and store it; afterwards the same one is given.

    For the two sides: raises NotFound, WrongSide, NotAllowed, and NotSigned before both have signed.
    """
    order = locked_order(order_id, "contract", "supplier", "buyer")
    require_side(order, by, party_of(order, by), VIEW_ORDERS)
    made = ContractDocument.objects.filter(contract=order.contract).first()
    if made is not None:
        return made
    if order.contracted_at is None:
        raise NotSigned
    stored = objects.put(PREFIX, pdf(order), "application/pdf")
    made = ContractDocument(
        contract=order.contract, object_key=stored.key, sha256=stored.sha256, size=stored.size, made_at=at
    )
    made.save(force_insert=True)
    record(by=by, at=at, action="contracts.document", subject=order, detail={"sha256": stored.sha256})
    return made
