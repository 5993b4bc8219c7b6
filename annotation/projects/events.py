"""News of annotation projects."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ProjectAccepted(Event):
    """The client (or the firm for itself) accepted a delivered project: its accepted tasks are payable."""

    project_id: UUID
    by: Actor
