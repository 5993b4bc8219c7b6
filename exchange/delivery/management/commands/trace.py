"""`qingshu trace FILE`: which orders a leaked copy belongs to."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from exchange.delivery import services
from kernel import clock
from organizations.permissions import Actor


class Command(BaseCommand):
    help = "Say which orders a leaked copy belongs to, with the evidence."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, file: Path, as_json: bool, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(f"{file} is no file.")
        traced = services.trace(by=Actor.system("trace"), at=clock.now(), path=file, name=file.name)
        evidence = [
            {
                "number": each.entitlement.number,
                "organization": each.entitlement.organization.name,
                "product": each.entitlement.product.number,
                "how": each.how,
                "found": each.found,
                "total": each.total,
                "proven": each.is_proven,
            }
            for each in traced.evidence
        ]
        if as_json:
            told = {"sha256": traced.sha256, "rows": traced.row_count, "original": traced.original}
            self.stdout.write(json.dumps({**told, "evidence": evidence}, ensure_ascii=False))
            return
        self.stdout.write(f"{file.name}: {traced.row_count:,} rows, SHA-256 {traced.sha256}")
        if traced.original:
            self.stdout.write(f"It is the sealed file {traced.original}, which carries no marks.")
        for each in evidence:
            verdict = "belongs to" if each["proven"] else "may belong to (one mark is no proof)"
            self.stdout.write(
                f"{verdict} {each['number']}, {each['organization']}: {each['found']} of {each['total']} marks ({each['how']})"
            )
        if not evidence:
            self.stdout.write("No marks of any copy were found.")
