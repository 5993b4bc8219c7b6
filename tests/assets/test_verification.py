"""What anyone learns from a number or a file, and that changed files are found out."""

from __future__ import annotations

import json
import re
import zlib
from datetime import date, timedelta

import cv2
import numpy
import pytest
from django.db import connection

from assets.registry import services, verification
from assets.registry.models import Certificate
from assets.registry.services import sheets
from assets.registry.states import Outcome
from documents import objects
from signing import services as signing
from tests import cast
from tests.assets.conftest import Registration, cancel, revoke
from tests.cast import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 1)


@pytest.fixture
def certificate() -> Certificate:
    found = Registration().certified()
    return services.issue_document(by=cast.gu(), at=NOON, certificate_id=found.pk)


def test_a_number_of_a_certificate_in_force_is_valid(certificate: Certificate) -> None:
    verdict = verification.verify(f" {certificate.number.lower()} ", on=TODAY)
    assert verdict.outcome == Outcome.VALID
    assert all(proof.holds for proof in verdict.proofs)


def test_the_calendar_counts_before_the_nightly_task(certificate: Certificate) -> None:
    assert verification.verify(certificate.number, on=certificate.valid_until).outcome == Outcome.VALID
    assert (
        verification.verify(certificate.number, on=certificate.valid_until + timedelta(days=1)).outcome
        == Outcome.EXPIRED
    )


@pytest.mark.parametrize(
    ("service", "who", "outcome"),
    [
        (services.suspend, cast.gu, Outcome.SUSPENDED),
        (revoke, cast.gu, Outcome.REVOKED),
        (cancel, cast.lin, Outcome.CANCELLED),
    ],
)
def test_what_was_done_to_it_is_said(
    certificate: Certificate, service: object, who: object, outcome: Outcome
) -> None:
    service(by=who(), at=NOON + timedelta(days=40), certificate_id=certificate.pk, reason="说明")  # type: ignore[operator]
    assert verification.verify(certificate.number, on=TODAY).outcome == outcome
    assert verification.verify(certificate.token, on=TODAY).outcome == outcome


def test_a_mistyped_number_is_told_from_an_unknown_one(certificate: Certificate) -> None:
    wrong = (
        certificate.number[:-3] + ("1" if certificate.number[-3] != "1" else "2") + certificate.number[-2:]
    )
    assert "校验位" in str(verification.verify(wrong, on=TODAY).words)
    assert verification.verify("ZS-2020-0000001-X", on=TODAY).outcome == Outcome.UNKNOWN
    assert verification.verify("随便什么", on=TODAY).outcome == Outcome.UNKNOWN


def test_the_token_verifies_and_a_changed_one_does_not(certificate: Certificate) -> None:
    assert verification.verify(certificate.token, on=TODAY).is_valid
    head, body, signature = certificate.token.split(".")
    flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    verdict = verification.verify(f"{head}.{body}.{flipped}", on=TODAY)
    assert verdict.outcome == Outcome.ALTERED
    assert verdict.claims["title"] == certificate.title


def test_another_kind_of_token_of_ours_is_no_certificate(certificate: Certificate) -> None:
    voucher = signing.sign(certificate.claims, type_="voucher+jwt")
    assert not verification.verify(voucher, on=TODAY).is_valid


def test_a_token_signed_with_our_key_but_other_content_is_found_out(certificate: Certificate) -> None:
    forged = json.loads(json.dumps(certificate.claims))
    forged["certificate"]["rights"] = ["holding", "use", "operation"]
    verdict = verification.verify(signing.sign(forged, type_="certificate+jwt"), on=TODAY)
    assert verdict.outcome == Outcome.ALTERED
    assert list(verdict.differing) == ["certificate.rights"]


def test_the_json_file_verifies_and_names_the_changed_member(certificate: Certificate) -> None:
    body = {"claims": certificate.claims, "token": certificate.token}
    assert verification.verify_file(json.dumps(body).encode(), on=TODAY).is_valid
    changed = json.loads(json.dumps(body))
    changed["claims"]["certificate"]["holder"]["name"] = "别家公司"
    verdict = verification.verify_file(json.dumps(changed).encode(), on=TODAY)
    assert verdict.outcome == Outcome.ALTERED
    assert list(verdict.differing) == ["certificate.holder.name"]


