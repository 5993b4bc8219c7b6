"""Load the demo city once, or list its sign-ins."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.stories import city, people
from documents import objects
from kernel import clock


class Command(BaseCommand):
    """`demo` loads the city if it is not there; `--accounts` lists the sign-ins; `--json` for machines."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", action="store_true", help="only list the demo sign-ins")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, accounts: bool, **options: Any) -> None:
        as_json = options["json"]
        if accounts:
            found = people.sign_ins()
            rows = [f"{row['role']:<45} {row['email']:<32} {row['password']}" for row in found]
            self.stdout.write(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(rows))
            return
        started = time.monotonic()
        objects.ensure_bucket()
        made = city.load(say=lambda line: self.stderr.write(f"  {line}"), at=clock.now())
        seconds = round(time.monotonic() - started, 1)
        if as_json:
            self.stdout.write(json.dumps({"loaded": made, "seconds": seconds}))
        else:
            self.stdout.write(
                f"demo city loaded in {seconds} s" if made else "the demo city is already there"
            )
