"""Data spaces, their rules, members, shared products, milestones, results and landed projects."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Document
from exchange.catalogue.models import Invitation, Product
from exchange.catalogue.states import Industry
from exchange.dataspace import rules
from exchange.dataspace.states import (
    LANDING,
    MEMBER,
    MILESTONE,
    SPACE,
    LandingState,
    MemberState,
    MilestoneState,
    Place,
    ResultKind,
    SpaceKind,
    SpaceState,
)
from exchange.pilots.models import Pilot
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Space(Record):
    """An industry data space or circulation platform that a broker of the pilot leads.

    `first_rules`: what was applied with, version 1 from the approval on. `rules_version`: the version in force
    (0 before the approval). `outcome`: what it came to, told when it is closed.
    """

    number = models.CharField(_("项目编号"), max_length=24, unique=True)
    kind = models.CharField(_("项目类型"), max_length=24, choices=SpaceKind.choices)
    title = models.CharField(_("名称"), max_length=120)
    industry = models.CharField(_("行业"), max_length=24, choices=Industry.choices)
    purpose = models.TextField(_("建设目标与服务对象"), max_length=rules.MOST_PURPOSE)
    leader = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="spaces_led")
    pilot = models.ForeignKey(Pilot, models.PROTECT, related_name="spaces")
    first_rules = models.TextField(_("空间规则"), max_length=rules.MOST_RULES)
    rules_version = models.PositiveSmallIntegerField(_("现行规则版本"), default=0)
    applied_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    applied_at = models.DateTimeField(_("申请时间"))
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("审核时间"), null=True, blank=True)
    opinion = models.CharField(_("审核意见"), max_length=rules.MOST_WORDS, blank=True)
    outcome = models.CharField(_("总结"), max_length=rules.MOST_WORDS, blank=True)
    closed_at = models.DateTimeField(_("关闭时间"), null=True, blank=True)
    state = StateField(states=SpaceState)

    class Meta:
        verbose_name = _("行业数据空间")
        verbose_name_plural = _("行业数据空间")
        indexes = [models.Index(fields=["leader", "-id"], name="space_leader")]
        constraints = [
            SPACE.constraint(),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["applied", "returned", "rejected", "withdrawn"], rules_version=0
                )
                | models.Q(
                    state__in=["active", "suspended", "closed"],
                    rules_version__gt=0,
                    decided_at__isnull=False,
                ),
                name="space_begun_has_rules",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="closed") | models.Q(closed_at__isnull=False),
                name="space_closed_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class RuleVersion(Record):
    """One version of a space's rules; the highest is in force."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="rule_versions")
    version = models.PositiveSmallIntegerField(_("版本"))
    text = models.TextField(_("规则"), max_length=rules.MOST_RULES)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    reason = models.CharField(_("修订理由"), max_length=rules.MOST_WORDS, blank=True)
    published_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(_("发布时间"))

    class Meta:
        verbose_name = _("空间规则")
        verbose_name_plural = _("空间规则")
        constraints = [models.UniqueConstraint(fields=["space", "version"], name="space_rules_version_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.space.number} v{self.version}"


class Member(Record):
    """An organization's place in a space, from the invitation to its end; `accepted_version`: of the rules.

    It has access while it is joined, the space is active and it has accepted the version in force.
    """

    space = models.ForeignKey(Space, models.PROTECT, related_name="members")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="spaces")
    is_leader = models.BooleanField(_("牵头单位"), default=False)
    accepted_version = models.PositiveSmallIntegerField(_("已同意的规则版本"), default=0)
    invited_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    invited_at = models.DateTimeField(_("邀请时间"))
    joined_at = models.DateTimeField(_("加入时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    reason = models.CharField(_("结束理由"), max_length=rules.MOST_WORDS, blank=True)
    state = StateField(states=MemberState)

    class Meta:
        verbose_name = _("空间成员")
        verbose_name_plural = _("空间成员")
        indexes = [models.Index(fields=["organization", "state"], name="space_member_of")]
        constraints = [
            MEMBER.constraint(),
            models.UniqueConstraint(
                fields=["space", "organization"],
                condition=models.Q(state__in=["invited", "joined"]),
                name="space_member_live_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state="invited", accepted_version=0)
                | models.Q(state="joined", accepted_version__gt=0, joined_at__isnull=False)
                | models.Q(state__in=["declined", "cancelled", "left", "removed"], ended_at__isnull=False),
                name="space_member_times",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="removed") | ~models.Q(reason=""),
                name="space_member_removed_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.space.number} · {self.organization}"


class Acceptance(Record):
    """A member's yes to one version of the rules, by the hash of what was read."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="acceptances")
    version = models.ForeignKey(RuleVersion, models.PROTECT, related_name="acceptances")
    text_sha256 = models.CharField("SHA-256", max_length=64)
    accepted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    accepted_label = models.CharField(_("同意人"), max_length=200)
    accepted_at = models.DateTimeField(_("同意时间"))

    class Meta:
        verbose_name = _("规则同意")
        verbose_name_plural = _("规则同意")
        constraints = [
            models.UniqueConstraint(fields=["member", "version"], name="space_rules_accepted_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.member} · {self.version}"


class SharedProduct(Record):
    """A product that its supplier, a member, put into a space; until it is taken out."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="shared_products")
    product = models.ForeignKey(Product, models.PROTECT, related_name="spaces")
    put_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    put_at = models.DateTimeField(_("加入时间"))
    taken_at = models.DateTimeField(_("移出时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("空间产品")
        verbose_name_plural = _("空间产品")
        constraints = [
            models.UniqueConstraint(
                fields=["space", "product"],
                condition=models.Q(taken_at__isnull=True),
                name="space_product_live_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.space.number} · {self.product.number}"


class Opening(Record):
    """An invitation of the catalogue that spaces made and keep; one that the supplier made by hand has none.

    Closed by the spaces with `closed_at`. When the supplier itself withdraws the invitation, the opening stays
    unclosed and nothing is opened again until membership ends and begins anew.
    """

    invitation = models.OneToOneField(Invitation, models.PROTECT, related_name="opening")
    product = models.ForeignKey(Product, models.PROTECT, related_name="openings")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(_("关闭时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("空间开放")
        verbose_name_plural = _("空间开放")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "organization"],
                condition=models.Q(closed_at__isnull=True),
                name="space_opening_live_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.product.number} → {self.organization}"


class Milestone(Record):
    """What the leader has to reach by the end of a day, with its evidence."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="milestones")
    title = models.CharField(_("里程碑"), max_length=120)
    target = models.CharField(_("完成标准"), max_length=rules.MOST_WORDS)
    due_on = models.DateField(_("期限"))
    report = models.CharField(_("完成情况"), max_length=rules.MOST_WORDS, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    planned_at = models.DateTimeField(_("登记时间"))
    reported_at = models.DateTimeField(_("报告时间"), null=True, blank=True)
    decided_at = models.DateTimeField(_("核验时间"), null=True, blank=True)
    state = StateField(states=MilestoneState)

    class Meta:
        verbose_name = _("里程碑")
        verbose_name_plural = _("里程碑")
        constraints = [
            MILESTONE.constraint(),
            models.CheckConstraint(
                condition=~models.Q(state__in=["reported", "met"])
                | ~models.Q(report="") & models.Q(reported_at__isnull=False, document__isnull=False),
                name="space_milestone_reported_has_evidence",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="target_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("space", "title", "target", "due_on"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.space.number} · {self.title}"


class Result(Record):
    """Something that came out of a space; never changed."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="results")
    kind = models.CharField(_("成果类型"), max_length=16, choices=ResultKind.choices)
    title = models.CharField(_("成果名称"), max_length=120)
    statement = models.CharField(_("成果说明"), max_length=rules.MOST_WORDS)
    reached_on = models.DateField(_("形成日期"))
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    recorded_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("空间成果")
        verbose_name_plural = _("空间成果")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.space.number} · {self.title}"


class Landing(Record):
    """A major project that landed in Qingyuan through a space; counts when the operator has verified it."""

    number = models.CharField(_("落地编号"), max_length=24, unique=True)
    space = models.ForeignKey(Space, models.PROTECT, related_name="landings")
    title = models.CharField(_("项目名称"), max_length=120)
    firm = models.CharField(_("落地单位"), max_length=120)
    place = models.CharField(_("落地地点"), max_length=6, choices=Place.choices)
    amount_fen = FenField(_("落地金额"))
    landed_on = models.DateField(_("落地日期"))
    statement = models.CharField(_("项目内容与空间的作用"), max_length=rules.MOST_WORDS)
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    claimed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    claimed_at = models.DateTimeField(_("登记时间"))
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("核验时间"), null=True, blank=True)
    opinion = models.CharField(_("核验意见"), max_length=rules.MOST_WORDS, blank=True)
    state = StateField(states=LandingState)

    class Meta:
        verbose_name = _("重大项目落地")
        verbose_name_plural = _("重大项目落地")
        constraints = [
            LANDING.constraint(),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="space_landing_positive"),
            models.CheckConstraint(
                condition=models.Q(state="claimed")
                | models.Q(decided_at__isnull=False) & ~models.Q(opinion=""),
                name="space_landing_decided_has_opinion",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="facts_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "space", "title", "firm", "place", "amount_fen", "landed_on", "statement", "document"
                ),
            )
        ]

    def __str__(self) -> str:
        return self.number
