"""States of a round, of an application, of a scorer's seat, of an objection and of a pilot."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class BrokerType(models.TextChoices):
    """The three types of data broker of the provincial pilot."""

    TECHNOLOGY_ENABLING = "technology_enabling", _("技术赋能型")
    DATA_ENABLING = "data_enabling", _("数据赋能型")
    ENTRUSTED_RIGHTS = "entrusted_rights", _("受托行权型")


class RoundState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    PUBLISHED = "published", _("已发布")
    CLOSED = "closed", _("已截止，评审中")
    IN_NOTICE = "in_notice", _("结果公示中")
    DECIDED = "decided", _("已确定")


ROUND = Machine(
    "pilot_round",
    RoundState,
    [
        Move("publish", ("draft",), "published", _("发布")),
        Move("close", ("published",), "closed", _("截止申报")),
        Move("announce", ("closed",), "in_notice", _("公示结果")),
        Move("reopen", ("in_notice",), "closed", _("异议成立，重新评审")),
        Move("conclude", ("in_notice",), "decided", _("确定结果")),
    ],
)


class ApplicationState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    APPLIED = "applied", _("已提交")
    REVIEWED = "reviewed", _("已评审，公示中")
    SELECTED = "selected", _("入选试点")
    NOT_SELECTED = "not_selected", _("未入选")
    WITHDRAWN = "withdrawn", _("已撤回")
    LAPSED = "lapsed", _("逾期未提交")


APPLICATION = Machine(
    "pilot_application",
    ApplicationState,
    [
        Move("submit", ("draft",), "applied", _("提交")),
        Move("take_back", ("applied",), "draft", _("取回修改")),
        Move("withdraw", ("draft", "applied"), "withdrawn", _("撤回")),
        Move("lapse", ("draft",), "lapsed", _("截止未提交")),
        Move("review", ("applied",), "reviewed", _("完成评审")),
        Move("rescore", ("reviewed",), "applied", _("重新评审")),
        Move("select", ("reviewed",), "selected", _("入选")),
        Move("decline", ("reviewed",), "not_selected", _("不入选")),
    ],
)
OPEN_APPLICATIONS = (
    ApplicationState.DRAFT,
    ApplicationState.APPLIED,
    ApplicationState.REVIEWED,
    ApplicationState.SELECTED,
    ApplicationState.NOT_SELECTED,
)


class SeatState(models.TextChoices):
    APPOINTED = "appointed", _("待声明")
    CLEARED = "cleared", _("待打分")
    SCORED = "scored", _("已打分")
    EXCLUDED = "excluded", _("已回避")
    RELIEVED = "relieved", _("已解除")


SEAT = Machine(
    "pilot_seat",
    SeatState,
    [
        Move("declare_none", ("appointed",), "cleared", _("声明无利益冲突")),
        Move("declare_conflict", ("appointed", "cleared"), "excluded", _("声明利益冲突并回避")),
        Move("score", ("cleared",), "scored", _("提交评分")),
        Move("relieve", ("appointed", "cleared"), "relieved", _("解除评审")),
    ],
)
SITTING = (SeatState.APPOINTED, SeatState.CLEARED, SeatState.SCORED)


class ObjectionState(models.TextChoices):
    FILED = "filed", _("待答复")
    UPHELD = "upheld", _("异议成立")
    DISMISSED = "dismissed", _("异议不成立")


OBJECTION = Machine(
    "pilot_objection",
    ObjectionState,
    [
        Move("uphold", ("filed",), "upheld", _("认定成立")),
        Move("dismiss", ("filed",), "dismissed", _("认定不成立")),
    ],
)


class PilotState(models.TextChoices):
    UNSIGNED = "unsigned", _("待签协议")
    IN_PILOT = "in_pilot", _("试点中")
    ASSESSED = "assessed", _("已考核，待结论")
    IMPROVING = "improving", _("限期整改")
    EXTENDED = "extended", _("延长试点")
    GRADUATED = "graduated", _("试点结业")
    EXITED = "exited", _("已退出")
    DECLINED = "declined", _("放弃入选")


PILOT = Machine(
    "broker_pilot",
    PilotState,
    [
        Move("begin", ("unsigned",), "in_pilot", _("协议生效，开始试点")),
        Move("decline", ("unsigned",), "declined", _("放弃入选")),
        Move("assess", ("in_pilot", "extended", "improving"), "assessed", _("年度考核")),
        Move("continue", ("assessed",), "in_pilot", _("继续试点")),
        Move("improve", ("assessed",), "improving", _("限期整改")),
        Move("accept_improvement", ("improving",), "in_pilot", _("整改验收")),
        Move("extend", ("assessed",), "extended", _("延长试点")),
        Move("graduate", ("assessed",), "graduated", _("结业")),
        Move("exit", ("in_pilot", "assessed", "improving", "extended"), "exited", _("退出")),
    ],
)
IN_FORCE = (PilotState.IN_PILOT, PilotState.ASSESSED, PilotState.IMPROVING, PilotState.EXTENDED)


class Verdict(models.TextChoices):
    """What may follow a yearly assessment."""

    CONTINUE = "continue", _("继续试点")
    IMPROVE = "improve", _("限期整改")
    EXTEND = "extend", _("延长试点")
    GRADUATE = "graduate", _("试点结业")
    EXIT = "exit", _("退出试点")


class Party(models.TextChoices):
    """The two sides of a pilot agreement."""

    OPERATOR = "operator", _("服务基地")
    BROKER = "broker", _("数据经纪人")


class Level(models.IntegerChoices):
    """A level of DCMM (GB/T 36073) or of multi-level protection (GB/T 22239); 0 is none."""

    NONE = 0, _("未取得")
    ONE = 1, _("一级")
    TWO = 2, _("二级")
    THREE = 3, _("三级")
    FOUR = 4, _("四级")
    FIVE = 5, _("五级")
