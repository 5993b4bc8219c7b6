"""What happens between the platform and Label Studio servers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ResultsKeptAside(Event):
    """Results came that could not be submitted; `count` of them since the link's people were last told."""

    link_id: UUID
    count: int


@dataclass(frozen=True, kw_only=True)
class GapFound(Event):
    """The counters of a link do not add up: `count` issued tasks are nowhere."""

    link_id: UUID
    count: int


@dataclass(frozen=True, kw_only=True)
class ServerLost(Event):
    """A server that answered before answers no longer, or refuses the token."""

    server_id: UUID
    fault: str
