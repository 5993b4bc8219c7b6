"""States of a data space, of a membership, of a milestone and of a landed project."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class SpaceKind(models.TextChoices):
    """What a broker of the pilot builds besides broking (policy article 3(3))."""

    DATA_SPACE = "data_space", _("行业数据空间")
    PLATFORM = "circulation_platform", _("行业流通平台")


class SpaceState(models.TextChoices):
    APPLIED = "applied", _("待审核")
    RETURNED = "returned", _("已退回补正")
    ACTIVE = "active", _("运行中")
    SUSPENDED = "suspended", _("已暂停")
    CLOSED = "closed", _("已关闭")
    REJECTED = "rejected", _("未获批准")
    WITHDRAWN = "withdrawn", _("已撤回")


SPACE = Machine(
    "data_space",
    SpaceState,
    [
        Move("return", ("applied",), "returned", _("退回补正")),
        Move("resubmit", ("returned",), "applied", _("重新提交")),
        Move("withdraw", ("applied", "returned"), "withdrawn", _("撤回申请")),
        Move("approve", ("applied",), "active", _("批准")),
        Move("reject", ("applied",), "rejected", _("不予批准")),
        Move("suspend", ("active",), "suspended", _("暂停")),
        Move("resume", ("suspended",), "active", _("恢复运行")),
        Move("close", ("active", "suspended"), "closed", _("关闭")),
    ],
)
BEGUN = (SpaceState.ACTIVE, SpaceState.SUSPENDED, SpaceState.CLOSED)
UNDECIDED = (SpaceState.APPLIED, SpaceState.RETURNED)


class MemberState(models.TextChoices):
    INVITED = "invited", _("待答复邀请")
    JOINED = "joined", _("成员")
    DECLINED = "declined", _("已谢绝")
    CANCELLED = "cancelled", _("邀请已收回")
    LEFT = "left", _("已退出")
    REMOVED = "removed", _("已移出")


MEMBER = Machine(
    "space_member",
    MemberState,
    [
        Move("accept", ("invited",), "joined", _("接受邀请并同意规则")),
        Move("decline", ("invited",), "declined", _("谢绝邀请")),
        Move("cancel", ("invited",), "cancelled", _("收回邀请")),
        Move("leave", ("joined",), "left", _("退出")),
        Move("remove", ("joined",), "removed", _("移出")),
    ],
)
LIVE_MEMBER = (MemberState.INVITED, MemberState.JOINED)


class MilestoneState(models.TextChoices):
    PLANNED = "planned", _("进行中")
    REPORTED = "reported", _("待核验")
    MET = "met", _("已完成")
    DROPPED = "dropped", _("已取消")


MILESTONE = Machine(
    "space_milestone",
    MilestoneState,
    [
        Move("report", ("planned",), "reported", _("报告完成")),
        Move("send_back", ("reported",), "planned", _("退回")),
        Move("confirm", ("reported",), "met", _("核验通过")),
        Move("drop", ("planned", "reported"), "dropped", _("取消")),
    ],
)
OPEN_MILESTONE = (MilestoneState.PLANNED, MilestoneState.REPORTED)


class LandingState(models.TextChoices):
    CLAIMED = "claimed", _("待核验")
    VERIFIED = "verified", _("已核验")
    REFUSED = "refused", _("未通过核验")


LANDING = Machine(
    "space_landing",
    LandingState,
    [
        Move("verify", ("claimed",), "verified", _("核验通过")),
        Move("refuse", ("claimed",), "refused", _("核验不通过")),
    ],
)


class ResultKind(models.TextChoices):
    """What came out of a space."""

    PRODUCT = "product", _("数据产品")
    SERVICE = "service", _("数据服务")
    STANDARD = "standard", _("标准规范")
    CASE = "case", _("应用案例")


class Place(models.TextChoices):
    """Where in Qingyuan a project landed (GB/T 2260)."""

    QINGCHENG = "441802", _("清城区")
    QINGXIN = "441803", _("清新区")
    FOGANG = "441821", _("佛冈县")
    YANGSHAN = "441823", _("阳山县")
    LIANSHAN = "441825", _("连山县")
    LIANNAN = "441826", _("连南县")
    YINGDE = "441881", _("英德市")
    LIANZHOU = "441882", _("连州市")
