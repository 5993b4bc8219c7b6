"""Private PostgreSQL, Valkey and S3 for the test run (a pytest plugin, loaded by `-p tests.servers`).

The controlling process starts `python -m embedded.private` once, before Django reads its settings.
Each xdist worker inherits the addresses and takes its own database (pytest-django names it), its own
pair of Valkey databases, its own bucket and its own data directory. The servers watch the pipe to the
controller: when the run ends, however it ends, they stop and their directory is removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = "QINGSHU_TEST_SERVERS"
ON_REQUEST_ONLY = ("-h", "--help", "-V", "--version", "--fixtures", "--markers", "--setup-plan")

_guards: list[subprocess.Popen[str]] = []


class ServersDidNotStart(pytest.UsageError):
    """The private servers are not there; the message says why."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> Iterator[None]:
    """Wraps pytest-django's own hook, which reads the settings."""
    if not any(option in args for option in ON_REQUEST_ONLY):
        if SHARED not in os.environ:
            _start()
        _take_own_share(os.environ.get("PYTEST_XDIST_WORKER", ""))
    return (yield)


def pytest_unconfigure() -> None:
    while _guards:
        guard = _guards.pop()
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait(timeout=60)
        os.environ.pop(SHARED, None)


def _start() -> None:
    search_path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    guard = subprocess.Popen(
        [sys.executable, "-m", "embedded.private"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": search_path},
        start_new_session=True,
    )
    _guards.append(guard)
    assert guard.stdout is not None
    line = guard.stdout.readline()
    answer = json.loads(line) if line else {"error": f"the launcher ended with code {guard.wait()}"}
    if "error" in answer:
        raise ServersDidNotStart(f"The test servers did not start: {answer['error']}")
    os.environ[SHARED] = json.dumps(answer)


def _take_own_share(worker: str) -> None:
    """Set the settings of this process: the controller's are number 0, worker gw3's are number 4."""
    from embedded import valkey

    shared = json.loads(os.environ[SHARED])
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    if 2 * number + 1 >= valkey.DATABASES:
        raise ServersDidNotStart(f"At most {valkey.DATABASES // 2 - 1} test workers are supported.")
    folder = Path(shared["data"]) / f"work-{number}"
    folder.mkdir(mode=0o700, exist_ok=True)
    socket = Path(shared["settings"]["CACHE_URL"].removeprefix("unix://").partition("?")[0])
    os.environ.update(shared["settings"])
    os.environ.update(valkey.addresses(socket, broker=2 * number, cache=2 * number + 1))
    os.environ.update(
        {
            "S3_BUCKET": f"qingshu-test-{number}",
            "QINGSHU_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "SITE_URL": "http://127.0.0.1:8000",
        }
    )
    for foreign in ("SIGNING_KEYS_DIR", "EMAIL_URL", "SECRET_KEY", "SIGNING_ISSUER"):
        os.environ.pop(foreign, None)
    _make_bucket()


def _make_bucket() -> None:
    from minio import Minio
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    client = Minio(
        os.environ["S3_ENDPOINT"].removeprefix("http://"),
        access_key=os.environ["S3_ACCESS_KEY"],
        secret_key=os.environ["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
    )
    bucket = os.environ["S3_BUCKET"]
    if not client.bucket_exists(bucket):
        client.make_bucket(bucket)
        client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))


def migrated_template() -> None:
    """Have this worker's database copied from one that the first worker to come here migrates."""
    from django.core.management import call_command
    from django.db import connection

    name = "qingshu_template"
    folder = Path(json.loads(os.environ[SHARED])["data"])
    with (folder / "template.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            own = connection.settings_dict["NAME"]
            with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f"CREATE DATABASE {name}")
            connection.close()
            connection.settings_dict["NAME"] = name
            try:
                call_command("migrate", verbosity=0, interactive=False)
            finally:
                connection.close()
                connection.settings_dict["NAME"] = own
            lock.write("migrated")
    connection.settings_dict["TEST"]["TEMPLATE"] = name
