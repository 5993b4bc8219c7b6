"""Search in the catalogue: words in two languages, facets with counts, ranking, pages.

Every search starts from `products_visible_to(viewer)`. Public products are told by a kept column of ProductFacet, which
the database writes in the transaction that changes the product; all others (a supplier's own, those a firm is
invited to) are asked of that selector, and so is every product that is shown.

Words: a run of Chinese characters is cut into its pairs, a single character stands for itself, Latin words and numbers
are whole, the last one may be unfinished. A product matches when all of them stand in its number, titles, summary,
description, labels, field names or field descriptions.

Ranking (`relevance`), best first, the newest first within each:
3  the whole text is the product's number or one of its titles;
2  all words stand in its titles;
1  all words stand in its titles, labels and fields together;
0  some words stand in summary or description only.

Speed: results and their counts come from one kept row per product. Up to MOST_COUNTED matches are counted exactly;
of more, so many are counted and all figures are lower bounds. A page of few matches is sorted, a page of many is read
in its order from an index, looking at WALKED (or WALKED_APART) rows at most before sorting after all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, IntegerField, Q, QuerySet, Value
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.registry.states import ProductKind
from exchange.catalogue import rules
from exchange.catalogue.models import Product, ProductFacet
from exchange.catalogue.selectors import products_visible_to
from exchange.catalogue.states import CertificateStanding, Industry, Licence, ListingState, TaskType
from kernel import clock
from kernel.search import terms
from organizations.permissions import Actor
from web.paging import PAGE_SIZE, CursorPage, paginate

MOST_COUNTED = 2_000
"""Matches that are counted exactly; of more, every figure is a lower bound."""
WALKED = 8_000
"""Rows of the order by time that are read for a page before the matches are sorted instead; they lie side by side."""
WALKED_APART = 2_000
"""The same for the other orders, whose rows lie apart."""
MOST_TEXT = 100
ANYBODY = Actor.anonymous()
RELEVANCE, NEWEST = "relevance", "newest"
SORTS: Mapping[str, tuple[str, ...]] = {
    RELEVANCE: ("-rank", "-listed_at", "-product_id"),
    NEWEST: ("-listed_at", "-product_id"),
    "cheapest": ("price_fen", "product_id"),
    "dearest": ("-price_fen", "-product_id"),
    "quality": ("-quality_bp", "-product_id"),
}
FACETS: Mapping[str, tuple[str | Promise, Mapping[str, str | Promise]]] = {
    "industry": (_("行业"), dict(Industry.choices)),
    "kind": (_("产品类型"), dict(ProductKind.choices)),
    "modality": (_("数据形态"), dict(Modality.choices)),
    "task": (_("任务类型"), dict(TaskType.choices)),
    "licence": (_("使用许可"), dict(Licence.choices)),
    "price": (_("价格"), {band.code: band.label for band in rules.PRICE_BANDS}),
    "certificate": (_("登记证书"), dict(CertificateStanding.choices)),
    "quality": (_("数据质量"), {band.code: band.label for band in rules.QUALITY_BANDS}),
    "place": (_("供方所在地"), rules.PLACES),
}
_IN_TERMS = ("industry", "kind", "modality", "task", "licence", "place")
"""Facets whose values stand among the terms too, so that the index of words narrows by them."""
_RANKED_BY_COUNT = ("industry", "place")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet with the number of products behind it; `is_more`: at least so many."""

    code: str
    label: str | Promise
    count: int
    is_chosen: bool
    is_more: bool = False

    @property
    def shown(self) -> str:
        """The figure for people: 1,204, or 2,000+ for a lower bound; nothing where none was met while counting."""
        if self.is_more:
            return f"{self.count:,}+" if self.count else ""
        return f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class Facet:
    """A group of choices; each count holds under the choices made in the other facets."""

    code: str
    label: str | Promise
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Total:
    """How many products were found; `is_more`: at least so many."""

    count: int
    is_more: bool

    @property
    def shown(self) -> str:
        """The figure for people."""
        return f"{self.count:,}+" if self.is_more else f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor searches for on a day; unknown values are dropped when it is read."""

    text: str
    chosen: Mapping[str, frozenset[str]]
    sort: str
    on: date

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or any(self.chosen.values()))

    def kept(self) -> dict[str, Any]:
        """The search as plain values, to be stored and read again by `read_wanted`."""
        return {
            "text": self.text,
            "chosen": {code: sorted(values) for code, values in self.chosen.items() if values},
            "sort": self.sort,
        }


def read_wanted(
    text: str, chosen: Mapping[str, Sequence[str]], sort: str = "", *, on: date | None = None
) -> Wanted:
    """What was asked for, with only values the catalogue knows; a text is ranked, everything else newest first.

    `on`: the day for which certificates are judged (today by default).
    """
    kept = {name: frozenset(chosen.get(name, ())) & frozenset(known) for name, (_l, known) in FACETS.items()}
    asked = " ".join(text.replace("\x00", " ").split())[:MOST_TEXT].strip()
    usual = RELEVANCE if asked else NEWEST
    is_known = sort in SORTS and (sort != RELEVANCE or bool(asked))
    return Wanted(asked, kept, sort if is_known else usual, on or clock.business_date(clock.now()))


# --- what a search asks of the index ------------------------------------------------------------


def _lexeme(word: str, mark: str = "") -> str:
    return "'" + (mark + word).replace("\\", "\\\\").replace("'", "''") + "'"


def _words(text: str, marks: Sequence[str] = ("",)) -> str:
    """All words of a text, each under one of the marks, as a tsquery; the last Latin word may be unfinished."""
    cut = terms(text)
    found = []
    for position, word in enumerate(cut):
        ending = ":*" if position == len(cut) - 1 and word[0].isascii() else ""
        found.append(" | ".join(_lexeme(word, mark) + ending for mark in marks))
    return " & ".join(f"({each})" for each in found)


def _exactly(text: str) -> str:
    return _lexeme(text.lower(), "e/")


def _tiers(text: str) -> list[tuple[int, str]]:
    """Each rank with the query of the products that have it, best first."""
    exact, title, named, anywhere = (
        _exactly(text),
        _words(text, ("t/",)),
        _words(text, ("t/", "k/")),
        _words(text),
    )
    return [
        (3, f"({anywhere}) & {exact}"),
        (2, f"({title}) & !{exact}"),
        (1, f"({named}) & !({title}) & !{exact}"),
        (0, f"({anywhere}) & !({named}) & !{exact}"),
    ]


def _holds(query: str) -> Func:
    """Rows whose terms satisfy a tsquery, found through the index."""
    return Func(
        F("terms"),
        Value(query),
        template="%(expressions)s::tsquery",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )


def _facet_terms(chosen: Mapping[str, frozenset[str]]) -> list[str]:
    return [
        "(" + " | ".join(_lexeme(value, f"f/{code}/") for value in sorted(chosen[code])) + ")"
        for code in _IN_TERMS
        if chosen.get(code)
    ]


def _narrowed(
    rows: QuerySet[ProductFacet], wanted: Wanted, *, but: Collection[str] = ()
) -> QuerySet[ProductFacet]:
    """Rows with the chosen values of every facet except those of `but`, by their columns."""
    for code, values in wanted.chosen.items():
        if not values or code in but:
            continue
        if code == "certificate":
            if len(values) == 1:
                rows = rows.filter(_ending(wanted.on) if "ending" in values else ~_ending(wanted.on))
        else:
            rows = rows.filter(**{f"{code}__in": sorted(values)})
    return rows


def _ending(on: date) -> Q:
    return Q(certificate_until__lte=on + timedelta(days=rules.ENDING_DAYS))


def _visible(viewer: Actor) -> QuerySet[ProductFacet]:
    """The listed products this viewer finds: all public ones, and of the others what the selector shows."""
    others = ProductFacet.objects.filter(
        is_listed=True, is_public=False, product__in=products_visible_to(viewer).order_by().values("pk")
    )
    return ProductFacet.objects.filter(Q(is_public=True) | Q(pk__in=others.values("pk")), is_listed=True)


def _matching(
    wanted: Wanted, visible: QuerySet[ProductFacet], *, but: str = "", query: str = ""
) -> QuerySet[ProductFacet]:
    """Of what is visible the rows of a search through the index of words (`query` instead of all words)."""
    if not wanted.text:
        return _narrowed(visible, wanted, but=(but,))
    rows = _narrowed(visible, wanted, but=(but, *_IN_TERMS))
    asked = query or _words(wanted.text)
    if not asked:
        return rows.none()
    others = {code: values for code, values in wanted.chosen.items() if code != but}
    return rows.filter(_holds(" & ".join([f"({asked})", *_facet_terms(others)])))


@contextmanager
def _through_indexes() -> Iterator[None]:
    """Words are looked up in their index whatever the planner believes of them: it takes the pairs of characters of
    one word for independent of each other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan")
        yield
        cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = auto")


