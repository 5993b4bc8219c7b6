"""A pay run's file against the bank: one line over its sum or a line for each person, matched whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from kernel.errors import NotAllowed, NotFound
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import rules, selectors, services
from settlement.banking.models import BankLine, Match
from settlement.payruns import services as payruns
from settlement.payruns.models import PayRun
from tests import cast
from tests.settlement.banking import statements
from tests.settlement.payments.deals import sold
from tests.settlement.payruns import runs

pytestmark = pytest.mark.django_db
AT, qian = statements.AT.replace(month=4), statements.qian


def paid() -> PayRun:
    """A run of three people, paid on 2 April."""
    sold()
    runs.earned(200_000, mei=1, ning=3, kai=2)
    runs.told_account("mei"), runs.told_account("ning", 2), runs.told_account("kai", 3)
    return payruns.pay(at=runs.APRIL, run_id=runs.approved().pk)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> PayRun:
    monkeypatch.setattr("settlement.payruns.services.runs._queue", lambda run: None)
    return paid()


def out(fen: int, account: str = "", text: str = "", on: str = "2026-04-02") -> dict[str, str]:
    """A line of money that went out."""
    return statements.row(
        credit="", debit=Money(fen).yuan, party_name="", party_account=account, text=text, booked_on=on
    )


def imported(*rows: dict[str, str]) -> list[BankLine]:
    from tests.settlement.banking.statements import csv_of

    found = services.check_file(
        by=qian(), at=AT, file_name="四月.csv", body=csv_of(list(rows)), account=statements.ACCOUNT
    )
    assert found.faults == []
    services.confirm(by=qian(), at=AT, import_id=found.pk)
    lines = {line.reference: line for line in BankLine.objects.filter(source=found)}
    return [lines[each["reference"]] for each in rows]


def told(run: PayRun) -> tuple[int, int, int]:
    row = selectors.pay_runs_visible_to(qian()).get(pk=run.pk)
    return row.sent_count, row.matched_count, row.matched_fen


def test_one_line_over_the_whole_sum_that_names_the_run_pays_everybody(run: PayRun) -> None:
    [whole] = imported(out(run.net_fen, text=f"代发 {run.number}"))
    assert told(run) == (3, 0, 0)
    found = services.match_run(by=qian(), at=AT, run_id=run.pk)
    assert [match.line_id for match in found] == [whole.pk] * 3
    assert {match.pay_item_id for match in found} == set(run.items.values_list("pk", flat=True))
    assert selectors.left_of(whole) == Money(0)
    assert told(run) == (3, 3, run.net_fen)
    with pytest.raises(services.NoLinesYet):
        services.match_run(by=qian(), at=AT, run_id=run.pk)
    assert Match.objects.count() == 3


def test_a_line_for_each_person_is_matched_by_account_and_amount_in_one_go(run: PayRun) -> None:
    items = list(run.items.select_related("account").order_by("pk"))
    lines = imported(
        *(out(item.net_fen, item.account.account) for item in items[:2]),
        out(items[2].net_fen, runs.card(9)),  # to somebody else
        out(items[2].net_fen + 1, items[2].account.account),  # another amount
        out(items[2].net_fen, items[2].account.account, on="2026-04-01"),  # before the run was paid
    )
    found = services.match_run(by=qian(), at=AT, run_id=run.pk)
    assert [(match.line_id, match.pay_item_id) for match in found] == [
        (line.pk, item.pk) for line, item in zip(lines, items[:2], strict=False)
    ]
    assert told(run) == (3, 2, items[0].net_fen + items[1].net_fen)
    imported(out(items[2].net_fen, items[2].account.account))
    assert len(services.match_run(by=qian(), at=AT, run_id=run.pk)) == 1
    assert told(run) == (3, 3, run.net_fen)


def test_what_two_lines_fit_equally_is_left_for_a_person(run: PayRun) -> None:
    item = run.items.select_related("account").order_by("pk").first()
    assert item is not None
    imported(out(item.net_fen, item.account.account), out(item.net_fen, item.account.account))
    with pytest.raises(services.NoLinesYet):
        services.match_run(by=qian(), at=AT, run_id=run.pk)
    [named] = imported(out(item.net_fen, item.account.account, text=f"{run.number} 报酬"))
    assert [each.line_id for each in services.match_run(by=qian(), at=AT, run_id=run.pk)] == [named.pk]


def test_only_the_operators_finance_matches_a_run(run: PayRun) -> None:
    imported(out(run.net_fen, text=run.number))
    with pytest.raises(NotAllowed):
        services.match_run(by=cast.lin(), at=AT, run_id=run.pk)
    with pytest.raises(NotFound):
        services.match_run(by=qian(), at=AT, run_id=UUID(int=7))
    assert not Match.objects.exists()


def test_the_page_shows_each_run_and_matches_it_at_the_press_of_a_button(run: PayRun) -> None:
    imported(out(run.net_fen, text=run.number))
    client, page = Client(), "/reconciliation/pay-runs/"
    client.force_login(qian().user)
    shown = client.get(page).content.decode()
    assert run.number in shown
    assert "0 / 3" in shown
    answer = client.post(f"{page}{run.pk}/match/", follow=True)
    assert "已匹配 3 人的报酬。" in answer.content.decode()
    assert "3 / 3" in answer.content.decode()
    assert client.post(f"{page}{UUID(int=7)}/match/").status_code == 404
    other = Client()
    other.force_login(cast.lin().user)
    assert other.get(page).status_code == 403


def test_a_single_person_is_not_matched_by_the_sum_alone() -> None:
    wage = rules.Wage(UUID(int=1), 500, "6222")
    assert rules.pair_run([wage], [rules.Paid(UUID(int=2), 500, "9999", names_run=True)]) == []
    assert rules.pair_run([wage], [rules.Paid(UUID(int=2), 500, "6222", names_run=False)]) == [
        (UUID(int=2), UUID(int=1), 500)
    ]


def test_the_api_matches_a_run_once_per_key_for_the_operators_finance_alone(run: PayRun) -> None:
    imported(out(int(run.net_fen), text=run.number))

    def ask(who: Actor, key: str) -> Any:
        client = Client()
        assert who.user is not None
        client.force_login(who.user)
        return client.post(
            f"/api/reconciliation/pay-runs/{run.pk}/match", content_type="application/json",
            headers={"Idempotency-Key": key},
        )  # fmt: skip

    for who in (cast.lin(), cast.gu(), cast.yan()):
        assert ask(who, "a").status_code == 403
    for _twice in range(2):
        answer = ask(qian(), "a")
        assert (answer.status_code, answer.json()["matched_count"]) == (200, 3)
    assert ask(qian(), "b").json()["title"] == "pay_run_no_lines"
    assert Match.objects.count() == 3
