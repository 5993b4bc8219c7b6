"""Writing the books: opening accounts, posting, reversing. Callers own the reason; the ledger keeps the sums.

A refusal here comes from the database and breaks the caller's transaction: let it pass to the edge of the
service that posts, whose `transaction.atomic` undoes everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection
from django.db.models import Model, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from kernel.errors import Refusal
from kernel.money import Money
from kernel.records import new_id
from organizations.models import Organization
from settlement.ledger import rules
from settlement.ledger.models import STRIPES, Account, Entry, Posting, Purpose

_FLOORS: dict[str, int | None] = {Purpose.BANK: None, Purpose.LABOUR_COST: None, Purpose.FISCAL: None}
_POST = "SELECT * FROM ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::bigint[])"


class EntryKeyReused(Refusal):
    """The key was used before for an entry with other content."""

    code = "ledger_key_reused"
    message = _("这笔账已按其他内容记过，不能用同一个编号再记一次。请核对后重新发起。")


class InsufficientBalance(Refusal):
    """An account would fall below its floor."""

    code = "insufficient_balance"
    message = _("账户余额不足，本次记账没有发生。请先补足余额或减少金额。")


class AlreadyReversed(Refusal):
    """The entry was reversed before, or is itself a reversal."""

    code = "entry_already_reversed"
    message = _("该凭证已经冲销过，或本身就是冲销凭证。如需更正，请记一笔新的凭证。")


@dataclass(frozen=True, slots=True)
class Transfer:
    """An amount (positive) that leaves one account for another."""

    source: Account
    destination: Account
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What is to be posted; see `post` for the members."""

    key: str
    kind: str
    fact: Model
    transfers: Sequence[Transfer]
    at: datetime
    memo: str = ""
    reverses: Entry | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where an account is found: its owner (the platform when both are empty), purpose and stripe."""

    purpose: str
    organization_id: UUID | None = None
    user_id: UUID | None = None
    stripe: int = 0

    @classmethod
    def of_platform(cls, purpose: Purpose, fact_id: UUID) -> Address:
        """The stripe of a platform account on which everything about one fact is posted."""
        return cls(purpose, stripe=rules.stripe_of(fact_id, STRIPES))


def account(
    *, organization: Organization | None = None, user: User | None = None, purpose: Purpose, stripe: int = 0
) -> Account:
    """The account of that owner (the platform when none is given), opened on first use."""
    address = Address(purpose, organization.pk if organization else None, user.pk if user else None, stripe)
    return accounts([address])[address]


def accounts(addresses: Iterable[Address]) -> dict[Address, Account]:
    """All these accounts in one query; those that do not exist yet are opened, empty."""
    wanted = set(addresses)
    found = _existing(wanted)
    missing = sorted(wanted - found.keys(), key=str)
    if missing:
        Account.objects.bulk_create(
            [
                Account(
                    purpose=address.purpose,
                    organization_id=address.organization_id,
                    user_id=address.user_id,
                    stripe=address.stripe,
                    floor_fen=_FLOORS.get(address.purpose, 0),
                )
                for address in missing
            ],
            ignore_conflicts=True,
        )
        found = _existing(wanted)
    return found


def _existing(wanted: set[Address]) -> dict[Address, Account]:
    owners = Q()
    if organizations := {a.organization_id for a in wanted if a.organization_id}:
        owners |= Q(organization_id__in=organizations)
    if users := {a.user_id for a in wanted if a.user_id}:
        owners |= Q(user_id__in=users)
    if any(a.organization_id is None and a.user_id is None for a in wanted):
        owners |= Q(organization_id=None, user_id=None)
    rows = Account.objects.filter(
        owners, purpose__in={a.purpose for a in wanted}, stripe__in={a.stripe for a in wanted}
    )
    found = {Address(row.purpose, row.organization_id, row.user_id, row.stripe): row for row in rows}
    return {address: row for address, row in found.items() if address in wanted}


def post(
    *,
    key: str,
    kind: str,
    fact: Model,
    transfers: Sequence[Transfer],
    at: datetime,
    memo: str = "",
    reverses: Entry | None = None,
) -> Entry:
    """Post one entry in one round trip; the same key and content again gives the entry that is there.

    `key` is permanent; `fact` is the row that caused the entry; `at` is when it takes effect. Transfers
    are netted to one leg per account. Raises EntryKeyReused, InsufficientBalance, AlreadyReversed.
    """
    entry = NewEntry(key=key, kind=kind, fact=fact, transfers=transfers, at=at, memo=memo, reverses=reverses)
    return _post(entry, rules.net_legs((t.source.pk, t.destination.pk, t.amount.fen) for t in transfers))


def _post(new: NewEntry, legs: Sequence[rules.Leg]) -> Entry:
    return written(entry_of(new, legs), legs)


def written(entry: Entry, legs: Sequence[rules.Leg]) -> Entry:
    """Write a made entry with its legs, or find the one of its key; refusals as for `post`."""
    # As text: cheaper to write than a list of parameters, and hex digits and numbers need no quoting.
    owners = "{" + ",".join(account_id.hex for account_id, _fen in legs) + "}"
    amounts = "{" + ",".join(str(fen) for _account_id, fen in legs) + "}"
    rows = _call(
        _POST,
        [
            entry.pk, entry.key, entry.fingerprint, entry.kind, entry.fact_type, entry.fact_id, entry.memo,
            entry.effective_at, entry.reverses_id, owners, amounts,
        ],
    )  # fmt: skip
    (entry_id, is_new, recorded_at) = rows[0]
    return _stored(entry, recorded_at) if is_new else Entry.objects.get(pk=entry_id)


def post_many(entries: Sequence[NewEntry]) -> list[Entry]:
    """Post any number of entries in one statement, all or none; for pay runs and imports.

    Answers in the order given; refusals as for `post`.
    """
    fresh = {}
    rows = []
    for new in entries:
        legs = rules.net_legs((t.source.pk, t.destination.pk, t.amount.fen) for t in new.transfers)
        entry = fresh[new.key] = entry_of(new, legs)
        rows.append(
            {
                "id": str(entry.pk), "key": entry.key, "fingerprint": entry.fingerprint, "kind": entry.kind,
                "fact_type": entry.fact_type, "fact_id": str(entry.fact_id), "memo": entry.memo,
                "effective_at": entry.effective_at.isoformat(),
                "reverses_id": str(entry.reverses_id) if entry.reverses_id else None,
                "accounts": [str(leg[0]) for leg in legs], "amounts": [leg[1] for leg in legs],
            }
        )  # fmt: skip
    answers = _call("SELECT * FROM ledger_post_many(%s::jsonb)", [json.dumps(rows)])
    known = {key: entry_id for key, entry_id, is_new, _recorded_at in answers if not is_new}
    stored = Entry.objects.in_bulk(list(known.values())) if known else {}
    for key, _entry_id, is_new, recorded_at in answers:
        if is_new:
            _stored(fresh[key], recorded_at)
    return [stored[known[new.key]] if new.key in known else fresh[new.key] for new in entries]


def reverse(*, entry: Entry, at: datetime, memo: str = "") -> Entry:
    """Post the mirror of an entry, once; asking again gives the same reversal.

    Raises AlreadyReversed for an entry that is itself a reversal, InsufficientBalance when an account has
    not enough left to give back.
    """
    if entry.reverses_id:
        raise AlreadyReversed
    mirrored = (
        Posting.objects.filter(entry=entry).order_by("account_id").values_list("account_id", "amount_fen")
    )
    new = NewEntry(
        key=f"reverse:{entry.pk}", kind="reversal", fact=entry, transfers=(), at=at, memo=memo, reverses=entry
    )
    return _post(new, [(account_id, -fen) for account_id, fen in mirrored])


def entry_of(new: NewEntry, legs: Sequence[rules.Leg]) -> Entry:
    """The entry as it would be written; nothing is written."""
    assert len(legs) > 1, "an entry moves money between at least two accounts"
    fact_type, reverses_id = new.fact._meta.label, new.reverses.pk if new.reverses else None
    return Entry(
        id=new_id(),
        key=new.key,
        fingerprint=rules.fingerprint(
            kind=new.kind, fact_type=fact_type, fact_id=new.fact.pk, reverses=reverses_id, legs=legs
        ),
        kind=new.kind,
        fact_type=fact_type,
        fact_id=new.fact.pk,
        memo=new.memo[:200],
        effective_at=new.at,
        reverses_id=reverses_id,
    )


def _stored(entry: Entry, recorded_at: datetime) -> Entry:
    entry.recorded_at = recorded_at
    entry._state.adding, entry._state.db = False, connection.alias
    return entry


def _call(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    except DatabaseError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: DatabaseError) -> Refusal | None:
    """What the database's no means in the ledger's words; None for anything else."""
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate == "QL001":
            return EntryKeyReused()
        if cause.diag.constraint_name == "account_above_floor":
            return InsufficientBalance()
        if "reverses" in (cause.diag.constraint_name or ""):
            return AlreadyReversed()
    return None