# --- counts -------------------------------------------------------------------------------------


def facets(wanted: Wanted, viewer: Actor = ANYBODY) -> tuple[list[Facet], Total]:
    """All facets and the number of results, in one statement."""
    if wanted.text and not terms(wanted.text):
        return [_facet(code, {}, wanted, False) for code in FACETS], Total(0, False)
    parts, values, visible = [], [], _visible(viewer)
    chosen = [code for code in FACETS if wanted.chosen.get(code)]
    for but in ("", *chosen):
        sql, parameters = _counted(
            wanted, visible, but, [but] if but else [c for c in FACETS if c not in chosen]
        )
        parts.append(f"({sql})")
        values += parameters
    statement = " UNION ALL ".join(parts)
    if wanted.text:
        with _through_indexes():
            rows = _answers(statement, values)
    else:
        rows = _answers(statement, values)
    counts: dict[str, dict[str, int]] = {code: {} for code in FACETS}
    totals = {}
    for but, code, value, number in rows:
        if code:
            counts[code][value] = number
        else:
            totals[but] = number
    more = {but: number > MOST_COUNTED for but, number in totals.items()}
    shown = [_facet(code, counts[code], wanted, more[code if code in chosen else ""]) for code in FACETS]
    return shown, Total(min(totals[""], MOST_COUNTED), more[""])


