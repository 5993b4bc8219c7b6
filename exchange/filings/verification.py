"""Public verification of vouchers: by number, by the proof on a printed issue, by token, by PDF.

A number alone tells whether there is such a voucher and how it stands; amounts and parties are shown only to who
holds an issue: its token, its PDF, or the proof that its QR code carries.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.filings import rules
from exchange.filings.models import Filing, VoucherDocument
from exchange.filings.selectors import Issue, issues_of
from exchange.filings.states import FilingState
from kernel.errors import InvalidInput
from signing.services import SignatureInvalid, verify

LARGEST_FILE = 5 * 1024 * 1024
_NUMBER = re.compile(r"JY-\d{4}-\d{7,}-[0-9A-Z]")
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


class Outcome(Enum):
    """What there is to say about a presented voucher."""

    IN_FORCE = "in_force"
    VOIDED = "voided"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    NOT_OURS = "not_ours"


LABELS: dict[Outcome, str | Promise] = {
    Outcome.IN_FORCE: _("有效"),
    Outcome.VOIDED: _("已作废"),
    Outcome.REPLACED: _("已被取代"),
    Outcome.UNKNOWN: _("查无此凭证"),
    Outcome.NOT_OURS: _("不是本平台签发的凭证"),
}
TONES = {Outcome.IN_FORCE: "green", Outcome.VOIDED: "amber", Outcome.REPLACED: "amber"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: outcome, the filing, the issue that was presented (None for a number alone), all issues."""

    outcome: Outcome
    number: str = ""
    filing: Filing | None = None
    issue: Issue | None = None
    issues: list[Issue] = field(default_factory=list)

    @property
    def label(self) -> str | Promise:
        return LABELS[self.outcome]

    @property
    def tone(self) -> str:
        return TONES.get(self.outcome, "red")

    @property
    def current(self) -> Issue | None:
        """The issue in force (also when it voids)."""
        return self.issues[-1] if self.issues else None

    @property
    def words(self) -> str | Promise:
        """One sentence for people."""
        current, issue = self.current, self.issue
        if current is None:
            if self.outcome is Outcome.NOT_OURS:
                return _("签名或文件与本平台的记录不符，内容可能被改动过。请向出示方索取原件。")
            return _("登记簿上没有这份凭证。请核对编号是否抄错。")
        if self.outcome is Outcome.REPLACED:
            assert issue is not None
            return _(
                "出示的是第 %(sequence)s 版，%(day)s 因退款被第 %(next)s 版取代；现行的是第 %(current)s 版。"
            ) % {
                "sequence": issue.sequence,
                "day": _day(issue.replaced_at),
                "next": issue.sequence + 1,
                "current": current.sequence,
            }
        if self.outcome is Outcome.VOIDED:
            return _("这笔交易已全额退款，第 %(sequence)s 版起作废。") % {"sequence": current.sequence}
        if issue is None:
            return _("登记簿上有这份凭证，现行的是第 %(sequence)s 版。") % {"sequence": current.sequence}
        return _("出示的是现行的第 %(sequence)s 版，与登记簿一致。") % {"sequence": current.sequence}


def _day(at: datetime | None) -> str:
    from kernel import clock

    return clock.business_date(at).isoformat() if at else "--"


def _filing(number: str) -> Filing | None:
    rows = Filing.objects.exclude(state=FilingState.PENDING).prefetch_related("former_vouchers")
    return rows.filter(voucher_number=number).first()


def _judged(filing: Filing, issues: list[Issue], issue: Issue | None) -> Verdict:
    number = str(filing.voucher_number)
    if issue is not None and issue.replaced_at is not None:
        outcome = Outcome.REPLACED
    elif filing.state == FilingState.VOIDED:
        outcome = Outcome.VOIDED
    else:
        outcome = Outcome.IN_FORCE
    return Verdict(outcome, number, filing, issue, issues)


def by_number(number: str, *, check: str = "") -> Verdict:
    """By number; `check` is what a printed issue carries, and proves which one it is.

    A wrong proof is told as such: whoever printed it did not get it from here.
    """
    number = number.strip().upper()
    filing = _filing(number)
    if filing is None:
        return Verdict(Outcome.UNKNOWN, number)
    issues = issues_of(filing)
    if not check:
        return _judged(filing, issues, None)
    for issue in issues:
        if hmac.compare_digest(rules.check_of(issue.token).encode(), check.encode()):
            return _judged(filing, issues, issue)
    return Verdict(Outcome.NOT_OURS, number)


def by_token(token: str) -> Verdict:
    """By the signed text of an issue."""
    try:
        claims = verify(token)
    except SignatureInvalid:
        return Verdict(Outcome.NOT_OURS)
    number = str(claims.get("jti", ""))
    filing = _filing(number)
    if filing is None:
        return Verdict(Outcome.UNKNOWN, number)
    issues = issues_of(filing)
    issue = next((each for each in issues if hmac.compare_digest(each.token, token)), None)
    return _judged(filing, issues, issue) if issue else Verdict(Outcome.NOT_OURS, number)


def by_text(text: str) -> Verdict:
    """By whatever was typed or pasted: a number or a token."""
    text = "".join(text.split())
    return by_token(text) if _TOKEN.fullmatch(text) else by_number(text[:64])


def by_document(sha256: str, *, number: str = "") -> Verdict:
    """By the SHA-256 of an issue's PDF (hex); `number` is what the file names, told when it is not on record."""
    document = VoucherDocument.objects.select_related("filing").filter(sha256=sha256.lower()).first()
    if document is None:
        return Verdict(Outcome.NOT_OURS, number)
    issues = issues_of(document.filing)
    issue = next(each for each in issues if each.sequence == document.sequence)
    return _judged(document.filing, issues, issue)


def by_file(body: bytes) -> Verdict:
    """By a PDF (its hash is on record) or a file that holds a token. Raises InvalidInput when it is too large."""
    if len(body) > LARGEST_FILE:
        raise InvalidInput(field="file", reason=str(_("文件超过 5 MB，不是交易凭证。")))
    if body.startswith(b"%PDF"):
        named = _NUMBER.search(body.decode("latin-1"))
        return by_document(hashlib.sha256(body).hexdigest(), number=named.group() if named else "")
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return Verdict(Outcome.NOT_OURS)
    return by_text(_token_in(text))


def _token_in(text: str) -> str:
    """The token of our JSON answers, else the text itself."""
    if not text.startswith("{"):
        return text
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return str(told.get("token", "")) if isinstance(told, dict) else text
