"""Celery: long work as tasks on the broker, so that any number of machines share it.

A task is acknowledged when it is done, not when it is taken. When a worker dies in the middle, the
broker hands the task out again after `WORKER_VISIBILITY_SECONDS`; no task may run that long (the hard
time limit is below it), so that the same task never runs twice at once. Tasks are idempotent.
"""

from __future__ import annotations

import os
from typing import Any

import environ
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

from django.conf import settings

from config.schedule import TASK_ROUTES

env = environ.Env()
VISIBILITY_SECONDS = env.int("WORKER_VISIBILITY_SECONDS", default=300)
TIME_LIMIT_SECONDS = max(VISIBILITY_SECONDS - max(VISIBILITY_SECONDS // 10, 2), 1)
HEARTBEAT_KEY = "worker-heartbeat"
HEARTBEAT_SECONDS = 30

# `default` for what a person waits for, `long` for imports, exports, sealing and runs over the whole
# city, `mail` for what goes out. A worker without -Q serves all of them.
QUEUES = ("default", "long", "mail")

app = Celery("qingshu")
app.conf.update(
    broker_url=settings.BROKER_URL or "memory://",
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue="default",
    task_routes=TASK_ROUTES,
    task_queues={name: {} for name in QUEUES},
    task_time_limit=TIME_LIMIT_SECONDS,
    task_soft_time_limit=max(TIME_LIMIT_SECONDS - 10, 1),
    task_publish_retry_policy={
        "max_retries": 3,
        "interval_start": 0.1,
        "interval_step": 0.3,
        "interval_max": 1,
    },
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_concurrency=env.int("WORKER_CONCURRENCY", default=2),
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    accept_content=["json"],
    task_serializer="json",
    timezone="Asia/Shanghai",
    enable_utc=True,
    beat_schedule=getattr(settings, "BEAT_SCHEDULE", {}),
    beat_schedule_filename=os.path.join(os.environ.get("QINGSHU_DATA", "."), "beat-schedule"),
)
app.autodiscover_tasks()


def note_heartbeat(**_signal: Any) -> None:
    """Tell `/readyz` that a worker lives (through the cache, every two seconds)."""
    from django.core.cache import cache

    cache.set(HEARTBEAT_KEY, "alive", timeout=HEARTBEAT_SECONDS)


signals.heartbeat_sent.connect(note_heartbeat)


def a_worker_is_alive() -> bool:
    """Whether any worker has given a sign of life within the last half minute."""
    from django.core.cache import cache

    return cache.get(HEARTBEAT_KEY) is not None
