"""What `qingshu up` does: the stages of a start, each with its line and its seconds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size

from config.stages import Answer, Interrupted, StageFailed, Stages
from embedded import children
from embedded.errors import ExitCode, PortTaken, ServerFailed
from embedded.folders import Folders, private, read_json, write_json
from embedded.installation import Installation, State, project_root, terminated_by_signals
from embedded.objectstore import LOOPBACK, free_ports, is_free
from embedded.postgres import Postgres
from embedded.programs import Program

PACKAGES_WITH_MIGRATIONS = ("annotation", "assets", "exchange", "settlement")
MIGRATING_DISTRIBUTIONS = ("Django", "django-allauth", "django-pgtrigger")
TITLES = {
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "s3": "S3 store",
    "migrate": "database schema",
    "demo": "demo city",
    "journey": "main job",
    "web": "web",
    "worker": "worker",
    "beat": "beat",
}
WATCH_SECONDS = 0.3
CLEAR_LINE = "\r\033[K"


class Progress:
    """Tells a person (lines) or a machine (JSON lines) how far the start is."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._is_live = not as_json and sys.stdout.isatty()  # one line may be rewritten in place

    def stage(self, name: str, seconds: float, note: str = "") -> None:
        if self._as_json:
            self._line({"event": "stage", "stage": name, "seconds": round(seconds, 2), "note": note})
        else:
            clear = CLEAR_LINE if self._is_live else ""
            print(f"{clear}  ✓ {TITLES.get(name, name):<16} {seconds:6.1f} s  {note}".rstrip(), flush=True)

    def working(self, name: str, seconds: float, latest: str) -> None:
        """Where a long stage is, on a terminal."""
        if self._is_live:
            line = f"  … {TITLES.get(name, name):<16} {seconds:6.1f} s  {latest}"
            width = shutil.get_terminal_size().columns - 1
            print(CLEAR_LINE + set_cell_size(line, min(width, cell_len(line))), end="", flush=True)

    def note(self, text: str) -> None:
        if self._as_json:
            self._line({"event": "note", "note": text})
        else:
            print(f"  · {text}", flush=True)

    def done(self, facts: Mapping[str, Any], text: str) -> None:
        if self._as_json:
            self._line(facts)
        else:
            print(text, flush=True)

    def _line(self, facts: Mapping[str, Any]) -> None:
        print(json.dumps(facts, ensure_ascii=False), flush=True)


def run(folders: Folders, *, port: int, demo: bool, progress: Progress) -> None:
    """Start everything, stay until a signal, stop everything.

    Raises AlreadyRunning, PortTaken, ServerFailed or StageFailed, each after stopping what was started.
    """
    installation = Installation(folders, tell=progress.note)
    installation.take("up")
    begun = time.monotonic()
    with terminated_by_signals() as wanted:
        try:
            _require_port(port)
            _start(installation, port=port, demo=demo, progress=progress, wanted=wanted)
            _announce(installation, progress, time.monotonic() - begun)
            while wanted["signal"] is None:
                installation.watch()
                time.sleep(WATCH_SECONDS)
        except Interrupted:
            pass
        finally:
            progress.note("stopping")
            installation.leave()
    if wanted["signal"] == signal.SIGINT and installation.state.phase == "starting":
        raise SystemExit(ExitCode.INTERRUPTED)


def _require_port(port: int) -> None:
    if not 0 < port < 65536:
        raise PortTaken(
            f"{port} is not a port number; choose one between 1024 and 65535, for instance PORT=8001."
        )
    if is_free(port):
        return
    other = port + 1 if port < 65535 and is_free(port + 1) else free_ports(1)[0]
    raise PortTaken(f"Port {port} is taken by another program; start on another one with PORT={other}.")


def _start(
    installation: Installation, *, port: int, demo: bool, progress: Progress, wanted: Mapping[str, Any]
) -> None:
    def check() -> None:
        if wanted["signal"] is not None:
            raise Interrupted("Interrupted.")

    installation.start_servers(os.environ, progress.stage)
    check()
    address = f"http://{LOOPBACK}:{port}"
    environment = dict(os.environ) | installation.state.settings
    complete_environment(environment, installation.folders, address=address, port=port)
    for name in ("SECRET_KEY", "SITE_URL", "QINGSHU_DATA", "DJANGO_SETTINGS_MODULE"):
        installation.state.settings[name] = environment[name]
    stages = Stages(environment, installation.folders.log("setup"), lambda: wanted["signal"] is not None)
    try:
        setup = SetUp(installation, stages, progress)
        setup.migrate()
        web = _start_programs(installation, environment, ("worker", "web"))
        if demo:
            setup.demo_and_journey()
        check()
        _start_programs(installation, environment, ("beat",))
    finally:
        stages.close()
    begun = time.monotonic()
    _await_web(installation, web, address, wanted)
    progress.stage("web", time.monotonic() - begun)
    installation.ready(address)


