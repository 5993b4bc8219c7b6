"""Label Studio servers for trusted teams: a virtual environment of its own, one instance per firm, loopback only.

    <data>/labelstudio/<name>/      one instance: database, media, its secrets (0600), its state
    .venv-labelstudio               the program, in the checkout (QINGSHU_LABELSTUDIO_VENV names another place)

The program pins packages that ours cannot share, so it is never imported: it is started, watched and stopped. It
calls nobody: analytics, version check and error reports are off. Nobody signs up without an invitation.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import urllib3

from embedded import children
from embedded.children import Identity
from embedded.errors import AlreadyRunning, InstallationError, NotRunning, PortTaken, ServerFailed
from embedded.folders import Folders, private, read_json, write_json
from embedded.installation import project_root
from embedded.objectstore import LOOPBACK, is_free
from embedded.servers import clean_environment

LOCK = "requirements-labelstudio.lock"
ADMINISTRATOR = "admin@qingshu.invalid"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
FIRST_PORT = 8200
READY_SECONDS = 900.0  # the first start makes the database; two to three minutes on a small machine
# Nothing of this leaves the machine, and nobody comes in without the administrator.
QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "CONVERTER_DOWNLOAD_RESOURCES": "false",
    "FEATURE_FLAGS_OFFLINE": "true",
    "DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "CORS_ALLOW_ALL_ORIGINS": "false",
    "ALLOWED_HOSTS": f"{LOOPBACK},localhost",
    "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "false",
    "ENABLE_LOCAL_FILES_STORAGE": "false",
    "DEBUG": "false",
}


@dataclass(frozen=True, slots=True)
class Instance:
    """One server: its name, its folder, and how it is reached."""

    name: str
    root: Path

    @classmethod
    def named(cls, folders: Folders, name: str) -> Instance:
        """Raises InstallationError for a name that is no plain word."""
        if not NAME.fullmatch(name):
            raise InstallationError(f"{name!r} is no name for an instance; use letters, digits, - and _.")
        return cls(name, folders.root / "labelstudio" / name)

    @classmethod
    def all(cls, folders: Folders) -> list[Instance]:
        """Every instance that was ever started with this data directory."""
        parent = folders.root / "labelstudio"
        found = sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []
        return [cls(name, parent / name) for name in found if NAME.fullmatch(name)]

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def token_file(self) -> Path:
        return self.root / "token"

    def token(self) -> str:
        """The access token of the administrator, made once (40 digits, as the server keeps them)."""
        secret = Folders(self.root).secret("token")
        return hashlib.sha256(secret.encode()).hexdigest()[:40]

    def state(self) -> dict[str, Any]:
        return read_json(self.root / "state.json")

    def identity(self) -> Identity | None:
        """The living process; None when it is not running."""
        kept = self.state().get("process")
        found = Identity(**kept) if isinstance(kept, dict) else None
        return found if found is not None and found.alive() else None

    def address(self) -> str:
        port = self.state().get("port")
        return f"http://{LOOPBACK}:{port}" if port else ""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else starts or stops this instance meanwhile."""
        private(self.root)
        with (self.root / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(
                    f"Somebody is starting or stopping {self.name} at this moment."
                ) from error
            yield


# --- the program --------------------------------------------------------------------------------


def environment_folder(folders: Folders) -> Path:
    """Where the program is installed."""
    chosen = os.environ.get("QINGSHU_LABELSTUDIO_VENV", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    root = project_root()
    return root / ".venv-labelstudio" if root else folders.root / "labelstudio-venv"


def _lock_file() -> Path:
    root = project_root()
    if root is None or not (root / LOCK).exists():
        raise InstallationError(f"{LOCK} is missing; install Label Studio from a checkout of the project.")
    return root / LOCK


def install(folders: Folders, tell: Callable[[str], None]) -> Path:
    """Install the program from its hashed lock unless that is done; its command."""
    place, lock = environment_folder(folders), _lock_file()
    stamp = {
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "place": str(place),
    }
    command = place / "bin" / "label-studio"
    if command.exists() and read_json(place / "qingshu-stamp.json") == stamp:
        return command
    tell(f"installing Label Studio into {place} (about 1 GB)")
    shutil.rmtree(place, ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    python = str(place / "bin" / "python")
    _install_step([*uv, "venv", "--quiet", "--python", sys.executable, str(place)])
    _install_step([*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock)])
    write_json(place / "qingshu-stamp.json", stamp)
    return command


def _install_step(command: list[str]) -> None:
    environment = dict(os.environ)
    if not environment.get("UV_DEFAULT_INDEX") and environment.get("PIP_INDEX_URL"):
        environment["UV_DEFAULT_INDEX"] = environment["PIP_INDEX_URL"]
    outcome = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, check=False
    )
    if outcome.returncode:
        said = outcome.stdout.decode("utf-8", "replace").strip()[-600:]
        raise InstallationError(f"Label Studio could not be installed; check the network: {said}")


# --- starting and stopping ------------------------------------------------------------------------


def up(
    folders: Folders, name: str, *, port: int | None, hints: bool, tell: Callable[[str], None]
) -> Instance:
    """Install if needed, start an instance and wait until it answers with its token.

    `hints`: let it call loopback addresses, so that its webhooks reach this installation; its users could then make
    it fetch other loopback addresses too. Without, changes are read every minute all the same.
    """
    instance = Instance.named(folders, name)
    with instance.held():
        if instance.identity() is not None:
            raise AlreadyRunning(f"Label Studio {name} already runs at {instance.address()}.")
        command = install(folders, tell)
        chosen = port or instance.state().get("port") or _free_port(folders)
        if not is_free(int(chosen)):
            raise PortTaken(f"Port {chosen} is taken; choose another one with --port.")
        _write_token(instance)
        child = children.spawn(
            [
                str(command), "start", "--no-browser", "--internal-host", LOOPBACK, "--port", str(chosen),
                "--data-dir", str(instance.root), "--enable-legacy-api-token",
            ],
            log=instance.log,
            cwd=instance.root,
            environment=_environment(instance, hints=hints),
        )  # fmt: skip
        identity = Identity.of(child.pid)
        if identity is None:
            raise ServerFailed(f"Label Studio ended at once: {children.tail(instance.log)} ({instance.log})")
        write_json(instance.root / "state.json", {"process": asdict(identity), "port": int(chosen)})
        tell(f"starting Label Studio {name}; the first start takes some minutes")
        try:
            _await(instance, child)
        except BaseException:
            children.stop(identity)
            raise
    return instance


def _write_token(instance: Instance) -> None:
    descriptor = os.open(instance.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(instance.token())


def _environment(instance: Instance, *, hints: bool) -> dict[str, str]:
    """Secrets go by the environment: a command line is seen by everybody on the machine."""
    return clean_environment(
        HOME=str(instance.root),
        LABEL_STUDIO_USERNAME=ADMINISTRATOR,
        LABEL_STUDIO_PASSWORD=Folders(instance.root).secret("password"),
        LABEL_STUDIO_USER_TOKEN=instance.token(),
        SSRF_PROTECTION_ENABLED="false" if hints else "true",
        PYTHONUNBUFFERED="1",
        **QUIET,
    )


def _free_port(folders: Folders) -> int:
    taken = {each.state().get("port") for each in Instance.all(folders)}
    for port in range(FIRST_PORT, FIRST_PORT + 200):
        if port not in taken and is_free(port):
            return port
    raise PortTaken(f"No free port from {FIRST_PORT} on; choose one with --port.")


def is_ready(instance: Instance) -> bool:
    """Whether it answers a request that needs the token."""
    address = instance.address()
    if not address:
        return False
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)
    try:
        answer = pool.request(
            "GET", f"{address}/api/projects?page_size=1",
            headers={"Authorization": f"Token {instance.token()}"}, redirect=False,
        )  # fmt: skip
        return answer.status == 200 and isinstance(json.loads(answer.data), dict)
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        return False


def _await(instance: Instance, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(instance):
        if child.poll() is not None:
            raise ServerFailed(
                f"Label Studio ended with code {child.returncode}: {children.tail(instance.log)} ({instance.log})"
            )
        if time.monotonic() > deadline:
            raise ServerFailed(f"Label Studio was not ready after {READY_SECONDS:.0f} s ({instance.log}).")
        time.sleep(0.2)


def down(folders: Folders, name: str | None, tell: Callable[[str], None]) -> None:
    """Stop one instance, or all of them. NotRunning when none did."""
    wanted = [Instance.named(folders, name)] if name else Instance.all(folders)
    stopped = 0
    for instance in wanted:
        if instance.identity() is None:
            continue
        with instance.held():
            identity = instance.identity()
            if identity is not None:
                children.stop(identity, signum=signal.SIGINT, grace=15)
                stopped += 1
                tell(f"stopped Label Studio {instance.name}")
    if not stopped:
        raise NotRunning(f"No Label Studio runs with the data in {folders.root}.")


def status(folders: Folders) -> list[dict[str, Any]]:
    """Every instance: where it is and whether it answers."""
    found = []
    for instance in Instance.all(folders):
        identity = instance.identity()
        found.append(
            {
                "name": instance.name,
                "address": instance.address(),
                "pid": identity.pid if identity else None,
                "state": "stopped" if identity is None else "ready" if is_ready(instance) else "unhealthy",
                "data": str(instance.root),
            }
        )
    return found
