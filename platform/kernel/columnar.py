"""The one way a column database (DuckDB) is opened: bounded, quiet, and what it spills ends with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@contextmanager
def columnar(*, memory: str = "512MB", threads: int = 1) -> Iterator[DuckDBPyConnection]:
    """A private database in memory; what exceeds `memory` goes to a folder of its own that ends with it.

    One thread unless said: one writer, one order, the same bytes each time. It loads nothing from elsewhere.
    """
    import duckdb  # heavy, and most commands never need it

    with (
        tempfile.TemporaryDirectory(prefix="qingshu-columns-") as spill,
        duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": spill,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        ) as database,
    ):
        yield database
