"""Label Studio servers of firms, what was sent to them, and what was read from them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from annotation.servers.states import (
    CHUNK,
    ISSUE,
    LINK,
    SERVER,
    Aside,
    ChunkState,
    IssueState,
    LinkState,
    Outcome,
    ServerState,
)
from annotation.work.models import Submission, Task
from kernel.records import Record
from kernel.states import StateField


class Server(Record):
    """One Label Studio server of one firm; the token is sealed and leaves only towards that server."""

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="label_servers")
    name = models.CharField(_("名称"), max_length=80)
    address = models.CharField(_("地址"), max_length=300)
    token_sealed = models.CharField(max_length=2_000)
    version = models.CharField(_("版本"), max_length=40, blank=True)
    fault = models.CharField(_("故障"), max_length=40, blank=True)
    checked_at = models.DateTimeField(_("检查时间"), null=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    state = StateField(states=ServerState)

    class Meta:
        verbose_name = _("Label Studio 服务器")
        verbose_name_plural = _("Label Studio 服务器")
        constraints = [
            SERVER.constraint(),
            models.UniqueConstraint(
                fields=["firm", "address"],
                condition=~models.Q(state="retired"),
                name="label_server_address_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Link(Record):
    """A project's place on a server.

    `holder` keeps the issued tasks until somebody's result comes. `cursor_at` is the server's own time up to which
    everything was read; it moves only after what was read is stored. `hint_sha256`: of the secret that a hint shows.
    `sweep_above`: the number up to which a sweep that is under way has come; 0 when none is.
    """

    server = models.ForeignKey(Server, models.PROTECT, related_name="links")
    project = models.ForeignKey(Project, models.PROTECT, related_name="label_links")
    holder = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("任务保管人")
    )
    remote_project_id = models.PositiveBigIntegerField(_("对方项目编号"))
    hint_sha256 = models.CharField(max_length=64, blank=True)
    cursor_at = models.DateTimeField(_("已读到"), null=True)
    pulled_at = models.DateTimeField(_("最近读取"), null=True)
    swept_at = models.DateTimeField(_("最近核对"), null=True)
    sweep_began_at = models.DateTimeField(_("核对开始"), null=True)
    sweep_above = models.PositiveBigIntegerField(_("核对到的编号"), default=0)
    hinted_at = models.DateTimeField(_("最近提示"), null=True)
    fault = models.CharField(_("故障"), max_length=40, blank=True)
    alarmed_count = models.PositiveIntegerField(_("已告警的缺口"), default=0)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    state = StateField(states=LinkState)

    class Meta:
        verbose_name = _("Label Studio 连接")
        verbose_name_plural = _("Label Studio 连接")
        constraints = [
            LINK.constraint(),
            models.UniqueConstraint(
                fields=["project"], condition=~models.Q(state="closed"), name="label_link_project_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.number} → {self.server}"


class Chunk(Record):
    """One import into a server; its id travels in every task, so that a sender can ask whether it arrived."""

    link = models.ForeignKey(Link, models.PROTECT, related_name="chunks")
    ordinal = models.PositiveIntegerField(_("序号"))
    attempts = models.PositiveIntegerField(_("尝试次数"), default=0)
    taken_at = models.DateTimeField(_("开始发送"), null=True)
    sent_at = models.DateTimeField(_("送达时间"), null=True)
    fault = models.CharField(_("故障"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("创建时间"))
    state = StateField(states=ChunkState)

    class Meta:
        verbose_name = _("发送批次")
        verbose_name_plural = _("发送批次")
        constraints = [
            CHUNK.constraint(),
            models.UniqueConstraint(fields=["link", "ordinal"], name="label_chunk_ordinal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.link} #{self.ordinal}"


class Issue(Record):
    """One task given to a server; its id is the external id that the task carries there.

    `former`: the result that was there before and is written beside the task, once, under its own id.
    `noted_ordinal`: the submission whose return the task there tells.
    """

    link = models.ForeignKey(Link, models.PROTECT, related_name="issues")
    chunk = models.ForeignKey(Chunk, models.PROTECT, related_name="issues")
    task = models.ForeignKey(Task, models.PROTECT, related_name="label_issues")
    remote_task_id = models.PositiveBigIntegerField(_("对方任务编号"), null=True)
    former = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="+")
    former_written_at = models.DateTimeField(_("旧结果写入时间"), null=True)
    noted_ordinal = models.PositiveIntegerField(_("已转告的退回"), default=0)
    submission = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField(_("发出时间"), null=True)
    seen_at = models.DateTimeField(_("最近核对到"), null=True)
    expired_at = models.DateTimeField(_("收回时间"), null=True)
    state = StateField(states=IssueState)

    class Meta:
        verbose_name = _("发出的任务")
        verbose_name_plural = _("发出的任务")
        constraints = [
            ISSUE.constraint(),
            models.UniqueConstraint(
                fields=["task"],
                condition=models.Q(state__in=["waiting", "open", "missing"]),
                name="label_issue_task_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="submitted") | models.Q(submission__isnull=False),
                name="label_issue_submitted_has_submission",
            ),
        ]
        indexes = [models.Index(fields=["link", "remote_task_id"], name="label_issue_remote_task")]

    def __str__(self) -> str:
        return f"{self.link}: {self.task_id}"


class RemoteAnnotation(Record):
    """One version of one annotation as it was read from a server, and what became of it. Never deleted."""

    link = models.ForeignKey(Link, models.PROTECT, related_name="annotations")
    issue = models.ForeignKey(Issue, models.PROTECT, null=True, related_name="annotations")
    remote_id = models.PositiveBigIntegerField(_("对方标注编号"))
    remote_task_id = models.PositiveBigIntegerField(_("对方任务编号"))
    author = models.CharField(_("标注人"), max_length=254, blank=True)
    is_skip = models.BooleanField(_("是否跳过"), default=False)
    result = models.JSONField(_("标注结果"), null=True)
    sha256 = models.CharField("SHA-256", max_length=64)
    remote_updated_at = models.DateTimeField(_("对方更新时间"))
    read_at = models.DateTimeField(_("读取时间"))
    seen_at = models.DateTimeField(_("最近核对到"), null=True)
    gone_at = models.DateTimeField(_("对方删除"), null=True)
    outcome = models.CharField(_("处理"), max_length=16, choices=Outcome.choices)
    aside = models.CharField(_("原因"), max_length=24, choices=Aside.choices, blank=True)
    reason = models.TextField(_("说明"), blank=True)
    told_at = models.DateTimeField(_("告知时间"), null=True)
    submission = models.ForeignKey(Submission, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("读取的标注")
        verbose_name_plural = _("读取的标注")
        constraints = [
            models.UniqueConstraint(
                fields=["link", "remote_id", "remote_updated_at", "sha256", "is_skip"],
                name="remote_annotation_version_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="aside") | ~models.Q(aside=""),
                name="remote_annotation_aside_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["link", "outcome"], name="remote_annotation_outcome")]

    def __str__(self) -> str:
        return f"{self.link}: {self.remote_id}"
