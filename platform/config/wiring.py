"""Which news reaches whom: the only place where events meet handlers and registries are filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernel import events


def handlers() -> dict[type[events.Event], list[Callable[[Any], None]]]:
    """Every event with its handlers, in order; imported late so that all apps are loaded."""
    return {}


def connect() -> None:
    """Called once when Django is ready."""
    events.wire(handlers())
