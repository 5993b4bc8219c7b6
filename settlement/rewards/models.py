"""Reward claims, their decisions, and the register of granted awards."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.rewards.states import CLAIM, ClaimState, Outcome

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Claim(Record):
    """One firm's claim to one measure for one benefit year."""

    number = models.CharField(_("申报编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="reward_claims")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("年度"))
    decision = models.ForeignKey(
        "Decision", models.PROTECT, null=True, related_name="+", verbose_name=_("现行测算")
    )
    drafted_at = models.DateTimeField(_("测算时间"))
    first_reviewer = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    second_reviewer = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    notice_until = models.DateField(_("公示截止日"), null=True, blank=True)
    state = StateField(states=ClaimState)

    class Meta:
        verbose_name = _("奖励申报")
        verbose_name_plural = _("奖励申报")
        constraints = [
            CLAIM.constraint(),
            models.UniqueConstraint(fields=["firm", "measure", "year"], name="claim_once"),
            models.CheckConstraint(
                condition=models.Q(second_reviewer__isnull=True)
                | ~models.Q(second_reviewer=models.F("first_reviewer")),
                name="claim_two_reviewers",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="in_notice") | models.Q(notice_until__isnull=False),
                name="claim_notice_has_end",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Decision(Record):
    """One replayable computation: the facts read, the rules' version, the outcome, the whole trace.

    `facts` and `trace` are the engine's documents; `decision_sha256` is over the trace's canonical bytes.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="decisions")
    decided_at = models.DateTimeField(_("测算时间"))
    policy_version = models.CharField(_("规则版本"), max_length=40)
    code_version = models.CharField(_("程序版本"), max_length=40)
    interpretation = models.JSONField(_("口径"), default=dict)
    facts = models.JSONField(_("事实"))
    facts_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(_("结论"), max_length=16, choices=Outcome.choices)
    amount_fen = FenField(_("奖励金额"))
    trace = models.JSONField(_("推导"))
    decision_sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("测算结论")
        verbose_name_plural = _("测算结论")
        triggers = [_APPEND_ONLY]
        indexes = [models.Index(fields=["claim", "-decided_at"], name="decision_claim_decided")]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.amount_fen}"


class Objection(Record):
    """What a firm objects to in its statement: one item (a step of the trace) and why."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="objections")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="objections")
    item = models.CharField(_("异议事项"), max_length=40)
    statement = models.TextField(_("异议理由"))
    raised_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    raised_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("异议")
        verbose_name_plural = _("异议")
        constraints = [
            models.CheckConstraint(condition=~models.Q(statement=""), name="objection_has_statement")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} · {self.item}"

    @property
    def item_label(self) -> str:
        """The item's title in the reader's language, as the statement had it."""
        titles = {step["key"]: step["title"] for step in self.decision.trace["steps"]}
        is_english = (get_language() or "").startswith("en")
        return str(titles[self.item]["en" if is_english else "zh"])


class Award(Record):
    """The register of granted awards: what later years' limits (three years, once) read."""

    claim = models.OneToOneField(Claim, models.PROTECT, related_name="award")
    decision = models.OneToOneField(Decision, models.PROTECT, related_name="award")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="awards")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("年度"))
    amount_fen = FenField(_("奖励金额"))
    granted_at = models.DateTimeField(_("批准时间"))

    class Meta:
        verbose_name = _("奖励登记")
        verbose_name_plural = _("奖励登记")
        constraints = [models.UniqueConstraint(fields=["firm", "measure", "year"], name="award_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.firm} {self.year}"
