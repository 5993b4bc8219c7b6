"""Pure rules of reconciliation: what of an order does not match and why, and which payment a bank line is likely to be.

No database, no clock; amounts in integer fen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from settlement.banking.states import INCOMING, WAITING, Gap, MatchKind, Standing


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order from contract to bank. `price`: what the buyer is to pay; `received`: matched bank receipts less surplus given back; `paid_back`: matched
    bank payments of refunds and returns; the others as in `invoicing.rules.Standing`."""

    booked: int = 0
    returned: int = 0
    refunded: int = 0
    released: int = 0
    invoiced: int = 0
    credited: int = 0
    received: int = 0
    paid_back: int = 0
    price: int = 0
    is_contracted: bool = True
    is_cancelled: bool = False
    is_delivered: bool = False
    is_accepted: bool = False

    @property
    def keeps(self) -> int:
        return self.booked - self.returned - self.refunded

    @property
    def stands(self) -> int:
        return self.invoiced - self.credited


def gaps(facts: OrderFacts) -> list[tuple[Gap, int]]:
    """Everything that does not match or is still to come, with its amount, in the order of `Gap`."""
    f = facts
    back = f.returned + f.refunded
    is_live = f.booked > 0 and f.keeps > 0
    found = {
        Gap.RECEIPT_UNBOOKED: (f.received > 0 and f.booked == 0 and f.received >= f.price, f.received),
        Gap.RECEIPT_PARTIAL: (0 < f.received < f.price and f.booked == 0, f.price - f.received),
        Gap.RECEIPT_MISSING: (f.booked > 0 and f.received == 0, f.booked),
        Gap.RECEIPT_SHORT: (f.booked > f.received != 0, f.booked - f.received),
        Gap.OVERPAID: (f.received > f.booked > 0, f.received - f.booked),
        Gap.REFUND_UNPAID: (f.paid_back < back, back - f.paid_back),
        Gap.REFUND_OVERPAID: (f.paid_back > back, f.paid_back - back),
        Gap.CREDIT_MISSING: (f.stands > f.keeps, f.stands - f.keeps),
        Gap.NOT_INVOICED: (f.released > 0 and f.keeps > 0 and f.stands == 0, f.keeps),
        Gap.INVOICE_SHORT: (f.released > 0 and 0 < f.stands < f.keeps, f.keeps - f.stands),
        Gap.UNPAID: (f.is_contracted and not f.is_cancelled and f.booked == 0 and f.received == 0, 0),
        Gap.NOT_DELIVERED: (is_live and not f.is_delivered, f.keeps),
        Gap.NOT_ACCEPTED: (is_live and f.is_delivered and not f.is_accepted, f.keeps),
    }
    return [(gap, fen) for gap, (holds, fen) in found.items() if holds]


def standing(found: Iterable[tuple[Gap, int]]) -> Standing:
    """Unmatched when anything is to be mended, waiting when the trade is under way, else matched."""
    codes = {gap for gap, _fen in found}
    if codes - WAITING:
        return Standing.UNMATCHED
    return Standing.WAITING if codes else Standing.MATCHED


# --- suggestions -------------------------------------------------------------------------------

_NUMBER = re.compile(r"(DD|ZF|HT|TK|FB)[-\s]*(20\d{2})[-\s]*(\d{7})[-\s]*([0-9A-Z])(?![0-9A-Z])")
AMOUNT, NUMBER, VIRTUAL, USCC, NAME, NAME_PART = 40, 35, 35, 20, 15, 8
LEAST_SCORE = 15


def numbers_in(text: str) -> list[str]:
    """Order, payment, contract, refund and pay run numbers that stand in a remark, with or without their dashes."""
    plain = text.upper().replace("－", "-")
    return list(dict.fromkeys("-".join(found) for found in _NUMBER.findall(plain)))


def order_of_virtual_account(prefix: str, account: str) -> str:
    """The beginning of the order number that an account stands for; empty when it stands for none."""
    rest = account.removeprefix(prefix)
    if not prefix or rest == account or not re.fullmatch(r"20\d{9}", rest):
        return ""
    return f"DD-{rest[:4]}-{rest[4:]}-"


