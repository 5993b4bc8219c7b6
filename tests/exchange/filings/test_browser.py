"""The pages of filings in a real browser: wide and narrow, Chinese and English, axe clean, also without script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchange.filings import rules
from exchange.filings import services as filings
from exchange.filings.models import OutsideFiling, PastTrade, Reconciliation
from kernel import clock
from tests import cast
from tests.exchange.filings.scenes import FILED, filed, refunded
from tests.exchange.filings.tables import checked, csv_of, imported, row

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def town() -> dict[str, str]:
    """A filing with three issues, an export, a queue with every state, a reconciliation, imports good and bad."""
    filing = refunded(refunded(filed(), "8000.00"), "68000.00", days=6)
    filed()
    day = clock.business_date(FILED)
    filings.produce(by=cast.gu(), at=FILED + timedelta(days=9), first=day, final=day, is_daily=True)
    filings.produce(
        by=cast.gu(),
        at=FILED + timedelta(days=9),
        first=day,
        final=day + timedelta(days=8),
        has_imported=True,
    )
    answers = {"acknowledged": 201, "rejected": 422, "sent": None}
    for (state, status), each in zip(answers.items(), OutsideFiling.objects.order_by("pk"), strict=False):
        OutsideFiling.objects.filter(pk=each.pk).update(
            state=state, answered_at=FILED, answer_status=status, attempt_count=1,
            answer_text='{"error": "amount_fen must be positive"}' if status == 422 else "", receipt_number="R-1",
        )  # fmt: skip
    differing = [
        ("JY-2026-0000001-X", rules.MISSING_THERE, 6_800_000, None, "filed", None),
        ("JY-2026-0000002-X", rules.AMOUNT_DIFFERS, 6_800_000, 6_000_000, "filed", "amended"),
    ]
    names = ("number", "kind", "our_fen", "their_fen", "our_state", "their_state")
    reconciled = Reconciliation.objects.create(
        day=day, made_by="Gu", made_at=FILED, our_count=3, their_count=2, matched_count=1,
        differences=[dict(zip(names, each, strict=True)) for each in differing],
    )  # fmt: skip
    done = imported({}, {"amount": "100.50", "tax": ""})
    bad = checked(
        csv_of([row(amount="0", supplier_uscc="91441802MA5000001P"), row(voucher_number="B", venue="")])
    )
    ready = checked(csv_of([row(voucher_number="NEW")]))
    number, check = filing.voucher_number, rules.check_of(filing.token)
    former = rules.check_of(filing.former_vouchers.get(sequence=1).token)
    return {
        "register": "/filings/", "imported": "/filings/?source=imported", "all": "/filings/?source=all",
        "voucher": f"/filings/{filing.pk}/", "former": f"/filings/{filing.pk}/?sequence=1",
        "exports": "/filings/exports/", "outside": "/filings/outside/",
        "reconciliation": f"/filings/outside/reconciliations/{reconciled.pk}/", "imports": "/filings/past/",
        "done": f"/filings/past/{done.pk}/", "bad": f"/filings/past/{bad.pk}/", "ready": f"/filings/past/{ready.pk}/",
        "verify": "/vouchers/", "verified": f"/vouchers/{number}/", "checked": f"/vouchers/{number}/?check={check}",
        "replaced": f"/vouchers/{number}/?check={former}",
    }  # fmt: skip


PUBLIC = ("verify", "verified", "checked", "replaced")


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults = []
    addresses = town()
    pages: dict[bool, Page] = {}
    for name, address in addresses.items():
        is_public = name in PUBLIC
        if is_public not in pages:
            pages[is_public] = live_chromium.page(width=width, language=language)
            if not is_public:
                live_chromium.sign_in(pages[is_public], cast.gu().user)
        faults += live_chromium.faults(pages[is_public], address, widths=(width,))
    assert faults == []


def test_past_trades_are_imported_without_script(live_chromium: Visit, tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_bytes(csv_of([row(), row(voucher_number="B", amount="100.50", tax="")]))
    page = live_chromium.page(width=390, scripts=False)
    live_chromium.sign_in(page, cast.gu().user)
    page.goto("/filings/past/")
    page.set_input_files("input[type=file]", file)
    page.click("button:has-text('检查')")
    page.wait_for_selector("text=没有发现问题，可以导入，含税金额合计 ¥68,100.50。")
    page.click("button:has-text('确认导入 2 笔')")
    page.wait_for_selector("text=在登记簿中查看")
    assert PastTrade.objects.count() == 2
