"""States of the rewards procedure: claims, notices, declarations, budgets' batches, payments, recoveries."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class ClaimState(models.TextChoices):
    DRAFTED = "drafted", _("系统测算，待企业确认")
    CONFIRMED = "confirmed", _("企业已确认，待初审")
    OBJECTED = "objected", _("企业有异议")
    FIRST_REVIEWED = "first_reviewed", _("初审通过，待复审")
    SECOND_REVIEWED = "second_reviewed", _("复审通过，待公示")
    IN_NOTICE = "in_notice", _("公示中")
    APPROVED = "approved", _("已批准")
    DISBURSED = "disbursed", _("已拨付")
    RETURNED = "returned", _("退回补正")
    REJECTED = "rejected", _("不予支持")
    REOPENED = "reopened", _("重新核定")
    RECOVERING = "recovering", _("追回中")
    RECOVERED = "recovered", _("已追回")


GRANTED_STATES = (ClaimState.APPROVED, ClaimState.DISBURSED, ClaimState.RECOVERING, ClaimState.RECOVERED)
"""States that only a claim with an award reaches; one whose supplement is in its notice has an award too."""

CLAIM = Machine(
    "reward_claim",
    ClaimState,
    [
        Move("confirm", ("drafted", "returned"), "confirmed", _("确认测算")),
        Move("object", ("drafted", "returned"), "objected", _("提出异议")),
        Move("answer", ("objected",), "drafted", _("答复异议")),
        Move("redraft", ("objected", "returned", "drafted"), "drafted", _("重新测算")),
        Move("first_review", ("confirmed",), "first_reviewed", _("初审通过")),
        Move("return", ("confirmed", "first_reviewed", "in_notice"), "returned", _("退回补正")),
        Move("reject", ("confirmed", "first_reviewed", "in_notice"), "rejected", _("不予支持")),
        Move("second_review", ("first_reviewed",), "second_reviewed", _("复审通过")),
        Move("adjust", ("confirmed", "first_reviewed"), "drafted", _("调整后同意，交企业确认")),
        Move("take_back_first", ("first_reviewed",), "confirmed", _("撤回初审意见")),
        Move("take_back_second", ("second_reviewed",), "first_reviewed", _("撤回复审意见")),
        Move("announce", ("second_reviewed", "reopened"), "in_notice", _("公示")),
        Move("approve", ("in_notice",), "approved", _("批准")),
        Move("disburse", ("approved",), "disbursed", _("拨付")),
        Move(
            "reopen",
            ("approved", "disbursed", "recovering", "recovered", "in_notice", "rejected"),
            "reopened",
            _("重新核定"),
        ),
        Move("recover", ("reopened",), "recovering", _("启动追回")),
        Move("settle_recovery", ("recovering", "reopened"), "recovered", _("完成追回")),
        Move("reduce", ("reopened",), "approved", _("核减，余额待拨付")),
        Move("uphold", ("reopened",), "disbursed", _("核定金额不变")),
        Move("top_up", ("disbursed",), "approved", _("补足预算不足时核减的补发")),
        Move("pay_again", ("disbursed",), "approved", _("到账后被银行退回，待重新拨付")),
        Move("void", ("reopened",), "rejected", _("核减为零")),
    ],
)


class ReminderKind(models.TextChoices):
    """What reviewers are told of a deadline."""

    SOON = "soon", _("即将到期")
    OVERDUE = "overdue", _("已逾期")


class Outcome(models.TextChoices):
    """What a decision says."""

    GRANTED = "granted", _("予以奖励")
    NOTHING_DUE = "nothing_due", _("无应付金额")
    NOT_ELIGIBLE = "not_eligible", _("不符合条件")
    SUPERSEDED = "superseded", _("已由更高奖励替代")
    UNDETERMINED = "undetermined", _("事实不全，暂不能认定")


class NoticeState(models.TextChoices):
    PUBLISHED = "published", _("已发布")
    WITHDRAWN = "withdrawn", _("已撤回")


NOTICE = Machine(
    "application_notice",
    NoticeState,
    [Move("withdraw", ("published",), "withdrawn", _("撤回通知"))],
)


class DeclarationState(models.TextChoices):
    DECLARED = "declared", _("待核实")
    VERIFIED = "verified", _("已核实")
    REFUSED = "refused", _("未通过核实")
    WITHDRAWN = "withdrawn", _("已撤回")
    SUPERSEDED = "superseded", _("已由新的申报替代")


DECLARATION = Machine(
    "reward_declaration",
    DeclarationState,
    [
        Move("verify", ("declared",), "verified", _("核实通过")),
        Move("refuse", ("declared",), "refused", _("核实不通过")),
        Move("withdraw", ("declared",), "withdrawn", _("撤回")),
        Move("supersede", ("verified",), "superseded", _("由新的申报替代")),
    ],
)


class RecognitionState(models.TextChoices):
    """How far the department has recognised a park, or a firm in one."""

    APPLIED = "applied", _("待部门认定")
    RECOGNISED = "recognised", _("已认定")
    REFUSED = "refused", _("不予认定")
    WITHDRAWN = "withdrawn", _("已撤回")
    REVOKED = "revoked", _("已撤销认定")


PARK_RECOGNITION = Machine(
    "park_recognition",
    RecognitionState,
    [
        Move("recognise", ("applied",), "recognised", _("认定")),
        Move("refuse", ("applied",), "refused", _("不予认定")),
        Move("withdraw", ("applied",), "withdrawn", _("撤回")),
        Move("revoke", ("recognised",), "revoked", _("撤销认定")),
    ],
)


class PublicObjectionState(models.TextChoices):
    FILED = "filed", _("待处理")
    DISMISSED = "dismissed", _("异议不成立")
    UPHELD = "upheld", _("异议成立")


PUBLIC_OBJECTION = Machine(
    "reward_public_objection",
    PublicObjectionState,
    [
        Move("dismiss", ("filed",), "dismissed", _("异议不成立")),
        Move("uphold", ("filed",), "upheld", _("异议成立")),
    ],
)


class ShortfallRule(models.TextChoices):
    """What happens when a budget does not suffice for all claims of a batch."""

    IN_ORDER = "in_order", _("按确认先后，其余等待下一笔预算")
    PRO_RATA = "pro_rata", _("全部按同一比例核减")
    HIGHEST_FIRST = "highest_first", _("金额高者先，其余等待下一笔预算")
    DEFER_ALL = "defer_all", _("全部暂缓，等待预算补足")


class BatchState(models.TextChoices):
    PROPOSED = "proposed", _("待第二人批准")
    APPROVED = "approved", _("已批准")
    WITHDRAWN = "withdrawn", _("已撤回")


BATCH = Machine(
    "reward_batch",
    BatchState,
    [
        Move("approve", ("proposed",), "approved", _("批准批次")),
        Move("withdraw", ("proposed",), "withdrawn", _("撤回批次")),
    ],
)


class AwardKind(models.TextChoices):
    """Rows of the register; what an award is worth is the sum of a claim's rows."""

    INITIAL = "initial", _("奖励")
    SUPPLEMENTARY = "supplementary", _("补发")
    REDUCTION = "reduction", _("核减")
    RESTORED = "restored", _("恢复登记")


