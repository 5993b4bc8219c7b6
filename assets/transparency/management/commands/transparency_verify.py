"""Recompute the whole registration log from its texts, and compare it with every signed head."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assets.transparency import services


class Command(BaseCommand):
    """`transparency_verify`: fails naming the first leaf or head that does not fit."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = services.check()
        if options.get("json"):
            self.stdout.write(json.dumps({**asdict(found), "is_sound": found.is_sound}))
        if not found.is_sound:
            raise CommandError(f"The registration log was tampered with: {found.fault}.", returncode=1)
        if not options.get("json"):
            self.stdout.write(f"{found.size} entries, {found.head_count} signed heads: nothing was changed.")
