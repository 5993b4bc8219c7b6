"""GET, HEAD and OPTIONS change nothing in the database."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from web.middleware import ReadOnlyOnGetMiddleware, WriteOnRead, written_table


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ('INSERT INTO "orders" ("id") VALUES (%s)', "orders"),
        ('  update "orders" set state = %s', "orders"),
        ('DELETE FROM "orders" WHERE id = %s', "orders"),
        ('WITH gone AS (DELETE FROM "orders" RETURNING id) SELECT * FROM gone', "orders"),
        ("TRUNCATE TABLE orders", "orders"),
        ("MERGE INTO orders USING other ON true", "orders"),
        ('SELECT "orders"."update" FROM "orders"', ""),
        ("SELECT * FROM orders FOR UPDATE", ""),
        ("SAVEPOINT s1", ""),
        ("WITH x AS (SELECT 'delete from orders') SELECT * FROM x", ""),
    ],
)
def test_which_statements_write(sql: str, table: str) -> None:
    assert written_table(sql) == table


def answer_that_writes(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS notes (id int)")
        cursor.execute("INSERT INTO notes VALUES (1)")
    return HttpResponse("written")


def answer_that_keeps_a_session(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE session_key = 'nobody'")
    return HttpResponse("ok")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_write_on_a_read_is_refused(method: str) -> None:
    request = getattr(RequestFactory(), method)("/orders/")
    with pytest.raises(WriteOnRead, match="writes to notes"):
        ReadOnlyOnGetMiddleware(answer_that_writes)(request)


@pytest.mark.django_db
def test_a_post_may_write() -> None:
    assert (
        ReadOnlyOnGetMiddleware(answer_that_writes)(RequestFactory().post("/orders/")).content == b"written"
    )


@pytest.mark.django_db
def test_sessions_may_be_kept_on_a_read() -> None:
    assert ReadOnlyOnGetMiddleware(answer_that_keeps_a_session)(RequestFactory().get("/")).content == b"ok"
