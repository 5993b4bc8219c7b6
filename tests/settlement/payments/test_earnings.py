"""What annotators earn with an accepted project."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import User
from audit.models import AuditEvent
from kernel.money import Money
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments import selectors, services
from settlement.payments.models import Payout
from tests import cast
from tests.settlement.payments.deals import project

pytestmark = pytest.mark.django_db
SYSTEM = cast.Actor.system("测试")


def earned(user: User | None) -> Money:
    return ledger.balance_of(user=user, purpose=Purpose.EARNINGS)


def test_each_annotator_earns_price_times_accepted_tasks_in_one_entry() -> None:
    found = project(mei=3, ning=5)
    payouts = services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=found.pk)
    assert {str(payout.annotator): (payout.task_count, payout.amount_fen) for payout in payouts} == {
        "Mei": (3, 150),
        "Ning": (5, 250),
    }
    assert Entry.objects.count() == 1
    assert earned(cast.mei().user) == Money(150)
    assert ledger.balance_of(organization=found.firm, purpose=Purpose.LABOUR_COST) == Money(-400)
    connection.check_constraints()
    assert ledger.prove().is_sound
    assert AuditEvent.objects.get(action="payments.pay_annotators").detail["amount_fen"] == 400


def test_a_project_is_paid_once() -> None:
    found = project(mei=3)
    first = services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=found.pk)
    assert services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=found.pk) == first
    assert Payout.objects.count() == Entry.objects.count() == 1


def test_nothing_is_owed_before_acceptance() -> None:
    found = project(state="delivered", mei=3)
    with pytest.raises(services.ProjectNotAccepted):
        services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=found.pk)


def test_work_without_pay_or_without_accepted_tasks_makes_no_entry() -> None:
    assert services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=project(price_fen=0, mei=2).pk) == []
    assert services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=project().pk) == []
    assert not Entry.objects.exists()


def test_an_annotator_sees_only_what_is_their_own() -> None:
    services.pay_annotators(by=SYSTEM, at=cast.NOON, project_id=project(mei=3, ning=5).pk)
    mine = selectors.earnings_of(cast.mei())
    assert (mine.balance, mine.earned, mine.task_count) == (Money(150), Money(150), 3)
    assert [payout.amount_fen for payout in selectors.payouts_of(cast.mei())] == [150]
    _entry, legs, others = ledger.entry_visible_to(cast.mei(), Entry.objects.get().pk)
    assert ([leg.amount_fen for leg in legs], others) == ([150], 2)
