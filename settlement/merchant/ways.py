"""Ways to pay: what `/v1/` asks of the payer's side, one adapter for each kind of payment method.

An adapter keeps no state and moves no money: it says whether an intent may be paid its way, how the payer's side answers,
and between which ledger account and the balance the money goes. Money that comes later (`waits`) is told by whoever reads
it, in the built-in way the import of bank statement files, through `services.money_arrived`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from kernel.errors import InvalidInput
from settlement.ledger.models import Purpose
from settlement.ledger.services import Address
from settlement.merchant import rules
from settlement.merchant.models import Intent, PaymentMethod
from settlement.merchant.refusals import CustomerMissing, TestOnly
from settlement.merchant.states import CaptureMethod, MethodType


class Outcome(Enum):
    """What the payer's side says when it is asked for the money."""

    GRANTED = "granted"  # at once: to be captured now or later
    REFUSED = "refused"
    AWAITED = "awaited"  # the payer sends it by itself


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome; for a refusal with the codes that Stripe's clients know."""

    outcome: Outcome
    failure_code: str = ""
    decline_code: str = ""


class Way(ABC):
    """One kind of payment method. `kind` is its `type` at `/v1/`; `waits`: a customer's transfers pay for it."""

    kind: ClassVar[str]
    waits: ClassVar[bool] = False

    @abstractmethod
    def make(self, method: PaymentMethod, token: str) -> None:
        """Fill in a new method from the caller's token. Raises InvalidInput, TestOnly."""

    @abstractmethod
    def require_fitting(self, intent: Intent) -> None:
        """Raise a refusal that names the field when this intent cannot be paid this way."""

    @abstractmethod
    def ask(self, method: PaymentMethod) -> Answer:
        """The payer's answer to being asked for the money; the intent and its customer are under lock."""

    @abstractmethod
    def counterpart(self, organization_id: UUID, charge_id: UUID) -> Address:
        """The ledger account that a charge's money comes from and its refunds go back to."""


class TestCards(Way):
    """Cards that exist only here, by their tokens; a live installation knows none."""

    __test__ = False
    kind = MethodType.CARD

    def make(self, method: PaymentMethod, token: str) -> None:
        if settings.PAYMENTS_LIVE:
            raise TestOnly(field="type")
        card = rules.TEST_CARDS.get(token)
        if card is None:
            raise InvalidInput(
                field="card[token]",
                reason=_("只接受测试卡令牌（例如 tok_visa、pm_card_visa），平台不接收卡号。"),
            )
        method.brand, method.last4 = card.brand, card.last4
        method.failure_code, method.decline_code = card.failure_code, card.decline_code

    def require_fitting(self, intent: Intent) -> None:
        if settings.PAYMENTS_LIVE:
            raise TestOnly(field="payment_method")

    def ask(self, method: PaymentMethod) -> Answer:
        if method.failure_code:
            return Answer(Outcome.REFUSED, method.failure_code, method.decline_code)
        return Answer(Outcome.GRANTED)

    def counterpart(self, organization_id: UUID, charge_id: UUID) -> Address:
        return Address.of_platform(Purpose.BANK, charge_id)


class BankTransfer(Way):
    """The customer's transfer to a virtual account; it arrives with a line of a bank statement file."""

    kind = MethodType.CUSTOMER_BALANCE
    waits = True

    def make(self, method: PaymentMethod, token: str) -> None:
        if token:
            raise InvalidInput(field="card[token]", reason=_("银行转账不使用卡令牌，请去掉 card。"))

    def require_fitting(self, intent: Intent) -> None:
        if intent.customer_id is None:
            raise CustomerMissing(field="customer")
        if intent.capture_method == CaptureMethod.MANUAL:
            raise InvalidInput(field="capture_method", reason=_("银行转账到账即入账，不支持手动请款。"))

    def ask(self, method: PaymentMethod) -> Answer:
        return Answer(Outcome.AWAITED)

    def counterpart(self, organization_id: UUID, charge_id: UUID) -> Address:
        return Address(Purpose.CUSTOMER_CASH, organization_id)


WAYS: dict[str, Way] = {way.kind: way for way in (TestCards(), BankTransfer())}


def way_of(method: PaymentMethod) -> Way:
    """The adapter of a method's kind."""
    return WAYS[method.kind]
