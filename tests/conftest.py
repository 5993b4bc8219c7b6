"""Fixtures for every test. The private servers themselves are started by tests/servers.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django import DjangoDbBlocker
    from pytest_django.live_server_helper import LiveServer

    from tests.browsing import Visit
    from tests.workers import WorkerProcess

# How fast a machine draws examples is not what a property test asks.
hypothesis.settings.register_profile("suite", suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Of several test workers one migrates a database; all copy it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.servers import migrated_template

        with django_db_blocker.unblock():
            migrated_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """At the end, sessions of processes that tests killed are ended: they would keep the database from going."""
    from django.db import connection

    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session", autouse=True)
def tasks_run_at_once() -> None:
    """Queued tasks run in the test itself; `celery_worker_process` changes that for one test."""
    from config.celery import app

    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = True


@pytest.fixture
def celery_worker_process(transactional_db: None) -> Iterator[WorkerProcess]:
    """A real worker on the test's broker and database: `.start()`, `.kill()` (kill -9), `.stop()`, `.log`.

    Set `.include = ("module.with.tasks",)` before starting for tasks that live in tests.
    """
    import redis

    from config.celery import app
    from tests.workers import WorkerProcess

    worker = WorkerProcess()
    number = int(os.environ["BROKER_URL"].rpartition("=")[2])
    socket = os.environ["CACHE_URL"].removeprefix("unix://").partition("?")[0]
    with redis.Redis(unix_socket_path=socket, db=number) as broker:
        broker.flushdb()
        app.conf.task_always_eager = False
        try:
            yield worker
        finally:
            app.conf.task_always_eager = True
            worker.stop()
            broker.flushdb()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the session; skips, and says so at the end, where there is none."""
    from tests import browsing

    if browsing.find_chromium() is None:
        pytest.skip(browsing.NOT_FOUND)
    with browsing.chromium() as browser:
        yield browser


@pytest.fixture
def live_chromium(chromium: Browser, live_server: LiveServer) -> Iterator[Visit]:
    """Windows on the live server: `live_chromium.page(width=390, language="en")`, as Playwright knows them.

    Afterwards: no request may have left the loopback and no console may show an error.
    """
    from tests.browsing import Visit

    visit = Visit(browser=chromium, address=live_server.url)
    yield visit
    visit.finish()


NO_LABEL_STUDIO = (
    "NO LABEL STUDIO SERVER: its tests did not run (make test-labelstudio installs it and runs them)"
)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say it loudly when tests could not run for want of a program."""
    from tests.browsing import NO_HLEDGER, NOT_FOUND

    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for reason in (NOT_FOUND, NO_HLEDGER, NO_LABEL_STUDIO):
        count = sum(reason.partition(":")[0] in told for told in skipped)
        if count:
            terminalreporter.write_line("")
            terminalreporter.write_line(f"!!! {reason}. Not run: {count}.", red=True, bold=True)
