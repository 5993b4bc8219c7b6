"""Money that the bank sends back after its receipt was entered: reversed, told, and paid again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from config import wiring
from kernel import clock, events
from kernel.errors import InvalidInput, NotAllowed
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from settlement.ledger.models import Account, Entry, Purpose
from settlement.rewards import funds, services
from settlement.rewards.models import Award, BudgetLine, Claim, Payment
from settlement.rewards.states import ClaimState, DisbursementState, PaymentState
from tests import cast
from tests.sessions import confirm_identity
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import MARCH
from tests.settlement.rewards.test_money import DUE, at_once, balance, claim_of, qi, reworked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_march() -> Iterator[None]:
    before = dict(events._handlers)
    events.wire(wiring.handlers())
    with clock.moved_to(MARCH):
        yield
    events._handlers.clear()
    events._handlers.update(before)


def paid_claim() -> tuple[Claim, Payment]:
    claim = claim_of()
    steps.awarded(claim)
    (payment,) = steps.paid()
    claim.refresh_from_db()
    assert claim.state == ClaimState.DISBURSED
    return claim, payment


def returned(payment: Payment, reference: str = "退 0001", reason: str = "账户已销户") -> Payment:
    return services.reverse_receipt(
        by=cast.ruan(), at=MARCH, payment_id=payment.pk, reference=reference, reason=reason
    )


def test_what_comes_back_after_its_receipt_is_reversed_and_paid_again() -> None:
    claim, payment = paid_claim()
    entry = payment.entry
    assert entry is not None
    line = BudgetLine.objects.get()
    returned(payment)
    payment.refresh_from_db()
    claim.refresh_from_db()
    assert (payment.state, claim.state) == (PaymentState.RETURNED, ClaimState.APPROVED)
    assert payment.entry == entry
    assert payment.reversal is not None
    assert payment.reversal.reverses == entry
    assert (balance(Purpose.FISCAL), balance(Purpose.FIRM_BANK)) == (0, 0)
    assert payment.disbursement.state == DisbursementState.SETTLED
    standing = funds.standing_of(claim)
    assert (standing.granted_fen, standing.paid_fen, standing.unpaid_fen) == (6_800_000, 0, 6_800_000)
    position = funds.position_of(line)
    assert (position.granted_fen, position.paid_fen) == (6_800_000, 0)
    assert Award.objects.count() == 1
    told = AuditEvent.objects.get(action="rewards.reverse_receipt").detail
    assert (told["receipt"], told["reference"], told["reason"]) == (
        payment.reference,
        "退 0001",
        "账户已销户",
    )
    news = Notification.objects.filter(user=cast.lin().user_id).order_by("-pk").first()
    assert news is not None
    assert "被银行退回" in news.title
    (again,) = steps.paid(at=MARCH)
    claim.refresh_from_db()
    assert (again.state, claim.state) == (PaymentState.PAID, ClaimState.DISBURSED)
    assert (balance(Purpose.FISCAL), balance(Purpose.FIRM_BANK)) == (-6_800_000, 6_800_000)
    assert funds.position_of(line).paid_fen == 6_800_000
    assert sum(account.posted_fen for account in Account.objects.all()) == 0


def test_the_same_return_line_again_changes_nothing_and_another_is_refused() -> None:
    _claim, payment = paid_claim()
    returned(payment)
    count = Entry.objects.count()
    assert returned(payment).state == PaymentState.RETURNED
    with pytest.raises(services.ReturnDiffers):
        returned(payment, "退 0002")
    assert Entry.objects.count() == count
    assert AuditEvent.objects.filter(action="rewards.reverse_receipt").count() == 1


def test_a_return_needs_the_banks_own_line_and_a_reason() -> None:
    _claim, payment = paid_claim()
    for reference, reason in (("", "销户"), (" " * 3, "销户"), ("退" * 81, "销户"), ("退 1", " ")):
        with pytest.raises(InvalidInput):
            returned(payment, reference, reason)
    with pytest.raises(InvalidInput, match="回单号"):
        returned(payment, payment.reference)
    assert Entry.objects.filter(kind="reversal").count() == 0


def test_a_receipt_is_not_entered_again_once_its_money_came_back() -> None:
    _claim, payment = paid_claim()
    returned(payment)
    (second,) = steps.disbursement(at=MARCH).payments.all()
    with pytest.raises(InvalidInput):
        services.enter_receipt(by=cast.ruan(), at=MARCH, payment_id=second.pk, reference=payment.reference)
    with pytest.raises(MoveNotAllowed):
        services.enter_receipt(by=cast.ruan(), at=MARCH, payment_id=payment.pk, reference="回单 X")


def test_what_was_never_paid_has_no_receipt_to_reverse() -> None:
    steps.awarded(claim_of())
    (payment,) = steps.disbursement().payments.all()
    with pytest.raises(MoveNotAllowed):
        returned(payment)


def test_the_wrong_party_reverses_nothing() -> None:
    _claim, payment = paid_claim()
    given = {"at": MARCH, "payment_id": payment.pk, "reference": "退 1", "reason": "销户"}
    for who in (cast.lin, cast.gu, cast.yan, cast.mei):
        with pytest.raises(NotAllowed):
            services.reverse_receipt(by=who(), **given)
    with pytest.raises(services.OtherDepartment):
        services.reverse_receipt(by=qi(), **given)
    assert Entry.objects.filter(kind="reversal").count() == 0


def test_money_asked_back_comes_back_as_a_recovery_and_not_twice() -> None:
    order = trades.sale("6800000.00")
    claim = services.draft_claim(by=cast.lin(), at=steps.DRAFTED, firm_id=order.supplier_id, year=2025)
    steps.announced(claim)
    steps.batch()
    (payment,) = steps.paid()
    trades.refund(order, "6800000.00", at=MARCH)
    reworked(claim)
    given = {"at": MARCH, "claim_id": claim.pk, "cause": "退款", "due_on": DUE}
    case = services.open_recovery(by=cast.shen(), **given)
    with pytest.raises(services.RecoveryStands, match=case.number):
        returned(payment)
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    with pytest.raises(services.RecoveryStands, match=case.number):
        returned(payment)
    assert Entry.objects.filter(kind="reversal").count() == 0


def test_a_claim_that_is_reopened_rests_as_unpaid_once_its_money_came_back() -> None:
    claim, payment = paid_claim()
    services.reopen(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="核对账户")
    returned(payment)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REOPENED
    assert services.uphold(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="金额不变").state == "approved"


@pytest.mark.django_db(transaction=True)
def test_eight_people_at_once_reverse_it_once() -> None:
    _claim, payment = paid_claim()
    assert at_once(8, lambda: returned(payment)) == []
    assert Entry.objects.filter(kind="reversal").count() == 1
    assert balance(Purpose.FISCAL) == 0


def test_raw_sql_cannot_call_a_posted_payment_returned() -> None:
    _claim, payment = paid_claim()
    with pytest.raises(IntegrityError, match="payment_paid_is_posted"), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(state="returned")


def test_a_return_is_entered_on_the_page_and_the_firm_sees_it() -> None:
    claim, payment = paid_claim()
    fang, lin = Client(headers={"accept-language": "zh-hans"}), Client(headers={"accept-language": "zh-hans"})
    fang.force_login(cast.ruan().user)
    confirm_identity(fang)
    lin.force_login(cast.lin().user)
    here = reverse("rewards:disbursement", args=[payment.disbursement.number])
    assert "登记到账后退回" in fang.get(here).content.decode()
    post = reverse("rewards:settle", args=[payment.pk])
    told = {"idempotency_key": "a1", "outcome": "bounced", "reference": "", "reason": "账户已销户"}
    assert fang.post(post, told).status_code == 422
    assert fang.post(post, {**told, "idempotency_key": "a2", "reference": "退 0001"}).status_code == 302
    page = fang.get(here).content.decode()
    assert "退回流水 退 0001" in page
    assert "到账后被银行退回" in page
    shown = lin.get(f"/rewards/{claim.number}/").content.decode()
    assert "银行退回" in shown
    assert "账户已销户" in shown


def test_the_api_enters_a_return_before_and_after_the_receipt() -> None:
    _claim, payment = paid_claim()
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(cast.ruan().user)
    confirm_identity(client)

    def sent(key: str, payment: Payment, **body: str) -> tuple[int, dict[str, object]]:
        answer = client.post(
            f"/api/rewards/payments/{payment.pk}/return", json.dumps(body), content_type="application/json",
            headers={"idempotency-key": key},
        )  # fmt: skip
        return answer.status_code, answer.json()

    assert sent("k1", payment, reason="销户")[0] == 422
    status, told = sent("k2", payment, reason="销户", reference="退 7")
    assert (status, told["payments"][0]["return_reference"]) == (200, "退 7")  # type: ignore[index]
    (second,) = steps.disbursement(at=MARCH).payments.all()
    status, told = sent("k3", second, reason="户名不符")
    assert (status, told["payments"][0]["state"], told["payments"][0]["reason"]) == (
        200,
        "returned",
        "户名不符",
    )  # type: ignore[index]
