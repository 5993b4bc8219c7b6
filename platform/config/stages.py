"""One helper process that runs Django commands for the launcher.

The launcher itself never imports Django: a second start, where nothing is left to set up, stays quick.
Requests and answers are JSON lines; what the commands print goes to the answer.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded import children
from embedded.children import Identity
from embedded.errors import InstallationError


class StageFailed(InstallationError):
    """A set-up command ended with an error."""


class Interrupted(InstallationError):
    """The person at the keyboard wants an end."""


@dataclass(frozen=True)
class Answer:
    """What a command said: its output, or why it failed."""

    output: str
    error: str = ""
    trace: str = ""


class Stages:
    """The launcher's side. Starts the helper when the first command is asked for."""

    def __init__(self, environment: Mapping[str, str], log: Path, wants_end: Callable[[], bool]) -> None:
        self._environment = environment
        self._log = log
        self._wants_end = wants_end
        self._helper: subprocess.Popen[bytes] | None = None
        self.while_waiting: Callable[[], None] = lambda: None

    def run(self, command: str, *arguments: str) -> Answer:
        """Run one Django command to its end.

        Raises Interrupted when an end is wanted meanwhile, StageFailed when the helper dies.
        """
        if self._helper is None:
            self._helper = self._start()
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        request = json.dumps({"command": command, "arguments": list(arguments)})
        with contextlib.suppress(BrokenPipeError):
            self._helper.stdin.write(request.encode() + b"\n")
            self._helper.stdin.flush()
        while not select.select([self._helper.stdout], [], [], 0.1)[0]:
            if self._wants_end():
                raise Interrupted("Interrupted.")
            self.while_waiting()
        line = self._helper.stdout.readline()
        if not line:
            raise StageFailed(f"{command} ended abruptly: {children.tail(self._log)} ({self._log})")
        return Answer(**json.loads(line))

    def close(self) -> None:
        """End the helper; a command in the middle is broken off (the database rolls it back)."""
        if self._helper is None:
            return
        assert self._helper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._helper.stdin.close()
        identity = Identity.of(self._helper.pid)
        if identity is not None and not self._ended(0.5):
            identity.send(15)
            if not self._ended(5):
                identity.send(9)
        self._helper.wait()
        self._helper = None

    def _ended(self, seconds: float) -> bool:
        assert self._helper is not None
        deadline = time.monotonic() + seconds
        while self._helper.poll() is None and time.monotonic() < deadline:
            time.sleep(children.POLL_SECONDS)
        return self._helper.poll() is not None

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "config.stages"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,
            )


def _answer(request: Mapping[str, Any]) -> Answer:
    from django.core.management import CommandError, call_command

    command = str(request["command"])
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            call_command(command, *request["arguments"], stdout=said)
    except (CommandError, SystemExit) as error:
        return Answer(output=said.getvalue(), error=str(error), trace=traceback.format_exc())
    except Exception as error:
        return Answer(
            output=said.getvalue(), error=f"{type(error).__name__}: {error}", trace=traceback.format_exc()
        )
    return Answer(output=said.getvalue())


def main() -> None:
    """Answer one JSON line for each JSON line."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints past Django's streams goes to the log
    import django

    django.setup()
    for line in sys.stdin:
        answer = _answer(json.loads(line))
        if answer.trace:
            print(answer.trace, file=sys.stderr, flush=True)
        answers.write(json.dumps(answer.__dict__) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
