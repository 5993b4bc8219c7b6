"""Large imports: memory stays flat, a worker that was killed goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from typing import Any

import psutil
import pytest

from annotation.intake import services
from annotation.intake.models import Intake, IntakeRow
from annotation.intake.services import checking
from annotation.projects.models import Item
from annotation.work.models import Task
from documents import objects
from tests.annotation import scenes
from tests.annotation.intake.imports import Counted, decided, gathered
from tests.annotation.intake.imports import checking as queued
from tests.cast import NOON
from tests.workers import WorkerProcess, wait_for


class Broke(BaseException):
    """As if the process ended there."""


@pytest.mark.django_db
def test_a_dry_run_that_was_cut_off_goes_on_after_the_rows_that_are_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(checking, "ROWS_AT_ONCE", 10)
    body = "".join(f"第 {n} 条评论\n" if n % 7 else "长" * 20_001 + "\n" for n in range(100)).encode()
    made = queued(scenes.draft(), {"一.txt": body})
    real, calls = checking.likeness.text_fingerprint, [0]

    def breaks(text: str) -> Any:
        calls[0] += 1
        if calls[0] == 40:
            raise Broke
        return real(text)

    monkeypatch.setattr(checking.likeness, "text_fingerprint", breaks)
    with pytest.raises(Broke):
        services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    made.refresh_from_db()
    assert (made.state, made.staged_count) == ("checking", 40)
    kept = IntakeRow.objects.count()
    services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    made.refresh_from_db()
    assert (kept, IntakeRow.objects.count()) == (34, 85)
    assert (made.found["rows"], made.found["fault_count"]) == (85, 15)
    assert calls[0] == 40 + 85 - 34


@pytest.mark.django_db
def test_an_import_that_was_cut_off_stores_nothing_twice_and_shows_nothing_before_its_end(
    monkeypatch: Any,
) -> None:
    from annotation.intake.services import bringing

    monkeypatch.setattr(bringing, "ROWS_AT_ONCE", 10)
    project = scenes.opened()
    made = queued(project, {"一.txt": "".join(f"第 {n} 条\n" for n in range(50)).encode()})
    services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    decided(Intake.objects.get(pk=made.pk))
    real, puts = objects.put, [0]

    def breaks(prefix: str, body: bytes, media_type: str) -> Any:
        puts[0] += 1
        if puts[0] == 35:
            raise Broke
        return real(prefix, body, media_type)

    monkeypatch.setattr(bringing.objects, "put", breaks)
    with pytest.raises(Broke):
        services.bring_in(at=NOON, intake_id=made.pk, progress=Counted())
    assert IntakeRow.objects.exclude(final_sha256="").count() == 30
    assert (Item.objects.count(), Task.objects.count()) == (3, 3)
    puts[0] = 100
    services.bring_in(at=NOON, intake_id=made.pk, progress=Counted())
    assert puts[0] == 120
    assert (Item.objects.count(), Task.objects.count()) == (53, 53)


@pytest.mark.slow
def test_a_killed_worker_s_dry_run_is_taken_up_by_the_next(celery_worker_process: WorkerProcess) -> None:
    body = "".join(f"第 {n} 条评论，写的是清远的第 {n * 7919 % 10007} 家店\n" for n in range(12_000)).encode()
    worker, made = celery_worker_process, gathered(scenes.draft(), {"一.txt": body})
    worker.start()
    services.start_check(by=scenes.qin(), at=NOON, intake_id=made.pk)
    wait_for(lambda: Intake.objects.get(pk=made.pk).staged_count > 1_000, seconds=120, what="the first rows")
    worker.kill()
    kept = Intake.objects.get(pk=made.pk)
    assert (kept.state, kept.staged_count < 12_000) == ("checking", True)
    worker.start()
    wait_for(lambda: Intake.objects.get(pk=made.pk).state == "checked", seconds=180, what="the result")
    found = Intake.objects.get(pk=made.pk)
    assert (found.found["rows"], IntakeRow.objects.count()) == (12_000, 12_000)


class Watched:
    """The largest memory of this process while something runs, above what it was before, in MB."""

    def __enter__(self) -> Watched:
        self._process, self._is_over = psutil.Process(), False
        self._begun = time.monotonic()
        self._before = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._is_over:
            self._most = max(self._most, self._process.memory_info().rss)
            time.sleep(0.05)

    def __exit__(self, *_wrong: object) -> None:
        self._is_over = True
        self.seconds = round(time.monotonic() - self._begun)
        self._thread.join()

    @property
    def grown_mb(self) -> int:
        return (self._most - self._before) >> 20


ROWS = int(os.environ.get("QINGSHU_LARGE_ROWS", "20000"))  # 100,000 when it is asked for


@pytest.mark.slow
@pytest.mark.django_db
def test_many_rows_come_in_with_flat_memory(monkeypatch: Any) -> None:
    """The store itself is left out: many small objects are its matter, not this one's."""
    project = scenes.opened()

    def put(prefix: str, body: bytes, _media_type: str) -> objects.StoredObject:
        digest = hashlib.sha256(body).hexdigest()
        return objects.StoredObject(objects.content_key(prefix, digest), len(body), digest)

    monkeypatch.setattr(objects, "put", put)

    def body() -> Any:
        for start in range(0, ROWS, 1_000):
            rows = (
                f'{{"text": "第 {n} 条：{n * 7919 % 100_003} 号店的 {n * 104_729 % 99_991} 号菜品，味道和服务都不错"}}\n'
                for n in range(start, start + 1_000)
            )
            yield "".join(rows).encode()

    made = gathered(project, {})
    services.add_file(by=scenes.qin(), at=NOON, intake_id=made.pk, path="大.jsonl", chunks=body())
    services.start_check(by=scenes.qin(), at=NOON, intake_id=made.pk)
    with Watched() as first:
        services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    print(f"dry run +{first.grown_mb} MB in {first.seconds} s", flush=True)  # noqa: T201
    found = Intake.objects.get(pk=made.pk)
    assert (found.found["rows"], found.found["fresh"]) == (ROWS, ROWS)
    decided(found)
    with Watched() as second:
        services.bring_in(at=NOON, intake_id=made.pk, progress=Counted())
    assert (Item.objects.count(), Task.objects.count()) == (ROWS + 3, ROWS + 3)
    print(f"import +{second.grown_mb} MB in {second.seconds} s", flush=True)  # noqa: T201
    assert first.grown_mb < 150
    assert second.grown_mb < 150