def _answers(statement: str, values: Sequence[Any]) -> list[tuple[str, str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[str, str, str, int]] = cursor.fetchall()
    return found


def _counted(
    wanted: Wanted, visible: QuerySet[ProductFacet], but: str, codes: Sequence[str]
) -> tuple[str, list[Any]]:
    """SQL that counts the first matches without the choices of facet `but`: in all (code ''), and for each of `codes`."""
    columns = [code for code in codes if code != "certificate"] or ["product_id"]
    rows = _matching(wanted, visible, but=but)
    if "certificate" in codes:
        columns.append("certificate_until")
    inner, parameters = rows.values_list(*columns)[: MOST_COUNTED + 1].query.sql_with_params()
    standing = "CASE WHEN certificate_until <= %s THEN 'ending' ELSE 'valid' END"
    told = ", ".join(f"{standing} AS certificate" if code == "certificate" else code for code in codes)
    # Each row belongs to one grouping set: the one whose column was grouped by.
    which = " ".join(f"WHEN grouping({code}) = 0 THEN '{code}'" for code in codes)
    value = f"coalesce({', '.join(codes)}, '')"
    sets = ", ".join(f"({code})" for code in codes)
    if not codes:
        return f"SELECT '{but}', '', '', count(*) FROM ({inner}) AS found", list(parameters)
    sql = (
        f"SELECT '{but}', CASE {which} ELSE '' END, {value}, count(*)"
        f" FROM (SELECT {told} FROM ({inner}) AS found) AS told GROUP BY GROUPING SETS ((), {sets})"
    )
    until = [wanted.on + timedelta(days=rules.ENDING_DAYS)] if "certificate" in codes else []
    return sql, [*until, *parameters]


def _facet(code: str, counts: Mapping[str, int], wanted: Wanted, is_more: bool) -> Facet:
    label, known = FACETS[code]
    chosen = wanted.chosen.get(code, frozenset())
    choices = [
        Choice(value, name, min(counts.get(value, 0), MOST_COUNTED), value in chosen, is_more)
        for value, name in known.items()
        if is_more or value in counts or value in chosen
    ]
    if code in _RANKED_BY_COUNT:
        choices.sort(key=lambda choice: -choice.count)
    return Facet(code, label, choices)


# --- results ------------------------------------------------------------------------------------


def search_products(wanted: Wanted, viewer: Actor = ANYBODY) -> QuerySet[Product]:
    """Listed products the viewer finds that match text and facets, in no order."""
    rows = products_visible_to(viewer).filter(
        state=ListingState.LISTED, pk__in=_matching(wanted, _visible(viewer)).values("pk")
    )
    return shown_products(rows)


def shown_products(rows: QuerySet[Product]) -> QuerySet[Product]:
    """With what a result line shows, and without what is long."""
    return rows.select_related("supplier", "version", "certificate", "facet").defer(
        "search", "description", "keywords", "decided", "certificate__claims", "certificate__token",
        "version__sample", "version__dictionary", "version__label_counts", "facet__terms",
    )  # fmt: skip


def found_page(
    wanted: Wanted, viewer: Actor, parameters: Mapping[str, str], *, total: Total, size: int = PAGE_SIZE
) -> CursorPage[Product]:
    """One page of results; `parameters` is `request.GET`, `total` what `facets` counted."""
    if wanted.text and not terms(wanted.text):
        return CursorPage([], "", "")
    taking = _Taking(wanted, _visible(viewer), total)
    keys = paginate(
        ProductFacet.objects.all(), parameters, order=SORTS[wanted.sort], size=size, take=taking.take
    )
    rows = products_visible_to(viewer).filter(state=ListingState.LISTED, pk__in=[row.pk for row in keys])
    products = {product.pk: product for product in shown_products(rows)}
    return CursorPage([products[row.pk] for row in keys if row.pk in products], keys.after, keys.before)


@dataclass(frozen=True, slots=True)
class _Taking:
    """How the first rows of a search are taken from its matches in their order."""

    wanted: Wanted
    visible: QuerySet[ProductFacet]
    total: Total
    columns: tuple[str, ...] = field(default=("product_id", "listed_at", "price_fen", "quality_bp"))

    def take(
        self, rows: QuerySet[ProductFacet], beyond: Q, order: Sequence[str], count: int
    ) -> list[ProductFacet]:
        with _through_indexes() if self.wanted.text else nullcontext():
            if self.wanted.sort != RELEVANCE:
                return self._first("", _words(self.wanted.text), beyond, order, count)
            return self._best(beyond, order, count)

    def _best(self, beyond: Q, order: Sequence[str], count: int) -> list[ProductFacet]:
        """Tier by tier until the page is full, or everything that there is was found."""
        tiers = _tiers(self.wanted.text)
        found: list[ProductFacet] = []
        for rank, query in tiers if order[0].startswith("-") else reversed(tiers):
            found += self._first(str(rank), query, beyond, order[1:], count - len(found))
            is_all = not beyond and not self.total.is_more and len(found) >= self.total.count
            if len(found) == count or is_all:
                break
        return found

    def _first(
        self, rank: str, query: str, beyond: Q, order: Sequence[str], count: int
    ) -> list[ProductFacet]:
        if self.wanted.text and self.total.is_more and rank != "3":
            found = self._walked(rank, query, beyond, order, count)
            if len(found) == count:
                return found
        rows = self._ranked(_matching(self.wanted, self.visible, query=query), rank).filter(beyond)
        if not self.wanted.text:
            return list(rows.only(*self.columns).order_by(*order)[:count])
        return self._sorted(rows, rank, order, count)

    def _ranked(self, rows: QuerySet[ProductFacet], rank: str) -> QuerySet[ProductFacet]:
        return rows.annotate(rank=Value(int(rank), IntegerField())) if rank else rows

    def _sorted(
        self, rows: QuerySet[ProductFacet], rank: str, order: Sequence[str], count: int
    ) -> list[ProductFacet]:
        """The first of all matches. They are found before they are sorted: the planner would rather read a whole
        index in its order and look at the words of every row."""
        columns = [*self.columns, *(["rank"] if rank else [])]
        inner, parameters = rows.values(*columns).query.sql_with_params()
        sides = ", ".join(f"{name.lstrip('-')} {'DESC' if name.startswith('-') else 'ASC'}" for name in order)
        sql = f"SELECT {', '.join(columns)} FROM ({inner} OFFSET 0) AS found ORDER BY {sides} LIMIT %s"
        return list(ProductFacet.objects.raw(sql, [*parameters, count]))

    def _walked(
        self, rank: str, query: str, beyond: Q, order: Sequence[str], count: int
    ) -> list[ProductFacet]:
        """The first rows that hold the words among the next of the order's index; maybe too few."""
        rows = self._ranked(_narrowed(self.visible, self.wanted), rank).filter(beyond)
        columns = [*self.columns, "terms", *(["rank"] if rank else [])]
        most = WALKED if "listed_at" in order[0] else WALKED_APART
        window, parameters = rows.order_by(*order).values(*columns)[:most].query.sql_with_params()
        told = ", ".join(column for column in columns if column != "terms")
        # The function and not the operator: the operator would go through the index of words.
        sql = f"SELECT {told} FROM ({window}) AS walked WHERE ts_match_vq(terms, %s::tsquery) LIMIT %s"
        return list(ProductFacet.objects.raw(sql, [*parameters, query, count]))


# --- keeping ------------------------------------------------------------------------------------


def keep_facets(ids: Iterable[UUID]) -> int:
    """Write the search rows of these products anew; how many. Nothing changes when they were right."""
    wanted = list(ids)
    if not wanted:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT catalogue_keep_facets(%s)", [wanted])
        (kept,) = cursor.fetchone()
    return int(kept)


def keep_facets_of_version(version_id: UUID) -> int:
    """A version was measured: its products' quality may have changed."""
    return keep_facets(Product.objects.filter(version=version_id).values_list("pk", flat=True))


def keep_facets_of_supplier(organization_id: UUID) -> int:
    """An organization's place may have changed."""
    return keep_facets(Product.objects.filter(supplier=organization_id).values_list("pk", flat=True))
