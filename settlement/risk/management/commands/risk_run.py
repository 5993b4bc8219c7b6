"""`manage.py risk_run`: scans the trades of business years for signals that a person should look at."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kernel import clock
from organizations.permissions import Actor
from settlement.risk import services


class Command(BaseCommand):
    """`risk_run [--year 2026 …]`: last and present year by default; may be run at any time and any number of times."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, action="append", default=[], help="only these business years")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.perf_counter()
        made = services.run(by=Actor.system("风险监测"), at=clock.now(), years=options["year"])
        self.stdout.write(
            f"{made.trade_count} trades of {made.firm_count} firms in {', '.join(map(str, made.years))}: "
            f"{made.found_count} signals, {made.new_count} new, {made.lapsed_count} gone "
            f"({time.perf_counter() - begun:.1f} s)"
        )
