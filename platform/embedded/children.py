"""Child processes that can be recognised again later, even by another launcher.

A process number alone says nothing: after a crash or a reboot it may belong to a stranger. A child
is therefore remembered as (number, moment of its start), and only that pair is ever signalled.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Identity:
    """One process, as it is written into the state file."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a living process; None when there is none (a zombie counts as none)."""
        started = _started(pid)
        return None if started is None else cls(pid=pid, started=started)

    def alive(self) -> bool:
        return _started(self.pid) == self.started

    def send(self, signum: int) -> bool:
        """Signal the process if it is still the same one; says whether it was."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, signum)
        except ProcessLookupError:
            return False
        return True

    def session(self) -> list[Identity]:
        """This process and everything still living in the session it leads (its own children)."""
        found = []
        for pid in psutil.pids():
            try:
                in_session = pid == self.pid or os.getsid(pid) == self.pid
            except (ProcessLookupError, PermissionError):
                continue
            identity = Identity.of(pid) if in_session else None
            if identity is not None and (pid != self.pid or identity == self):
                found.append(identity)
        return found


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


def _started(pid: int) -> str | None:
    """A text that is different for every process that ever had this number on this machine."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    else:
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


@dataclass(frozen=True)
class Account:
    """The system account a server runs under when the launcher is root."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_servers(cls) -> Account | None:
        """`postgres`, else `nobody`; None when the launcher is not root and there is nothing to drop."""
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
        return cls(name="65534", uid=65534, gid=65534)

    def can(self, test: str, path: Path) -> bool:
        """Whether this account passes `test` (a flag of test(1), such as -x or -w) on the path."""
        outcome = run(["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)], account=self, cwd=Path("/"))
        return outcome.returncode == 0


def spawn(
    command: Sequence[str],
    *,
    log: Path | IO[bytes],
    cwd: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C in the terminal reaches the launcher only."""
    stream = log.open("ab") if isinstance(log, Path) else log
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        if isinstance(log, Path):
            stream.close()


def run(
    command: Sequence[str],
    *,
    account: Account | None = None,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end and keep what it said."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=cwd,
        env=None if environment is None else dict(environment),
        umask=0o077,
        timeout=timeout,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def stop(identity: Identity, *, signum: int = signal.SIGTERM, grace: float = 10.0) -> bool:
    """End a process and its session: ask first, insist after `grace` seconds. True when it had to insist.

    The process may or may not be our own child: an own child must be reaped by its Popen.
    """
    members = identity.session()
    identity.send(signum)
    insisted = not wait_gone([identity], grace)
    survivors = [member for member in members if member.alive()] + identity.session()
    if survivors and not insisted:
        wait_gone(survivors, min(grace, 3.0))
    for survivor in survivors:
        insisted = survivor.send(signal.SIGKILL) or insisted
    wait_gone(survivors, 5.0)
    return insisted


def wait_gone(identities: Sequence[Identity], seconds: float) -> bool:
    """Wait until none of the processes lives; False when the time is over first."""
    deadline = time.monotonic() + seconds
    while any(identity.alive() for identity in identities):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tail(log: Path, lines: int = 6) -> str:
    """The end of a log, on one line, for an error sentence."""
    try:
        text = log.read_bytes()[-4000:].decode("utf-8", "replace")
    except OSError:
        return ""
    kept = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(kept[-lines:])
