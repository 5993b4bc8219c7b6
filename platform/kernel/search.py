"""Search in Chinese and Latin text: pairs of characters in a tsvector under a GIN index.

The SQL function `search_terms(text)` (migration 0001) cuts text into lower-case Latin/number words and,
for each run of Chinese characters, its overlapping pairs. A model stores
`SearchVectorField` as a generated column; `matching()` turns what a person typed into the query.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Func, Q

__all__ = ["TERMS_SQL", "SearchVectorField", "Terms", "matching", "terms"]

_RUNS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[a-z0-9]+")

TERMS_SQL = r"""
CREATE OR REPLACE FUNCTION search_terms(body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(array_to_tsvector(array_agg(DISTINCT term) FILTER (WHERE term <> '')), ''::tsvector)
  FROM (
    SELECT substr(run[1], pos, 2) AS term
    FROM regexp_matches(lower(body), '[\u3400-\u9fff\uf900-\ufaff]+', 'g') AS run,
         generate_series(1, greatest(length(run[1]) - 1, 1)) AS pos
    UNION ALL
    SELECT substr(run[1], pos, 1)
    FROM regexp_matches(lower(body), '[\u3400-\u9fff\uf900-\ufaff]+', 'g') AS run,
         generate_series(1, length(run[1])) AS pos
    UNION ALL
    SELECT run[1] FROM regexp_matches(lower(body), '[a-z0-9]+', 'g') AS run
  ) AS cut
$$;
"""


class Terms(Func):
    """`search_terms(text)` as an expression, for generated columns."""

    function = "search_terms"
    arity = 1
    output_field: models.Field[Any, Any] = SearchVectorField()


def terms(text: str) -> list[str]:
    """What a person typed, cut as the index cuts it: words, single characters, pairs."""
    found: list[str] = []
    # PostgreSQL lowers İ to one letter, Python to two.
    for run in _RUNS.findall(text.replace("İ", "i").lower()):
        if run[0].isascii() or len(run) == 1:
            found.append(run)
        else:
            found += [run[i : i + 2] for i in range(len(run) - 1)]
    return list(dict.fromkeys(found))


def matching(column: str, text: str) -> Q:
    """Rows whose search column holds every term of `text`; a text without terms matches nothing.

    The last Latin word matches as a prefix, so results narrow while typing.
    """
    cut = terms(text)
    if not cut:
        return Q(pk__in=[])
    parts = [f"'{term}'" for term in cut]
    if cut[-1][0].isascii():
        parts[-1] += ":*"
    return Q(**{column: SearchQuery(" & ".join(parts), search_type="raw", config="simple")})
