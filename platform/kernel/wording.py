"""How the interface's language joins words."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import pgettext


def listed(items: Iterable[object]) -> str:
    """Some things in a row, in the reader's language: 甲、乙 or A, B."""
    return pgettext("between listed things", "、").join(map(str, items))
