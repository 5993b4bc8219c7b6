"""Two ways to read article 3(1), or two versions of its parameters, over all firms of a year: who gains, who loses.

Facts come from the kept annual revenue; only where a reading changes the sums, or the year lies partly outside the
validity, from the lines themselves. Both ways are decided by the generated query, on the same facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Sum

from organizations.models import Organization
from organizations.states import OrganizationKind
from settlement.revenue.models import AnnualRevenue
from settlement.rewards import engine, measures, readings, runs
from settlement.rewards.engine import queries
from settlement.rewards.engine.decisions import checked_readings
from settlement.rewards.engine.operations import validity
from settlement.rewards.models import Award
from settlement.rewards.selectors import certificates_in_force, is_recognised

CARD = measures.DATA_PRODUCT_TRADING
ADJUSTABLE = ("revenue_threshold", "annual_cap")
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way: a version, readings of open questions, and amounts (fen) put in the place of parameters."""

    version: engine.PolicyVersion
    interpretation: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, int] = field(default_factory=dict)

    def parameters(self) -> engine.PolicyVersion:
        return self.version.with_values(self.amounts)

    def needs_lines(self, year: int) -> bool:
        """Whether the kept annual totals are not enough."""
        first, after = validity_of(self.version)
        is_partial = not (first <= date(year, 1, 1) and date(year, 12, 31) < after)
        return is_partial or CARD.resummed_reading(checked_readings(CARD, self.interpretation)) is not None

    def sql(self, year: int) -> str:
        chosen = checked_readings(CARD, self.interpretation)
        return queries.query(CARD, version=self.parameters(), year=year, interpretation=chosen)


@dataclass(frozen=True, slots=True)
class Changed:
    """A firm that gains or loses."""

    firm: Organization
    one_fen: int
    other_fen: int

    @property
    def change_fen(self) -> int:
        return self.other_fen - self.one_fen


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each way costs, how many firms it rewards, and the firms for which they differ most."""

    changed: list[Changed]
    firm_count: int
    one_fen: int
    other_fen: int
    one_count: int
    other_count: int
    gaining_count: int
    losing_count: int
    undetermined_count: int

    @property
    def change_fen(self) -> int:
        return self.other_fen - self.one_fen


def validity_of(version: engine.PolicyVersion) -> tuple[date, date]:
    """First day inside and first day after a version's validity."""
    start, years = (version.at(name, version.first_day).value for name in ("validity_from", "validity_years"))
    assert isinstance(start, date)
    assert isinstance(years, int)
    return validity(start, years)


def compared(year: int, one: Scheme, other: Scheme) -> Comparison:
    """Decide all firms with revenue in the year in both ways; the number of queries does not depend on firms."""
    from_lines = one.needs_lines(year) or other.needs_lines(year)
    with runs.table(CARD) as database:
        runs.load(database, CARD, _cases(year, one, from_lines))
        database.execute(f"CREATE TABLE first_way AS {one.sql(year)}")
        if from_lines and validity_of(one.version) != validity_of(other.version):
            database.execute("DELETE FROM facts")
            runs.load(database, CARD, _cases(year, other, from_lines))
        database.execute(
            f"CREATE TABLE both_ways AS SELECT a.id, a.outcome AS one, a.amount_fen AS one_fen, b.outcome AS other, "
            f"b.amount_fen AS other_fen FROM first_way a JOIN ({other.sql(year)}) b USING (id)"
        )
        totals: tuple[Any, ...] = database.sql(
            "SELECT count(*), COALESCE(sum(one_fen), 0), COALESCE(sum(other_fen), 0), "
            "count(*) FILTER (one = 'granted'), count(*) FILTER (other = 'granted'), "
            "count(*) FILTER (other_fen > one_fen), count(*) FILTER (other_fen < one_fen), "
            "count(*) FILTER (one = 'undetermined' OR other = 'undetermined') FROM both_ways"
        ).fetchall()[0]
        rows = database.sql(
            "SELECT id, one_fen, other_fen FROM both_ways WHERE one_fen <> other_fen "
            f"ORDER BY abs(other_fen - one_fen) DESC, id LIMIT {SHOWN}"
        ).fetchall()
    firms = Organization.objects.in_bulk([UUID(row[0]) for row in rows])
    changed = [Changed(firms[UUID(key)], first, second) for key, first, second in rows]
    return Comparison(changed, *(int(total) for total in totals))


