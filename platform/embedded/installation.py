"""One installation: which children it has, in which order they start and stop, and what is written down.

The launcher holds a lock on the data directory as long as it lives; the lock falls with it, kill -9
included. `state.json` names every child by number and start moment. The next launcher reads it, stops
what the dead one left behind (and only that), and starts afresh.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from embedded import children
from embedded.children import Identity
from embedded.errors import AlreadyRunning, InstallationError, ServerFailed
from embedded.folders import (
    Folders,
    is_own_socket_folder,
    new_socket_folder,
    read_json,
    remove_socket_folder,
    write_json,
)
from embedded.objectstore import ObjectStore
from embedded.postgres import Postgres
from embedded.programs import Program
from embedded.servers import Place, Server
from embedded.valkey import Valkey

STOP_ORDER = ("beat", "worker", "web", "s3", "valkey", "postgres")
STOP_SIGNALS = {"postgres": signal.SIGINT}
SERVERS: tuple[type[Server], ...] = (Postgres, Valkey, ObjectStore)
MOST_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0


def project_root() -> Path | None:
    """The checkout this code runs from; None when it is installed as a wheel."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "manage.py").exists() and (root / "platform").is_dir() else None


def data_directory(environment: Mapping[str, str] | None = None) -> Path:
    """QINGSHU_DATA, else `.qingshu` in the checkout, else in the current folder."""
    environment = os.environ if environment is None else environment
    chosen = environment.get("QINGSHU_DATA", "")
    return Path(chosen) if chosen else (project_root() or Path.cwd()) / ".qingshu"


@dataclass
class State:
    """What state.json holds."""

    launcher: Identity | None = None
    phase: str = "stopped"  # starting, ready, stopping
    purpose: str = ""  # "up", or the command that borrowed the servers
    sockets: str = ""
    address: str = ""
    since: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    children: dict[str, Identity] = field(default_factory=dict)

    @classmethod
    def read(cls, folders: Folders) -> State:
        """An absent, broken or older file reads as an empty state."""
        kept = read_json(folders.state)
        try:
            return cls(
                launcher=Identity(**kept["launcher"]) if kept.get("launcher") else None,
                phase=str(kept["phase"]),
                purpose=str(kept["purpose"]),
                sockets=str(kept["sockets"]),
                address=str(kept["address"]),
                since=str(kept["since"]),
                settings={str(name): str(value) for name, value in kept["settings"].items()},
                children={str(name): Identity(**child) for name, child in kept["children"].items()},
            )
        except (KeyError, TypeError, AttributeError):
            return cls()

    def write(self, folders: Folders) -> None:
        write_json(folders.state, asdict(self))

    @property
    def is_led(self) -> bool:
        return self.launcher is not None and self.launcher.alive()

    def living(self) -> dict[str, Identity]:
        """The children that are still themselves, in the order of stopping."""
        order = [*STOP_ORDER, *sorted(set(self.children) - set(STOP_ORDER))]
        return {
            name: self.children[name]
            for name in order
            if name in self.children and self.children[name].alive()
        }