class SetUp:
    """The stages that are done once, and again only when what they depend on has changed."""

    def __init__(self, installation: Installation, stages: Stages, progress: Progress) -> None:
        self._folders = installation.folders
        self._stages = stages
        self._progress = progress
        self._database = _database_mark(installation)
        self._done = read_json(self._folders.done)
        if self._database is None or self._done.get("database") != self._database:
            self._done = {"database": self._database}

    def migrate(self) -> None:
        mark = migrations_mark()
        with self._stage("migrate", mark) as needed:
            if needed:
                self._require(
                    self._stages.run("migrate", "--no-input"), "The database schema could not be brought up"
                )

    def demo_and_journey(self) -> None:
        with self._stage("demo", "1") as needed:
            if needed:
                self._require(self._stages.run("demo"), "The demo city could not be loaded")
                self._keep_accounts()
        with self._stage("journey", "1") as needed:
            if needed:
                answer = self._stages.run("journey")
                self._require(answer, "The main job did not come to its end")
                (self._folders.log("journey")).write_text(answer.output, encoding="utf-8")

    def _keep_accounts(self) -> None:
        answer = self._stages.run("demo", "--accounts", "--json")
        try:
            accounts = json.loads(answer.output)
        except ValueError:
            return
        self._done["accounts"] = accounts

    @contextmanager
    def _stage(self, name: str, mark: str) -> Iterator[bool]:
        begun = time.monotonic()
        needed = self._database is None or self._done.get(name) != mark
        self._stages.while_waiting = lambda: self._progress.working(
            name, time.monotonic() - begun, children.tail(self._folders.log("setup"), 1)
        )
        yield needed
        self._done[name] = mark
        write_json(self._folders.done, self._done)
        self._progress.stage(name, time.monotonic() - begun, "" if needed else "already done")

    def _require(self, answer: Answer, sentence: str) -> None:
        if answer.error:
            raise StageFailed(f"{sentence}: {answer.error.splitlines()[0]} ({self._folders.log('setup')})")


def _database_mark(installation: Installation) -> str | None:
    """Which database the marks in done.json belong to; None for somebody else's, which is asked each time."""
    postgres = installation.servers.get("postgres")
    if not isinstance(postgres, Postgres):
        return None
    made = (postgres.cluster / "PG_VERSION").stat()
    return f"{postgres.cluster}:{made.st_ino}:{made.st_mtime_ns}"


