"""Invoices of filed trades: who records them registers here.

The register knows no invoices but those that stood at filing. A provider is a function
`(viewer, order_id) -> [IssuedInvoice]`, registered once in `config`; it answers only what that viewer may see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from kernel.money import Money
from organizations.permissions import Actor


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """One invoice, voided or not; a credit invoice has a negative amount. `url`: where it stands."""

    number: str
    on: date
    amount: Money
    words: str
    is_void: bool
    url: str


Provider = Callable[[Actor, UUID], Sequence[IssuedInvoice]]
_providers: list[Provider] = []


def register_invoices(provider: Provider) -> None:
    """Let `provider` tell the invoices of an order; another takes the place of the one before."""
    _providers[:] = [provider]


def invoices_of(viewer: Actor, order_id: UUID) -> Sequence[IssuedInvoice]:
    """All invoices of an order by now, as far as somebody knows them."""
    return _providers[0](viewer, order_id) if _providers else ()
