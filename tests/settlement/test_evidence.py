"""From a claim and a risk case down to the money: everybody who decides can read what is cited."""

from __future__ import annotations

import pytest
from django.test import Client

from kernel.errors import NotFound
from organizations.permissions import Actor
from settlement.ledger import selectors
from settlement.ledger.models import Entry
from settlement.ledger.states import CITED, EntryKind
from settlement.revenue.models import RevenueLine
from tests import cast
from tests.settlement import trades

pytestmark = pytest.mark.django_db


def page(viewer: Actor, path: str) -> tuple[int, str]:
    """What a person gets under an address."""
    client = Client()
    client.force_login(viewer.user)  # type: ignore[arg-type]
    answer = client.get(path)
    return answer.status_code, answer.content.decode()


def release() -> Entry:
    """The entry that paid a sale of 清蓝 out."""
    return trades.sale("6800000.00").release.entry


@pytest.mark.parametrize("who", [cast.gu, cast.shen, cast.ruan, cast.yan])
def test_who_reviews_or_approves_reads_the_whole_entry_that_a_sale_rests_on(who: object) -> None:
    entry = release()
    found, legs, hidden = selectors.entry_visible_to(who(), entry.pk)  # type: ignore[operator]
    assert (found, len(legs), hidden) == (entry, 3, 0)
    assert sum(int(leg.amount_fen) for leg in legs) == 0
    status, text = page(who(), f"/ledger/entries/{entry.pk}/")  # type: ignore[operator]
    assert (status, "清蓝" in text) == (200, True)


def test_a_reviewer_is_led_to_no_account_that_stays_closed_to_them() -> None:
    entry = release()
    _status, text = page(cast.shen(), f"/ledger/entries/{entry.pk}/")
    assert "/ledger/accounts/" not in text
    _status, text = page(cast.lin(), f"/ledger/entries/{entry.pk}/")
    assert text.count('<a href="/ledger/accounts/') == 1
    account = entry.postings.first().account  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        selectors.account_visible_to(cast.shen(), account.pk)


def test_nobody_else_reads_it_and_pay_is_no_evidence() -> None:
    entry = release()
    with pytest.raises(NotFound):
        selectors.entry_visible_to(cast.he(), entry.pk)
    assert not {EntryKind.PAYRUN, EntryKind.LABOUR, EntryKind.PAYOUT, EntryKind.TRANSFER} & CITED


def test_a_departments_finance_follows_a_claim_to_its_revenue() -> None:
    trades.sale("6800000.00")
    line = RevenueLine.objects.get()
    for path in (f"/revenue/?firm={line.firm_id}&year={line.year}", f"/revenue/lines/{line.pk}/"):
        assert page(cast.ruan(), path)[0] == 200
        assert page(cast.he(), path)[0] in (403, 404)
