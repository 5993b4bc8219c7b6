"""Parquet, written by DuckDB straight from the JSON lines: same rows, typed columns, the result as JSON text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kernel.columnar import columnar

COLUMNS: dict[str, str] = {
    "id": "VARCHAR",
    "item": "VARCHAR",
    "item_name": "VARCHAR",
    "item_sha256": "VARCHAR",
    "text": "VARCHAR",
    "labels": "VARCHAR[]",
    "result": "JSON",
    "guideline_version": "INTEGER",
    "annotator": "VARCHAR",
    "consensus": "JSON",
    "judgements": "JSON",
}
_LARGEST_ROW = 64 * 1024 * 1024


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def write(rows: Path, target: Path, names: Sequence[str]) -> None:
    """Write the named columns of a file of JSON lines as Parquet."""
    write_columns(rows, target, {name: COLUMNS[name] for name in COLUMNS if name in names})


def write_columns(rows: Path, target: Path, columns: Mapping[str, str]) -> None:
    """The same for any columns: name → DuckDB type; both are ours, never a caller's text."""
    struct = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    read = (
        f"read_json({_literal(rows)}, format='newline_delimited', columns={{{struct}}},"
        f" maximum_object_size={_LARGEST_ROW})"
    )
    with columnar() as connection:
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM {read}) TO {_literal(target)}"
            " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"
        )
