"""Real Celery workers for tests, on the private broker and the test's own database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection

from embedded.children import Identity

ROOT = Path(__file__).resolve().parents[1]
VISIBILITY_SECONDS = 6
OPTIONS = ("--loglevel=INFO", "--concurrency=1", "--without-gossip", "--without-mingle")


def wait_for(
    condition: Callable[[], object],
    *,
    seconds: float = 30,
    every: float = 0.05,
    what: str = "the condition",
) -> float:
    """Wait until the condition holds; the answer is how many seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"{what} did not come within {seconds} s"
        time.sleep(every)
    return time.monotonic() - begun


class WorkerProcess:
    """One `celery worker` in a process of its own; it can be killed and started again."""

    def __init__(self, *, include: tuple[str, ...] = ()) -> None:
        self.include = include
        self._child: subprocess.Popen[bytes] | None = None
        self._log = Path(tempfile.mkstemp(prefix="worker-", suffix=".log", dir=os.environ["QINGSHU_DATA"])[1])

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Start, and wait until the worker says it is ready."""
        name = connection.settings_dict["NAME"]
        host = settings.DATABASES["default"]["OPTIONS"]["host"]
        self._log.write_text("")
        include = [f"--include={','.join(self.include)}"] if self.include else []
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config.celery", "worker", *OPTIONS, *include],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ
                | {
                    "DATABASE_URL": f"postgresql://qingshu@/{name}?host={host}",
                    "WORKER_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
                    "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
                },
                start_new_session=True,
            )
        wait_for(lambda: " ready." in self.log or self._child_ended(), seconds=60, what="a ready worker")
        assert not self._child_ended(), self.log

    def kill(self) -> None:
        """kill -9, the worker and its pool at once: nothing can be tidied up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, signum: int) -> None:
        if self._child is None:
            return
        identity = Identity.of(self._child.pid)
        members = identity.session() if identity else []
        for member in members:
            if signum == signal.SIGKILL or member == identity:
                member.send(signum)
        try:
            self._child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for member in members:
            member.send(signal.SIGKILL)
        self._child = None

    def _child_ended(self) -> bool:
        return self._child is None or self._child.poll() is not None
