"""`qingshu verify` reads vouchers: signed text, PDF and number; the register alone knows which issue is in force."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from assets.credentials.checking import Report, Verdict
from config import verifying
from config.verifying import Materials
from documents import objects
from exchange.filings import services as filings
from exchange.filings.checking import adds_up
from exchange.filings.models import Filing
from tests import cast
from tests.assets.credentials.conftest import forged
from tests.exchange.filings.scenes import LATER, filed, refunded

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Materials:
    """The command's requests, answered by the test client."""

    def get(self: verifying.Server, path: str) -> bytes | None:
        cache.clear()
        answer = Client().get(path)
        return answer.content if answer.status_code == 200 else None

    monkeypatch.setattr(verifying.Server, "get", get)
    return Materials(server="http://127.0.0.1:9")


def said(report: Report) -> dict[str, Verdict]:
    return {each.code: each.verdict for each in report.statements}


def written(folder: Path, token: str) -> str:
    path = folder / "voucher.jwt"
    path.write_text(token)
    return str(path)


def pdf(folder: Path, filing: Filing, sequence: int | None = None) -> str:
    document, _link = filings.hand_out_document(
        by=cast.zhou(), at=LATER, filing_id=filing.pk, sequence=sequence
    )
    path = folder / "voucher.pdf"
    path.write_bytes(objects.get(document.object_key))
    return str(path)


def test_offline_the_signature_number_and_amounts_hold_and_the_rest_cannot_be_told(tmp_path: Path) -> None:
    filing, keys = filed(), tmp_path / "jwks.json"
    keys.write_bytes(Client().get("/.well-known/jwks.json").content)
    report = verifying.examine(written(tmp_path, str(filing.token)), Materials(keys=keys))
    holds = dict.fromkeys(("key", "signature", "number", "amounts"), Verdict.HOLDS)
    assert said(report) == {**holds, "known": Verdict.UNTOLD}
    assert report.verdict == Verdict.HOLDS
    assert verifying.as_lines(report)[0] == f"voucher {filing.voucher_number}"


def test_a_changed_amount_is_found_offline(tmp_path: Path) -> None:
    filing, keys = filed(), tmp_path / "jwks.json"
    keys.write_bytes(Client().get("/.well-known/jwks.json").content)
    changed = forged(str(filing.token), filed_fen=1)
    report = verifying.examine(written(tmp_path, changed), Materials(keys=keys))
    assert {code for code, told in said(report).items() if told == Verdict.FAILS} == {"signature", "amounts"}


def test_text_pdf_and_number_hold_by_the_register(server: Materials, tmp_path: Path) -> None:
    filing = filed()
    number = str(filing.voucher_number)
    for target in (written(tmp_path, str(filing.token)), pdf(tmp_path, filing), number.lower()):
        report = verifying.examine(target, server)
        assert report.verdict == Verdict.HOLDS, target
        assert (said(report)["known"], said(report)["state"]) == (Verdict.HOLDS, Verdict.HOLDS)


def test_a_replaced_issue_is_told_as_such(server: Materials, tmp_path: Path) -> None:
    filing = filed()
    first, first_pdf = written(tmp_path, str(filing.token)), pdf(tmp_path, filing)
    refunded(filing, "1000.00")
    for target in (first, first_pdf):
        report = verifying.examine(target, server)
        assert (report.verdict, said(report)["state"]) == (Verdict.FAILS, Verdict.FAILS)
        assert "issue 1 was replaced; in force is issue 2" in "\n".join(verifying.as_lines(report))
    filing.refresh_from_db()
    assert verifying.examine(written(tmp_path, str(filing.token)), server).verdict == Verdict.HOLDS


def test_a_touched_pdf_and_an_unknown_number_do_not_hold(server: Materials, tmp_path: Path) -> None:
    path = Path(pdf(tmp_path, filed()))
    path.write_bytes(path.read_bytes() + b" ")
    for target in (str(path), "JY-2026-0000000-0"):
        report = verifying.examine(target, server)
        assert (report.verdict, said(report)["known"]) == (Verdict.FAILS, Verdict.FAILS)
    alone = verifying.examine(str(path), Materials())
    assert (alone.verdict, said(alone)["known"]) == (Verdict.UNTOLD, Verdict.UNTOLD)


@pytest.mark.parametrize(
    ("claims", "holds"),
    [
        ({"amount_fen": 10, "refunded_fen": 0, "filed_fen": 10}, True),
        ({"amount_fen": 10, "reduced": {"amount_fen": 3}, "refunded_fen": 2, "filed_fen": 5}, True),
        ({"amount_fen": 10, "refunded_fen": 1, "filed_fen": 10}, False),
        ({"amount_fen": 10, "reduced": "3", "refunded_fen": 0, "filed_fen": 10}, False),
        ({"amount_fen": True, "refunded_fen": 0, "filed_fen": 1}, False),
        ({}, False),
    ],
)
def test_amounts_of_a_voucher_add_up_or_not(claims: dict[str, object], holds: bool) -> None:
    assert adds_up(claims) is holds
