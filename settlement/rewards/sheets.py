"""A statement on paper: PDF/A-2u by Typst, with every step of the decision and how to contest it.

The sheet carries no seal: what it says is checked by replaying the decision whose fingerprint it shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from documents.printing import chinese_day, formal_day, typeset
from kernel import clock
from kernel.money import Money
from settlement.rewards import measures
from settlement.rewards.models import Claim
from settlement.rewards.rules import capitals
from settlement.rewards.states import Outcome

TEMPLATE = Path(__file__).parent / "templates" / "rewards" / "statement.typ"
_VERDICTS = {"met": "满足", "not_met": "不满足", "unknown": "事实不全", "stated": "已核定"}


def statement_pdf(claim: Claim) -> bytes:
    """The claim's present statement; the same decision and state give the same bytes."""
    decision = claim.decision
    assert decision is not None, "a drafted claim has a decision"
    on = clock.business_date(decision.decided_at)
    url = f"{settings.SITE_URL}{reverse('rewards:claim', args=[claim.number])}"
    with translation.override("zh-hans"):
        sheet = _sheet(claim, url)
    sheet |= {"issued": formal_day(on), "issued_on": [on.year, on.month, on.day]}
    return typeset(TEMPLATE, sheet, url=url, on=on)


def _sheet(claim: Claim, url: str) -> dict[str, Any]:
    decision, card = claim.decision, measures.CARDS[claim.measure]
    assert decision is not None, "a drafted claim has a decision"
    trace, is_granted = decision.trace, decision.outcome == Outcome.GRANTED
    facts = [
        ("企业", claim.firm.name),
        ("信用代码", claim.firm.uscc),
        ("奖励措施", f"{card.title.zh}（第 {card.article} 条，本平台转述）"),
        ("奖励年度", str(claim.year)),
        ("主管部门", card.department.zh),
        ("办理状态", str(claim.get_state_display())),
    ]
    if claim.notice_until:
        facts.append(("公示截止日", chinese_day(claim.notice_until)))
    return {
        "number": claim.number,
        "year": claim.year,
        "title": card.title.zh,
        "outcome": str(decision.get_outcome_display()),
        "amount": str(Money(decision.amount_fen)) if is_granted else "",
        "words": capitals(decision.amount_fen) if is_granted else "",
        "sentence": trace["sentence"]["zh"],
        "facts": facts,
        "steps": [
            {
                "number": step["number"],
                "title": step["title"]["zh"],
                "found": step["found"]["zh"],
                "requirement": step["requirement"]["zh"],
                "verdict": _VERDICTS[step["verdict"]],
                "article": step["article"],
                "lines": [[line["label"]["zh"], line["shown"]] for line in step["lines"]],
            }
            for step in trace["steps"]
        ],
        "policy_version": decision.policy_version,
        "code_version": decision.code_version,
        "decision_hash": decision.decision_sha256,
        "facts_hash": decision.facts_sha256,
        "is_demo": claim.firm.is_demo,
        "url": url,
    }
