"""Processes that die by kill -9 after any statement of their work, and what was stored then.

The child is this file as a program: it loads the product once and forks for each attempt, so that every attempt is a real
process with a connection of its own. The works are functions of the test's module.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EVERY = 11  # statements from one death to the next; a prime, so that it hits every kind of step


class Mortal:
    """A process to which works are given; each ends by kill -9."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def die(self, work: str, *arguments: str, after: int) -> bool:
        """Do the work and die after so many statements; True when it came to its end first (and died then)."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(json.dumps([work, arguments, after]), file=self._child.stdin, flush=True)
        line = self._child.stdout.readline()
        assert line, "the process that forks is gone"
        told = json.loads(line)
        assert told["signal"] == signal.SIGKILL, told
        return bool(told["finished"])

    def die_everywhere(self, work: str, *arguments: str, between: Callable[[], object]) -> int:
        """Die at many places of a work, `between` after each death before its end; how many there were.

        The last attempt has done its work and dies before it can tell anyone.
        """
        deaths = 0
        while not self.die(work, *arguments, after=1 + deaths * EVERY):
            between()
            deaths += 1
        return deaths


@contextmanager
def mortal(module: str) -> Iterator[Mortal]:
    """A process for the works of a module, on the test's own database."""
    from django.conf import settings
    from django.db import connection

    host = settings.DATABASES["default"]["OPTIONS"]["host"]
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://qingshu@/{connection.settings_dict['NAME']}?host={host}",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crashes", module],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as child:  # fmt: skip
        try:
            yield Mortal(child)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait(30)


def _attempt(work: Callable[..., object], arguments: list[str], after: int, finished: int) -> None:
    from django.db import connection

    count = 0

    def counted(execute: Callable[..., Any], *statement: Any) -> Any:
        nonlocal count
        result = execute(*statement)
        count += 1
        if count == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    with connection.execute_wrapper(counted):
        work(*arguments)
    os.write(finished, b"1")
    os.kill(os.getpid(), signal.SIGKILL)


def _serve(module: str) -> None:
    import django

    django.setup()
    from django.db import connections
    from django.test.utils import setup_test_environment

    setup_test_environment()

    from config.celery import app

    app.conf.task_always_eager = True
    works = import_module(module)
    for line in sys.stdin:
        name, arguments, after = json.loads(line)
        connections.close_all()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _attempt(getattr(works, name), arguments, after, writing)
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writing)
        _pid, status = os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as pipe:
            finished = bool(pipe.read())
        told = {"finished": finished, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
