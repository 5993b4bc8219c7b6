"""Pure rules of payments: what a refund after release gives back of tax and fee, the account of an order's own.

The fee and what leaves escrow before release are worked out by `exchange.acceptance.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.money import Money


@dataclass(frozen=True, slots=True)
class RefundParts:
    """What one refund consists of: the tax in it, the fee the exchange gives back, the supplier's part."""

    tax: Money
    fee: Money
    seller: Money


def virtual_account(prefix: str, order_number: str) -> str:
    """The account number of an order's own: the custody bank's prefix, then year and serial; empty without prefix."""
    _series, year, serial, _check = order_number.split("-")
    return f"{prefix}{year}{serial}" if prefix else ""


def refund_parts(*, gross: Money, tax: Money, fee: Money, refunded: Money, amount: Money) -> RefundParts:
    """Split a refund of `amount` after `refunded` has been given back already.

    Tax and fee share are proportional to everything refunded so far, floored, less the share of the earlier
    refunds: no part exceeds the amount, and refunds that add up to `gross` give back all of tax and fee.
    """
    assert amount.fen > 0, "a refund gives something back"
    assert (refunded + amount) <= gross, "a refund gives back at most what is left"

    def part(whole: Money) -> Money:
        return whole.share((refunded + amount).fen, gross.fen) - whole.share(refunded.fen, gross.fen)

    return RefundParts(part(tax), part(fee), amount - part(fee))
