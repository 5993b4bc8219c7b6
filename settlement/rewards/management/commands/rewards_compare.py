"""`manage.py rewards_compare`: all measures for all firms of a year in two ways: who gains, who loses, what it costs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.errors import InvalidInput
from kernel.money import Money
from settlement.rewards import comparisons, measures
from settlement.rewards.cases import years_with_facts
from settlement.rewards.schemas import ComparisonOut


def _pairs(told: list[str]) -> dict[str, str]:
    found = [each.partition("=") for each in told]
    for key, sign, _value in found:
        if not (key and sign):
            raise CommandError(f"{key or '?'}: written as measure.name=value")
    return {key: value for key, _sign, value in found}


class Command(BaseCommand):
    """`rewards_compare 2025 --other-value data_product_trading.annual_cap=2000000.00`; nothing is stored."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", type=int, help="the benefit year")
        for side in comparisons.WAYS:
            parser.add_argument(f"--{side}-version", default="", help="the policy's version; the current one")
            parser.add_argument(f"--{side}", action="append", default=[], help="measure.question=reading")
            parser.add_argument(
                f"--{side}-value", action="append", default=[], help="measure.parameter=value"
            )
        parser.add_argument("--json", action="store_true", help="the same as the API answers")

    def handle(self, *args: Any, **options: Any) -> None:
        year = options["year"]
        if year not in years_with_facts():
            raise CommandError(f"No firm has revenue or a verified declaration for {year}.")
        try:
            one, other = (
                comparisons.scheme_of(
                    options[f"{side}_version"], _pairs(options[side]), _pairs(options[f"{side}_value"])
                )
                for side in comparisons.WAYS
            )
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        found = comparisons.compared(year, one, other)
        if options["json"]:
            self.stdout.write(ComparisonOut.of(found).model_dump_json(indent=2))
            return
        for total in [*found.by_measure, found.total]:
            name = measures.CARDS[total.measure].title.en if total.measure else "All measures"
            self.stdout.write(
                f"{name:<45} {Money(total.one_fen)} → {Money(total.other_fen)}; {total.firm_count} firms, "
                f"{total.gaining_count} gain, {total.losing_count} lose, {total.undetermined_count} undetermined"
            )
        for budget in found.budgets:
            self.stdout.write(
                f"Budget {budget.line.number}: {Money(budget.amount_fen)}, granted {Money(budget.granted_fen)}; "
                f"left {Money(budget.one_left_fen)} → {Money(budget.other_left_fen)}"
            )
        for row in found.changed:
            self.stdout.write(
                f"{row.firm.name} {row.measure}: {Money(row.one_fen)} → {Money(row.other_fen)}; {row.other_why.en}"
            )
