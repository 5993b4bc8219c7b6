"""The daily close: what is final is sealed into a signed chain, and one changed byte is located."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from organizations.permissions import Actor
from settlement.ledger import closing, journals, selectors
from settlement.ledger.models import Account, DayClose, Entry, ProofRun, Purpose, Sealed
from settlement.payments import services as payments
from signing import services as signing
from tests import cast
from tests.browsing import NO_HLEDGER
from tests.settlement.payments.deals import NOON, project, refund, sold

NIGHT = datetime(2026, 3, 12, 17, 0, tzinfo=UTC)  # 01:00 on 13 March in Shanghai


@pytest.fixture(autouse=True)
def money_moves() -> Any:
    from annotation.projects.events import ProjectAccepted
    from exchange.trading.events import OrderAccepted
    from kernel import events

    before = dict(events._handlers)
    events.wire({OrderAccepted: [payments.release_accepted], ProjectAccepted: [payments.pay_accepted]})
    yield
    events._handlers.clear()
    events._handlers.update(before)


def traded() -> None:
    """A sale, a refund, and an annotator's pay."""
    refund(sold(), 100_000)
    payments.pay_annotators(by=Actor.system("测试"), at=NOON, project_id=project(mei=3).pk)


def altered(statement: str, *parameters: object) -> None:
    """What somebody with the database's own rights could do."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, parameters)
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.mark.django_db(transaction=True)
def test_the_close_seals_what_is_final_and_chains_to_the_day_before() -> None:
    traded()
    first = closing.close_day(at=NIGHT)
    assert first is not None
    assert (first.day, first.ordinal, first.entry_count, first.previous_hash) == (
        date(2026, 3, 12), 1, 4, closing.GENESIS,
    )  # fmt: skip
    assert first.balances[Purpose.BANK] == -6_700_000
    assert sum(first.balances.values()) == 0
    assert closing.close_day(at=NIGHT) is None
    sold()
    second = closing.close_day(at=NIGHT + timedelta(days=1))
    assert second is not None
    assert (second.entry_count, second.previous_hash, second.day) == (2, first.hash, date(2026, 3, 13))
    third = closing.close_day(at=NIGHT + timedelta(days=3))
    assert third is not None
    assert (third.entry_count, third.content_sha256, third.day) == (0, closing.EMPTY, date(2026, 3, 15))
    assert signing.verify(third.token)["previous"] == second.hash
    assert Sealed.objects.count() == Entry.objects.count() == 6
    assert closing.differences() == []
    with pytest.raises(DatabaseError), transaction.atomic():
        DayClose.objects.update(entry_count=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE ledger_entry SET memo = memo || ' ' WHERE kind = 'payment'", "sealed_content"),
        ("UPDATE ledger_dayclose SET day = day - 1", "close_chain"),
        ("UPDATE ledger_dayclose SET token = replace(token, 'A', 'B')", "close_signature"),
        ("DELETE FROM ledger_sealed WHERE position = 1", "sealed_content"),
    ],
)
def test_one_changed_row_is_found_and_the_command_says_so(statement: str, check: str) -> None:
    traded()
    closing.close_day(at=NIGHT)
    altered(statement)
    assert [each.check for each in closing.differences()] == [check]
    said = io.StringIO()
    with pytest.raises(CommandError):
        call_command("ledger_prove", stdout=said)
    assert check in said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_entry_of_a_running_transaction_is_left_for_the_next_close() -> None:
    import psycopg

    sold()
    parameters = {k: v for k, v in connection.get_connection_params().items() if k != "cursor_factory"}
    with psycopg.connect(**parameters) as other:
        other.execute("SELECT pg_current_xact_id()")
        refund(sold(), 100_000)
        early = closing.close_day(at=NIGHT)
        other.rollback()
    late = closing.close_day(at=NIGHT + timedelta(days=1))
    assert early is not None
    assert late is not None
    assert (early.entry_count, late.entry_count) == (2, 3)
    assert closing.differences() == []


@pytest.mark.django_db(transaction=True)
def test_the_trial_balance_shows_the_latest_stored_proof_and_a_button_makes_a_new_one() -> None:
    traded()
    client, page = Client(), "/ledger/"
    client.force_login(cast.yan().user)
    assert "还没有核对过" in client.get(page).content.decode()
    assert not ProofRun.objects.exists()
    assert client.post("/ledger/prove/").status_code == 302
    assert ProofRun.objects.get().is_sound
    assert "由原始分录逐笔重算，全部一致" in client.get(page).content.decode()
    assert ProofRun.objects.get().watches["bank_lines"]["line_count"] == 0
    closing.close_day(at=NIGHT)
    assert DayClose.objects.get().hash[:8] in client.get("/ledger/closes/").content.decode()
    assert client.get("/api/ledger/closes").json()["items"][0]["token"] == DayClose.objects.get().token
    other = Client()
    other.force_login(cast.lin().user)
    assert "托管银行存款" not in other.get("/ledger/closes/").content.decode()
    assert other.get("/api/ledger/closes").json()["items"][0]["token"] == ""
    assert other.post("/ledger/prove/").status_code == 403
    assert other.get("/ledger/journal/hledger/").status_code == 403


# --- journals ----------------------------------------------------------------------------------


def hledger_sums(journal: str) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What a reader of hledger's grammar makes of a journal: the sums of all postings, and the assertions."""
    sums: dict[str, Decimal] = {}
    asserted: dict[str, Decimal] = {}
    declared: set[str] = set()
    total = Decimal(0)
    for line in journal.splitlines():
        if match := re.fullmatch(r"account (\S+)", line):
            declared.add(match[1])
        elif re.match(r"\d{4}-\d\d-\d\d \* \w+", line):
            assert total == 0, "a transaction balances"
        elif match := re.fullmatch(r"  (\S+)  (-?\d+\.\d\d) CNY(?: = (-?\d+\.\d\d) CNY)?", line):
            assert match[1] in declared
            sums[match[1]] = sums.get(match[1], Decimal(0)) + Decimal(match[2])
            total += Decimal(match[2])
            if match[3] is not None:
                asserted[match[1]] = Decimal(match[3])
        else:
            assert not line or line.startswith((";", "commodity")), line
    assert total == 0
    return sums, asserted