class Installation:
    """The launcher's side: take the lock, start, watch, stop."""

    def __init__(self, folders: Folders, *, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.folders = folders
        self.state = State()
        self.servers: dict[str, Server] = {}
        self.programs: dict[str, Program] = {}
        self.stopping = False
        self._tell = tell
        self._lock: IO[str] | None = None
        self._restarts: dict[str, list[float]] = {}

    # -- taking and leaving ------------------------------------------------------------------

    def take(self, purpose: str) -> None:
        """Become the launcher of this data directory, and stop what a dead one left behind.

        Raises AlreadyRunning when another launcher lives.
        """
        lock = self.folders.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            state = State.read(self.folders)
            where = f" at {state.address}" if state.address else ""
            raise AlreadyRunning(
                f"Qingshu already runs{where} with the data in {self.folders.root} "
                "(see `qingshu status`, stop it with `qingshu down`)."
            ) from error
        self._lock = lock
        left = State.read(self.folders)
        stop_children(
            left.living(), tell=lambda name: self._tell(f"stopped {name}, left by an earlier start")
        )
        sockets = Path(left.sockets) if left.sockets else None
        if sockets is None or not is_own_socket_folder(sockets):
            sockets = new_socket_folder()
        self.state = State(
            launcher=Identity.of(os.getpid()),
            phase="starting",
            purpose=purpose,
            sockets=str(sockets),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._write()

    def leave(self) -> None:
        """Stop every child in order, then give the lock back."""
        if self._lock is None:
            return
        self.stopping = True
        self.state.phase = "stopping"
        self._write()
        for name in STOP_ORDER:
            self._stop(name)
        remove_socket_folder(Path(self.state.sockets))
        self.state = State()
        self._write()
        self._lock.close()
        self._lock = None

    # -- starting ----------------------------------------------------------------------------

    def start_servers(self, environment: Mapping[str, str], told: Callable[[str, float], None]) -> None:
        """Start the servers that the environment does not name already, side by side."""
        place = Place(folders=self.folders, sockets=Path(self.state.sockets))
        wanted = [kind(place) for kind in SERVERS if not environment.get(kind.own_setting)]
        self.servers = {server.name: server for server in wanted}
        if not wanted:
            return

        def start(server: Server) -> None:
            begun = time.monotonic()
            server.start()
            told(server.name, time.monotonic() - begun)

        with ThreadPoolExecutor(len(wanted)) as pool:
            started = [pool.submit(start, server) for server in wanted]
            failures = [future.exception() for future in started]
        for server in wanted:
            identity = Identity.of(server.child.pid) if server.child else None
            if identity is not None:
                self.state.children[server.name] = identity
            self.state.settings |= server.settings()
        self._write()
        for failure in failures:
            if failure is not None:
                raise failure

    def start_program(self, program: Program) -> None:
        """Start web, worker or beat; it is watched from now on."""
        self.programs[program.name] = program
        self.state.children[program.name] = program.start(self.folders.log(program.name))
        self._write()

    def ready(self, address: str) -> None:
        self.state.phase = "ready"
        self.state.address = address
        self._write()

    # -- watching ----------------------------------------------------------------------------

    def watch(self) -> None:
        """Start again whatever has died.

        Raises ServerFailed when the same child dies too often.
        """
        for name, server in self.servers.items():
            if not self.stopping and server.child is not None and server.child.poll() is not None:
                self._note_restart(name, server.child.returncode)
                self.state.children[name] = server.start()
                self._write()
        for name, program in self.programs.items():
            if not self.stopping and program.child is not None and program.child.poll() is not None:
                self._note_restart(name, program.child.returncode)
                self.state.children[name] = program.start(self.folders.log(name))
                self._write()

    def _note_restart(self, name: str, code: int) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._restarts.get(name, []) if now - moment < RESTART_WINDOW_SECONDS]
        self._restarts[name] = [*recent, now]
        if len(recent) >= MOST_RESTARTS:
            log = self.folders.log(name)
            raise ServerFailed(
                f"{name} ended {MOST_RESTARTS + 1} times within a minute: {children.tail(log)} ({log})"
            )
        ended = f"signal {-code}" if code < 0 else f"code {code}"
        self._tell(f"{name} ended ({ended}) and is started again")

    # -- inside ------------------------------------------------------------------------------

    def _stop(self, name: str) -> None:
        begun = time.monotonic()
        child = self.servers.get(name) or self.programs.get(name)
        if child is None or child.child is None:
            return
        child.stop()
        self.state.children.pop(name, None)
        self._write()
        self._tell(f"stopped {name} ({time.monotonic() - begun:.1f} s)")

    def _write(self) -> None:
        self.state.write(self.folders)


def stop_children(living: Mapping[str, Identity], *, tell: Callable[[str], None]) -> None:
    """Stop children of another (dead) launcher, in order."""
    for name, identity in living.items():
        children.stop(identity, signum=STOP_SIGNALS.get(name, signal.SIGTERM), grace=20)
        tell(name)


def stop_installation(folders: Folders, *, seconds: float = 90, tell: Callable[[str], None]) -> bool:
    """What `qingshu down` does. False when nothing ran.

    A living launcher is asked to stop its own children; without one they are stopped from here.
    Raises InstallationError when the launcher does not come to its end in time.
    """
    state = State.read(folders)
    if state.is_led:
        assert state.launcher is not None
        state.launcher.send(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while state.launcher.alive():
            if time.monotonic() > deadline:
                raise InstallationError(
                    f"The launcher (process {state.launcher.pid}) did not stop in {seconds:.0f} s."
                )
            time.sleep(0.05)
        return True
    living = state.living()
    stop_children(living, tell=tell)
    if state.sockets:
        remove_socket_folder(Path(state.sockets))
    if state.children or state.sockets:
        State().write(folders)
    return bool(living)


def export_settings(environment: MutableMapping[str, str]) -> bool:
    """Add the running installation's settings to the environment; what is set already stays.

    False when nothing runs (the environment is then left alone).
    """
    root = data_directory(environment)
    if not root.exists():
        return False
    state = State.read(Folders(root=root.resolve()))
    if not state.settings or not state.living():
        return False
    for name, value in state.settings.items():
        environment.setdefault(name, value)
    return True


@contextlib.contextmanager
def terminated_by_signals() -> Iterator[dict[str, Any]]:
    """Inside, SIGINT, SIGTERM and SIGHUP only note that an end is wanted: `wanted["signal"]`."""
    wanted: dict[str, Any] = {"signal": None}

    def note(signum: int, _frame: object) -> None:
        wanted["signal"] = signum

    before = {
        signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield wanted
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
