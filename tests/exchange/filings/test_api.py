"""Filings as JSON: the same refusals as on the pages, and the same request twice being one deed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exchange.filings.models import OutsideFiling, PastTrade, PastTradeImport, RegisterExport
from jobs.models import Job
from kernel import clock
from tests import cast
from tests.exchange.filings.scenes import FILED, LATER, filed
from tests.exchange.filings.tables import csv_of, imported, row
from tests.exchange.test_api import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def later() -> Iterator[None]:
    cache.clear()
    with clock.moved_to(LATER):
        yield


def test_a_voucher_is_handed_out_as_pdf_to_its_sides() -> None:
    filing = filed()
    answer = Caller(cast.lin()).post(f"/filings/{filing.pk}/document")
    assert answer.status_code == 201
    assert len(answer.json()["sha256"]) == 64
    assert Caller(cast.lin()).post(f"/filings/{filing.pk}/document", {"sequence": 2}).status_code == 404
    assert Caller(cast.he()).post(f"/filings/{filing.pk}/document").status_code == 404


def test_an_export_is_asked_for_once_by_its_key(django_capture_on_commit_callbacks: Any) -> None:
    filed()
    day = clock.business_date(FILED).isoformat()
    caller, body = Caller(cast.yan()), {"first": day, "final": day}
    with django_capture_on_commit_callbacks(execute=True):
        first = caller.post("/filings/exports", body, key="k")
    assert first.status_code == 202
    assert caller.post("/filings/exports", body, key="k").json() == first.json()
    assert Job.objects.count() == 1
    export = RegisterExport.objects.get()
    listed = caller.get("/filings/exports").json()["items"]
    assert [(each["row_count"], each["amount_fen"]) for each in listed] == [(1, 6_800_000)]
    assert [file["format"] for file in listed[0]["files"]] == ["csv", "xlsx", "parquet"]
    assert caller.post(f"/filings/exports/{export.pk}/links/parquet").status_code == 201
    assert caller.post(f"/filings/exports/{export.pk}/links/pdf").status_code == 404
    assert Caller(cast.lin()).get(f"/filings/exports/{export.pk}").status_code == 404
    assert (
        caller.post("/filings/exports", {"first": day, "final": "2020-01-01"}, key="l").json()["field"]
        == "final"
    )


def test_the_queue_is_read_and_retried() -> None:
    filed()
    row_id = OutsideFiling.objects.get().pk
    operator, auditor = Caller(cast.gu()), Caller(cast.yan())
    assert auditor.get("/filings/outside/counts").json() == {
        "is_configured": False, "counts": {"pending": 1, "sent": 0, "acknowledged": 0, "rejected": 0},
    }  # fmt: skip
    assert auditor.get("/filings/outside?state=pending").json()["items"][0]["id"] == str(row_id)
    assert auditor.post(f"/filings/outside/{row_id}/retry", key="a").status_code == 403
    assert operator.post(f"/filings/outside/{row_id}/retry", key="b").json()["state"] == "pending"
    refused = operator.post("/filings/outside/reconciliations", {"day": "2026-03-03"}, key="c")
    assert (refused.status_code, refused.json()["title"]) == (409, "outside_not_configured")
    assert Caller(cast.lin()).get("/filings/outside").status_code == 403


def upload(caller: Caller, body: bytes, *, key: str) -> Any:
    file = SimpleUploadedFile("past.csv", body)
    headers = {**caller.headers, "Idempotency-Key": key}
    return Client(headers=headers).post("/api/filings/past-trades/imports", {"file": file})


def test_past_trades_are_checked_and_then_confirmed() -> None:
    operator = Caller(cast.gu())
    bad = upload(operator, csv_of([row(amount="0")]), key="a")
    assert bad.status_code == 201
    assert bad.json()["faults"] == [
        {"row": 2, "column": "amount", "code": "amount_not_positive", "reason": "含税金额应大于 0。", "value": "0"},
    ]  # fmt: skip
    refused = operator.post(f"/filings/past-trades/imports/{bad.json()['id']}/confirmation", key="b")
    assert (refused.status_code, refused.json()["title"]) == (409, "past_import_faulty")
    good = upload(operator, csv_of([row()]), key="c").json()
    path = f"/filings/past-trades/imports/{good['id']}/confirmation"
    assert Caller(cast.yan()).post(path, key="d").status_code == 403
    done = [operator.post(path, key=key).json()["imported_count"] for key in ("e", "e", "f")]
    assert done == [1, 1, 1]
    assert PastTrade.objects.count() == 1
    assert upload(Caller(cast.lin()), csv_of([row()]), key="g").status_code == 403
    assert upload(operator, b"%PDF", key="h").status_code == 422
    assert PastTradeImport.objects.count() == 2


def test_a_firm_reads_the_past_trades_that_name_it() -> None:
    imported({}, {})
    found = Caller(cast.zhou()).get("/filings/past-trades?limit=1").json()
    assert len(found["items"]) == 1
    rest = Caller(cast.zhou()).get(f"/filings/past-trades?cursor={found['next']}").json()
    assert {found["items"][0]["voucher_number"], rest["items"][0]["voucher_number"]} == {"GZ-0", "GZ-1"}
    assert Caller(cast.he()).get("/filings/past-trades").json()["items"] == []