def plain_name(name: str) -> str:
    """A firm's name without what banks write differently: spaces, and the width of brackets."""
    return re.sub(r"\s", "", name).replace("（", "(").replace("）", ")")


def is_payer(
    told_name: str, told_uscc: str, told_account: str, *, name: str, uscc: str, account: str
) -> bool:
    """Whether a line's payer is this firm: by its code, else its name, else the account that is the order's own."""
    if told_uscc:
        return told_uscc == uscc
    if told_name:
        return plain_name(told_name) == plain_name(name)
    return bool(account) and told_account == account


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What a bank line tells; `amount` positive for money that came in."""

    amount: int
    text: str = ""
    party_name: str = ""
    party_uscc: str = ""
    virtual_account: str = ""
    party_account: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """A payment that should be found at the bank: its open amount (positive), its numbers, who pays or is paid."""

    kind: MatchKind
    target_id: UUID
    order_id: UUID | None
    label: str
    amount: int
    numbers: tuple[str, ...] = ()
    party_name: str = ""
    party_uscc: str = ""
    virtual_account: str = ""
    party_account: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An expected payment that a line may be: score 0–100, and the codes of what speaks for it."""

    expected: Expected
    score: int
    reasons: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """The amount to the fen, and a number or account that names this very payment."""
        return "amount" in self.reasons and bool(
            {"number", "virtual_account", "party_account"} & set(self.reasons)
        )


def suggest(line: LineFacts, candidates: Iterable[Expected]) -> list[Suggestion]:
    """What the line may be, the likeliest first; only money of the line's direction, nothing that merely exists."""
    named, found = set(numbers_in(line.text)), []
    for each in candidates:
        if (line.amount > 0) != (each.kind in INCOMING) or each.amount <= 0:
            continue
        ours, theirs = plain_name(each.party_name), plain_name(line.party_name)
        is_same_name = bool(ours) and ours == theirs
        is_part = (
            bool(theirs) and len(theirs) >= 4 and (theirs in ours or (ours in theirs and len(ours) >= 4))
        )
        points = {
            "amount": AMOUNT if abs(line.amount) == each.amount else 0,
            "number": NUMBER if named & set(each.numbers) else 0,
            "virtual_account": VIRTUAL
            if line.virtual_account and line.virtual_account == each.virtual_account
            else 0,
            "party_account": VIRTUAL
            if line.party_account and line.party_account == each.party_account
            else 0,
            "uscc": USCC if line.party_uscc and line.party_uscc == each.party_uscc else 0,
            "name": NAME if is_same_name else 0,
            "name_part": NAME_PART if is_part and not is_same_name else 0,
        }
        score = min(sum(points.values()), 100)
        if score >= LEAST_SCORE:
            found.append(Suggestion(each, score, tuple(code for code, given in points.items() if given)))
    return sorted(found, key=lambda s: (-s.score, s.expected.label))


# --- pay runs: one file, one line or many ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wage:
    """One person's pay of a run that has no line yet; `account` is where it went."""

    item_id: UUID
    amount: int
    account: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A line of money that went out, with what of it is not matched; `names_run`: its words name the run."""

    line_id: UUID
    left: int
    account: str
    names_run: bool


def pair_run(wages: Sequence[Wage], lines: Sequence[Paid]) -> list[tuple[UUID, UUID, int]]:
    """Which line paid whom how much (line, item, fen), for as many people of a run as can be told without doubt.

    A bank books a run as one line over its whole sum that names it, or as a line for each person with account and amount;
    of several lines that fit a person the one that names the run counts. What two lines fit equally well is left.
    """
    total = sum(each.amount for each in wages)
    whole = [line for line in lines if line.names_run and line.left == total]
    if len(wages) > 1 and len(whole) == 1:
        return [(whole[0].line_id, each.item_id, each.amount) for each in wages]
    found, used = [], set[UUID]()
    for wage in wages:
        fitting = [
            line
            for line in lines
            if line.line_id not in used and (line.account, line.left) == (wage.account, wage.amount)
        ]
        named = [line for line in fitting if line.names_run]
        chosen = named if named else fitting
        if len(chosen) == 1:
            used.add(chosen[0].line_id)
            found.append((chosen[0].line_id, wage.item_id, wage.amount))
    return found
