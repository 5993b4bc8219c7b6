"""Pure rules around the decision: amounts in capitals, the notice period, replays, what a short budget gives, files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kernel import workdays
from kernel.money import Money
from settlement.rewards import engine, measures, procedure
from settlement.rewards.states import ShortfallRule

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def capitals(fen: int) -> str:
    """An amount in Chinese capitals as cheques write it (支付结算办法): 50000000 fen → 人民币伍拾万元整."""
    sign, fen = ("负" if fen < 0 else ""), abs(fen)
    yuan, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    whole = f"{_whole(yuan)}元" if yuan else ""
    if not jiao and not cents:
        return f"人民币{sign}{whole or '零元'}整"
    text = whole
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif whole:
        text += "零"
    text += f"{_DIGITS[cents]}分" if cents else "整"
    return f"人民币{sign}{text}"


def _whole(number: int) -> str:
    """A positive whole number in capitals, with one 零 wherever places are skipped."""
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    assert len(groups) <= len(_GROUPS), "too large an amount"
    text, has_gap = "", False
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if not group:
            has_gap = bool(text)
            continue
        if text and (has_gap or group < 1000):
            text += "零"
        text += _group(group) + _GROUPS[index]
        has_gap = False
    return text


def _group(number: int) -> str:
    text, has_gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if not digit:
            has_gap = bool(text)
            continue
        text += ("零" if has_gap else "") + _DIGITS[digit] + _PLACES[place]
        has_gap = False
    return text


def notice_end(announced_on: date) -> date:
    """The final day of the public notice: its working days after the announcement, make-up days included."""
    return workdays.add_working_days(announced_on, procedure.working_days("notice", announced_on))


def is_provisional(last_day: date | None) -> bool:
    """Whether a period ends in a year whose holidays are not announced: its end may come later, never earlier."""
    return last_day is not None and not workdays.is_announced(last_day)


@dataclass(frozen=True, slots=True)
class Replay:
    """A past decision computed again from its stored facts; true when every byte is the same."""

    is_same: bool
    stored_sha256: str
    replayed_sha256: str
    facts_sha256_holds: bool
    stored_code_version: str
    running_code_version: str

    def __bool__(self) -> bool:
        return self.is_same


def decide(
    measure: str,
    facts: engine.Facts,
    *,
    version: str = measures.CURRENT_VERSION,
    interpretation: Mapping[str, str] | None = None,
    code_version: str = measures.CODE_VERSION,
) -> engine.Decision:
    """Decide a case by a measure's name; see `engine.decide`."""
    return engine.decide(
        measures.CARDS[measure],
        facts,
        version=measures.version_of(measure, version),
        code_version=code_version,
        interpretation=interpretation,
    )


def replayed(
    *,
    measure: str,
    facts: Mapping[str, Any],
    facts_sha256: str,
    version: str,
    interpretation: Mapping[str, str],
    code_version: str,
    decision: Mapping[str, Any],
    decision_sha256: str,
) -> Replay:
    """Compute a stored decision again and compare the bytes: the stored document, its hash, the new one."""
    again = decide(
        measure,
        engine.Facts(facts),
        version=version,
        interpretation=interpretation,
        code_version=code_version,
    )
    return Replay(
        is_same=again.bytes == engine.canonical(decision) and again.sha256 == decision_sha256,
        stored_sha256=decision_sha256,
        replayed_sha256=again.sha256,
        facts_sha256_holds=engine.sha256(facts) == facts_sha256,
        stored_code_version=code_version,
        running_code_version=measures.CODE_VERSION,
    )


def allocated(rule: ShortfallRule, available_fen: int, due_fen: Sequence[int]) -> list[int]:
    """What each claim of a batch receives out of the budget; `due_fen` stands in order of confirmation.

    Enough for all: everybody receives what is due. Otherwise, by the rule: in_order and highest_first (the
    earlier confirmation first among equals) grant in full until the first claim that no longer fits, and all
    after it wait too, so that nobody is overtaken; pro_rata cuts all by the one exact ratio available/total,
    floored to the fen, and the fen that flooring leaves stay in the budget; defer_all grants nothing.
    """
    available, total = max(available_fen, 0), sum(due_fen)
    if total <= available:
        return list(due_fen)
    granted = [0] * len(due_fen)
    if rule == ShortfallRule.PRO_RATA:
        return [fen * available // total for fen in due_fen]
    if rule == ShortfallRule.DEFER_ALL:
        return granted
    order = range(len(due_fen))
    if rule == ShortfallRule.HIGHEST_FIRST:
        order = sorted(order, key=lambda index: (-due_fen[index], index))  # type: ignore[assignment]
    for index in order:
        if due_fen[index] > available:
            break
        granted[index] = due_fen[index]
        available -= due_fen[index]
    return granted


def entitled(due_fen: int, *, first_due_fen: int | None, first_granted_fen: int | None) -> int:
    """What a claim is worth once its budget cut is applied: the ratio of its first award, floored to the fen."""
    if not first_due_fen or first_granted_fen is None or first_granted_fen == first_due_fen:
        return due_fen
    return due_fen * first_granted_fen // first_due_fen


@dataclass(frozen=True, slots=True)
class PayLine:
    """One line of a disbursement file."""

    position: int
    claim: str
    uscc: str
    holder_name: str
    bank: str
    account_number: str
    amount_fen: int


def pay_file(number: str, lines: Sequence[PayLine]) -> str:
    """The disbursement as CSV (UTF-8, CRLF): amounts in plain yuan; the same lines give the same bytes.

    A cell that a spreadsheet would take for a formula is refused by `is_plain` before it gets here.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["序号", "拨付编号", "申报编号", "统一社会信用代码", "户名", "开户银行", "账号", "金额（元）"]
    )
    for line in lines:
        writer.writerow(
            [line.position, number, line.claim, line.uscc, line.holder_name, line.bank, line.account_number,
             Money(line.amount_fen).yuan]
        )  # fmt: skip
    return out.getvalue()


def is_plain(text: str) -> bool:
    """Whether a spreadsheet would show the text as it is: no formula sign first, nothing unprintable."""
    return bool(text) and text[0] not in "=+-@'" and text.isprintable()
