"""Two versions of the policy, or two ways to read it, over all firms of a year: who gains, who loses, what it costs.

Every measure with an amount is decided in both ways by its generated query, on the same facts: the kept revenue (its
lines, where a reading changes the sums), verified declarations and profiles. The register of other years is read as it
stands now; what stands in it for the year itself is told beside the totals and decides nothing, as the year is worked out
anew. Of one firm's measures that exclude one another only the highest stands, as in a single settlement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext as _

from kernel.columnar import columnar
from kernel.errors import InvalidInput
from kernel.money import Money
from organizations.models import Organization
from settlement.rewards import engine, funds, measures, runs
from settlement.rewards.cases import Cases, validity_of
from settlement.rewards.engine import queries
from settlement.rewards.engine.decisions import NoSuchReading, checked_readings
from settlement.rewards.engine.parameters import ParameterValue
from settlement.rewards.models import BudgetLine

if TYPE_CHECKING:
    import duckdb

SHOWN = 50
ADJUSTABLE = ("fen", "ratio", "years")
WAYS = ("one", "other")
_WRITTEN = {
    "fen": re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII),
    "ratio": re.compile(r"\d{1,3}(\.\d{1,6})?%?", re.ASCII),
    "years": re.compile(r"[1-9]\d?", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way: a version, and by measure readings of open questions and values put in the place of parameters.

    A measure that has no parameters of that version keeps its current ones.
    """

    version: str = measures.CURRENT_VERSION
    interpretation: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=dict)

    def parameters(self, card: engine.Measure) -> engine.PolicyVersion:
        """The measure's parameters in this way."""
        found = measures.VERSIONS.get((card.id, self.version)) or measures.version_of(card.id)
        return found.with_values(self.values.get(card.id, {}))

    def readings(self, card: engine.Measure) -> dict[str, str]:
        """The reading of every open question of the measure; NoSuchReading for what is not offered."""
        return checked_readings(card, self.interpretation.get(card.id, {}))

    def sql(self, card: engine.Measure, year: int) -> str:
        """The query that decides every row of `facts`, with the award by the rule alone."""
        return queries.query(
            card, version=self.parameters(card), year=year, interpretation=self.readings(card), has_whole=True
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """A firm that gains or loses by a measure, and the conclusion of either way in a sentence."""

    firm: Organization
    measure: str
    one_fen: int
    other_fen: int
    one_why: engine.Text
    other_why: engine.Text

    @property
    def change_fen(self) -> int:
        return self.other_fen - self.one_fen


@dataclass(frozen=True, slots=True)
class Total:
    """What both ways come to, for one measure ("" for all of them together, counted by firm)."""

    measure: str
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


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A budget of the year beside what both ways would take from it; `granted_fen` is in the register already."""

    line: BudgetLine
    amount_fen: int
    granted_fen: int
    one_fen: int
    other_fen: int

    @property
    def one_left_fen(self) -> int:
        return self.amount_fen - self.one_fen

    @property
    def other_left_fen(self) -> int:
        return self.amount_fen - self.other_fen


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each way costs by measure and in all, what the year's budgets hold, and the firms that differ most."""

    year: int
    total: Total
    by_measure: list[Total]
    budgets: list[Budgeted]
    changed: list[Changed]


def compared(year: int, one: Scheme, other: Scheme) -> Comparison:
    """Decide all firms of the year in both ways; the number of queries does not depend on firms. NoSuchReading."""
    cases = Cases.of(year)
    with columnar(memory=runs.MEMORY, threads=runs.THREADS) as database:
        for way in WAYS:
            database.execute(
                f"CREATE TABLE {way} (firm VARCHAR, measure VARCHAR, kin VARCHAR, span VARCHAR, matter VARCHAR,"
                " beside VARCHAR[], whole_fen BIGINT, outcome VARCHAR, amount_fen BIGINT)"
            )
        for card in measures.CARDS.values():
            _decide(database, card, cases, one, other)
        for way in WAYS:
            settle(database, way)
        database.execute(
            "CREATE TABLE both_ways AS SELECT a.firm, a.measure, a.outcome AS one, a.amount_fen AS one_fen, "
            "b.outcome AS other, b.amount_fen AS other_fen FROM one a JOIN other b USING (firm, measure)"
        )
        by_measure = _totals(database)
        (total,) = _totals(database, is_whole=True)
        rows = database.sql(
            "SELECT firm, measure, one_fen, other_fen FROM both_ways WHERE one_fen <> other_fen "
            f"ORDER BY abs(other_fen - one_fen) DESC, firm, measure LIMIT {SHOWN}"
        ).fetchall()
    return Comparison(
        year,
        total,
        by_measure,
        _budgets(year, by_measure),
        _changed(cases, rows, {"one": one, "other": other}),
    )


def _decide(
    database: duckdb.DuckDBPyConnection, card: engine.Measure, cases: Cases, one: Scheme, other: Scheme
) -> None:
    """Both ways of one measure; facts are loaded a second time only where a version has another validity."""
    database.execute(queries.table_of(card))
    versions = [scheme.parameters(card) for scheme in (one, other)]
    readings = [scheme.readings(card) for scheme in (one, other)]
    needs_lines = cases.need_lines(card, versions, readings)
    loaded = None
    for way, scheme, version in zip(WAYS, (one, other), versions, strict=True):
        if loaded is None or (needs_lines and validity_of(version) != loaded):
            database.execute("DELETE FROM facts")
            runs.load(
                database,
                card,
                ((str(firm.pk), facts) for firm, facts in cases.all(card, version, needs_lines)),
            )
            loaded = validity_of(version)
        rule, chosen = card.exclusivity, scheme.readings(card)
        matter = f"COALESCE(f.{rule.matter(chosen)}, '')" if rule.matter(chosen) else "''"
        beside = ", ".join(f"'{kin}'" for kin in rule.groups_beside(chosen))
        database.execute(
            f"INSERT INTO {way} SELECT id, '{card.id}', '{rule.group}', '{rule.span(chosen)}', {matter}, [{beside}]::VARCHAR[], q.whole_fen, "
            f"q.outcome::VARCHAR, q.amount_fen FROM ({scheme.sql(card, cases.year)}) q JOIN facts f USING (id)"
        )
    database.execute("DROP TABLE facts")


def settle(database: duckdb.DuckDBPyConnection, way: str) -> None:
    """Highest only, once, within a year: what `engine.settle` does for single cases, over the whole table.

    Of a firm's granted rows of one group and matter the highest stands; then of groups that pay on the same quantity.
    Of equals the first by name.
    """
    database.execute(
        f"""CREATE OR REPLACE TABLE {way} AS
        WITH ranked AS (
            SELECT *, row_number() OVER (PARTITION BY firm, kin, span, matter, outcome = 'granted'
                ORDER BY whole_fen DESC, measure) AS place FROM {way}
        ), standing AS (SELECT * FROM ranked WHERE outcome = 'granted' AND place = 1),
        lower AS (
            SELECT DISTINCT low.firm, low.measure FROM standing low JOIN standing high ON high.firm = low.firm
                AND list_contains(low.beside, high.kin)
                AND (high.whole_fen > low.whole_fen OR (high.whole_fen = low.whole_fen AND high.measure < low.measure))
        )
        SELECT r.* EXCLUDE (place, outcome, amount_fen),
            CASE WHEN is_lower THEN 'superseded' ELSE outcome END AS outcome,
            CASE WHEN is_lower THEN 0 ELSE amount_fen END AS amount_fen
        FROM (SELECT ranked.*, outcome = 'granted' AND (place > 1 OR lower.firm IS NOT NULL) AS is_lower
            FROM ranked LEFT JOIN lower USING (firm, measure)) r"""
    )
    database.execute(f"ALTER TABLE {way} DROP COLUMN is_lower")


def _totals(database: duckdb.DuckDBPyConnection, *, is_whole: bool = False) -> list[Total]:
    """The figures by measure in the order of the policy; of all together counted by firm."""
    counted = (
        "count(*), COALESCE(sum(one_fen), 0), COALESCE(sum(other_fen), 0), count(*) FILTER (is_one), "
        "count(*) FILTER (is_other), count(*) FILTER (other_fen > one_fen), count(*) FILTER (other_fen < one_fen), "
        "count(*) FILTER (is_open)"
    )
    keys = "firm" if is_whole else "firm, measure"
    rows = (
        f"SELECT {keys}, sum(one_fen) AS one_fen, sum(other_fen) AS other_fen, bool_or(one = 'granted') AS is_one, "
        "bool_or(other = 'granted') AS is_other, bool_or('undetermined' IN (one, other)) AS is_open "
        f"FROM both_ways GROUP BY {keys}"
    )
    name, grouped = ("''", "") if is_whole else ("measure", " GROUP BY measure")
    found = database.sql(f"SELECT {name}, {counted} FROM ({rows}){grouped}").fetchall()
    totals = {row[0]: Total(row[0], *(int(figure) for figure in row[1:])) for row in found}
    if is_whole:
        return list(totals.values())
    return [totals[measure] for measure in measures.CARDS if measure in totals]


def _budgets(year: int, by_measure: list[Total]) -> list[Budgeted]:
    lines = list(BudgetLine.objects.filter(year=year).select_related("organization").order_by("number"))
    return [
        Budgeted(
            position.line,
            position.amount_fen,
            position.granted_fen,
            sum(total.one_fen for total in by_measure if total.measure in position.line.measures),
            sum(total.other_fen for total in by_measure if total.measure in position.line.measures),
        )
        for position in funds.positions_of(lines)
    ]


def _changed(cases: Cases, rows: list[Any], schemes: Mapping[str, Scheme]) -> list[Changed]:
    """The rows with their firms, and why: each firm decided alone in both ways, with its whole trace."""
    ids = {UUID(row[0]) for row in rows}
    firms = Organization.objects.in_bulk(list(ids))
    why = {way: {} if not ids else alone(cases, scheme, ids) for way, scheme in schemes.items()}
    return [
        Changed(
            firms[UUID(key)],
            measure,
            one_fen,
            other_fen,
            *(engine.Text.read(why[way][UUID(key), measure].document["sentence"]) for way in WAYS),
        )
        for key, measure, one_fen, other_fen in rows
    ]


def alone(
    cases: Cases, scheme: Scheme, firm_ids: Collection[UUID]
) -> dict[tuple[UUID, str], engine.Decision]:
    """The decisions of some firms, each made alone and settled beside one another: what the tables must equal."""
    keys, decisions = [], []
    for card in measures.CARDS.values():
        version, readings = scheme.parameters(card), scheme.readings(card)
        needs_lines = cases.need_lines(card, [version], [readings])
        for firm, facts in cases.all(card, version, needs_lines, only=firm_ids):
            keys.append((firm.pk, card.id))
            decisions.append(
                engine.decide(
                    card,
                    facts,
                    version=version,
                    code_version=measures.CODE_VERSION,
                    interpretation=readings,
                )
            )
    return dict(zip(keys, engine.settle(decisions, cases.registered(firm_ids)), strict=True))


def value_of(row: engine.Parameter, text: str) -> ParameterValue:
    """A value as people write it, in the parameter's unit: yuan, a percentage or a share, years. ValueError."""
    written = text.strip().replace(",", "").removeprefix("¥")
    if not _WRITTEN[row.unit].fullmatch(written):
        raise ValueError(text)
    if row.unit == "fen":
        return Money.from_yuan(written).fen
    if row.unit == "ratio":
        return Fraction(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    return int(written)


def scheme_of(version: str, interpretation: Mapping[str, str], values: Mapping[str, str]) -> Scheme:
    """A way as API and command tell it: `measure.question` → reading, `measure.parameter` → a value as written.

    Raises InvalidInput for a version, measure, question, reading, parameter or value that there is not.
    """
    name = version or measures.CURRENT_VERSION
    if not any(known == name for _measure, known in measures.VERSIONS):
        raise InvalidInput(field="version", reason=_("没有这个版本。"))
    readings: dict[str, dict[str, str]] = {}
    for key, option in interpretation.items():
        card, question = _named(key, "interpretation")
        readings.setdefault(card.id, {})[question] = option
        try:
            checked_readings(card, readings[card.id])
        except NoSuchReading as error:
            raise InvalidInput(field="interpretation", reason=_unknown(key, option)) from error
    chosen: dict[str, dict[str, ParameterValue]] = {}
    for key, text in values.items():
        card, parameter = _named(key, "values")
        row = next((row for row in adjustable(card) if row.name == parameter), None)
        try:
            if row is None:
                raise ValueError(parameter)
            chosen.setdefault(card.id, {})[parameter] = value_of(row, text)
        except ValueError as error:
            raise InvalidInput(field="values", reason=_unknown(key, text)) from error
    return Scheme(name, readings, chosen)


def _named(key: str, told: str) -> tuple[engine.Measure, str]:
    measure, _dot, name = key.partition(".")
    if measure not in measures.CARDS or not name:
        raise InvalidInput(field=told, reason=_unknown(key, ""))
    return measures.CARDS[measure], name


def _unknown(key: str, value: str) -> str:
    return _("没有这一项或这个取值：%(key)s = %(value)s。") % {"key": key[:80], "value": value[:40]}


def adjustable(card: engine.Measure) -> Iterator[engine.Parameter]:
    """The parameters whose value a comparison may change: amounts, shares and years, one row a name."""
    version = measures.version_of(card.id)
    for name in dict.fromkeys(row.name for row in version.parameters if row.unit in ADJUSTABLE):
        yield version.at(name, version.first_day)
