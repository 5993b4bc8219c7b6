"""Rows of a delivered table by DuckDB: chosen columns, simple conditions, a cursor.

The table is brought from the object store once and kept as Parquet on this machine under its content's hash, so
that every further question reads only the columns and row groups it needs. What is kept may be thrown away at any
moment; the oldest go when there is too much.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.utils.translation import gettext as _

from documents import objects
from exchange.delivery.selectors import Item
from kernel.columnar import columnar
from kernel.errors import InvalidInput

MOST_ROWS = 1_000
MOST_CONDITIONS = 20
MOST_KEPT = 20 * 1024**3  # bytes of tables kept on this machine
MOST_SECONDS = 20.0
_OPERATORS = {"eq": "=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_CONDITION = re.compile(r"(.+?):(eq|ge|gt|le|lt):(.*)\Z", re.DOTALL)
_COMPARED = re.compile(
    r"(VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(\d+,\d+\)|DATE|TIME|TIMESTAMP.*)\Z"
)
_READERS = {
    ".csv": "read_csv({}, header=true, sample_size=-1)",
    ".jsonl": "read_json({}, format='newline_delimited', sample_size=-1, maximum_object_size=67108864)",
    ".ndjson": "read_json({}, format='newline_delimited', sample_size=-1, maximum_object_size=67108864)",
    ".parquet": "read_parquet({})",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a table: columns (none: all), conditions `column:op:value`, how many rows, from where."""

    columns: Sequence[str] = ()
    conditions: Sequence[str] = ()
    limit: int = 100
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as plain JSON values, and the cursor of what follows."""

    columns: list[str]
    items: list[dict[str, Any]]
    next: str | None


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "tables"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _local(item: Item) -> Path:
    """The table as Parquet on this machine; made by whoever comes first, at once by two does no harm."""
    place = _folder() / f"{item.sha256}.parquet"
    with contextlib.suppress(FileNotFoundError):
        os.utime(place)  # in use
        return place
    ending = Path(item.path).suffix
    with tempfile.TemporaryDirectory(prefix="qingshu-table-", dir=_folder()) as scratch:
        source, target = Path(scratch) / f"source{ending}", Path(scratch) / "target.parquet"
        with source.open("wb") as out:
            out.writelines(objects.stream(item.object_key))
        try:
            with columnar() as connection:
                reader = _READERS[ending].format(_text(str(source)))
                connection.execute(
                    f"COPY (SELECT * FROM {reader}) TO {_text(str(target))}"
                    " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"
                )
        except duckdb.Error as error:
            raise InvalidInput(field="table", reason=_("这个文件不能按表读取，请下载原文件使用。")) from error
        target.replace(place)
    _prune()
    return place


def _prune() -> None:
    kept = sorted(_folder().glob("*.parquet"), key=lambda place: place.stat().st_mtime, reverse=True)
    size = 0
    for place in kept:
        size += place.stat().st_size
        if size > MOST_KEPT:
            place.unlink(missing_ok=True)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _bounded(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Stop a question that takes too long."""
    timer = threading.Timer(MOST_SECONDS, connection.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise InvalidInput(field="where", reason=_("查询用时过长，请缩小条件范围。")) from error
    finally:
        timer.cancel()


def _start(cursor: str) -> int:
    if not cursor:
        return -1
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise InvalidInput(field="cursor", reason=_("cursor 无效，请使用上一页返回的 next。")) from error


def ask(item: Item, question: Question) -> Rows:
    """Answer a question to one table. Raises InvalidInput with the field at fault."""
    if not 1 <= question.limit <= MOST_ROWS:
        raise InvalidInput(field="limit", reason=_("limit 应在 1 到 %(most)s 之间。") % {"most": MOST_ROWS})
    if len(question.conditions) > MOST_CONDITIONS:
        raise InvalidInput(
            field="where", reason=_("条件过多，最多 %(most)s 个。") % {"most": MOST_CONDITIONS}
        )
    start, place = _start(question.cursor), _local(item)
    with columnar() as connection, _bounded(connection):
        told = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(place)]).fetchall()
        types = {name: kind for name, kind, *_more in told}
        columns = list(dict.fromkeys(question.columns)) or list(types)
        for column in columns:
            if column not in types:
                raise InvalidInput(
                    field="columns", reason=_("没有名为“%(column)s”的列。") % {"column": column}
                )
        wheres, values = ["file_row_number > ?"], [start]
        for condition in question.conditions:
            where, value = _condition(connection, types, condition)
            wheres.append(where)
            values.append(value)
        rows = connection.execute(
            f"SELECT file_row_number, {', '.join(map(_name, columns))}"
            f" FROM read_parquet({_text(str(place))}, file_row_number=true)"
            f" WHERE {' AND '.join(wheres)} ORDER BY file_row_number LIMIT {question.limit + 1}",
            values,
        ).fetchall()
    has_more = len(rows) > question.limit
    rows = rows[: question.limit]
    items = [{name: _plain(value) for name, value in zip(columns, row[1:], strict=True)} for row in rows]
    following = base64.urlsafe_b64encode(str(rows[-1][0]).encode()).decode().rstrip("=") if has_more else None
    return Rows(columns, items, following)


def _condition(connection: duckdb.DuckDBPyConnection, types: dict[str, str], text: str) -> tuple[str, Any]:
    found = _CONDITION.match(text)
    if found is None:
        raise InvalidInput(field="where", reason=_("条件应写作 列:eq:值，比较方式为 eq、ge、gt、le、lt。"))
    column, operator, value = found.groups()
    kind = types.get(column)
    if kind is None:
        raise InvalidInput(field="where", reason=_("没有名为“%(column)s”的列。") % {"column": column})
    if not _COMPARED.match(kind):
        raise InvalidInput(field="where", reason=_("列“%(column)s”不能用于条件。") % {"column": column})
    read = connection.execute(f"SELECT TRY_CAST(? AS {kind}) IS NULL", [value]).fetchone()
    if read is None or read[0]:
        raise InvalidInput(
            field="where",
            reason=_("“%(value)s”不是列“%(column)s”能比较的值。") % {"value": value[:80], "column": column},
        )
    return f"{_name(column)} {_OPERATORS[operator]} CAST(? AS {kind})", value


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value if isinstance(value, str | int | bool | None) else str(value)


def as_body(rows: Rows) -> bytes:
    """The answer as it is sent and measured."""
    told = {"columns": rows.columns, "items": rows.items, "next": rows.next}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