def journal_of(form: str) -> str:
    said = io.StringIO()
    call_command("ledger_export", "--format", form, stdout=said)
    return said.getvalue()


@pytest.mark.django_db
def test_beancount_reads_the_books_and_agrees_with_every_balance() -> None:
    traded()
    text = journal_of("beancount")
    entries, errors, _options = loader.load_string(text)
    assert errors == []
    kinds = [type(each).__name__ for each in entries]
    assert (kinds.count("Transaction"), kinds.count("Balance"), kinds.count("Open")) == (4, 6, 6)
    wrong = re.sub(r"(balance Liabilities:Wallet:\S+  -?\d+)", r"\g<1>1", text)
    assert loader.load_string(wrong)[1] != []


@pytest.mark.django_db
def test_hledger_reads_the_books_and_agrees_with_every_balance(tmp_path: Path) -> None:
    traded()
    text = journal_of("hledger")
    sums, asserted = hledger_sums(text)
    assert sums == asserted
    assert sums["Assets:Custody:S" + next(n[-1] for n in sums if n.startswith("Assets"))] == Decimal(
        "67000.00"
    )


def hledger(tmp_path: Path, journal: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real program on a journal; the test is skipped, and the end of the run says so, where there is none."""
    program = shutil.which("hledger")
    if program is None:
        pytest.skip(NO_HLEDGER)
    path = tmp_path / "qingshu.journal"
    path.write_text(journal, "utf-8")
    return subprocess.run(
        [program, "-f", path, *words],
        capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@pytest.mark.django_db
def test_the_program_hledger_tells_the_trial_balance_to_the_fen(tmp_path: Path) -> None:
    traded()
    journal = journal_of("hledger")
    checked = hledger(tmp_path, journal, "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")
    told = hledger(tmp_path, journal, "balance", "--flat", "--empty", "--no-total", "--output-format=csv")
    assert told.returncode == 0, told.stderr
    rows = list(csv.reader(io.StringIO(told.stdout)))[1:]
    sums: dict[str, int] = {}
    for name, amount in rows:
        fen = Decimal(amount.removesuffix(" CNY").replace(",", "")) * 100
        assert fen == int(fen), "whole fen"
        root = ":".join(name.split(":")[:2])
        sums[root] = sums.get(root, 0) + int(fen)
    ours = {
        journals.root_of(row.purpose): row.debit_fen - row.credit_fen
        for row in selectors.trial_balance().rows
    }
    assert sums == ours
    assert sums["Assets:Custody"] == 6_700_000
    assert len(rows) == Account.objects.filter(postings__isnull=False).distinct().count()


@pytest.mark.django_db
def test_the_program_hledger_finds_an_amount_that_was_altered(tmp_path: Path) -> None:
    traded()
    altered_journal, count = re.subn(
        r"(  Assets:Custody:S\d+  )\d+\.\d\d CNY\n", r"\g<1>1.00 CNY\n", journal_of("hledger"), count=1
    )
    assert count == 1
    assert hledger(tmp_path, altered_journal, "check").returncode != 0


@pytest.mark.django_db
def test_a_journal_until_a_day_tells_the_balances_of_that_day() -> None:
    traded()  # sold on 2 March, released on 4 March, refunded on 11 March
    text = "".join(journals.lines("hledger", until=date(2026, 3, 3)))
    sums, asserted = hledger_sums(text)
    assert sums == asserted
    told = selectors.trial_balance(before=datetime(2026, 3, 3, 16, 0, tzinfo=UTC))
    escrow = next(row for row in told.rows if row.purpose == Purpose.ESCROW)
    assert [fen for name, fen in sums.items() if "Escrow" in name] == [-Decimal(escrow.credit_fen) / 100]
