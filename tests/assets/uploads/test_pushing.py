"""`qingshu dataset push` against a live server: hashes, sends, goes on after a break, seals."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import User
from assets.datasets.models import Dataset, DatasetVersion
from assets.datasets.services import verify_version
from assets.uploads.models import StoredContent, Upload, UploadFile
from config import cli, pushing
from organizations.models import ApiKey
from tests import cast
from tests.assets.conftest import new_dataset
from tests.assets.uploads.making import folder
from tests.cast import NOON

pytestmark = pytest.mark.django_db(transaction=True)
OWN = pushing.Source("本公司客服记录（示例）", "自有", None, True)
FILES = {
    "train/a.csv": "text,label\n好,正面\n".encode(),
    "train/b.csv": "text,label\n差,负面\n".encode(),
    "说明.md": "# 示例\n".encode(),
    ".git/config": b"hidden",
}
SCOPES = ["datasets.view", "datasets.manage", "documents.upload"]


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def api_key(scopes: list[str] = SCOPES) -> str:
    lin = cast.lin()
    assert isinstance(lin.user, User)
    ApiKey.objects.create(
        organization=lin.organization, name="推送", prefix="qs_push", created_by=lin.user, scopes=scopes,
        secret_sha256=hashlib.sha256(b"secret").hexdigest(),
        expires_at=NOON.replace(year=2036),
    )  # fmt: skip
    return "qs_push.secret"


def pushed(live: Any, key: str, place: Path, dataset: Dataset, **changes: Any) -> pushing.Outcome:
    told = {"source": OWN, "seals": False, **changes}
    server = pushing.Server(live.url, key, pause=0.01)
    return pushing.push(place, server=server, dataset=dataset.number, is_quiet=True, **told)


def test_a_folder_becomes_a_version(live_server: Any, tmp_path: Path) -> None:
    place, dataset, key = folder(tmp_path / "d", FILES), new_dataset(), api_key()
    outcome = pushed(live_server, key, place, dataset, seals=True)
    assert (outcome.files, outcome.sent_files, outcome.skipped, outcome.refused) == (3, 3, [".git"], [])
    version = DatasetVersion.objects.get()
    assert (outcome.version, outcome.root_hash, outcome.state) == (1, version.root_hash, "sealed")
    assert {f.path for f in version.files.all()} == {"train/a.csv", "train/b.csv", "说明.md"}
    assert verify_version(version.pk).is_intact


def test_a_second_push_of_the_same_sends_nothing(live_server: Any, tmp_path: Path) -> None:
    place, dataset, key = folder(tmp_path / "d", FILES), new_dataset(), api_key()
    pushed(live_server, key, place, dataset)
    again = pushed(live_server, key, place, dataset, source=pushing.Source())
    assert (again.sent_files, again.hashed_files, Upload.objects.count()) == (0, 0, 1)
    (place / "train/a.csv").write_bytes(b"text\nother\n")
    third = pushed(live_server, key, place, dataset, seals=True)
    assert (third.sent_files, third.hashed_files, third.version) == (1, 1, 1)


def test_a_broken_connection_is_tried_again(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib3

    place, dataset, key = folder(tmp_path / "d", FILES), new_dataset(), api_key()
    real, calls = urllib3.PoolManager.request, {"count": 0}

    def flaky(pool: Any, *args: Any, **kwargs: Any) -> Any:
        calls["count"] += 1
        if calls["count"] % 3 == 2:
            raise urllib3.exceptions.ProtocolError("Connection aborted.")
        return real(pool, *args, **kwargs)

    monkeypatch.setattr(urllib3.PoolManager, "request", flaky)
    assert pushed(live_server, key, place, dataset, seals=True).version == 1
    monkeypatch.setattr(
        urllib3.PoolManager, "request", lambda *a, **k: (_ for _ in ()).throw(OSError("down"))
    )
    with pytest.raises(pushing.PushFailed, match="Run the same command again"):
        pushed(live_server, key, place, dataset)


def test_after_an_interruption_only_the_missing_parts_travel(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = bytes(range(256)) * (40 * 4096)
    place, dataset, key = folder(tmp_path / "d", {"big.bin": big}), new_dataset(), api_key()
    real = pushing.Server.put
    sent: list[int] = []

    def once(server: pushing.Server, url: str, body: bytes) -> bool:
        if sent:
            raise KeyboardInterrupt
        sent.append(len(body))
        return real(server, url, body)

    with monkeypatch.context() as patched:
        patched.setattr(pushing.Server, "put", once)
        with pytest.raises(KeyboardInterrupt):
            pushed(live_server, key, place, dataset)
    again = pushed(live_server, key, place, dataset, seals=True)
    assert (sent, again.sent_bytes, again.hashed_files) == ([16 << 20], 24 << 20, 0)
    assert again.version == 1


def test_refused_files_are_named_and_nothing_is_sealed(
    live_server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**FILES, "setup.exe": b"MZ", "empty.txt": b""}
    place, dataset, key = folder(tmp_path / "d", files), new_dataset(), api_key()
    code = cli.main(
        ["dataset", "push", str(place), "--dataset", dataset.number, "--server", live_server.url, "--key", key,
         "--batch-source", "自产", "--licence", "自有", "--self-produced", "--seal", "--json"]
    )  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert (code, told["version"], told["state"]) == (8, None, "open")
    assert {each["path"]: each["code"] for each in told["refused"]} == {
        "setup.exe": "executable", "empty.txt": "empty_file",
    }  # fmt: skip


def test_faults_found_while_sealing_are_named(live_server: Any, tmp_path: Path) -> None:
    place, dataset, key = folder(tmp_path / "d", {"a.csv": b"x\n=1\n"}), new_dataset(), api_key()
    outcome = pushed(live_server, key, place, dataset, seals=True)
    assert [each["code"] for each in outcome.refused] == ["csv_formula"]
    (place / "a.csv").write_bytes(b"x\n'=1\n")
    assert pushed(live_server, key, place, dataset, seals=True).version == 1


def test_the_authorisation_travels_with_the_command(live_server: Any, tmp_path: Path) -> None:
    place, dataset, key = folder(tmp_path / "d", FILES), new_dataset(), api_key()
    document = tmp_path / "授权书.pdf"
    document.write_bytes(b"%PDF-1.7\n")
    source = pushing.Source("客户记录（示例）", "书面授权", document)
    pushed(live_server, key, place, dataset, source=source)
    pushed(live_server, key, place, dataset, source=source)
    batch = Upload.objects.get().batches.get()
    assert batch.authorisation is not None
    assert (batch.authorisation.name, batch.authorisation.state) == ("授权书.pdf", "stored")


def test_what_is_missing_is_said_in_one_sentence(
    live_server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, dataset, key = folder(tmp_path / "d", FILES), new_dataset(), api_key(["datasets.view"])
    base = ["dataset", "push", str(place), "--dataset", dataset.number, "--server", live_server.url]
    assert cli.main(base) == 2
    assert cli.main([*base, "--key", key, "--batch-source", "自产"]) == 2
    assert cli.main([*base, "--key", "qs_wrong.x"]) == 1
    assert "(401)" in capsys.readouterr().err
    assert cli.main([*base, "--key", key]) == 1
    assert "(403)" in capsys.readouterr().err
    assert cli.main([*base[:4], "SJ-2026-0000000-0", *base[5:], "--key", key]) == 1
    assert Upload.objects.count() == 0


@pytest.mark.slow
def test_ten_thousand_files_pushed_interrupted_resumed(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 files, 500 different contents; killed in the fourth announcement, then run again."""
    from jobs.services import KINDS

    monkeypatch.setitem(KINDS, "profiles.make", lambda job, progress: None)  # it has tests of its own
    dataset, key, place = new_dataset(), api_key(), tmp_path / "d"
    for number in range(10_000):
        name = place / f"{number % 100:02d}" / f"{number:05d}.txt"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(f"第 {number % 500} 条评论")
    begun, real, calls = time.monotonic(), pushing.Push._announce, {"count": 0}

    def dying(run: pushing.Push, files: Any) -> Any:
        calls["count"] += 1
        if calls["count"] == 4:
            raise KeyboardInterrupt
        return real(run, files)

    with monkeypatch.context() as patched:
        patched.setattr(pushing.Push, "_announce", dying)
        with pytest.raises(KeyboardInterrupt):
            pushed(live_server, key, place, dataset)
    before = UploadFile.objects.filter(state="stored").count()
    outcome = pushed(live_server, key, place, dataset, seals=True)
    assert (before, outcome.files, outcome.hashed_files, outcome.refused) == (3000, 10_000, 0, [])
    version = DatasetVersion.objects.get()
    assert (version.file_count, version.row_count, outcome.version) == (10_000, 10_000, 1)
    assert StoredContent.objects.count() == 500
    assert Upload.objects.count() == 1
    print(f"{time.monotonic() - begun:.1f} s")  # noqa: T201
