"""Every write around Label Studio servers: connect, send, read, compare."""

from __future__ import annotations

from annotation.servers.services.connecting import (
    HintsNotTaken,
    ServerNotUsable,
    ServerUnreachable,
    add_server,
    check_server,
    close_link,
    connect_project,
    note_hint,
    pause_link,
    replace_token,
    resume_link,
    retire_server,
)
from annotation.servers.services.reading import pull, retry_aside, sweep
from annotation.servers.services.sending import (
    LinkNotActive,
    NothingToIssue,
    expire_missing,
    issue_tasks,
    resend_missing,
    send_due,
)

__all__ = [
    "HintsNotTaken", "LinkNotActive", "NothingToIssue", "ServerNotUsable", "ServerUnreachable", "add_server",
    "check_server", "close_link", "connect_project", "expire_missing", "issue_tasks", "note_hint", "pause_link", "pull",
    "replace_token", "resend_missing", "resume_link", "retire_server", "retry_aside", "send_due", "sweep",
]  # fmt: skip