def test_the_pdf_verifies_and_one_changed_byte_does_not(certificate: Certificate) -> None:
    body = objects.get(certificate.document_key)
    assert verification.verify_file(body, on=TODAY).is_valid
    middle = len(body) // 2
    changed = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    verdict = verification.verify_file(changed, on=TODAY)
    assert verdict.outcome == Outcome.ALTERED
    assert verdict.claims["number"] == certificate.number


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"%PDF-1.7 nothing",
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b'{"a":1}',
        b"[" * 100_000,
        b'{"jti":null,"token":5}',
    ],
)
def test_any_other_file_is_answered_in_words(body: bytes) -> None:
    verdict = verification.verify_file(body, on=TODAY)
    assert verdict.outcome == Outcome.UNKNOWN
    assert str(verdict.words)


def test_a_row_changed_behind_the_triggers_is_found_out(certificate: Certificate) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE registry_certificate SET valid_until = '2099-01-01'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert verification.verify(certificate.number, on=TODAY).outcome == Outcome.ALTERED


# --- the sheet ----------------------------------------------------------------------------------


def _characters(pdf: bytes) -> set[str]:
    """Every character the PDF's fonts can be read back to (their ToUnicode maps)."""
    found: set[str] = set()
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            # Without the check sum at the end: its last byte may be the line's end that the pattern takes away.
            body = zlib.decompressobj().decompress(match.group(1))
        except zlib.error:
            body = match.group(1)
        if b"begincmap" not in body:
            continue
        for block in re.findall(rb"beginbfchar(.*?)endbfchar", body, re.DOTALL):
            for target in re.findall(rb"<[0-9A-Fa-f]+>\s*<([0-9A-Fa-f]+)>", block):
                found |= set(bytes.fromhex(target.decode()).decode("utf-16-be"))
    return found


def test_the_pdf_holds_the_chinese_text_and_is_pdf_a(certificate: Certificate) -> None:
    body = objects.get(certificate.document_key)
    words = set(
        "平台赋码数据资产登记证书酒店评论情感清蓝数据标注（示例）有限公司清远服务基地示例证书一般数据"
    )
    assert words <= _characters(body)
    assert certificate.number.encode() in body
    assert b"pdfaid:part" in body


def test_the_qr_code_leads_to_the_verification_page(certificate: Certificate) -> None:
    png = sheets.picture(certificate.claims, certificate.key_id, pixels_per_inch=200)
    image = cv2.imdecode(numpy.frombuffer(png, numpy.uint8), cv2.IMREAD_COLOR)
    told, _points, _code = cv2.QRCodeDetector().detectAndDecode(image)
    assert told == f"http://127.0.0.1:8000/verify/{certificate.number}/"


def test_the_document_is_made_once_and_the_same_claims_give_the_same_bytes(certificate: Certificate) -> None:
    again = services.issue_document(by=cast.gu(), at=NOON, certificate_id=certificate.pk)
    assert again.document_sha256 == certificate.document_sha256
    body = objects.get(certificate.document_key)
    assert sheets.pdf(certificate.claims, certificate.key_id, certificate.credential.unified_code) == body


def test_an_issued_document_is_never_replaced(certificate: Certificate) -> None:
    from django.db import DatabaseError, transaction

    with pytest.raises(DatabaseError), transaction.atomic():
        Certificate.objects.update(document_sha256="0" * 64)


def test_markup_in_a_title_stays_text() -> None:
    found = Registration(changes={"title": '#panic("x") *粗* $a$ \\ "引号"'}).certified()
    assert sheets.pdf(found.claims, found.key_id).startswith(b"%PDF")


def test_a_very_long_use_case_still_gives_one_page() -> None:
    found = Registration(changes={"use_case": "供平台训练模型，用于自动分派。" * 120}).certified()
    assert sheets.picture(found.claims, found.key_id, found.credential.unified_code).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 5, 18), "二〇二六年五月十八日"),
        (date(2026, 10, 10), "二〇二六年十月十日"),
        (date(2031, 12, 31), "二〇三一年十二月三十一日"),
        (date(2026, 11, 20), "二〇二六年十一月二十日"),
    ],
)
def test_days_are_written_in_full(day: date, words: str) -> None:
    assert sheets.formal_day(day) == words