def years_with_revenue() -> list[int]:
    """The years for which any firm has revenue, the latest first."""
    return list(AnnualRevenue.objects.values_list("year", flat=True).distinct().order_by("-year"))


Case = tuple[str, engine.Facts]


def _cases(year: int, scheme: Scheme, from_lines: bool) -> Iterator[Case]:
    return _of_lines(year, scheme) if from_lines else _of_totals(year)


def _of_totals(year: int) -> Iterator[Case]:
    """From the kept totals. What does not count stands in one sum: the rule only uses them together."""
    kept = list(AnnualRevenue.objects.filter(year=year).select_related("firm__park"))
    known = _Known.of({row.firm_id for row in kept}, year)
    for row in kept:
        sums = dict.fromkeys(CARD.varying, 0) | {
            "transaction_count": row.line_count,
            "receipts_fen": row.receipts_fen,
            "refunds_fen": row.refunds_fen,
            "excluded_period_fen": -row.excluded_fen,
            "vat_fen": row.vat_fen,
            "fees_fen": row.fee_fen,
        }
        yield str(row.firm_id), known.facts(row.firm, year, sums, None)


def _of_lines(year: int, scheme: Scheme) -> Iterator[Case]:
    """From the lines, with the sums under every reading."""
    by_firm = readings.cells_by_firm(year, *validity_of(scheme.version))
    firms = Organization.objects.select_related("park").in_bulk(list(by_firm))
    known = _Known.of(set(by_firm), year)
    for key, cells in by_firm.items():
        sums = readings.summed(cells, year, readings.default_reading())
        yield str(key), known.facts(firms[key], year, sums, readings.resummed(cells, year))


@dataclass(frozen=True, slots=True)
class _Known:
    """Certificates and awards of many firms, in a query each."""

    certificates: Mapping[UUID, int]
    awards: Mapping[UUID, list[dict[str, Any]]]

    @classmethod
    def of(cls, firm_ids: set[UUID], year: int) -> _Known:
        certificates: dict[UUID, int] = defaultdict(int)
        for holder in (
            certificates_in_force(year).filter(holder__in=firm_ids).values_list("holder", flat=True)
        ):
            certificates[holder] += 1
        awards: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        register = Award.objects.filter(firm__in=firm_ids, year__lt=year).values_list(
            "firm", "measure", "year"
        )
        earlier = register.annotate(total=Sum("amount_fen")).filter(total__gt=0)
        for firm, measure, when, amount in earlier.order_by("firm", "year", "measure"):
            awards[firm].append(
                {
                    "measure": measure,
                    "group": measures.CARDS[measure].group,
                    "year": when,
                    "amount_fen": int(amount),
                }
            )
        return cls(certificates, awards)

    def facts(
        self, firm: Organization, year: int, sums: Mapping[str, int], resummed: list[dict[str, Any]] | None
    ) -> engine.Facts:
        values: dict[str, Any] = dict(sums)
        if firm.is_verified:
            values |= {
                "is_annotation_firm": OrganizationKind.ANNOTATION_FIRM.value in firm.kinds,
                "industry_class": firm.industry_digital or None,
                "in_recognised_park": is_recognised(firm.park, year),
                "registered_place": firm.registered_place or None,
                "tax_place": firm.tax_place or None,
            }
        values |= {
            "certificate_count": self.certificates.get(firm.pk, 0),
            "prior_awards": self.awards.get(firm.pk, []),
            "readings": resummed,
        }
        given = {name: {"value": value} for name, value in values.items() if value is not None}
        return engine.Facts.of(CARD.id, year, given)
