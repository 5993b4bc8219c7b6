"""Taking and leaving an installation: orphans are stopped, strangers never."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from embedded.children import Identity
from embedded.errors import AlreadyRunning
from embedded.folders import Folders
from embedded.installation import Installation, State, data_directory, export_settings, stop_installation
from tests.workers import wait_for

LAUNCH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from embedded.folders import Folders
from embedded.installation import Installation
installation = Installation(Folders.at(Path(sys.argv[1])))
installation.take("up")
installation.start_servers({"S3_ENDPOINT": "elsewhere"}, lambda name, seconds: None)
os.kill(os.getpid(), signal.SIGKILL)
"""
ONLY_VALKEY = {"DATABASE_URL": "elsewhere", "S3_ENDPOINT": "elsewhere"}


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of our business."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    yield child
    child.kill()
    child.wait()


def launch_and_die(data: Path) -> State:
    """A launcher that starts the servers and is then killed with kill -9."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}
    died = subprocess.run([sys.executable, "-c", LAUNCH_AND_DIE, str(data)], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    return State.read(Folders.at(data))


def test_second_launcher_is_told_who_runs(data: Path) -> None:
    first = Installation(Folders.at(data))
    first.take("up")
    try:
        with pytest.raises(AlreadyRunning, match="already runs"):
            Installation(Folders.at(data)).take("up")
    finally:
        first.leave()
    following = Installation(Folders.at(data))
    following.take("up")
    following.leave()


def test_servers_set_in_the_environment_are_not_started(data: Path) -> None:
    installation = Installation(Folders.at(data))
    installation.take("test")
    try:
        installation.start_servers(ONLY_VALKEY, lambda _name, _seconds: None)
        assert set(installation.state.children) == {"valkey"}
        assert set(installation.state.settings) == {"BROKER_URL", "CACHE_URL"}
    finally:
        installation.leave()


def test_orphans_of_a_killed_launcher_are_stopped_by_the_next_start(data: Path) -> None:
    orphans = launch_and_die(data)
    assert set(orphans.living()) == {"postgres", "valkey"}

    said: list[str] = []
    following = Installation(Folders.at(data), tell=said.append)
    following.take("up")
    try:
        assert orphans.living() == {}
        assert said == [f"stopped {name}, left by an earlier start" for name in ("valkey", "postgres")]
        following.start_servers({"S3_ENDPOINT": "elsewhere"}, lambda _name, _seconds: None)
        assert set(following.state.living()) == {"postgres", "valkey"}
    finally:
        following.leave()


def test_orphans_of_a_killed_launcher_are_stopped_by_down(data: Path) -> None:
    orphans = launch_and_die(data)
    assert stop_installation(Folders.at(data), tell=lambda _name: None)
    assert orphans.living() == {}
    assert not Path(orphans.sockets).exists()
    assert not stop_installation(Folders.at(data), tell=lambda _name: None)


def test_a_stranger_with_a_remembered_number_is_never_touched(
    data: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    folders = Folders.at(data)
    stale = Identity(pid=sleeper.pid, started="another boot:1")
    State(launcher=stale, phase="ready", sockets="/tmp", children={"web": stale, "valkey": stale}).write(
        folders
    )

    assert not stop_installation(folders, tell=lambda _name: None)
    installation = Installation(folders)
    installation.take("up")
    assert installation.state.sockets != "/tmp"
    installation.leave()

    assert sleeper.poll() is None
    assert Path("/tmp").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phase": 1}', '{"launcher": {"pid": 1}}'])
def test_a_broken_state_file_reads_as_nothing_running(data: Path, content: str) -> None:
    folders = Folders.at(data)
    folders.state.write_text(content)
    assert State.read(folders) == State()


def test_a_killed_server_is_started_again_with_the_same_address(data: Path) -> None:
    said: list[str] = []
    installation = Installation(Folders.at(data), tell=said.append)
    installation.take("up")
    try:
        installation.start_servers(ONLY_VALKEY, lambda _name, _seconds: None)
        before = dict(installation.state.settings)
        killed = installation.state.children["valkey"]
        killed.send(signal.SIGKILL)
        wait_for(lambda: not killed.alive(), what="the end of valkey")
        wait_for(
            lambda: installation.watch() or said, what="the watch to see it"
        )  # its threads may end later
        assert installation.state.settings == before
        assert installation.state.children["valkey"].alive()
        assert said == ["valkey ended (signal 9) and is started again"]
    finally:
        installation.leave()


def test_running_settings_are_found_from_another_shell(data: Path) -> None:
    elsewhere = {"QINGSHU_DATA": str(data), "CACHE_URL": "my own"}
    assert not export_settings(elsewhere)
    installation = Installation(Folders.at(data))
    installation.take("up")
    try:
        installation.start_servers(ONLY_VALKEY, lambda _name, _seconds: None)
        assert export_settings(elsewhere)
        assert elsewhere["BROKER_URL"] == installation.state.settings["BROKER_URL"]
        assert elsewhere["CACHE_URL"] == "my own"
    finally:
        installation.leave()


def test_data_directory_follows_the_environment() -> None:
    assert data_directory({"QINGSHU_DATA": "/somewhere else"}) == Path("/somewhere else")
    assert data_directory({}).name == ".qingshu"


def test_private_servers_end_with_the_run_that_asked_for_them() -> None:
    """Even when that run is killed: the pipe to it closes."""
    script = """
import json, os, signal, subprocess, sys
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
guard = subprocess.Popen([sys.executable, "-m", "embedded.private"], **pipes)
print(json.dumps([guard.pid, json.loads(guard.stdout.readline())["data"]]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}
    killed = subprocess.run(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=False
    )
    guard, folder = json.loads(killed.stdout)
    wait_for(lambda: not psutil.pid_exists(guard), seconds=20, what="the end of the guard")
    assert not Path(folder).exists()
    assert [
        each for each in psutil.process_iter(["cmdline"]) if folder in " ".join(each.info["cmdline"] or [])
    ] == []


def reachable_python(uid: int, environment: dict[str, str]) -> str | None:
    """An interpreter that another account may run and that finds our packages."""
    names = (f"python3.{sys.version_info.minor}", "python3")
    candidates = [
        sys.executable,
        *(f"{folder}/{name}" for folder in ("/usr/bin", "/usr/local/bin") for name in names),
    ]
    for candidate in candidates:
        with contextlib.suppress(OSError):
            imports = [candidate, "-c", "import embedded.private"]
            if (
                subprocess.run(
                    imports, user=uid, cwd="/", env=environment, capture_output=True, check=False
                ).returncode
                == 0
            ):
                return candidate
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole run is without root already")
def test_the_servers_run_without_root_as_well() -> None:
    nobody = 65534
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    interpreter = reachable_python(nobody, environment)
    if interpreter is None:
        pytest.skip("no Python that another account may run with our packages")
    guard = subprocess.Popen(
        [interpreter, "-m", "embedded.private"],
        user=nobody,
        group=nobody,
        extra_groups=[],
        cwd="/",
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert guard.stdout is not None
    answer = json.loads(guard.stdout.readline())
    assert Path(answer["data"]).stat().st_uid == nobody
    guard.communicate(timeout=30)
    assert guard.returncode == 0
    assert not Path(answer["data"]).exists()
