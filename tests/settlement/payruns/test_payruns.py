"""Pay runs: two people, one batch, nobody twice, whatever dies in the middle."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from documents import objects
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.money import Money
from kernel.records import new_id
from kernel.states import MoveNotAllowed
from settlement.banking import services as banking
from settlement.banking.models import BankImport, BankLine
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payruns import rules, selectors, services
from settlement.payruns.models import PayAccount, PayItem, PayRun
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement.merchant.shop import qian
from tests.settlement.payments.deals import sold
from tests.settlement.payruns.runs import APRIL, MARCH, approved, card, earned, fang, told_account

ROOT = Path(__file__).resolve().parents[3]


def balance(purpose: Purpose, who: Any = None) -> int:
    if who is None:
        return ledger.total_of(purpose).fen
    return ledger.balance_of(user=who.user, purpose=purpose).fen


# --- withholding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("income", "tax"),
    [
        (0, 0), (80_000, 0), (80_005, 1), (400_000, 64_000), (400_001, 64_000), (1_000_000, 160_000),
        (2_500_000, 400_000), (2_500_100, 400_024), (6_250_000, 1_300_000), (10_000_000, 2_500_000),
    ],
)  # fmt: skip
def test_the_tax_on_labour_services_by_the_table_of_2019(income: int, tax: int) -> None:
    assert rules.withheld(income, rules.table_on(date(2026, 4, 1))).tax == tax


@given(st.lists(st.integers(1, 3_000_000), min_size=1, max_size=6))
def test_parts_of_a_month_withhold_what_the_whole_month_does(parts: list[int]) -> None:
    table, before, already = rules.table_on(date(2026, 4, 1)), 0, 0
    for part in parts:
        line = rules.tax_of_part(before=before, amount=part, already=already, table=table)
        assert 0 <= line.tax <= part
        before, already = before + part, already + line.tax
    whole = rules.withheld(before, table).tax
    assert (
        already >= whole
    )  # the step at 4,000 yuan may have taken more of an earlier part, never less of the whole
    assert already - whole <= 100


def test_every_table_names_its_source_and_says_that_it_is_an_assumption() -> None:
    [table] = rules.tables()
    assert table.source
    assert table.is_assumption is True
    with pytest.raises(ValueError, match="no withholding table"):
        rules.table_on(date(2018, 12, 31))


@pytest.mark.parametrize(
    ("number", "is_one"),
    [
        ("4111111111111111", True),
        ("4111111111111112", False),
        ("123456789012", True),
        ("12345", False),
        ("１２３４５６７８９０１２", False),
    ],
)
def test_an_account_number_is_checked(number: str, is_one: bool) -> None:
    assert rules.is_card_number(number) == is_one


# --- drawing up, two people --------------------------------------------------------------------


@pytest.mark.django_db
def test_a_run_pays_what_is_owed_in_one_batch_and_the_books_cover_all_money() -> None:
    sold()  # the firm has a balance
    earned(200_000, mei=1, ning=3)
    told_account("mei", 1), told_account("ning", 2)
    before = {purpose: balance(purpose) for purpose in (Purpose.BANK, Purpose.WALLET)}
    run = approved()
    assert (run.gross_fen, run.tax_fen, run.net_fen, run.item_count) == (800_000, 24_000 + 96_000, 680_000, 2)
    paid = services.pay(at=APRIL, run_id=run.pk)
    assert paid.state == "paid"
    assert [balance(Purpose.EARNINGS, cast.mei()), balance(Purpose.EARNINGS)] == [0, 0]
    assert balance(Purpose.WITHHOLDING) == 120_000
    assert balance(Purpose.WALLET) == before[Purpose.WALLET] - 800_000
    assert balance(Purpose.BANK) == before[Purpose.BANK] + 680_000
    assert balance(Purpose.LABOUR_COST) + balance(Purpose.LABOUR_SETTLED) == 0
    assert -balance(Purpose.BANK) == sum(
        balance(each) for each in (Purpose.ESCROW, Purpose.WALLET, Purpose.FEES, Purpose.WITHHOLDING)
    )
    assert ledger.prove().is_sound
    assert Entry.objects.filter(kind="payrun").count() == 2
    body = objects.get(paid.object_key)
    assert hashlib.sha256(body).hexdigest() == paid.sha256
    lines = body.decode("utf-8-sig").splitlines()
    assert sorted(line.split(",")[4] for line in lines[1:]) == ["1760.00", "5040.00"]
    services.pay(at=APRIL, run_id=run.pk)
    assert Entry.objects.filter(kind="payrun").count() == 2


@pytest.mark.django_db
def test_who_drew_a_run_up_never_approves_it_not_even_by_raw_sql() -> None:
    earned(mei=3)
    told_account("mei")
    run = services.draw_up(by=fang(), at=APRIL, month=MARCH)
    services.submit(by=fang(), at=APRIL, run_id=run.pk)
    with pytest.raises(services.SamePerson):
        services.approve(by=fang(), at=APRIL, run_id=run.pk)
    with pytest.raises(services.SamePerson):
        services.send_back(by=fang(), at=APRIL, run_id=run.pk, reason="再看看")
    with pytest.raises(DatabaseError), transaction.atomic():
        PayRun.objects.filter(pk=run.pk).update(approved_by=run.made_by, approved_at=APRIL)
    with pytest.raises(DatabaseError), transaction.atomic():
        PayItem.objects.update(net_fen=1, gross_fen=1, tax_fen=0)
    services.send_back(by=cast.lin(), at=APRIL, run_id=run.pk, reason="人数不对")
    services.submit(by=fang(), at=APRIL, run_id=run.pk)
    assert services.approve(by=cast.lin(), at=APRIL, run_id=run.pk).state == "approved"


@pytest.mark.django_db
def test_others_find_no_run_and_annotators_may_not() -> None:
    earned(mei=3)
    told_account("mei")
    run = services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    with pytest.raises(NotFound):
        services.submit(by=cast.he(), at=APRIL, run_id=run.pk)
    for who in (cast.mei, cast.zhou, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.submit(by=who(), at=APRIL, run_id=run.pk)
    assert selectors.run_visible_to(cast.yan(), run.pk) == run


@pytest.mark.django_db
def test_an_earning_is_in_one_run_only_and_free_again_when_it_is_cancelled() -> None:
    earned(mei=3, ning=2)
    with pytest.raises(services.NothingToPay):
        services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    told_account("mei")
    run = services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    assert run.item_count == 1  # ning has told no account yet
    with pytest.raises(services.RunOpen):
        services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    services.cancel(by=cast.lin(), at=APRIL, run_id=run.pk, reason="漏了一人")
    told_account("ning", 2)
    assert services.draw_up(by=cast.lin(), at=APRIL, month=MARCH).item_count == 2
    with pytest.raises(InvalidInput):
        services.draw_up(by=cast.lin(), at=APRIL, month=date(2026, 4, 1))


@pytest.mark.django_db
def test_with_too_low_a_balance_nobody_is_paid_and_the_run_waits() -> None:
    earned(mei=3, ning=2)
    told_account("mei"), told_account("ning", 2)
    run = approved()
    with pytest.raises(services.WalletTooLow):
        services.pay(at=APRIL, run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "approved"
    assert not Entry.objects.filter(kind="payrun").exists()
    sold()
    assert services.pay(at=APRIL, run_id=run.pk).state == "paid"


@pytest.mark.django_db
def test_pay_that_the_bank_gives_back_is_owed_again_and_goes_with_the_next_run() -> None:
    sold()
    earned(200_000, mei=1)
    told_account("mei")
    run = services.pay(at=APRIL, run_id=approved().pk)
    item = run.items.get()
    for _twice in range(2):
        services.return_item(by=qian(), at=APRIL, item_id=item.pk, reason="账号已注销")
    assert balance(Purpose.EARNINGS, cast.mei()) == 200_000
    assert balance(Purpose.WITHHOLDING) == 0
    services.set_account(
        by=cast.mei(), at=APRIL, holder_name="Mei", bank_name="示例银行清远支行", account=card(7)
    )
    again = services.draw_up(by=cast.lin(), at=APRIL + timedelta(days=1), month=MARCH)
    assert (again.gross_fen, again.tax_fen) == (200_000, 24_000)
    with pytest.raises(MoveNotAllowed):
        services.return_item(by=qian(), at=APRIL, item_id=again.items.get().pk, reason="误登")


@pytest.mark.django_db
def test_the_firm_takes_no_wages_that_it_paid_back_into_its_balance() -> None:
    sold()
    earned(200_000, mei=1)
    told_account("mei")
    item = services.pay(at=APRIL, run_id=approved().pk).items.get()
    before = balance(Purpose.WALLET, cast.lin())
    for who in (cast.lin(), fang(), cast.gu(), cast.yan()):
        with pytest.raises(NotAllowed):
            services.return_item(by=who, at=APRIL + timedelta(days=21), item_id=item.pk, reason="退票")
    item.refresh_from_db()
    assert (item.state, balance(Purpose.WALLET, cast.lin())) == ("paid", before)


@pytest.mark.django_db
def test_wages_matched_with_the_banks_line_did_not_come_back() -> None:
    sold()
    earned(200_000, mei=1)
    told_account("mei")
    item = services.pay(at=APRIL, run_id=approved().pk).items.get()
    line = bank_line(-item.net_fen)
    match = banking.match_line(by=qian(), at=APRIL, line_id=line.pk, kind="wage", target_id=item.pk)
    with pytest.raises(services.PaidAtBank):
        services.return_item(by=qian(), at=APRIL, item_id=item.pk, reason="退票")
    item.refresh_from_db()
    assert (item.state, balance(Purpose.EARNINGS, cast.mei())) == ("paid", 0)
    banking.end_match(by=qian(), at=APRIL, match_id=match.pk, reason="银行次日退票")
    services.return_item(by=qian(), at=APRIL, item_id=item.pk, reason="退票")
    assert balance(Purpose.EARNINGS, cast.mei()) == 200_000


def bank_line(fen: int) -> BankLine:
    source = BankImport.objects.create(
        organization=cast.organization(cast.BASE), format="table", account="1234567890", file_name="x.csv", size=1,
        sha256="a" * 64, object_key="x", row_count=1, new_count=1, known_count=0, faulty_count=0, credit_fen=0,
        debit_fen=-fen, faults=[], checked_by="x", checked_at=APRIL,
    )  # fmt: skip
    return BankLine.objects.create(
        id=new_id(), source=source, row_number=1, account=source.account, reference="R1",
        content_sha256="b" * 64, booked_on=APRIL.date(), amount_fen=fen,
    )  # fmt: skip


@pytest.mark.django_db
def test_a_second_run_in_the_month_withholds_for_the_whole_month() -> None:
    sold()
    earned(500_000, mei=1)
    told_account("mei")
    services.pay(at=APRIL, run_id=approved().pk)
    earned(500_000, mei=1)
    second = services.draw_up(by=cast.lin(), at=APRIL + timedelta(days=3), month=MARCH)
    item = second.items.get()
    assert (item.income_fen, item.tax_fen) == (1_000_000, 160_000 - 80_000)


_CHILD = """
import sys, time
import django
django.setup()
from datetime import UTC, datetime
from uuid import UUID
from settlement.payruns import services
def pause(run, items):
    print("posted", flush=True)
    time.sleep(60)
