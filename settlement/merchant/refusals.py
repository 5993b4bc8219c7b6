"""What `/v1/` says no to; codes are those that Stripe's clients know."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal


class UnexpectedState(Refusal):
    """The intent is not in a state for this."""

    code = "payment_intent_unexpected_state"
    message = _("这笔收款当前为“%(state)s”，不能进行此操作。请先查询最新状态。")


class MethodMissing(Refusal):
    """A confirmation without a way to pay."""

    code = "parameter_missing"
    message = _("请给出 payment_method，例如 pm_card_visa。")
    status = 422


class CustomerMissing(Refusal):
    """A bank transfer needs to know who pays."""

    code = "parameter_missing"
    message = _("银行转账须指定 customer，到账款项才能对应到付款人。")
    status = 422


class CustomerDeleted(Refusal):
    """A deleted customer keeps its payments and makes no new ones."""

    code = "resource_missing"
    message = _("客户 %(number)s 已删除，不能用于新的收款或绑定付款方式。请新建客户。")
    status = 422


class TestOnly(Refusal):
    """Test cards and test helpers do not exist in a live installation."""

    __test__ = False
    code = "testmode_charges_only"
    message = _("本平台已启用真实收付款，测试卡和测试接口不可用。请改用银行转账。")


class NotForOrders(Refusal):
    """An order's payment follows the order."""

    code = "payment_intent_unexpected_state"
    message = _("这是订单 %(number)s 的付款，由订单的签约、验收和退款决定，不能单独进行此操作。")


class AmountTooLarge(Refusal):
    """More than was authorized."""

    code = "amount_too_large"
    message = _("请款金额不能超过已授权的 %(most)s。")
    status = 422


class AuthorizationExpired(Refusal):
    """The payer's bank no longer keeps the amount for us."""

    code = "charge_expired_for_capture"
    message = _("这笔授权已于 %(until)s 到期，款项已退还付款人的额度，不能再请款。请重新发起收款。")


class ChargeAlreadyRefunded(Refusal):
    """Nothing, or less than asked, is left to give back."""

    code = "charge_already_refunded"
    message = _("最多还能退 %(left)s。请减少退款金额。")


class ChargeNotCaptured(Refusal):
    """Only money that was taken can be given back."""

    code = "charge_not_refundable"
    message = _("这笔收款还没有请款成功，没有可退的款项。未请款的授权请取消。")


class BalanceTooLow(Refusal):
    """The account's balance does not cover it."""

    code = "balance_insufficient"
    message = _("可用余额 %(balance)s，不足以支付 %(needed)s。请等待收款入账或减少金额。")


class DayLimit(Refusal):
    """More than one person sends out in a day; a payout of that size waits for two people instead."""

    code = "amount_too_large"
    message = _(
        "本单位一天内由一人转出的款项以 %(limit)s 为限，今天还可转出 %(left)s。"
        "请减少金额或次日再办；更大的金额请发起提现，由两位同事批准后经银行支付。"
    )
    status = 403


class RecipientTooLow(Refusal):
    """What was received is no longer there; how much is, is the recipient's own affair."""

    code = "balance_insufficient"
    message = _("收款方的可用余额不足以退回 %(needed)s。请减少退回金额，或联系收款方。")


class TransferReversed(Refusal):
    """Nothing, or less than asked, is left to take back."""

    code = "transfer_already_reversed"
    message = _("这笔转账最多还能退回 %(left)s。请减少退回金额。")


class TransferSettled(Refusal):
    """Only who received it gives it back by now."""

    code = "transfer_reversal_not_allowed"
    message = _("转出超过 %(hours)s 小时的转账只能由收款方退回。请联系收款方发起退回。")
    status = 403


class BankAccountMissing(Refusal):
    """A payout needs somewhere to go."""

    code = "no_account"
    message = _("本单位还没有登记收款银行账户。请由财务人员在“商户收付款”页面登记后再提现。")


class ReferenceReused(Refusal):
    """The bank's reference was booked before with other content."""

    code = "arrival_reference_reused"
    message = _("银行流水号 %(reference)s 已按其他金额或账号登记。请核对对账单。")


class ApprovedBefore(Refusal):
    """One person, one approval."""

    code = "payout_approved_before"
    message = _("您已经批准过这笔提现，还需要另一位同事批准。")


class OwnPayout(Refusal):
    """Who asked for a payout does not approve it."""

    code = "self_review"
    message = _("发起人不能批准自己的提现，请由另外两位同事批准。")
    status = 403


class PayoutAtBank(Refusal):
    """The bank's statement says that the payout went out."""

    code = "payout_at_bank"
    message = _(
        "该笔提现已与银行支出流水匹配，不能登记失败或退汇。确有退汇的，请先在银行对账中撤销匹配并写明原因。"
    )


class PersonNeeded(Refusal):
    """A program cannot do this."""

    code = "person_needed"
    message = _("这一步须由人员登录后在页面上操作，不能用 API 密钥。")
    status = 403


class PaymentFailed(Refusal):
    """The payer's side said no. The attempt is kept, so this is told after the transaction."""

    code = "card_declined"
    message = _("付款方的银行拒绝了这笔付款，款项没有转出。请换一种付款方式重试。")
    status = 402

    def __init__(self, *, told: dict[str, Any], **context: Any) -> None:
        super().__init__(**context)
        self.told = told
