"""The server's own note of when it showed a task to somebody; it travels with the page and comes back signed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.core import signing

from kernel import clock
from organizations.permissions import Actor

SALT = "work.shown"


def shown_note(viewer: Actor, task_id: UUID) -> str:
    """A signed note that the task is being shown to the viewer now."""
    told = f"{task_id}:{viewer.user_id}:{int(clock.now().timestamp())}"
    return signing.Signer(salt=SALT).sign(told)


def moment_of(viewer: Actor, task_id: UUID, note: str) -> datetime | None:
    """When the server showed this task to this viewer; None for a note that is missing, altered or another's."""
    try:
        task, user, seconds = signing.Signer(salt=SALT).unsign(note).split(":")
    except (signing.BadSignature, ValueError):
        return None
    if (task, user) != (str(task_id), str(viewer.user_id)):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)
