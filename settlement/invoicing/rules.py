"""Pure rules of invoices: their numbers, their tax, what is left to invoice or to credit. Integer fen throughout."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kernel.money import Money

# The issuing software of the tax office lets the tax of one line differ by so much from net × rate.
TAX_TOLERANCE_FEN = 6
_PAPER_CODE, _PAPER_NUMBER, _DIGITAL_NUMBER = (
    re.compile(r"\d{10}|\d{12}"),
    re.compile(r"\d{8}"),
    re.compile(r"\d{20}"),
)


def is_sound_number(code: str, number: str) -> bool:
    """Paper and older electronic invoices: a code of 10 or 12 digits and a number of 8; fully digital ones: 20 digits
    and no code."""
    if code:
        return bool(_PAPER_CODE.fullmatch(code) and _PAPER_NUMBER.fullmatch(number))
    return bool(_DIGITAL_NUMBER.fullmatch(number))


def tax_fits(*, net: Money, tax: Money, rate_bp: int) -> bool:
    """Whether the tax is net × rate, up to the tolerance."""
    return abs(tax.fen * 10_000 - net.fen * rate_bp) <= TAX_TOLERANCE_FEN * 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """An order's money and invoices in fen: what was paid in, went back, was released, invoiced and credited."""

    booked: int = 0
    returned: int = 0
    refunded: int = 0
    released: int = 0
    invoiced: int = 0
    credited: int = 0

    @property
    def keeps(self) -> int:
        """What the supplier's side keeps of the price: the most that may stand invoiced."""
        return self.booked - self.returned - self.refunded

    @property
    def stands(self) -> int:
        """What stands invoiced, less what was credited."""
        return self.invoiced - self.credited

    @property
    def to_invoice(self) -> int:
        """What may still be invoiced."""
        return max(self.keeps - self.stands, 0)

    @property
    def to_credit(self) -> int:
        """What stands invoiced beyond what the supplier keeps."""
        return max(self.stands - self.keeps, 0)

    @property
    def is_due(self) -> bool:
        """Whether the supplier owes an invoice: the money was released and something of it is not invoiced."""
        return self.released > 0 and self.to_invoice > 0