class DisbursementState(models.TextChoices):
    PREPARED = "prepared", _("待第二人审批")
    APPROVED = "approved", _("已审批，待银行回单")
    SETTLED = "settled", _("已办结")
    CANCELLED = "cancelled", _("已取消")


DISBURSEMENT = Machine(
    "reward_disbursement",
    DisbursementState,
    [
        Move("approve", ("prepared",), "approved", _("审批拨付")),
        Move("cancel", ("prepared",), "cancelled", _("取消")),
        Move("settle", ("approved",), "settled", _("办结")),
    ],
)


class PaymentState(models.TextChoices):
    WAITING = "waiting", _("待回单")
    PAID = "paid", _("已到账")
    RETURNED = "returned", _("银行退回")
    CANCELLED = "cancelled", _("已取消")


PAYMENT = Machine(
    "reward_payment",
    PaymentState,
    [
        Move("pay", ("waiting",), "paid", _("登记到账")),
        Move("return", ("waiting",), "returned", _("银行退回")),
        Move("bounce", ("paid",), "returned", _("到账后被银行退回")),
        Move("cancel", ("waiting",), "cancelled", _("取消")),
    ],
)


class RecoveryState(models.TextChoices):
    OPENED = "opened", _("待第二人核定")
    CONFIRMED = "confirmed", _("待企业缴回")
    LIFTING = "lifting", _("拟撤销追回，待第二人核定")
    PAID = "paid", _("已缴清")
    LIFTED = "lifted", _("追回已撤销")
    WITHDRAWN = "withdrawn", _("已撤回")


HOLDING_RECOVERIES = (
    RecoveryState.CONFIRMED,
    RecoveryState.LIFTING,
    RecoveryState.PAID,
    RecoveryState.LIFTED,
)
"""States of a recovery that two people have confirmed: the register was reduced by it."""


RECOVERY = Machine(
    "reward_recovery",
    RecoveryState,
    [
        Move("confirm", ("opened",), "confirmed", _("核定追回")),
        Move("withdraw", ("opened",), "withdrawn", _("撤回")),
        Move("settle", ("confirmed",), "paid", _("缴清")),
        Move("propose_lift", ("confirmed",), "lifting", _("提出撤销追回")),
        Move("keep", ("lifting",), "confirmed", _("维持追回")),
        Move("ease", ("lifting",), "confirmed", _("减少应缴回金额")),
        Move("lift", ("lifting",), "lifted", _("撤销追回")),
    ],
)
