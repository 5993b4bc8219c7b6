"""Our own long-running programs beside the servers: web, worker and beat."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded import children
from embedded.children import Identity
from embedded.errors import ServerFailed
from embedded.servers import reaped_stop


@dataclass
class Program:
    """A command that is started, watched and stopped together with the servers."""

    name: str
    command: list[str]
    cwd: Path
    environment: Mapping[str, str]
    stop_seconds: float = 20.0
    child: subprocess.Popen[bytes] | None = None

    def start(self, log: Path) -> Identity:
        self.child = children.spawn(self.command, log=log, cwd=self.cwd, environment=self.environment)
        identity = Identity.of(self.child.pid)
        if identity is None:
            raise ServerFailed(f"{self.name} ended at once: {children.tail(log)} ({log})")
        return identity

    def stop(self) -> None:
        if self.child is None:
            return
        identity = Identity.of(self.child.pid)
        if identity is not None:
            reaped_stop(self.child, identity, signum=signal.SIGTERM, grace=self.stop_seconds)
        self.child.wait()
        self.child = None
