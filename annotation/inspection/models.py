"""Inspection plans, lots with their frozen contents, samples, and how strictly lots are inspected."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.inspection.rules import Scheme, Terms
from annotation.inspection.states import (
    LOT,
    Basis,
    Cause,
    Fault,
    Level,
    LotState,
    ReworkScope,
    Strictness,
)
from annotation.projects.models import Item, Project
from annotation.quality.models import Consensus
from annotation.quality.sampling import Severity, Switching
from annotation.work.models import Submission
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class InspectionPlan(Record):
    """One version of how a project's lots are inspected, as one side proposed it; in force once the other agreed.

    `limiting_quality`, `good_quality`: shares in ten-thousandths. `lot_size`: items of a lot (empty: what a delivery
    brings is one lot). `is_sample_finished`: the sample is inspected to its end though the verdict is certain.
    `is_again_tightened`: lots submitted again are inspected tightened. `inspector`: who inspects instead of the client.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="inspection_plans")
    version = models.PositiveIntegerField(_("版本"))
    basis = models.CharField(_("依据"), max_length=8, choices=Basis.choices, default=Basis.AQL)
    aql = models.CharField(_("AQL（%）"), max_length=8, default="2.5")
    level = models.CharField(_("检验水平"), max_length=4, choices=Level.choices, default=Level.II)
    initial = models.CharField(
        _("开始时的严格度"), max_length=16, choices=Strictness.choices, default=Strictness.NORMAL
    )
    is_reduction_allowed = models.BooleanField(_("允许放宽检验"), default=False)
    limiting_quality = models.PositiveIntegerField(_("极限质量（万分比）"), default=800)
    good_quality = models.PositiveIntegerField(_("期望质量（万分比）"), null=True, blank=True)
    lot_size = models.PositiveIntegerField(_("每批条数"), null=True, blank=True)
    is_sample_finished = models.BooleanField(_("样本全部检完"), default=True)
    is_again_tightened = models.BooleanField(_("再次提交的批加严检验"), default=True)
    inspector = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("抽检单位"),
    )  # fmt: skip
    proposed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    proposed_for = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="+", verbose_name=_("提出方")
    )
    proposed_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("抽检方案")
        verbose_name_plural = _("抽检方案")
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="inspection_plan_version_once"),
            models.CheckConstraint(
                condition=models.Q(limiting_quality__range=(1, 9_999)), name="inspection_plan_lq_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(good_quality__isnull=True)
                | models.Q(good_quality__lt=models.F("limiting_quality")),
                name="inspection_plan_good_below_lq",
            ),
            models.CheckConstraint(
                condition=models.Q(lot_size__isnull=True) | models.Q(lot_size__range=(2, 500_000)),
                name="inspection_plan_lot_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(initial__in=["normal", "tightened"]), name="inspection_plan_initial_known"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} A{self.version}"

    @property
    def terms(self) -> Terms:
        """What the mathematics needs of it."""
        return Terms(self.basis, self.aql, self.level, self.initial, self.limiting_quality, self.good_quality)


class PlanAnswer(Record):
    """What the other side said to a proposed plan."""

    plan = models.OneToOneField(InspectionPlan, models.PROTECT, related_name="answer")
    is_agreed = models.BooleanField(_("同意"))
    reason = models.TextField(_("理由"), blank=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(_("答复时间"))

    class Meta:
        verbose_name = _("方案答复")
        verbose_name_plural = _("方案答复")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_agreed=True) | ~models.Q(reason=""),
                name="inspection_declined_has_reason",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.plan}: {self.is_agreed}"


