"""The books as journals that other programs read: beancount and hledger, with a balance assertion for every account.

Both are debit-positive, the ledger is credit-positive: signs are turned. Days are those of Asia/Shanghai.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import Min, Sum

from kernel import clock
from kernel.money import Money
from settlement.ledger.models import Account, Posting, Purpose

_ROOTS: dict[str, str] = {
    Purpose.BANK: "Assets:Custody",
    Purpose.ESCROW: "Liabilities:Escrow",
    Purpose.WALLET: "Liabilities:Wallet",
    Purpose.FEES: "Income:Fees",
    Purpose.LABOUR_COST: "Expenses:Labour",
    Purpose.EARNINGS: "Liabilities:Earnings",
    Purpose.LABOUR_SETTLED: "Equity:LabourSettled",
    Purpose.WITHHOLDING: "Liabilities:Withholding",
}
FORMATS = ("beancount", "hledger")
_USCC = re.compile(r"[0-9A-Z]{18}")


def root_of(purpose: str) -> str:
    """The first two parts of the names of all accounts of a purpose."""
    return _ROOTS.get(purpose, f"Equity:{purpose.title().replace('_', '')}")


def name_of(account: Account) -> str:
    """The account's name in a journal: purpose, owner, stripe."""
    parts = [root_of(account.purpose)]
    if account.organization is not None:
        uscc = account.organization.uscc
        parts.append(uscc if _USCC.fullmatch(uscc) else f"O{account.organization.pk.hex.upper()}")
    elif account.user_id is not None:
        parts.append(f"U{account.user_id.hex.upper()}")
    if account.stripe or len(parts) == 1:
        parts.append(f"S{account.stripe}")
    return ":".join(parts)


def _plain(text: str, forbidden: str) -> str:
    return "".join(
        " " if letter in forbidden or not letter.isprintable() else letter for letter in text
    ).strip()


def lines(form: str, *, until: date | None = None) -> Iterator[str]:
    """The journal line by line, of what took effect by the end of `until` (everything by default)."""
    assert form in FORMATS, "one of FORMATS"
    legs = Posting.objects.all()
    if until is not None:
        legs = legs.filter(effective_at__lt=clock.end_of(until))
    sums = {
        row["account"]: (int(row["total"]), clock.business_date(row["first"]))
        for row in legs.values("account").annotate(total=Sum("amount_fen"), first=Min("effective_at"))
    }
    accounts = Account.objects.filter(pk__in=sums).select_related("organization").order_by("pk")
    names = {account.pk: name_of(account) for account in accounts}
    assert len(set(names.values())) == len(names), "every account has a name of its own"
    is_bean = form == "beancount"
    if is_bean:
        yield 'option "title" "Qingshu ledger"\n'
        yield 'option "operating_currency" "CNY"\n\n'
    else:
        yield "; Qingshu ledger\ncommodity 1000.00 CNY\n\n"
    for pk, name in names.items():
        yield f"{sums[pk][1]} open {name} CNY\n" if is_bean else f"account {name}\n"
    newest, entry = None, None
    rows = legs.select_related("entry").order_by("effective_at", "entry_id", "id")
    for leg in rows.iterator(chunk_size=2_000):
        if leg.entry_id != entry:
            entry, newest = leg.entry_id, clock.business_date(leg.effective_at)
            memo = _plain(leg.entry.memo, '"\\') if is_bean else _plain(leg.entry.memo, ";|=*!()")
            if is_bean:
                yield f'\n{newest} * "{leg.entry.kind}" "{memo}"\n  entry: "{entry}"\n'
            else:
                yield f"\n{newest} * {leg.entry.kind} {memo}  ; entry:{entry}\n"
        yield f"  {names[leg.account_id]}  {Money(-leg.amount_fen).yuan} CNY\n"
    if newest is None:
        return
    day = newest + timedelta(days=1)
    if not is_bean:
        yield f"\n{day} * balances\n"
    for pk, name in names.items():
        total = Money(-sums[pk][0]).yuan
        yield f"{day} balance {name}  {total} CNY\n" if is_bean else f"  {name}  0.00 CNY = {total} CNY\n"
