"""News of datasets."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class VersionSealed(Event):
    """A version was sealed: its files and hashes are final."""

    version_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class VersionWithdrawn(Event):
    """A sealed version is being withdrawn; a handler that still needs it refuses."""

    version_id: UUID
    by: Actor
