"""Long work: queued once, shown while it runs, goes on after a break, ends with one sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.db import connection

from jobs import services
from jobs.models import Job
from jobs.states import JobState
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from organizations.permissions import Actor
from tests.cast import lin, mei, zhou

pytestmark = pytest.mark.django_db


class Script:
    """What the work of kind `tests.count` does this time."""

    calls = 0
    breaks_at: BaseException | None = None


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Script]:
    def count(job: Job, progress: services.Progress) -> dict[str, Any]:
        Script.calls += 1
        for number in range(progress.done, job.arguments["to"]):
            if number == 3 and Script.breaks_at:
                found, Script.breaks_at = Script.breaks_at, None
                raise found
            progress.advance()
        return {"counted": progress.done, "url": "/datasets/"}

    monkeypatch.setitem(services.KINDS, "tests.count", count)
    Script.calls, Script.breaks_at = 0, None
    cache.clear()
    return Script


def queued(by: Actor | None = None, to: int = 5) -> Job:
    return services.queue(
        by=by or lin(), at=clock.now(), kind="tests.count", title="数到五", arguments={"to": to}, total=to
    )


def run(job: Job) -> Job:
    services.run(job_id=job.pk, at=clock.now())
    job.refresh_from_db()
    return job


def test_a_job_starts_after_commit_and_keeps_its_result(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = queued()
        assert Script.calls == 0
    job.refresh_from_db()
    assert (job.state, job.done_count, job.total_count) == ("succeeded", 5, 5)
    assert (job.result, job.result_url) == ({"counted": 5, "url": "/datasets/"}, "/datasets/")
    assert [t.move for t in Transition.objects.filter(subject_id=job.pk).order_by("recorded_at")] == [
        "start",
        "succeed",
    ]


def test_the_starter_is_told_in_the_site() -> None:
    starter = lin().user
    assert starter is not None
    run(queued())
    assert starter.notifications.get().title == "已完成：数到五"


def test_a_second_delivery_finds_nothing_to_do() -> None:
    job = run(queued())
    assert services.run(job_id=job.pk, at=clock.now()) is None
    assert services.run(job_id=uuid4(), at=clock.now()) is None
    assert Script.calls == 1


def test_a_job_that_another_worker_runs_is_left_alone() -> None:
    job = queued()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [job.pk.int & 0x7FFF_FFFF_FFFF_FFFF])
            assert services.run(job_id=job.pk, at=clock.now()) is None
    finally:
        other.close()
    assert Script.calls == 0


def test_a_dead_workers_job_goes_on_where_it_stopped() -> None:
    job = queued()
    Script.breaks_at = KeyboardInterrupt()  # stands for the worker's end: nobody catches it
    with pytest.raises(KeyboardInterrupt):
        services.run(job_id=job.pk, at=clock.now())
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    Job.objects.filter(pk=job.pk).update(done_count=3)
    assert run(job).state == JobState.SUCCEEDED
    assert (job.attempt_count, job.result["counted"]) == (2, 5)


def test_a_refusal_ends_the_job_with_its_sentence() -> None:
    Script.breaks_at = InvalidInput(reason="第 4 行为空，请补齐后重试。")
    job = run(queued())
    assert (job.state, job.error, job.done_count) == ("failed", "第 4 行为空，请补齐后重试。", 3)


def test_a_mistake_ends_the_job_with_a_reference_and_no_inner_words(caplog: pytest.LogCaptureFixture) -> None:
    Script.breaks_at = ZeroDivisionError("secret detail")
    job = run(queued())
    assert job.state == "failed"
    assert str(job.pk) in job.error
    assert "secret" not in job.error
    assert "secret detail" in caplog.text


def test_out_of_time_with_progress_goes_round_again_and_without_it_ends(
    django_capture_on_commit_callbacks: Any,
) -> None:
    Script.breaks_at = SoftTimeLimitExceeded()
    with django_capture_on_commit_callbacks(execute=True):
        job = queued()
    job.refresh_from_db()
    # The second round found the lock free only after the first had ended.
    assert job.state in ("running", "succeeded")
    stuck = queued(to=4)
    Job.objects.filter(pk=stuck.pk).update(done_count=3)
    Script.breaks_at = SoftTimeLimitExceeded()
    assert "时限" in run(stuck).error


def test_a_job_that_breaks_off_again_and_again_is_stopped() -> None:
    job = queued()
    Job.objects.filter(pk=job.pk).update(attempt_count=services.MOST_ATTEMPTS)
    assert run(job).state == "failed"
    assert Script.calls == 0


def test_failed_work_is_started_again_by_its_starter_or_an_administrator() -> None:
    Script.breaks_at = InvalidInput(reason="坏")
    job = run(queued(by=mei()))
    with pytest.raises(NotFound):
        services.retry(by=zhou(), at=clock.now(), job_id=job.pk)
    services.retry(by=mei(), at=clock.now(), job_id=job.pk)
    assert run(job).state == "succeeded"
    with pytest.raises(MoveNotAllowed):
        services.retry(by=lin(), at=clock.now(), job_id=job.pk)


def test_a_colleague_without_the_right_does_not_retry() -> None:
    Script.breaks_at = InvalidInput(reason="坏")
    job = run(queued())
    with pytest.raises(NotAllowed):
        services.retry(by=mei(), at=clock.now(), job_id=job.pk)


def test_lost_work_is_sent_again_once_in_ten_minutes(django_capture_on_commit_callbacks: Any) -> None:
    job = queued()
    now = clock.now()
    assert services.resend_lost(at=now) == 0  # still fresh
    with django_capture_on_commit_callbacks(execute=True):
        assert services.resend_lost(at=now + timedelta(minutes=3)) == 1
    job.refresh_from_db()
    assert job.state == "succeeded"
    waiting = queued()
    assert services.resend_lost(at=now + timedelta(minutes=3)) == 1
    assert services.resend_lost(at=now + timedelta(minutes=3)) == 0
    assert waiting.pk


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(services.UnknownKind):
        services.queue(by=lin(), at=clock.now(), kind="tests.none", title="x")


def test_the_heart_beat_tells_its_age() -> None:
    assert services.worker_heartbeat_age() is None
    services.beat(at=clock.now() - timedelta(seconds=7))
    assert services.worker_heartbeat_age() in (7, 8)


def test_the_page_polls_until_the_end_and_then_stops(client: Any) -> None:
    job = queued()
    client.force_login(lin().user)
    ask: Any = lambda: client.get(f"/jobs/{job.pk}/progress/", headers={"hx-request": "true"})  # noqa: E731
    waiting = ask()
    assert waiting.status_code == 200
    assert f'hx-get="/jobs/{job.pk}/progress/"' in waiting.content.decode()
    run(job)
    done = ask()
    assert done.status_code == 286
    assert "hx-get" not in done.content.decode()
    assert "/datasets/" in client.get(f"/jobs/{job.pk}/").content.decode()
    assert "数到五" in client.get("/jobs/").content.decode()
    assert client.get(f"/api/jobs/{job.pk}").json()["state"] == "succeeded"


def test_other_organizations_do_not_see_it(client: Any) -> None:
    job = queued()
    client.force_login(zhou().user)
    for address in (f"/jobs/{job.pk}/", f"/jobs/{job.pk}/progress/", f"/api/jobs/{job.pk}"):
        assert client.get(address).status_code == 404
    assert client.post(f"/jobs/{job.pk}/retry/").status_code == 404


def test_a_failed_job_is_retried_on_its_page(client: Any) -> None:
    Script.breaks_at = InvalidInput(reason="第 4 行为空")
    job = run(queued())
    client.force_login(lin().user)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "第 4 行为空" in page
    assert client.post(f"/jobs/{job.pk}/retry/")["Location"] == f"/jobs/{job.pk}/"
    job.refresh_from_db()
    assert job.state == "queued"
