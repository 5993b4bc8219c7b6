"""Vouchers: the proofs they claim, their PDF, what the public page says of each issue."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assets.datasets.models import DatasetFile
from audit.models import AuditEvent
from documents import objects
from exchange.delivery import services as delivery
from exchange.filings import rules, sheets, verification
from exchange.filings import services as filings
from exchange.filings.models import Filing, VoucherDocument
from exchange.filings.selectors import issues_of, visible_filing, voucher_url
from exchange.filings.verification import Outcome
from exchange.trading import services as trading
from kernel.errors import InvalidInput, NotFound
from signing.services import sign, verify
from tests import cast
from tests.cast import NOON
from tests.exchange import market
from tests.exchange.filings.scenes import FILED, LATER, client_of, filed, refunded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unthrottled() -> None:
    cache.clear()


def pdf_of(filing: Filing, sequence: int | None = None) -> bytes:
    document, link = filings.hand_out_document(
        by=cast.zhou(), at=LATER, filing_id=filing.pk, sequence=sequence
    )
    assert f"{filing.voucher_number}-{document.sequence}.pdf" in link
    return objects.get(document.object_key)


# --- what is claimed ----------------------------------------------------------------------------


def test_a_voucher_proves_delivery_acceptance_and_the_accesses_before_it() -> None:
    stored = (objects.put("test", "第一条评论".encode(), "text/plain"),)
    order = market.delivered(market.listed(files=stored))
    file = DatasetFile.objects.get(version=order.version)
    for hours in (1, 2):
        delivery.hand_out_link(
            by=cast.zhou(), at=NOON + timedelta(hours=hours), order_id=order.pk, file_id=file.pk
        )
    trading.accept_order(by=cast.zhou(), at=NOON + timedelta(hours=3), order_id=order.pk)
    delivery.hand_out_link(by=cast.zhou(), at=NOON + timedelta(hours=4), order_id=order.pk, file_id=file.pk)
    trading.complete_order(by=market.SYSTEM, at=NOON + timedelta(hours=5), order_id=order.pk)
    claims = verify(filings.file_trade(by=market.SYSTEM, at=FILED, order_id=order.pk).token)
    assert claims["delivery"] == {
        "root_hash": order.version.root_hash,
        "file_count": 1,
        "byte_count": file.size,
        "access_count": 2,
    }
    assert claims["acceptance"] == {"by": "buyer", "acceptor": "Zhou · 云山智能（示例）有限公司"}
    assert claims["is_demo"] is True
    assert "receipt" not in claims
    assert "invoices" not in claims


def test_a_trade_that_nobody_accepted_says_so() -> None:
    order = market.delivered()
    end = NOON + timedelta(days=30)
    trading.accept_expired(at=end, order_id=order.pk)
    trading.complete_order(by=market.SYSTEM, at=end, order_id=order.pk)
    filing = filings.file_trade(by=market.SYSTEM, at=end, order_id=order.pk)
    assert filing.claims["acceptance"] == {"by": "end_of_inspection", "acceptor": "系统 · 验收期届满"}
    page = client_of(cast.zhou()).get(f"/filings/{filing.pk}/").content.decode()
    assert "验收期届满未提出异议，视为验收通过" in page


def test_what_only_settlement_knows_comes_as_an_argument() -> None:
    receipt = rules.Receipt("ZF-2026-0000001-X", 6_800_000, FILED)
    filing = filings.file_trade(by=market.SYSTEM, at=FILED, order_id=market.completed().pk, receipt=receipt)
    assert filing.claims["receipt"] == {
        "payment": "ZF-2026-0000001-X", "released_fen": 6_800_000, "released_at": "2026-03-03T04:00:00Z",
    }  # fmt: skip
    assert dict(sheets.facts_of(filing.claims))["资金"] == (
        "ZF-2026-0000001-X，2026-03-03 12:00 自托管账户放款 ¥68,000.00"
    )
    assert dict(sheets.facts_of(filing.claims))["发票"] == "备案时未开具"


def test_invoices_that_stand_at_filing_are_signed_printed_and_listed() -> None:
    invoices = [
        rules.Invoiced("", "26442000000000000001", date(2026, 3, 2), 6_000_000),
        rules.Invoiced("044002300111", "00000007", date(2026, 3, 3), 800_000),
    ]
    filing = filings.file_trade(by=market.SYSTEM, at=FILED, order_id=market.completed().pk, invoices=invoices)
    claims = verify(filing.token)
    assert claims["invoices"] == [
        {"code": "", "number": "26442000000000000001", "issued_on": "2026-03-02", "amount_fen": 6_000_000},
        {"code": "044002300111", "number": "00000007", "issued_on": "2026-03-03", "amount_fen": 800_000},
    ]
    told = "26442000000000000001、044002300111 00000007"
    assert dict(sheets.facts_of(filing.claims))["发票"] == told
    assert rules.register_row(claims)["invoice_numbers"] == told
    page = client_of(cast.zhou()).get(f"/filings/{filing.pk}/").content.decode()
    assert told in page
    assert "备案时未开具" not in page
    assert refunded(filing, "8000.00").claims["invoices"] == claims["invoices"]


def test_an_amendment_keeps_what_was_filed_and_names_what_it_replaces() -> None:
    filing = filed()
    first, token = filing.claims, filing.token
    amended = refunded(filing, "8000.00").claims
    told_anew = {"iat", "status", "sequence", "refunded_fen", "filed_fen", "amended_at", "replaces"}
    assert {name: amended[name] for name in first if name not in told_anew} == {
        name: first[name] for name in first if name not in told_anew
    }
    assert amended["replaces"] == {
        "sequence": 1, "filed_fen": 6_800_000, "sha256": hashlib.sha256(token.encode()).hexdigest(),
    }  # fmt: skip
    assert rules.register_row(amended)["change_fen"] == -800_000


# --- on paper -----------------------------------------------------------------------------------


def test_a_pdf_is_made_once_for_each_issue_and_every_hand_out_is_on_record() -> None:
    filing = filed()
    body = pdf_of(filing)
    assert body.startswith(b"%PDF-")
    assert pdf_of(filing) == body == sheets.pdf(filing.claims, filing.token)
    document = VoucherDocument.objects.get()
    assert (document.sequence, document.sha256) == (1, hashlib.sha256(body).hexdigest())
    assert AuditEvent.objects.filter(action="filings.document").count() == 2
    again = refunded(filing, "8000.00")
    assert pdf_of(again) != body
    assert pdf_of(again, 1) == body
    assert VoucherDocument.objects.count() == 2
    with pytest.raises(NotFound):
        filings.hand_out_document(by=cast.zhou(), at=LATER, filing_id=filing.pk, sequence=3)
    with pytest.raises(NotFound):
        filings.hand_out_document(by=cast.he(), at=LATER, filing_id=filing.pk)


def test_the_qr_code_leads_to_the_proof_of_this_issue() -> None:
    filing = filed()
    sheet = sheets.sheet_of(filing.claims, filing.token)
    assert sheet["is_demo"] is True
    assert sheet["url"] == voucher_url(filing.claims, filing.token)
    assert sheet["url"].endswith(f"/vouchers/{filing.voucher_number}/?check={rules.check_of(filing.token)}")
    assert len(rules.check_of(filing.token)) == 22
    assert sheets.picture(filing.claims, filing.token, pixels_per_inch=40).startswith(b"\x89PNG")


# --- verification -------------------------------------------------------------------------------


def outcomes(filing: Filing, bodies: dict[int, bytes]) -> dict[int, set[Outcome]]:
    """What is said of every issue, presented as token, as PDF, and by its QR code."""
    issues = issues_of(visible_filing(cast.gu(), filing.pk))
    return {
        issue.sequence: {
            verification.by_text(f"  {issue.token}\n").outcome,
            verification.by_file(bodies[issue.sequence]).outcome,
            verification.by_number(str(filing.voucher_number), check=rules.check_of(issue.token)).outcome,
            verification.by_file(f'{{"token": "{issue.token}"}}'.encode()).outcome,
        }
        for issue in issues
    }


def test_every_form_of_an_issue_is_in_force_until_a_refund_replaces_it() -> None:
    filing = filed()
    bodies = {1: pdf_of(filing)}
    assert outcomes(filing, bodies) == {1: {Outcome.IN_FORCE}}
    filing = refunded(filing, "8000.00")
    bodies[2] = pdf_of(filing)
    assert outcomes(filing, bodies) == {1: {Outcome.REPLACED}, 2: {Outcome.IN_FORCE}}
    filing = refunded(filing, "68000.00", days=6)
    bodies[3] = pdf_of(filing)
    assert outcomes(filing, bodies) == {
        1: {Outcome.REPLACED}, 2: {Outcome.REPLACED}, 3: {Outcome.VOIDED},
    }  # fmt: skip
    words = str(verification.by_file(bodies[1]).words)
    assert words == "出示的是第 1 版，2026-03-08 因退款被第 2 版取代；现行的是第 3 版。"


def test_what_was_changed_or_signed_elsewhere_is_not_ours() -> None:
    filing = filed()
    body = pdf_of(filing)
    assert verification.by_file(body[:-1] + b"x").outcome is Outcome.NOT_OURS
    head, payload, signature = filing.token.split(".")
    assert verification.by_text(f"{head}.{payload[:-2]}AA.{signature}").outcome is Outcome.NOT_OURS
    other = sign({**filing.claims, "filed_fen": 1}, type_=rules.VOUCHER_TYPE)
    assert verification.by_text(other).outcome is Outcome.NOT_OURS
    assert verification.by_number(str(filing.voucher_number), check="x" * 22).outcome is Outcome.NOT_OURS
    assert verification.by_text("JY-2026-9999999-X").outcome is Outcome.UNKNOWN
    assert verification.by_file(b"\xff\xfe\x00").outcome is Outcome.NOT_OURS
    with pytest.raises(InvalidInput):
        verification.by_file(b" " * (verification.LARGEST_FILE + 1))


def test_a_number_alone_tells_neither_parties_nor_amounts() -> None:
    filing = refunded(filed(), "8000.00")
    page = Client().get(f"/vouchers/{filing.voucher_number}/").content.decode()
    assert "登记簿上有这份凭证，现行的是第 2 版。" in page
    assert not re.search(r"清蓝|云山|60,000|68,000", page)
    shown = Client().get(f"/vouchers/{filing.voucher_number}/?check={rules.check_of(filing.token)}")
    assert "¥60,000.00" in shown.content.decode()
    assert "清蓝" in shown.content.decode()
    told = Client().get(f"/api/filings/vouchers/{filing.voucher_number}").json()
    assert told == {
        "outcome": "in_force", "number": filing.voucher_number, "state": "amended", "sequence": 2,
        "presented_sequence": None, "replaced_at": None, "claims": None,
    }  # fmt: skip
    assert Client().get("/vouchers/JY-2026-9999999-X/").status_code == 404


def test_the_public_page_takes_numbers_texts_and_files() -> None:
    filing = filed()
    old = pdf_of(filing)
    refunded(filing, "68000.00")

    def said(**form: Any) -> tuple[int, str]:
        answer = Client().post("/vouchers/", form)
        return answer.status_code, answer.content.decode()

    status, page = said(file=SimpleUploadedFile("voucher.pdf", old))
    assert status == 200
    assert 'data-say="已被取代"' in page
    assert 'data-say="已作废"' in said(presented=str(filing.voucher_number).lower())[1]
    assert said(presented="")[0] == 422
    answer = Client().post(
        "/api/filings/verification", {"presented": filing.token}, content_type="application/json"
    )
    assert (answer.json()["outcome"], answer.json()["claims"]["filed_fen"]) == ("replaced", 6_800_000)


# --- the page -----------------------------------------------------------------------------------


def test_the_page_shows_every_issue_and_what_a_refund_took() -> None:
    filing = refunded(filed(), "8000.00")
    client = client_of(cast.zhou())
    page = client.get(f"/filings/{filing.pk}/").content.decode()
    assert "因退款 ¥8,000.00 更正过" in page
    assert "−¥8,000.00" in page
    assert "退款后" in page
    assert "备案时未开具" in page
    former = client.get(f"/filings/{filing.pk}/?sequence=1").content.decode()
    assert "这是第 1 版" in former
    assert client.get(f"/filings/{filing.pk}/?sequence=7").status_code == 404
    assert client_of(cast.he()).get(f"/filings/{filing.pk}/").status_code == 404


def test_pdf_and_jwt_are_handed_out_to_the_sides_only() -> None:
    filing = filed()
    client = client_of(cast.lin())
    assert client.post(f"/filings/{filing.pk}/document/").status_code == 302
    assert client.get(f"/filings/{filing.pk}/document/").status_code == 405
    jwt = client.get(f"/filings/{filing.pk}/token/")
    assert jwt.content.decode() == filing.token
    assert jwt["Content-Disposition"] == f'attachment; filename="{filing.voucher_number}-1.jwt"'
    for path in ("document", "token"):
        stranger = client_of(cast.he())
        answer = (
            stranger.post(f"/filings/{filing.pk}/{path}/")
            if path == "document"
            else stranger.get(f"/filings/{filing.pk}/{path}/")
        )
        assert answer.status_code == 404
