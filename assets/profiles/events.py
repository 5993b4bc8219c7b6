"""News of profiles."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ProfileMade(Event):
    """What is in a version has been measured."""

    version_id: UUID
    profile_id: UUID


@dataclass(frozen=True, kw_only=True)
class SampleFrozen(Event):
    """The sample of a version was chosen for good."""

    version_id: UUID
    by: Actor
