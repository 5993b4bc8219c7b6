"""What the three servers have in common: prepare, start, become ready, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded import children
from embedded.children import Account, Identity
from embedded.errors import ServerFailed
from embedded.folders import Folders

# The only things of the launcher's environment a server gets to see.
PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class Place:
    """Where servers run: an installation's folders, a short folder for sockets, and whether to survive."""

    folders: Folders
    sockets: Path
    durable: bool = True


@dataclass(frozen=True)
class Launch:
    """How one server process is started."""

    command: list[str]
    cwd: Path
    environment: Mapping[str, str]
    account: Account | None = None


class Server(ABC):
    """One real server. `start` leaves it ready for use; `settings` tells the product how to reach it."""

    name: str
    stop_signal: int = signal.SIGTERM
    ready_seconds: float = 30.0
    stop_seconds: float = 15.0
    own_setting: str  # when the environment has it, somebody else runs this server

    def __init__(self, place: Place) -> None:
        self.place = place
        self.child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the server's files; finish or redo what an earlier start left half done."""

    @abstractmethod
    def launch(self) -> Launch:
        """The command that starts it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers a real request."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The product's settings that reach this server."""

    def complete(self) -> None:  # noqa: B027  (not every server has something)
        """Whatever is to be made inside the running server (a database, a bucket)."""

    def clean(self) -> None:  # noqa: B027  (nor leaves something)
        """Remove what a stopped server left outside its folder."""

    @property
    def log(self) -> Path:
        return self.place.folders.log(self.name)

    def start(self) -> Identity:
        """Start and wait until ready.

        Raises ServerFailed with the end of the server's log.
        """
        self.prepare()
        identity = self.spawn()
        self.await_ready()
        self.complete()
        return identity

    def spawn(self) -> Identity:
        launch = self.launch()
        self.child = children.spawn(
            launch.command,
            log=self.log,
            cwd=launch.cwd,
            environment=launch.environment,
            account=launch.account,
        )
        identity = Identity.of(self.child.pid)
        if identity is None:
            raise self._failed("ended at once")
        return identity

    def await_ready(self) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while not self.is_ready():
            if self.child is not None and self.child.poll() is not None:
                raise self._failed(f"ended with code {self.child.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready after {self.ready_seconds:.0f} s")
            time.sleep(children.POLL_SECONDS)

    def stop(self) -> None:
        """Stop our own child and reap it."""
        if self.child is None:
            return
        identity = Identity.of(self.child.pid)
        if identity is not None:
            reaped_stop(self.child, identity, signum=self.stop_signal, grace=self.stop_seconds)
        self.child.wait()
        self.child = None
        self.clean()

    def _failed(self, what: str) -> ServerFailed:
        return ServerFailed(
            f"{self.name} {what}: {children.tail(self.log) or 'its log is empty'} ({self.log})"
        )


def reaped_stop(child: subprocess.Popen[bytes], identity: Identity, *, signum: int, grace: float) -> bool:
    """Stop an own child: like children.stop, but without leaving a zombie. True when it had to insist."""
    members = identity.session()
    identity.send(signum)
    insisted = False
    try:
        child.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        insisted = True
    survivors = [member for member in members if member.alive()]
    if not insisted:
        children.wait_gone(survivors, min(grace, 3.0))
    for survivor in survivors:
        insisted = survivor.send(signal.SIGKILL) or insisted
    child.wait()
    return insisted


def clean_environment(**extra: str) -> dict[str, str]:
    """A small environment for a server: nothing of the user's settings or secrets leaks in."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # In another zone the object store dates its listings with an offset, which the minio client refuses.
    return kept | {"TZ": "UTC"} | extra