class DrawValue(Record):
    """A value that the inspecting side committed before lots were frozen: its SHA-256 is open, itself is sealed."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="draw_values")
    ordinal = models.PositiveIntegerField(_("序号"))
    value_sha256 = models.CharField(_("承诺值"), max_length=64)
    sealed = models.TextField(_("密封的取值"))
    committed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    committed_at = models.DateTimeField(_("承诺时间"))

    class Meta:
        verbose_name = _("抽样取值")
        verbose_name_plural = _("抽样取值")
        constraints = [models.UniqueConstraint(fields=["project", "ordinal"], name="draw_value_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.ordinal}"


class Lot(Record):
    """Accepted items frozen together and judged by a sample; `version` counts its submissions.

    `severity`, `sample_size`, `accept_number`, `letter`: told when the sample is drawn. `value`: the revealed value
    behind the commitment; the seed follows from it and the contents.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="inspection_lots")
    plan = models.ForeignKey(InspectionPlan, models.PROTECT, related_name="lots")
    ordinal = models.PositiveIntegerField(_("批号"))
    version = models.PositiveSmallIntegerField(_("第几次提交"), default=1)
    former = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="following", verbose_name=_("上次提交")
    )
    size = models.PositiveIntegerField(_("批量"))
    contents_sha256 = models.CharField(_("内容哈希"), max_length=64)
    commitment = models.ForeignKey(DrawValue, models.PROTECT, related_name="lots")
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"))
    severity = models.CharField(_("严格度"), max_length=16, choices=Strictness.choices, blank=True)
    letter = models.CharField(_("字码"), max_length=2, blank=True)
    sample_size = models.PositiveIntegerField(_("样本量"), null=True, blank=True)
    accept_number = models.PositiveIntegerField(_("接收数 Ac"), null=True, blank=True)
    value = models.CharField(_("公布的取值"), max_length=200, blank=True)
    seed = models.CharField(_("种子"), max_length=64, blank=True)
    drawn_at = models.DateTimeField(_("抽样时间"), null=True, blank=True)
    nonconforming_count = models.PositiveIntegerField(_("不合格品数"), null=True, blank=True)
    rework_scope = models.CharField(_("返工范围"), max_length=8, choices=ReworkScope.choices, blank=True)
    remark = models.TextField(_("说明"), blank=True)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("判定时间"), null=True, blank=True)
    state = StateField(states=LotState)

    class Meta:
        verbose_name = _("检验批")
        verbose_name_plural = _("检验批")
        constraints = [
            LOT.constraint(),
            models.UniqueConstraint(
                fields=["project", "ordinal", "version"], name="inspection_lot_number_once"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(state="drawn"), name="inspection_one_lot_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(state="submitted")
                | models.Q(drawn_at__isnull=False, sample_size__isnull=False, accept_number__isnull=False)
                & ~models.Q(seed=""),
                name="inspection_lot_drawn_has_sample",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["submitted", "drawn"])
                | models.Q(decided_at__isnull=False, nonconforming_count__isnull=False),
                name="inspection_lot_decided_has_count",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["rejected", "resubmitted"]) | ~models.Q(rework_scope=""),
                name="inspection_lot_rejected_has_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.number} L{self.number}"

    @property
    def number(self) -> str:
        """How people call it: 3, and 3.2 when it was submitted again."""
        return f"{self.ordinal}.{self.version}" if self.version > 1 else str(self.ordinal)

    @property
    def scheme(self) -> Scheme:
        """How it is inspected; only once its sample is drawn."""
        assert self.sample_size is not None, "the sample is not drawn yet"
        assert self.accept_number is not None
        return Scheme(
            self.size,
            self.sample_size,
            self.accept_number,
            self.letter,
            self.severity,
            self.sample_size == self.size,
        )


class LotItem(Record):
    """One item of a lot with the result it had when the lot was frozen: an answer, or what several were merged to."""

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="contents")
    item = models.ForeignKey(Item, models.PROTECT, related_name="lot_items")
    number = models.PositiveIntegerField(_("数据序号"))
    digest = models.CharField(_("哈希"), max_length=64)
    submission = models.ForeignKey(Submission, models.PROTECT, related_name="+")
    consensus = models.ForeignKey(Consensus, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("批内数据")
        verbose_name_plural = _("批内数据")
        constraints = [
            models.UniqueConstraint(fields=["lot", "item"], name="lot_item_once"),
            models.UniqueConstraint(fields=["lot", "number"], name="lot_item_number_once"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.lot} · {self.number}"


class SampleItem(Record):
    """An item that was drawn; `place`: its place in the draw. `is_conforming` is empty until it was inspected."""

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="sample")
    content = models.OneToOneField(LotItem, models.PROTECT, related_name="drawn")
    place = models.PositiveIntegerField(_("抽样次序"))
    is_conforming = models.BooleanField(_("合格"), null=True)
    fault = models.CharField(_("不合格类别"), max_length=16, choices=Fault.choices, blank=True)
    reason = models.TextField(_("不合格原因"), blank=True)
    inspected_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    inspected_at = models.DateTimeField(_("检验时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("样本")
        verbose_name_plural = _("样本")
        constraints = [
            models.UniqueConstraint(fields=["lot", "place"], name="sample_place_once"),
            models.CheckConstraint(
                condition=~models.Q(is_conforming=False) | ~models.Q(fault="") & ~models.Q(reason=""),
                name="sample_nonconforming_has_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(is_conforming__isnull=True) | models.Q(inspected_at__isnull=False),
                name="sample_inspected_has_time",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.lot} #{self.place}"


class SwitchingStep(Record):
    """Where inspection under a plan stands after a lot (none: at its beginning or when resumed), and why."""

    plan = models.ForeignKey(InspectionPlan, models.PROTECT, related_name="steps")
    ordinal = models.PositiveIntegerField(_("次序"))
    lot = models.OneToOneField(Lot, models.PROTECT, null=True, related_name="step")
    severity = models.CharField(_("严格度"), max_length=16, choices=Strictness.choices)
    cause = models.CharField(_("原因"), max_length=16, choices=Cause.choices)
    latest = ArrayField(models.BooleanField(), verbose_name=_("最近各批"), default=list)
    score = models.PositiveIntegerField(_("转移得分"), default=0)
    accepted_run = models.PositiveIntegerField(_("连续接收批数"), default=0)
    not_accepted = models.PositiveIntegerField(_("累计不接收批数"), default=0)
    remark = models.TextField(_("说明"), blank=True)
    taken_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("严格度转移")
        verbose_name_plural = _("严格度转移")
        constraints = [models.UniqueConstraint(fields=["plan", "ordinal"], name="switching_step_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.plan} · {self.ordinal}"

    @property
    def switching(self) -> Switching:
        """As the rules of sampling know it."""
        return Switching(
            Severity(self.severity), tuple(self.latest), self.score, self.accepted_run, self.not_accepted
        )
