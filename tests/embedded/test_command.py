"""The command `qingshu` as a person uses it: sentences, exit codes, and a whole life of an installation."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.startup import answer_of, migrations_mark
from embedded.errors import ExitCode
from embedded.folders import Folders
from embedded.installation import State
from embedded.objectstore import free_ports
from tests.servers import SHARED
from tests.workers import wait_for

STARTED_BY_THE_TEST_RUN = ("DATABASE_URL", "BROKER_URL", "CACHE_URL", "SITE_URL", SHARED)


class Command:
    """`qingshu` in a process of its own, with its own data directory and port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_ports(1)[0]
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in STARTED_BY_THE_TEST_RUN and not name.startswith("S3_")
        } | {
            "QINGSHU_DATA": str(data),
            "PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
            "WEB_WORKERS": "1",
            "WORKER_CONCURRENCY": "1",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "config.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        found = json.loads(self("status", "--json").stdout)
        assert isinstance(found, dict)
        return found

    @property
    def state(self) -> State:
        return State.read(Folders.at(self.data))


@pytest.fixture
def qingshu(data: Path) -> Iterator[Command]:
    command = Command(data)
    yield command
    command("down")


def test_nothing_runs_in_a_new_folder(qingshu: Command) -> None:
    down, status = qingshu("down"), qingshu("status")
    assert (down.returncode, status.returncode) == (ExitCode.NOT_RUNNING, ExitCode.NOT_RUNNING)
    assert down.stderr == f"qingshu: Nothing runs with the data in {qingshu.data}.\n"
    assert qingshu.status()["phase"] == "stopped"


def test_a_taken_port_is_told_in_one_sentence_that_offers_another(qingshu: Command) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", qingshu.port))
        stranger.listen()
        refused = qingshu("up")
    assert refused.returncode == ExitCode.PORT_TAKEN
    [sentence] = refused.stderr.splitlines()
    assert sentence.startswith(
        f"qingshu: Port {qingshu.port} is taken by another program; start on another one with PORT="
    )
    assert qingshu.state == State()


def test_a_misspelt_command_is_a_usage_error(qingshu: Command) -> None:
    refused = qingshu("upp")
    assert (refused.returncode, refused.stderr.count("\n")) == (ExitCode.USAGE, 1)


def test_an_unexpected_error_is_one_sentence_and_a_trace_only_on_request(qingshu: Command) -> None:
    qingshu.environment["QINGSHU_DATA"] = "/dev/null/nowhere"
    plain, debug = qingshu("status"), qingshu("--debug", "status")
    assert plain.returncode == debug.returncode == ExitCode.FAILED
    assert plain.stderr.count("\n") == 1
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


@pytest.mark.slow
def test_a_whole_life(qingshu: Command) -> None:
    """Up, up again, killed parts, a killed launcher, a second start, down, a third start, Ctrl-C."""
    migrations = migrations_mark()
    started = qingshu("up", "--detach", "--no-demo")
    assert started.returncode == 0, started.stdout + started.stderr
    address = f"http://127.0.0.1:{qingshu.port}"
    assert address in started.stdout
    assert answer_of(f"{address}/healthz") is not None
    wait_for(lambda: is_ready(address), seconds=180, every=0.5, what="a healthy installation")
    assert qingshu.status()["phase"] == "ready"

    again = qingshu("up")
    assert again.returncode == ExitCode.ALREADY_RUNNING
    assert f"already runs at {address}" in again.stderr

    killed = {part: qingshu.state.children[part] for part in ("web", "worker", "valkey", "postgres")}
    assert all(child.send(signal.SIGKILL) for child in killed.values())
    wait_for(
        lambda: (
            not set(killed.values()) & set(qingshu.state.living().values())
            and set(killed) <= set(qingshu.state.living())
        ),
        seconds=180,
        what="the parts anew",
    )
    wait_for(lambda: is_ready(address), seconds=180, every=0.5, what="health after the kills")

    launcher = qingshu.state.launcher
    assert launcher is not None
    launcher.send(signal.SIGKILL)
    wait_for(lambda: not launcher.alive(), what="the end of the launcher")
    assert qingshu.status()["phase"] == "orphaned"
    orphans = qingshu.state.living()
    assert {"postgres", "web"} <= set(orphans)

    restarted = qingshu("up", "--detach", "--no-demo")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    assert "already done" in restarted.stdout or migrations_mark() != migrations
    assert not [name for name, orphan in orphans.items() if orphan.alive()]
    with psycopg.connect(qingshu.state.settings["DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) > 0 from django_migrations").fetchone() == (True,)

    living = qingshu.state.living()
    stopped = qingshu("down")
    assert stopped.returncode == 0, stopped.stderr
    assert not [name for name, child in living.items() if child.alive()]
    assert qingshu.status()["phase"] == "stopped"
    assert stopped_by_ctrl_c(qingshu) == ["beat", "worker", "web", "s3", "valkey", "postgres"]


def is_ready(address: str) -> bool:
    """Whether the installation says itself that all its parts are well."""
    answer = answer_of(f"{address}/readyz")
    return answer is not None and answer[0] == 200


def stopped_by_ctrl_c(qingshu: Command) -> list[str]:
    """Start in front, press Ctrl-C; the parts in the order in which they stopped."""
    front = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "up", "--no-demo"],
        env=qingshu.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: qingshu.state.phase == "ready", seconds=300, what="readiness")
    os.killpg(front.pid, signal.SIGINT)
    said, _nothing = front.communicate(timeout=90)
    assert front.returncode == 0
    return [line.split()[2] for line in said.splitlines() if line.strip().startswith("· stopped")]
