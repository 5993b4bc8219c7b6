"""The database cuts text as Python does, so what a person types is found in what was stored."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.search import matching, terms

pytestmark = pytest.mark.django_db
MARKS = "清远数据标注交易所abzAZ019 -,.，。\n'\"\\:&|!()<>*%_é𠀀İ\u3400\u9fff\uf900"
TEXTS = st.text(st.sampled_from(sorted(MARKS)), max_size=40)


def stored(text: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT unnest(tsvector_to_array(search_terms(%s)))", [text])
        return {term for (term,) in cursor.fetchall()}


def singles(text: str) -> set[str]:
    return set(re.findall(r"[\u3400-\u9fff\uf900-\ufaff]", text))


def is_found(typed: str, text: str) -> bool:
    """Whether the query made from `typed` matches the stored terms of `text`."""
    wanted = matching("vector", typed)
    assert len(wanted.children) == 1
    name, query = wanted.children[0]
    if name == "pk__in":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT search_terms(%s) @@ to_tsquery('simple', %s)", [text, query.source_expressions[-1].value]
        )
        return bool(cursor.fetchone()[0])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_sql_and_python_cut_alike(text: str) -> None:
    # The index also holds every single character, so that one-character words are found.
    assert stored(text) == set(terms(text)) | singles(text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_whatever_has_a_term_is_found_by_itself_and_nothing_breaks_the_query(text: str) -> None:
    assert is_found(text, text) is bool(terms(text))


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("清远", "广东省清远市数据集", True),
        ("清远数据", "数据来自清远", False),  # 远数 is a pair of its own
        ("清", "清远", True),
        ("远清", "清远", False),
        ("BERT", "bert-base 中文", True),
        ("ber", "bert-base", True),
        ("ert", "bert-base", False),
        ("评论 2026", "酒店评论（2026年）", True),
        ("' | 1=1", "无关", False),
        ("", "清远", False),
        ("！？", "！？", False),
    ],
)
def test_what_is_found(typed: str, text: str, found: bool) -> None:
    assert is_found(typed, text) is found
