"""Rows of a table: filtered, paged, each call counted exactly once, never past the quota."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from exchange.delivery import services
from exchange.delivery.models import Access, Entitlement, Meter, MeteredCall, UsageStatement
from kernel import clock
from tests import cast
from tests.cast import NOON
from tests.exchange.delivery import goods


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, settings: Any) -> Iterator[None]:
    cache.clear()
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOON)
    yield
    cache.clear()


def metered(
    kind: str = "metered_calls", quantity: int = 3, **files: bytes
) -> tuple[Entitlement, dict[str, str]]:
    product = goods.product_of(goods.version_with(files or goods.FILES))
    entitlement = goods.entitled(product, kind, term_days=30, included_quantity=quantity)
    _key, text = services.create_token(
        by=cast.zhou(), at=NOON, entitlement_id=entitlement.pk, name="t", lifetime=timedelta(days=9)
    )
    return entitlement, {"Authorization": f"Bearer {text}"}


def ask(entitlement: Entitlement, headers: dict[str, str], query: str = "", **more: str) -> Any:
    return Client().get(f"/api/data/{entitlement.product.number}/rows?{query}", headers={**headers, **more})


@pytest.mark.django_db
def test_rows_are_filtered_and_paged() -> None:
    entitlement, headers = metered(quantity=100)
    answer = ask(entitlement, headers, "columns=id,label&where=score:eq:3&where=id:ge:10&where=id:lt:20")
    assert json.loads(answer.content) == {
        "columns": ["id", "label"],
        "items": [{"id": 13, "label": "正面"}, {"id": 18, "label": "负面"}],
        "next": None,
    }
    found, cursor = [], ""
    while cursor is not None:
        told = json.loads(ask(entitlement, headers, f"columns=id&limit=40&cursor={cursor}").content)
        found += [each["id"] for each in told["items"]]
        cursor = told["next"]
    assert found == list(range(1, 101))
    for query, field in (("columns=none", "columns"), ("where=id", "where"), ("where=none:eq:1", "where"),
                         ("where=id:eq:x", "where"), ("limit=1001", "limit"), ("limit=0", "limit"),
                         ("cursor=!!!!", "cursor"), ("table=none.csv", "table"),
                         ("where=id:eq:1;DROP TABLE x", "where")):  # fmt: skip
        refused = ask(entitlement, headers, query)
        assert (refused.status_code, json.loads(refused.content)["field"]) == (422, field)
    assert MeteredCall.objects.count() == 4
    assert Meter.objects.get(pk=entitlement.pk).call_count == 4


@pytest.mark.django_db
def test_csv_and_parquet_are_tables_too() -> None:
    import duckdb

    with duckdb.connect() as db:
        db.execute(
            "COPY (SELECT 7 AS n, DATE '2026-03-02' AS day, 1.5::DECIMAL(4,2) AS price) TO '/tmp/qs-t.parquet'"
        )
    from pathlib import Path

    body = Path("/tmp/qs-t.parquet").read_bytes()
    files = {"a.csv": "城市,人口\n清远,397\n英德,94\n".encode(), "b.parquet": body}
    entitlement, headers = metered(quantity=9, **files)
    assert json.loads(ask(entitlement, headers, "where=人口:gt:100").content)["items"] == [
        {"城市": "清远", "人口": 397}
    ]
    told = json.loads(ask(entitlement, headers, "table=b.parquet&where=day:ge:2026-03-01").content)
    assert told["items"] == [{"n": 7, "day": "2026-03-02", "price": "1.50"}]


@pytest.mark.django_db
def test_a_retry_is_free_another_question_under_its_id_is_refused_and_what_is_left_is_told() -> None:
    entitlement, headers = metered(quantity=3)
    first = ask(entitlement, headers, "limit=5", **{"Request-Id": "r-1"})
    told = {
        name: first[name]
        for name in ("Quota-Used", "Quota-Remaining", "Quota-Limit", "Quota-Unit", "Quota-Counted")
    }
    assert told == {
        "Quota-Used": "1", "Quota-Remaining": "2", "Quota-Limit": "3", "Quota-Unit": "calls", "Quota-Counted": "1",
    }  # fmt: skip
    again = ask(entitlement, headers, "limit=5", **{"Request-Id": "r-1"})
    assert (again.content, again["Quota-Used"], again["Quota-Counted"]) == (first.content, "1", "0")
    other = ask(entitlement, headers, "limit=6", **{"Request-Id": "r-1"})
    assert (other.status_code, json.loads(other.content)["title"]) == (409, "request_id_reused")
    failed = ask(entitlement, headers, "columns=none", **{"Request-Id": "r-2"})
    assert failed.status_code == 422
    assert ask(entitlement, headers, "limit=5", **{"Request-Id": "r-2"})["Quota-Used"] == "2"
    assert ask(entitlement, headers)["Quota-Remaining"] == "0"
    over = ask(entitlement, headers)
    problem = json.loads(over.content)
    assert (over.status_code, problem["title"]) == (402, "quota_used_up")
    assert entitlement.product.number in problem["detail"]
    assert ask(entitlement, headers, "limit=5", **{"Request-Id": "r-1"}).status_code == 200
    assert (MeteredCall.objects.count(), Access.objects.count()) == (3, 3)


@pytest.mark.django_db
def test_bytes_are_counted_as_they_are_sent_and_never_past_the_quota() -> None:
    size = len(ask(*metered(quantity=9)).content)
    entitlement, headers = metered("metered_volume", quantity=size * 2 - 1)
    first = ask(entitlement, headers)
    assert (first["Quota-Used"], first["Quota-Remaining"], first["Quota-Unit"]) == (
        str(size),
        str(size - 1),
        "bytes",
    )
    assert ask(entitlement, headers).status_code == 402
    assert ask(entitlement, headers, "limit=1").status_code == 200
    used = Meter.objects.get(pk=entitlement.pk).byte_count
    assert used == sum(
        MeteredCall.objects.filter(entitlement=entitlement).values_list("byte_count", flat=True)
    )
    assert used < size * 2


@pytest.mark.django_db
def test_a_metered_plan_opens_no_files_and_others_no_rows() -> None:
    entitlement, headers = metered()
    for path in ("manifest", "files/README.md", "croissant.json"):
        answer = Client().get(f"/api/deliveries/{entitlement.number}/{path}", headers=headers)
        assert (answer.status_code, json.loads(answer.content)["title"]) == (403, "entitlement_by_calls_only")
    client = Client()
    for who, status in ((cast.he, 404), (cast.lin, 403), (cast.zhou, 200)):
        client.force_login(who().user)
        assert client.get(f"/api/data/{entitlement.product.number}/rows").status_code == status
    other = goods.product_of(goods.version_with({"a.csv": b"a,b\n1,2\n"}))
    answer = Client().get(f"/api/data/{other.number}/rows", headers=headers)
    assert json.loads(answer.content)["title"] == "access_token_of_another"


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_at_the_last_unit_exactly_one_is_answered() -> None:
    entitlement, _headers = metered(quantity=1)

    def call(number: int) -> str:
        try:
            services.metered(
                entitlement, at=NOON, request_id=f"r{number}", fingerprint="f", byte_count=10, row_count=1,
                version_id=entitlement.version_id, path="rows.jsonl", by=None,
            )  # fmt: skip
            return "answered"
        except services.QuotaUsedUp:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        found = sorted(pool.map(call, range(16)))
    assert found == ["answered"] + ["refused"] * 15
    assert Meter.objects.get(pk=entitlement.pk).call_count == 1
    assert (MeteredCall.objects.count(), Access.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_with_one_request_id_one_is_counted_and_all_are_answered() -> None:
    entitlement, _headers = metered(quantity=5)

    def call(_number: int) -> bool:
        try:
            return services.metered(
                entitlement, at=NOON, request_id="same", fingerprint="f", byte_count=10, row_count=1,
                version_id=entitlement.version_id, path="rows.jsonl",
            )[1]  # fmt: skip
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(call, range(16))) == 1
    assert Meter.objects.get(pk=entitlement.pk).call_count == 1


@pytest.mark.django_db
def test_a_month_is_closed_once_over_its_own_days_in_shanghai() -> None:
    entitlement, _headers = metered(quantity=100)
    told = {"fingerprint": "f", "row_count": 1, "version_id": entitlement.version_id, "path": "x"}
    border = datetime(2026, 3, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    for number, at in enumerate((NOON, border - timedelta(seconds=1), border)):
        services.metered(entitlement, at=at, request_id=str(number), byte_count=10 + number, **told)
    march = date(2026, 3, 1)
    assert services.close_month(at=border - timedelta(seconds=1), month=march) == 0
    assert services.close_month(at=border, month=march) == 1
    assert services.close_month(at=border, month=march) == 0
    statement = UsageStatement.objects.get()
    assert (statement.month, statement.call_count, statement.byte_count) == (march, 2, 21)
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        UsageStatement.objects.update(call_count=0)


@pytest.mark.django_db
def test_too_many_calls_in_a_minute_are_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from ninja.throttling import AuthRateThrottle

    entitlement, headers = metered(quantity=9)
    monkeypatch.setattr(AuthRateThrottle, "allow_request", lambda throttle, request: False)
    monkeypatch.setattr(AuthRateThrottle, "wait", lambda throttle: 7.0)
    answer = ask(entitlement, headers)
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")
    assert MeteredCall.objects.count() == 0
