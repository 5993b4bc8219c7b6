"""`manage.py revenue_check`: proves that every kept year equals its recomputation from raw rows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settlement.payments.models import Release
from settlement.revenue import services
from settlement.revenue.models import AnnualRevenue


class Command(BaseCommand):
    help = "Recompute every firm's annual actual revenue from raw rows and compare it with the kept figures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, help="only this business year")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        pairs = set(AnnualRevenue.objects.values_list("firm_id", "year"))
        for firm_id, year in Release.objects.values_list(
            "order__supplier_id", "released_at__year"
        ).distinct():
            pairs |= {
                (firm_id, year),
                (firm_id, year + 1),
            }  # stored in UTC: the business year may be the next
        if options["year"]:
            pairs = {pair for pair in pairs if pair[1] == options["year"]}
        checked = [services.recompute(firm_id, year) for firm_id, year in sorted(pairs, key=str)]
        unequal = [each for each in checked if not each.is_equal]
        if options["as_json"]:
            found = [
                {
                    "firm": str(each.firm_id),
                    "year": each.year,
                    "differences": [asdict(d) for d in each.differences],
                }
                for each in unequal
            ]
            self.stdout.write(json.dumps({"checked": len(checked), "unequal": found}, ensure_ascii=False))
        else:
            self.stdout.write(f"{len(checked)} firm-years recomputed, {len(unequal)} unequal")
            for each in unequal:
                for difference in each.differences:
                    self.stdout.write(
                        f"  {each.firm_id} {each.year} {difference.subject}: "
                        f"kept {difference.kept}, recomputed {difference.recomputed}"
                    )
        if unequal:
            raise CommandError("kept revenue differs from its recomputation")
