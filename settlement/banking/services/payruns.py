"""A pay run against the bank: one line over its sum, or a line for each person, matched in one go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import rules, selectors
from settlement.banking.models import BankLine, Match
from settlement.banking.permissions import MATCH_LINES
from settlement.banking.services.statements import declare
from settlement.banking.states import MatchKind
from settlement.payruns.models import PayRun


class NoLinesYet(Refusal):
    """Nothing of the run can be told from the bank's lines."""

    code = "pay_run_no_lines"
    message = _(
        "没有找到批次 %(number)s 的银行流水：整批一笔须附言写明批次编号且金额等于待匹配合计，"
        "逐人多笔须账号和金额都一致。请先导入发放日之后的流水。"
    )


def _locked_lines(run: PayRun, line_ids: list[UUID]) -> dict[UUID, BankLine]:
    rows = BankLine.objects.select_for_update(of=("self",)).filter(pk__in=line_ids).order_by("pk")
    return {line.pk: line for line in rows}


@transaction.atomic
def match_run(*, by: Actor, at: datetime, run_id: UUID) -> list[Match]:
    """Match a paid run with its bank lines: every person that can be told without doubt, all in one transaction.

    Again: what was left is tried again. Raises NoLinesYet (also when nothing is left), NotFound, NotAllowed.
    """
    by.require(MATCH_LINES)
    run = selectors.pay_runs_visible_to(by).filter(pk=run_id).first()
    if run is None:
        raise NotFound
    wages = selectors.open_wages(run)
    found = list(selectors.lines_for_run(run, wages))
    lines = _locked_lines(run, [line.pk for line in found])
    told = [
        rules.Paid(
            line.pk, selectors.left_of(line).fen, line.party_account,
            run.number in rules.numbers_in(f"{line.text} {line.reference}"),
        )
        for line in lines.values()
    ]  # fmt: skip
    open_wages = [rules.Wage(each.pk, int(each.net_fen), each.account.account) for each in wages]
    pairs = rules.pair_run(open_wages, told)
    if not pairs:
        raise NoLinesYet(number=run.number)
    is_whole = len({line_id for line_id, _item, _fen in pairs}) < len(pairs)
    matches = [
        declare(
            lines[line_id], by=by, at=at, kind=MatchKind.WAGE, target_id=item_id, amount=Money(fen),
            reasons=("amount", "number") if is_whole else ("amount", "party_account"),
        )
        for line_id, item_id, fen in pairs
    ]  # fmt: skip
    record(
        by=by, at=at, action="bank.match_run", subject=run,
        detail={"matched": len(matches), "open": len(wages) - len(matches), "lines": len({p[0] for p in pairs})},
    )  # fmt: skip
    return matches
