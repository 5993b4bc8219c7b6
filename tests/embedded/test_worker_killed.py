"""A worker that dies in the middle of a task loses nothing."""

from __future__ import annotations

import os
import signal

import psutil
from django.core.cache import cache

from tests.embedded.tasks import wait_for_leave
from tests.workers import VISIBILITY_SECONDS, WorkerProcess, wait_for

TASKS = ("tests.embedded.tasks",)


def prepare(name: str) -> None:
    cache.set_many({f"{name}-begun": 0, f"{name}-ended": 0}, timeout=None)


def test_task_of_a_killed_worker_comes_back_to_the_next_one(celery_worker_process: WorkerProcess) -> None:
    prepare("killed")
    celery_worker_process.include = TASKS
    celery_worker_process.start()
    wait_for_leave.delay("killed")
    wait_for(lambda: cache.get("killed-begun") == 1, what="the first run")

    celery_worker_process.kill()
    cache.set("killed-may-end", True)
    celery_worker_process.start()

    seconds = wait_for(lambda: cache.get("killed-ended") == 1, seconds=30, what="the second run")
    assert seconds < VISIBILITY_SECONDS + 10
    assert cache.get("killed-begun") == 2


def test_task_of_a_killed_pool_process_is_handed_out_again_at_once(
    celery_worker_process: WorkerProcess,
) -> None:
    prepare("pool")
    celery_worker_process.include = TASKS
    celery_worker_process.start()
    wait_for_leave.delay("pool")
    wait_for(lambda: cache.get("pool-begun") == 1, what="the first run")

    [working] = [
        child for child in psutil.Process(celery_worker_process.pid).children() if child.is_running()
    ]
    cache.set("pool-may-end", True)
    os.kill(working.pid, signal.SIGKILL)

    wait_for(lambda: cache.get("pool-ended") == 1, seconds=20, what="the second run")


def test_a_living_worker_gives_signs_of_life(celery_worker_process: WorkerProcess) -> None:
    from config.celery import HEARTBEAT_KEY, a_worker_is_alive

    cache.delete(HEARTBEAT_KEY)
    assert not a_worker_is_alive()
    celery_worker_process.start()
    wait_for(a_worker_is_alive, seconds=10, what="a heartbeat")
