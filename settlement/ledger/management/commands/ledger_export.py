"""`ledger_export`: the books as a journal for beancount or hledger, on standard output."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from settlement.ledger import journals


class Command(BaseCommand):
    """Every entry in order of effect, and a balance assertion for every account at the end."""

    help = "Write the books as a journal: ledger_export --format hledger|beancount [--until 2026-03-31]."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=journals.FORMATS, required=True, dest="form")
        parser.add_argument("--until", type=date.fromisoformat, help="the last business day (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        for line in journals.lines(options["form"], until=options["until"]):
            self.stdout.write(line, ending="")
