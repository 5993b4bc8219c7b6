"""Kinds of signals, states of findings and cases, and what a decision may rest on."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class SignalKind(models.TextChoices):
    """What a signal asks a person to look at."""

    ROUND_TRIP = "round_trip", _("资金回流")
    CIRCULATION = "circulation", _("内部空转")
    RECIPROCITY = "reciprocity", _("互相采购")
    RELATED_PARTY = "related_party", _("关联关系")
    PRICE_FAR = "price_far", _("价格偏离")
    NEAR_THRESHOLD = "near_threshold", _("略高于奖励条件")
    DECEMBER = "december", _("集中在十二月")
    YEAR_END_BURST = "year_end_burst", _("年末突增")
    BUYER_WITHOUT_USE = "buyer_without_use", _("付款未使用")
    SAME_DAY_REFUND = "same_day_refund", _("当日退款")
    NEW_BUYERS_ONLY = "new_buyers_only", _("全是新买方")
    CONCENTRATION = "concentration", _("单一买方集中")

    @property
    def concern(self) -> str:
        """What the firm is told: the question in plain words, without any threshold."""
        return str(CONCERNS[self])

    @property
    def is_about_trades(self) -> bool:
        """Whether it points at trades that may be taken out; the others tell of the shape of a year."""
        return self not in YEAR_SHAPES

    @property
    def code(self) -> str:
        """The ruling that the signal may lead to, as revenue knows it."""
        return "related_party" if self == SignalKind.RELATED_PARTY else "circular"


YEAR_SHAPES = frozenset(
    {
        SignalKind.NEAR_THRESHOLD,
        SignalKind.DECEMBER,
        SignalKind.YEAR_END_BURST,
        SignalKind.NEW_BUYERS_ONLY,
        SignalKind.CONCENTRATION,
    }
)
CONCERNS = {
    SignalKind.ROUND_TRIP: _("部分交易的资金可能经其他企业回到了付款方，请说明各笔交易的真实用途。"),
    SignalKind.CIRCULATION: _("与若干企业之间的付款几乎相互抵消，请说明各笔交易的真实用途。"),
    SignalKind.RECIPROCITY: _("与同一企业互相采购，请说明双方各自的需要。"),
    SignalKind.RELATED_PARTY: _("交易对手与贵单位可能存在关联关系，请说明股权、人员和交易条件。"),
    SignalKind.PRICE_FAR: _("部分交易的价格与同类产品差别较大，请说明定价依据。"),
    SignalKind.NEAR_THRESHOLD: _("请说明本年度收入的构成。"),
    SignalKind.DECEMBER: _("收入集中在十二月，请说明原因。"),
    SignalKind.YEAR_END_BURST: _("年末成交明显增加，请说明原因。"),
    SignalKind.BUYER_WITHOUT_USE: _("买方付款后没有使用数据，请提供买方实际使用的证明。"),
    SignalKind.SAME_DAY_REFUND: _("部分款项到账当日即退回，请说明原因。"),
    SignalKind.NEW_BUYERS_ONLY: _("收入主要来自刚入驻的买方，请说明获客方式和买方用途。"),
    SignalKind.CONCENTRATION: _("收入主要来自同一买方，请说明合作背景。"),
}


class FindingState(models.TextChoices):
    OPEN = "open", _("待立案")
    IN_CASE = "in_case", _("已立案")
    CLOSED = "closed", _("已处理")
    LAPSED = "lapsed", _("已消失")


FINDING = Machine(
    "risk_finding",
    FindingState,
    [
        Move("take", ("open",), "in_case", _("并入案件")),
        Move("close", ("in_case",), "closed", _("案件作出决定")),
        Move("reopen", ("closed",), "in_case", _("案件重新审查")),
        Move("lapse", ("open",), "lapsed", _("复查时不再出现")),
        Move("return", ("lapsed",), "open", _("复查时再次出现")),
    ],
)


class CaseState(models.TextChoices):
    OPEN = "open", _("已立案")
    IN_REVIEW = "in_review", _("审查中")
    EXCLUDED = "excluded", _("不计入")
    CLEARED = "cleared", _("排除疑点")
    NOTED = "noted", _("记录备查")
    REOPENED = "reopened", _("重新审查")


UNDECIDED = (CaseState.OPEN, CaseState.IN_REVIEW, CaseState.REOPENED)
DECIDED = (CaseState.EXCLUDED, CaseState.CLEARED, CaseState.NOTED)

CASE = Machine(
    "risk_case",
    CaseState,
    [
        Move("begin", ("open", "reopened"), "in_review", _("开始审查")),
        Move("exclude", ("in_review",), "excluded", _("决定不计入")),
        Move("clear", ("in_review",), "cleared", _("决定排除疑点")),
        Move("note", ("in_review",), "noted", _("决定记录备查")),
        Move("reopen", ("excluded", "cleared", "noted"), "reopened", _("重新审查")),
    ],
)


class Outcome(models.TextChoices):
    """How a case may end; each is the name of its state."""

    EXCLUDED = "excluded", _("不计入：所选交易不计入年度实际收入")
    CLEARED = "cleared", _("排除疑点：交易真实，照常计入")
    NOTED = "noted", _("记录备查：不影响收入，留作以后参考")


MOVES = {Outcome.EXCLUDED: "exclude", Outcome.CLEARED: "clear", Outcome.NOTED: "note"}


class Citation(models.TextChoices):
    """What a decision may rest on."""

    POLICY_3_1 = "policy_3_1", _("政策第三条第（一）项：年度实际收入")
    COMPANY_265_4 = "company_265_4", _("公司法第二百六十五条第四项：关联关系")
    COMPANY_265_STATE = "company_265_state", _("公司法第二百六十五条第四项：仅因同受国家控股不构成关联")
    COMPANY_22 = "company_22", _("公司法第二十二条：不得利用关联关系损害公司利益")
    CIVIL_146 = "civil_146", _("民法典第一百四十六条：以虚假意思表示实施的行为无效")
    CIVIL_154 = "civil_154", _("民法典第一百五十四条：恶意串通损害他人的行为无效")
    FISCAL_14 = "fiscal_14", _("财政违法行为处罚处分条例第十四条：骗取财政资金的追回")


class TraitKind(models.TextChoices):
    """Details that firms should not share with their buyers."""

    ADDRESS = "address", _("经营地址")
    PHONE = "phone", _("联系电话")
    BANK_ACCOUNT = "bank_account", _("银行账户")
    LEGAL_REPRESENTATIVE = "legal_representative", _("法定代表人")


class Source(models.TextChoices):
    """Who wrote a declaration."""

    FIRM = "firm", _("企业申报")
    OPERATOR = "operator", _("审核人登记")
