"""Peers that need an environment of their own: django-hordak and OpenFisca-core, pinned in `requirements-peers.lock`.

Each peer is a script here that runs in `.venv-peers` and talks in lines of JSON: one when it is ready, then one for
each command that it reads from standard input.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCK, HOME = ROOT / "requirements-peers.lock", ROOT / ".venv-peers"


class PeerFailed(Exception):
    """The peer's environment could not be made, or its script broke off."""


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise PeerFailed("\n".join(done.stdout.strip().splitlines()[-15:]))


def python() -> Path:
    """The interpreter of the peers' environment, made from the lock when it is missing or older than the lock."""
    found, stamp = HOME / "bin" / "python", HOME / "lock.sha256"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if found.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return found
    _run(sys.executable, "-m", "venv", "--clear", HOME)
    _run(found, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", LOCK)
    stamp.write_text(wanted, encoding="ascii")
    return found


class Peer:
    """A running peer: `ask` sends a line and gives what it answers."""

    def __init__(self, script: str, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
        environment.pop("PYTHONPATH", None)
        self._work = subprocess.Popen(
            [python(), Path(__file__).parent / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._heard()

    def ask(self, command: str = "") -> Any:
        """The answer to one command; the peer rests before and after."""
        assert self._work.stdin is not None
        self._work.stdin.write(f"{command}\n")
        self._work.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        assert self._work.stdout is not None
        line = self._work.stdout.readline()
        if not line:
            raise PeerFailed(f"{self._work.args!r} broke off")
        return json.loads(line)

    def end(self) -> None:
        assert self._work.stdin is not None
        self._work.stdin.close()
        self._work.wait(timeout=60)


@contextmanager
def running(script: str, *arguments: str) -> Iterator[Peer]:
    """The peer for the length of the block."""
    peer = Peer(script, *arguments)
    try:
        yield peer
    finally:
        peer.end()
