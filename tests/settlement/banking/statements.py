"""Short ways to bank statements and their lines, for tests that start there."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from organizations.permissions import Actor
from settlement.banking import services
from settlement.banking.judging import COLUMNS
from settlement.banking.models import BankImport, BankLine
from tests import cast

ACCOUNT = "44180100000001"
AT = cast.NOON + timedelta(days=10)
_serial = count(1)


def qian() -> Actor:
    """Finance at the exchange's service base."""
    return cast.person("qian", cast.BASE, cast.Role.FINANCE)


def row(**told: Any) -> dict[str, str]:
    """A line that came in from 云山."""
    values = {
        "reference": f"20260302{next(_serial):06d}", "booked_on": "2026-03-02", "credit": "68000.00",
        "party_name": cast.YUNSHAN[0], "party_account": "6222000000000001",
    }  # fmt: skip
    return {**values, **{name: str(value) for name, value in told.items()}}


def csv_of(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.heading for column in COLUMNS])
    for each in rows:
        writer.writerow([each.get(column.name, "") for column in COLUMNS])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def checked(body: bytes, *, name: str = "流水.csv", by: Actor | None = None, **told: Any) -> BankImport:
    return services.check_file(
        by=by or qian(), at=AT, file_name=name, body=body, **{"account": ACCOUNT, **told}
    )


def imported(*rows: dict[str, str], at: datetime = AT) -> list[BankLine]:
    """These lines, imported, in order."""
    found = checked(csv_of(list(rows)))
    assert found.faults == []
    services.confirm(by=qian(), at=at, import_id=found.pk)
    lines = {line.reference: line for line in BankLine.objects.filter(source=found)}
    return [lines[each["reference"]] for each in rows]
