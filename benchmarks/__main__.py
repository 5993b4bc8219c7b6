"""`make bench`: run the measurements and print one table; non-zero only on error, never on a slow figure."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks import Row


@contextmanager
def private_servers() -> Iterator[None]:
    """Durable servers of our own for the length of the run, and Django set up on them."""
    guard = subprocess.Popen(
        [sys.executable, "-m", "embedded.private", "--durable"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    try:
        answer = json.loads(guard.stdout.readline() or '{"error": "the servers did not start"}')
        if "error" in answer:
            raise SystemExit(f"bench: {answer['error']}")
        os.environ.update(answer["settings"])
        os.environ["QINGSHU_DATA"] = answer["data"]
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
    finally:
        guard.stdin.close()
        guard.wait()


def chosen(only: str) -> list[str]:
    """The names of the measurements to run."""
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name != "__main__" and not module.ispkg
    )
    if only and only not in names:
        raise SystemExit(f"bench: there is no measurement {only}; there are: {', '.join(names) or 'none'}")
    return [only] if only else names


def table(rows: list[Row]) -> Table:
    made = Table(box=None, pad_edge=False)
    for heading in ("work", "ours", "peer", "", "ratio", "bar"):
        made.add_column(heading, justify="left" if heading in ("work", "peer") else "right")
    for row in rows:
        mark = "" if row.is_reached else "  below"
        made.add_row(
            row.work,
            f"{row.ours:,.4g} {row.unit}",
            row.peer,
            f"{row.peer_figure:,.4g} {row.unit}",
            f"{row.ratio:.2f}",
            f"{row.bar:.2f}{mark}",
        )
    return made


def main() -> int:
    names = chosen(os.environ.get("ONLY", ""))
    rows: list[Row] = []
    errors = 0
    with private_servers():
        for name in names:
            try:
                rows += importlib.import_module(f"benchmarks.{name}").measure()
            except Exception:
                errors += 1
                print(f"bench: {name} failed", file=sys.stderr)
                traceback.print_exc()
    Console(width=140).print(table(rows))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
