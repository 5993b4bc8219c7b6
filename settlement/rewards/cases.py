"""The facts of all firms of a year, measure by measure, as they stream from the database.

What a single statement gathers, without its evidence: the same profile, revenue, declarations and register, read in a
few queries whatever the number of firms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Sum

from organizations.models import Organization
from settlement.revenue.models import AnnualRevenue
from settlement.rewards import engine, measures, readings, recognitions, selectors
from settlement.rewards.engine.operations import validity
from settlement.rewards.models import Award, Declaration
from settlement.rewards.states import DeclarationState

TRADING = measures.DATA_PRODUCT_TRADING
AT_ONCE = 2_000
Case = tuple[Organization, engine.Facts]


def validity_of(version: engine.PolicyVersion) -> tuple[date, date]:
    """First day inside and first day after a version's validity."""
    start, years = (version.at(name, version.first_day).value for name in ("validity_from", "validity_years"))
    assert isinstance(start, date)
    assert isinstance(years, int)
    return validity(start, years)


def years_with_facts() -> list[int]:
    """The years for which any firm has revenue or a verified declaration, the latest first."""
    declared = Declaration.objects.filter(state=DeclarationState.VERIFIED).values_list("year", flat=True)
    return sorted(
        {*AnnualRevenue.objects.values_list("year", flat=True).distinct(), *declared.distinct()}, reverse=True
    )


@dataclass(frozen=True, slots=True)
class Cases:
    """A year's firms; certificates and the register of other years are held, everything else streams."""

    year: int
    certificates: Mapping[UUID, int]
    awards: Mapping[UUID, list[dict[str, Any]]]
    in_parks: frozenset[UUID]

    @classmethod
    def of(cls, year: int) -> Cases:
        """What is known of the year, in three queries."""
        certificates: dict[UUID, int] = defaultdict(int)
        for holder in selectors.certificates_in_force(year).values_list("holder", flat=True):
            certificates[holder] += 1
        matter = "claim__decision__trace__exclusivity__matter"
        register = Award.objects.exclude(year=year).values_list(
            "firm", "measure", "year", "claim__number", matter
        )
        awards: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        held = register.annotate(total=Sum("amount_fen")).filter(total__gt=0)
        for firm, measure, when, number, told, amount in held.order_by("firm", "year", "measure"):
            row = {
                "measure": measure,
                "group": measures.CARDS[measure].group,
                "year": when,
                "amount_fen": int(amount),
                "number": number,
            }
            awards[firm].append(row | ({"matter": told} if told else {}))
        return cls(year, certificates, awards, recognitions.firms_of(year))

    def registered(self, firm_ids: Collection[UUID]) -> list[dict[str, Any]]:
        """Rows of the register for some firms, each with its firm, for settling decisions."""
        return [{**row, "uscc": str(key)} for key in firm_ids for row in self.awards.get(key, [])]

    def need_lines(
        self,
        card: engine.Measure,
        versions: Sequence[engine.PolicyVersion],
        chosen: Sequence[Mapping[str, str]],
    ) -> bool:
        """Whether the kept annual totals are not enough: a reading changes the sums, or the year lies partly outside
        the validity."""
        if card is not TRADING:
            return False
        first, final = date(self.year, 1, 1), date(self.year, 12, 31)
        spans = [validity_of(version) for version in versions]
        is_partial = any(not (start <= first and final < after) for start, after in spans)
        return is_partial or any(card.resummed_reading(reading) is not None for reading in chosen)

    def all(
        self,
        card: engine.Measure,
        version: engine.PolicyVersion,
        needs_lines: bool,
        *,
        only: Collection[UUID] | None = None,
    ) -> Iterator[Case]:
        """Every firm that the measure is worked out for (or only some): with revenue, or with a verified declaration."""
        if card is not TRADING:
            return self._declared(card, only)
        return self._of_lines(version, only) if needs_lines else self._of_totals(only)

    def _declared(self, card: engine.Measure, only: Collection[UUID] | None) -> Iterator[Case]:
        wanted = {spec.name for spec in selectors.declarable(card.id)}
        rows = Declaration.objects.filter(year=self.year, measure=card.id, state=DeclarationState.VERIFIED)
        rows = rows.filter(fact__in=wanted) if only is None else rows.filter(fact__in=wanted, firm__in=only)
        ordered = rows.select_related("firm").order_by("firm_id", "fact").iterator(chunk_size=AT_ONCE)
        for _key, found in groupby(ordered, key=lambda row: row.firm_id):
            declared = list(found)
            yield (
                declared[0].firm,
                self._facts(card, declared[0].firm, {row.fact: row.value for row in declared}),
            )

    def _of_totals(self, only: Collection[UUID] | None) -> Iterator[Case]:
        """From the kept totals. What does not count stands in one sum: the rule only uses them together."""
        kept = AnnualRevenue.objects.filter(year=self.year).select_related("firm").order_by("firm_id")
        for row in (kept if only is None else kept.filter(firm__in=only)).iterator(chunk_size=AT_ONCE):
            sums = dict.fromkeys(TRADING.varying, 0) | {
                "transaction_count": row.line_count,
                "receipts_fen": row.receipts_fen,
                "refunds_fen": row.refunds_fen,
                "excluded_period_fen": -row.excluded_fen,
                "vat_fen": row.vat_fen,
                "fees_fen": row.fee_fen,
            }
            yield row.firm, self._trading(row.firm, sums, None)

    def _of_lines(self, version: engine.PolicyVersion, only: Collection[UUID] | None) -> Iterator[Case]:
        """From the lines, with the sums under every reading."""
        by_firm = readings.cells_by_firm(self.year, *validity_of(version), only=only)
        firms = Organization.objects.in_bulk(list(by_firm))
        for key, cells in by_firm.items():
            sums = readings.summed(cells, self.year, readings.default_reading())
            yield firms[key], self._trading(firms[key], sums, readings.resummed(cells, self.year))

    def _trading(
        self, firm: Organization, sums: Mapping[str, int], resummed: list[dict[str, Any]] | None
    ) -> engine.Facts:
        values = {**sums, "certificate_count": self.certificates.get(firm.pk, 0), "readings": resummed}
        return self._facts(TRADING, firm, values)

    def _facts(self, card: engine.Measure, firm: Organization, values: Mapping[str, Any]) -> engine.Facts:
        """The case of a firm: these values, its profile, and what the register holds for other years."""
        related = selectors.related_to(card.id)
        awards = [row for row in self.awards.get(firm.pk, ()) if row["measure"] in related]
        given = selectors.identity_facts(firm, (), is_in_park=firm.pk in self.in_parks) | {
            name: {"value": value} for name, value in {**values, "prior_awards": awards}.items()
        }
        named = {spec.name for spec in card.facts}
        known = {name: fact for name, fact in given.items() if name in named and fact["value"] is not None}
        return engine.Facts.of(card.id, self.year, known, {"name": firm.name, "uscc": str(firm.pk)})
