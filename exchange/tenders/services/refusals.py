"""Why a step of a tender or an engagement is refused."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal


class TenderLocked(Refusal):
    """What was published stays as firms have read it."""

    code = "tender_locked"
    message = _("招标当前为“%(state)s”，内容已锁定。如需修改，请终止后重新发布。")


class NobodyInvited(Refusal):
    """A tender for invited firms names at least one."""

    code = "tender_nobody_invited"
    message = _("可见范围为“仅受邀单位”，请至少邀请一家标注企业后再发布。")
    status = 422


class OwnTender(Refusal):
    """Nobody bids for its own work."""

    code = "own_tender"
    message = _("不能投标本单位发布的项目。")


class BidsClosed(Refusal):
    """Bids are drawn up, changed, submitted and withdrawn before the deadline only."""

    code = "tender_deadline_passed"
    message = _("投标已于 %(deadline)s 截止，不能再提交、修改或撤回。")


class BidsSealed(Refusal):
    """Nobody chooses before the deadline."""

    code = "bids_sealed"
    message = _("投标 %(deadline)s 截止后才开标，此前任何人都看不到投标内容，也不能定标。")


class SampleWrong(Refusal):
    """A sample label is no answer to the config."""

    code = "sample_label_wrong"
    message = _("第 %(ordinal)s 条样题的标注不符合配置：%(reason)s")
    status = 422


class SamplesMissing(Refusal):
    """A bid shows how the firm labels every sample item."""

    code = "sample_labels_missing"
    message = _("还有 %(count)s 条样题没有标注，请全部标注后再提交投标。")
    status = 422


class BidExpired(Refusal):
    """The bidder's price held until a day that is over."""

    code = "bid_expired"
    message = _("这份投标的报价有效期至 %(on)s，已经过期。请选择其他投标，或重新招标。")


class NotTheirTurn(Refusal):
    """The step belongs to the other side."""

    code = "tender_wrong_side"
    message = _("这一步由%(side)s办理。")
    status = 403


class WrongSide(NotTheirTurn):
    """The step belongs to the other side of the engagement."""

    code = "engagement_wrong_side"


class AlreadyAnswered(Refusal):
    """One answer each, read by all."""

    code = "tender_question_answered"
    message = _("已经答复过，答复对所有可投标单位公开，不能再改。")


class AlreadySigned(Refusal):
    """Each side signs once."""

    code = "service_contract_signed"
    message = _("%(party)s已签署过这份合同，等待对方签署。")


class OtherText(Refusal):
    """The signer read another text than the contract's."""

    code = "service_contract_other_text"
    message = _("签署的文本摘要与合同不一致，请重新打开合同全文核对后再签。")


class LotAwaitsInspection(Refusal):
    """What was delivered is inspected before an engagement ends."""

    code = "lot_awaits_inspection"
    message = _("第 %(ordinal)s 批已交付待验收。请先验收，再解除合同。")


class NotLateEnough(Refusal):
    """The buyer ends alone only what is long overdue."""

    code = "engagement_not_overdue"
    message = _("没有逾期超过 %(days)s 天未交付的已托管批次，不能单方解除。请与对方协商解除。")


class TooEarly(Refusal):
    """There is still time."""

    code = "tender_too_early"
    message = _("期限还没有到。")


class NothingToRate(Refusal):
    """Only finished work with an accepted lot is rated."""

    code = "nothing_to_rate"
    message = _("合同结束并且至少有一批验收通过后才能评价。")


class AlreadyRated(Refusal):
    """One rating for an engagement, one answer to it."""

    code = "already_rated"
    message = _("已经提交过，不能再改。")