services.runs.bank_file = pause
services.pay(at=datetime(2026, 4, 2, 4, 0, tzinfo=UTC), run_id=UUID(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_in_the_middle_pays_nobody_and_the_next_one_pays_everybody_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("settlement.payruns.services.runs._queue", lambda run: None)
    sold()
    earned(200_000, mei=1, ning=3)
    told_account("mei"), told_account("ning", 2)
    run = approved()
    host = settings.DATABASES["default"]["OPTIONS"]["host"]
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://qingshu@/{connection.settings_dict['NAME']}?host={host}",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(run.pk)], env=environment, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"posted\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not Entry.objects.filter(kind="payrun").exists()
    assert balance(Purpose.EARNINGS) == 800_000
    for _twice in range(2):
        services.pay(at=APRIL, run_id=run.pk)
    assert Entry.objects.filter(kind="payrun").count() == 2
    assert balance(Purpose.EARNINGS) == 0
    assert ledger.prove().is_sound


# --- pages -------------------------------------------------------------------------------------


def client_of(actor: Any, *, is_confirmed: bool = True) -> Client:
    client = Client()
    client.force_login(actor.user)
    if is_confirmed:
        confirm_identity(client)
    return client


@pytest.mark.django_db
def test_pay_is_approved_and_sent_elsewhere_only_by_who_has_just_confirmed_who_they_are() -> None:
    sold()
    earned(200_000, mei=1)
    told_account("mei")
    run = services.draw_up(by=cast.lin(), at=APRIL, month=MARCH)
    services.submit(by=cast.lin(), at=APRIL, run_id=run.pk)
    account = {"holder_name": "Mei", "bank_name": "示例银行清远支行", "account": card(7)}
    for who, path, told in (
        (fang(), f"/payruns/{run.pk}/approve/", {"idempotency_key": "a"}),
        (cast.mei(), "/payruns/account/", account),
    ):
        client = Client()
        client.force_login(who.user)
        answer = client.post(path, told)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/")
    answer = client_of(fang(), is_confirmed=False).post(
        f"/api/payruns/{run.pk}/approve", "{}", content_type="application/json", headers={"Idempotency-Key": "b"}
    )  # fmt: skip
    assert (answer.status_code, answer.json()["title"]) == (403, "identity_not_confirmed")
    run.refresh_from_db()
    assert (run.state, PayAccount.objects.count()) == ("submitted", 1)


@pytest.mark.django_db
def test_a_run_goes_its_way_on_the_pages_and_the_annotator_sees_the_slip() -> None:
    sold()
    earned(200_000, mei=1)
    mei, lin, second = client_of(cast.mei()), client_of(cast.lin()), client_of(fang())
    told = {"holder_name": "Mei", "bank_name": "示例银行清远支行", "account": "6222"}
    assert mei.post("/payruns/account/", told).status_code == 422
    assert mei.post("/payruns/account/", {**told, "account": card(1)}).status_code == 302
    from kernel import clock

    with clock.moved_to(APRIL):
        assert lin.post("/payruns/", {"month": "2026-13"}).status_code == 422
        address = lin.post("/payruns/", {"month": "2026-03"})["Location"]
        lin.post(f"{address}submit/", {"idempotency_key": "a"})
        assert lin.post(f"{address}approve/", {"idempotency_key": "b"}).status_code == 403
        assert client_of(cast.he()).get(address).status_code == 404
        second.post(f"{address}approve/", {"idempotency_key": "c"})
        services.pay(at=APRIL, run_id=PayRun.objects.get().pk)
        assert lin.post(f"{address}file/").status_code == 200
    page = lin.get(address).content.decode()
    assert Money(176_000).yuan in page.replace(",", "")
    item = PayItem.objects.get()
    assert "劳务报酬" in mei.get(f"/payruns/slips/{item.pk}/").content.decode()
    other = client_of(cast.person("ning", cast.QINGLAN, cast.Role.ANNOTATOR))
    assert other.get(f"/payruns/slips/{item.pk}/").status_code == 404
    assert mei.get("/api/payruns/slips").json()["items"][0]["net_fen"] == 176_000