def migrations_mark() -> str:
    """A hash over every migration of ours and the versions of the packages that have their own."""
    sources = []
    for name in PACKAGES_WITH_MIGRATIONS:
        spec = find_spec(name)
        sources += [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    config = find_spec("config")
    assert config is not None
    assert config.origin is not None
    ground = Path(config.origin).parents[1]
    sources += [path.parent for path in ground.glob("*/migrations")] if project_root() else []
    found = hashlib.sha256()
    for source in sources:
        for path in sorted(source.rglob("migrations/*.py")):
            found.update(str(path.relative_to(source.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    for name in MIGRATING_DISTRIBUTIONS:
        found.update(f"{name}={version(name)}\0".encode())
    return found.hexdigest()


def complete_environment(
    environment: MutableMapping[str, str], folders: Folders | None, *, address: str = "", port: int = 0
) -> None:
    """Add the settings that do not come from a server; what is set already stays."""
    environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if folders is not None:
        environment["QINGSHU_DATA"] = str(folders.root)
        if not environment.get("SECRET_KEY"):
            environment["SECRET_KEY"] = folders.secret("django")
    if port:
        environment["PORT"] = str(port)
    if address:
        environment.setdefault("SITE_URL", address)


def _start_programs(
    installation: Installation, environment: Mapping[str, str], names: tuple[str, ...]
) -> Program | None:
    folders = installation.folders
    celery = [sys.executable, "-m", "celery", "-A", "config.celery"]
    private(folders.root / "mail")
    commands = {
        "web": [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"],
        "worker": [
            *celery,
            "worker",
            "--loglevel=INFO",
            "--without-gossip",
            "--without-mingle",
            "--hostname=worker@qingshu",
        ],
        "beat": [*celery, "beat", "--loglevel=INFO", "--pidfile="],
    }
    started = None
    for name in names:
        own = {"PROMETHEUS_MULTIPROC_DIR": str(folders.root / "figures")} if name == "web" else {}
        program = Program(
            name=name,
            command=commands[name],
            cwd=project_root() or folders.root,
            environment={**environment, **own},
        )
        installation.start_program(program)
        started = program
    return started


def _await_web(
    installation: Installation, web: Program | None, address: str, wanted: Mapping[str, Any]
) -> None:
    deadline = time.monotonic() + 60
    while answer_of(f"{address}/healthz") is None:
        if wanted["signal"] is not None:
            raise Interrupted("Interrupted.")
        if web is not None and web.child is not None and web.child.poll() is not None:
            log = installation.folders.log("web")
            raise ServerFailed(f"The web server did not start: {children.tail(log, 3)} ({log})")
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"The web server did not answer within a minute ({installation.folders.log('web')})."
            )
        time.sleep(0.05)


def answer_of(url: str, seconds: float = 5) -> tuple[int, str] | None:
    """Status and text of an address of our own; None when nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None


ANNOUNCED = "清数 Qingshu is up"
"""With these words the launcher says that everything runs; what it says ends with the line that they begin."""


def _announce(installation: Installation, progress: Progress, seconds: float) -> None:
    address = installation.state.address
    accounts = accounts_of(installation.folders)
    facts = {
        "event": "ready",
        "address": address,
        "seconds": round(seconds, 1),
        "data": str(installation.folders.root),
        "accounts": accounts,
    }
    lines = [f"\n{ANNOUNCED} after {seconds:.1f} s:  {address}", ""]
    if accounts:
        lines.append("Demo sign-ins (示例):")
        lines += [_account_line(account) for account in accounts]
        lines.append("")
    lines.append(f"Data: {installation.folders.root}   logs: {installation.folders.logs}")
    if installation.folders.log("journey").exists():
        lines.append(f"The main job, step by step: {installation.folders.log('journey')}")
    postgres = installation.servers.get("postgres")
    if isinstance(postgres, Postgres) and not postgres.cluster.is_relative_to(installation.folders.root):
        lines.append(
            f"Database files: {postgres.cluster} (its system account cannot reach the data directory)"
        )
    lines.append("Stop with Ctrl-C or `qingshu down`; look with `qingshu status`.")
    progress.done(facts, "\n".join(lines))


def _account_line(account: Mapping[str, Any]) -> str:
    role, email, password, organization = (
        str(account.get(name, "")) for name in ("role", "email", "password", "organization")
    )
    # By columns, not by signs: a Chinese character takes two.
    return f"  {set_cell_size(role, 42)} {set_cell_size(email, 30)} {password}   {organization}"


def accounts_of(folders: Folders) -> list[dict[str, Any]]:
    """The demo sign-ins as `demo --accounts --json` told them."""
    kept = read_json(folders.done).get("accounts", [])
    return [dict(account) for account in kept if isinstance(account, dict)] if isinstance(kept, list) else []


def status(folders: Folders) -> dict[str, Any]:
    """What runs and how it is: phase is stopped, starting, ready, stopping, orphaned or unhealthy."""
    state = State.read(folders)
    parts = {name: {"pid": child.pid, "alive": child.alive()} for name, child in state.children.items()}
    problems = [
        f"{name} is gone; the launcher starts it again" for name, part in parts.items() if not part["alive"]
    ]
    phase = state.phase
    if not state.is_led:
        living = state.living()
        phase = "orphaned" if living else "stopped"
        problems = [f"The launcher is gone; still running: {', '.join(living)}."] if living else []
    elif phase == "ready":
        answer = answer_of(f"{state.address}/readyz")
        if answer is None or answer[0] >= 400:
            told = "no answer" if answer is None else " ".join(answer[1].split())[:300]
            problems.append(f"{state.address}/readyz: {told}")
        phase = "unhealthy" if problems else "ready"
    return {
        "phase": phase,
        "address": state.address if phase != "stopped" else "",
        "since": state.since if phase != "stopped" else "",
        "data": str(folders.root),
        "launcher": state.launcher.pid if state.launcher and state.is_led else None,
        "parts": parts if phase != "stopped" else {},
        "problems": problems,
        "accounts": accounts_of(folders),
    }
