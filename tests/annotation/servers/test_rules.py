"""What travels between us and a Label Studio server, and which addresses are asked at all."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from annotation.servers.remote import Remote, RemoteFault, is_public, looked_up
from annotation.servers.rules import (
    Counters,
    chunks,
    counters_of,
    heard_of,
    marks_of,
    title_of,
    unique_id_of,
    written_moment,
    written_task,
)
from signing.sealing import Box


def test_a_title_has_what_the_server_takes_and_begins_with_our_number() -> None:
    title = title_of("BZ-2026-0000001-X", "很长的名称" * 30)
    assert (len(title), title[:18]) == (50, "BZ-2026-0000001-X ")
    assert title_of("BZ-2026-0000001-X", "短") == "BZ-2026-0000001-X 短"


def test_a_former_result_has_the_same_unique_id_at_every_try_and_another_on_another_link() -> None:
    submission, link = uuid4(), uuid4()
    assert unique_id_of(submission, link) == unique_id_of(submission, link)
    assert unique_id_of(submission, link) != unique_id_of(submission, uuid4())


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    assert written_moment(datetime(2026, 3, 2, 4, tzinfo=UTC)) == "2026-03-02T04:00:00.000000Z"


def test_marks_are_ours_only_and_doubles_are_told_lowest_first() -> None:
    issue, chunk = uuid4(), uuid4()
    ours = written_task({"text": "好"}, issue, chunk)
    told = [{**ours, "id": 9}, {**ours, "id": 4}, {"id": 5, "data": {"text": "x"}}, {"id": 6, "data": None}]
    assert marks_of(told) == {str(issue): [4, 9]}


@pytest.mark.parametrize(
    ("completed_by", "author"),
    [(2, "mei@example.cn"), ({"id": 2, "email": "Mei@Example.cn"}, "mei@example.cn"), (None, ""), (3, "")],
)
def test_the_author_is_told_by_number_or_by_address(completed_by: Any, author: str) -> None:
    told = {"id": 1, "result": [], "completed_by": completed_by, "updated_at": "2026-03-02T04:00:00Z"}
    (heard,) = heard_of({"id": 7, "data": {}, "annotations": [told]}, {2: "mei@example.cn"})
    assert (heard.author, heard.remote_task_id, heard.task_mark) == (author, 7, "")


def test_the_counters_add_up_or_there_is_a_gap() -> None:
    states = {"waiting": 5, "open": 2, "submitted": 3, "expired": 1, "missing": 4}
    found = counters_of(states, 3, aside=0, gone=0)
    assert found == Counters(waiting=5, issued=10, submitted=3, open=2, expired=1, aside=0, gone=0)
    assert found.gap == 4
    assert counters_of(states, 2, aside=0, gone=0).gap == 5


def test_chunks_hold_everything_once() -> None:
    rows = list(range(250))
    assert [len(part) for part in chunks(rows)] == [100, 100, 50]
    assert [row for part in chunks(rows) for row in part] == rows


# --- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "100.64.0.1",
    ],
)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:8080", "https://127.0.0.1", "https://localhost", "https://[::1]:8080", "http://example.cn",
        "ftp://example.cn", "https://user:pass@example.cn", "https://10.1.2.3", "https://8.8.8.8:99999",
        "https://8.8.8.8/?x=1", "https:///x",
    ],
)  # fmt: skip
def test_an_address_that_is_not_allowed_is_never_asked(base: str, settings: Any) -> None:
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = False
    with pytest.raises(RemoteFault) as found:
        looked_up(base)
    assert found.value.code == "address_not_allowed"


def test_private_addresses_are_asked_where_the_operator_allows_it(settings: Any) -> None:
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = True
    assert looked_up("http://127.0.0.1:8080/ls") == ("http", "127.0.0.1", 8080, "127.0.0.1")


# --- one conversation -----------------------------------------------------------------------------------


class _Answers(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        plan = {"/api/redirect": 302, "/api/refused": 401, "/api/away": 404, "/api/broken": 500}
        self.send_response(plan.get(self.path, 200))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"<html>" if self.path == "/api/page" else b"{}")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = json.loads(self.rfile.read(length))
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"access": f"for-{asked['refresh']}"}).encode())

    def log_message(self, *_args: Any) -> None:
        return


@pytest.fixture
def somebody(settings: Any) -> Iterator[str]:
    """A server of the loopback that answers some paths with faults."""
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = True
    _Answers.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/redirect", "refused"), ("/api/refused", "token_refused"), ("/api/away", "not_found"),
        ("/api/broken", "unreachable"), ("/api/page", "not_label_studio"),
    ],
)  # fmt: skip
def test_each_fault_has_its_code_and_no_redirect_is_followed(somebody: str, path: str, code: str) -> None:
    with pytest.raises(RemoteFault) as found:
        Remote(somebody, "a-token").ask("GET", path)
    assert (found.value.code, len(_Answers.seen)) == (code, 1)


def test_a_legacy_token_is_sent_as_it_is_and_a_personal_one_is_exchanged(somebody: str) -> None:
    Remote(somebody, "abc").ask("GET", "/api/x")
    Remote(somebody, "a.b.c").ask("GET", "/api/x")
    assert [shown for path, shown in _Answers.seen if path == "/api/x"] == ["Token abc", "Bearer for-a.b.c"]


def test_nothing_that_is_printed_or_raised_holds_the_token(somebody: str) -> None:
    remote = Remote(somebody, "very-secret")
    with pytest.raises(RemoteFault) as found:
        remote.ask("GET", "/api/refused")
    for said in (repr(remote), str(found.value), repr(found.value), str(found.value.args)):
        assert "very-secret" not in said


def test_nobody_listening_is_a_fault_and_no_crash(settings: Any) -> None:
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = True
    with pytest.raises(RemoteFault) as found:
        Remote("http://127.0.0.1:1", "abc").version()
    assert found.value.code == "unreachable"


class _Pages(Remote):
    """Answers `_page` from a list of tasks that changes while it is read."""

    rows: list[dict[str, Any]]
    moves: list[int]

    def _page(self, project: int, wanted: Any, order: str, fields: str, number: int) -> list[dict[str, Any]]:
        since = wanted[0]["value"]
        ordered = sorted(self.rows, key=lambda row: row["updated_at"])
        found = [row for row in ordered if row["updated_at"] >= since]
        page = found[(number - 1) * 100 : number * 100]
        if self.moves:  # the first ones change after the page was read and move to the end
            for row in found[: self.moves.pop()]:
                row["updated_at"] = written_moment(datetime(2026, 3, 3, tzinfo=UTC))
        return [dict(row) for row in page]


def _rows(count: int, step: timedelta) -> list[dict[str, Any]]:
    begun = datetime(2026, 3, 2, tzinfo=UTC)
    return [{"id": n, "updated_at": written_moment(begun + n * step)} for n in range(count)]


@pytest.mark.parametrize("step", [timedelta(seconds=1), timedelta(0)])
def test_tasks_that_change_while_pages_are_read_push_none_over_the_edge(step: timedelta) -> None:
    remote = _Pages("https://x", "t")
    remote.rows, remote.moves = _rows(350, step), [] if not step else [70, 70]
    seen = {task["id"] for page in remote.changed_since(1, None) for task in page}
    assert seen == set(range(350))


def test_what_one_purpose_sealed_another_does_not_open() -> None:
    from cryptography.fernet import InvalidToken

    sealed = Box("a").sealed("token")
    assert (Box("a").opened(sealed), "token" in sealed) == ("token", False)
    with pytest.raises(InvalidToken):
        Box("b").opened(sealed)
