"""Parquet tables are measured, leafed through and sampled like the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.urls import reverse

from assets.datasets.models import DatasetVersion
from assets.profiles import services, viewing
from assets.profiles.rules.facts import FieldFacts, ValueCount
from tests import cast
from tests.assets.conftest import client_of
from tests.assets.profiles.conftest import profiled, version_of
from tests.cast import NOON

pytestmark = pytest.mark.django_db


def parquet(folder: Path, query: str, **options: Any) -> bytes:
    path = folder / "made.parquet"
    duckdb.sql(query).write_parquet(str(path), **options)
    return path.read_bytes()


HUNDRED = """
SELECT range AS n, range / 4 AS share, DATE '2026-01-01' + CAST(range AS INTEGER) AS day,
       CASE WHEN range % 4 > 0 THEN 'w' || (range % 2) END AS word,
       CASE WHEN range % 5 = 0 THEN ['负面', '短'] ELSE ['正面'] END AS labels,
       range % 2 = 0 AS is_even, 'x'::BLOB AS bytes
FROM range(100)
"""


def hundred(folder: Path) -> DatasetVersion:
    return version_of({"rows/all.parquet": parquet(folder, HUNDRED)})


def test_types_nulls_quartiles_top_values_and_labels_are_measured(tmp_path: Path) -> None:
    facts = profiled(hundred(tmp_path)).told
    (table,) = facts.tables
    assert (table.kind, table.row_count, table.rejected_count, table.duplicate_count) == (
        "parquet",
        100,
        0,
        0,
    )
    fields: dict[str, FieldFacts] = {field.name: field for field in table.fields}
    assert {name: field.kind for name, field in fields.items()} == {
        "n": "integer", "share": "decimal", "day": "date", "word": "text", "labels": "list",
        "is_even": "boolean", "bytes": "text",
    }  # fmt: skip
    n, word = fields["n"], fields["word"]
    assert (n.minimum, n.quartiles, n.maximum) == ("0", ("24", "49", "74"), "99")
    assert (fields["day"].minimum, fields["day"].maximum) == ("2026-01-01", "2026-04-10")
    assert (word.filled_count, word.null_count, word.distinct_count) == (75, 25, 2)
    assert word.top == (ValueCount("w1", 50), ValueCount("w0", 25))
    assert fields["bytes"].top == (ValueCount("1 B", 100),)
    assert {each.value: each.count for each in facts.labels} == {"正面": 80, "负面": 20, "短": 20}
    assert facts.label_field == "labels"


def test_every_row_of_a_parquet_table_is_seen_once_page_by_page(tmp_path: Path) -> None:
    file = hundred(tmp_path).files.get()
    found, at = [], "0"
    while at:
        page = viewing.rows_of(file, at=int(at), count=30)
        found += page.rows
        at = page.after
    assert [row.values["n"] for row in found] == list(range(100))
    assert [row.at for row in found] == list(range(100))
    assert found[0].values["labels"] == ["负面", "短"]
    assert (found[3].values["day"], found[3].values["bytes"], found[0].values["word"]) == (
        "2026-01-04",
        "1 B",
        None,
    )
    assert viewing.rows_of(file, at=99, count=1).rows[0].values["n"] == 99
    assert viewing.rows_of(file, at=100).rows == []


def test_the_pages_show_parquet_rows_masked(tmp_path: Path) -> None:
    query = "SELECT range AS n, 13800138000 + range AS phone, ['电话13800138000'] AS note FROM range(25)"
    version, client = version_of({"a.parquet": parquet(tmp_path, query)}), client_of(cast.lin())
    address = reverse("profiles:rows", args=[version.pk])
    shown = client.get(address).content.decode()
    assert "138******00" in shown
    assert "13800138" not in shown
    assert "after=20" in shown
    assert "138******24" in client.get(f"{address}?after=20").content.decode()
    row = client.get(reverse("profiles:row", args=[version.pk]) + "?path=a.parquet&at=24").content.decode()
    assert "138******24" in row


def test_a_broken_or_too_large_parquet_file_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, client = version_of({"a.parquet": b"PAR1 nothing", "b.csv": b"n\n1\n"}), client_of(cast.lin())
    address = reverse("profiles:rows", args=[version.pk])
    assert client.get(f"{address}?path=a.parquet").status_code == 200
    monkeypatch.setattr(viewing, "LARGEST_PARQUET", 1)
    assert "a.parquet 超过 256 MB" in client.get(address).content.decode()
    assert client.get(f"{address}?path=a.parquet").status_code == 404


def test_a_sample_is_frozen_out_of_a_parquet_table(tmp_path: Path) -> None:
    version = hundred(tmp_path)
    profiled(version)
    sample = services.freeze_sample(by=cast.lin(), at=NOON, version_id=version.pk)
    assert {row["label"] for row in sample.rows} == {"正面", "负面"}
    assert all(row["path"] == "rows/all.parquet" and row["shown"]["n"] for row in sample.rows)
