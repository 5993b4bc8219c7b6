"""News of invoices."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class InvoiceIssued(Event):
    """An invoice or a credit invoice was recorded."""

    invoice_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class InvoiceVoided(Event):
    """An invoice no longer holds."""

    invoice_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class InvoiceWished(Event):
    """A buyer asks for an invoice."""

    order_id: UUID
    by: Actor
