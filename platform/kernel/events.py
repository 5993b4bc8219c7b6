"""Typed events: upward news, announced inside the transaction that made it true.

Handlers are wired in `config/wiring.py` and nowhere else; a handler that fails fails the
transaction, so cause and effect are stored together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, in the past tense; `at` is when it took effect."""

    at: datetime


_handlers: dict[type[Event], tuple[Callable[[Any], None], ...]] = {}


def wire(handlers: Mapping[type[Event], Sequence[Callable[[Any], None]]]) -> None:
    """Replace the whole wiring table; called once by `config/wiring.py`."""
    _handlers.clear()
    _handlers.update({kind: tuple(found) for kind, found in handlers.items()})


def announce(event: Event) -> None:
    """Tell every wired handler, in order, inside the current transaction."""
    assert transaction.get_connection().in_atomic_block, "announce() needs a transaction"
    for handler in _handlers.get(type(event), ()):
        handler(event)
