"""States of a Label Studio server, of a project's link to one, and of what travels between."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class ServerState(models.TextChoices):
    UNCHECKED = "unchecked", _("未检查")
    READY = "ready", _("可用")
    FAILING = "failing", _("连接失败")
    RETIRED = "retired", _("已停用")


SERVER = Machine(
    "label_server",
    ServerState,
    [
        Move("pass", ("unchecked", "failing"), "ready", _("检查通过")),
        Move("fail", ("unchecked", "ready"), "failing", _("检查不通过")),
        Move("retire", ("unchecked", "ready", "failing"), "retired", _("停用")),
    ],
)


class LinkState(models.TextChoices):
    ACTIVE = "active", _("同步中")
    PAUSED = "paused", _("已暂停")
    CLOSED = "closed", _("已结束")


LINK = Machine(
    "label_link",
    LinkState,
    [
        Move("pause", ("active",), "paused", _("暂停")),
        Move("resume", ("paused",), "active", _("恢复")),
        Move("close", ("active", "paused"), "closed", _("结束")),
    ],
)


class ChunkState(models.TextChoices):
    """`sending` lasts until the server confirmed; who finds it so after a while looks up before sending again."""

    PENDING = "pending", _("待发送")
    SENDING = "sending", _("发送中")
    SENT = "sent", _("已发送")
    DROPPED = "dropped", _("不再发送")


CHUNK = Machine(
    "label_chunk",
    ChunkState,
    [
        Move("take", ("pending", "sending"), "sending", _("发送")),
        Move("put_back", ("sending",), "pending", _("发送失败")),
        Move("confirm", ("sending",), "sent", _("确认送达")),
        Move("drop", ("pending", "sending"), "dropped", _("不再发送")),
    ],
)


class IssueState(models.TextChoices):
    """Where one task stands that was given to a server."""

    WAITING = "waiting", _("待发送")
    OPEN = "open", _("待标注")
    SUBMITTED = "submitted", _("已提交")
    MISSING = "missing", _("服务器上缺失")
    EXPIRED = "expired", _("已收回")


ISSUE = Machine(
    "label_issue",
    IssueState,
    [
        Move("send", ("waiting",), "open", _("送达")),
        Move("submit", ("waiting", "open", "missing", "expired"), "submitted", _("提交")),
        Move("miss", ("open",), "missing", _("发现缺失")),
        Move("find", ("missing",), "open", _("重新出现")),
        Move("resend", ("missing",), "waiting", _("重新发送")),
        Move("expire", ("waiting", "open", "missing"), "expired", _("收回")),
    ],
)


class Outcome(models.TextChoices):
    """What became of one result that was read from a server."""

    SUBMITTED = "submitted", _("已提交")
    SAME = "same", _("与已有结果相同")
    SKIPPED = "skipped", _("已跳过")
    ASIDE = "aside", _("另存")
    SUPERSEDED = "superseded", _("已有更新的版本")


class Aside(models.TextChoices):
    """Why a result was kept aside and not submitted."""

    UNKNOWN_PERSON = "unknown_person", _("标注人的邮箱不是本单位成员")
    NOT_LABELLER = "not_labeller", _("标注人没有提交标注任务的权限")
    UNKNOWN_TASK = "unknown_task", _("任务不是本平台发出的")
    INVALID = "invalid", _("结果不符合标注配置")
    OTHER_HANDS = "other_hands", _("任务在其他标注员手中")
    AFTER_SUBMISSION = "after_submission", _("提交之后的改动")
    REFUSED = "refused", _("未能提交")


SELF_HEALING = (Aside.UNKNOWN_PERSON, Aside.NOT_LABELLER, Aside.OTHER_HANDS, Aside.REFUSED)
"""Reasons that can pass without anybody touching the result; tried again every night."""
