"""`qingshu pull` and what data people use, against the live server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from config import cli, pulling
from exchange.delivery import services
from exchange.delivery.models import Access, Entitlement
from kernel import clock
from tests import cast
from tests.exchange.delivery import goods

pytestmark = pytest.mark.django_db(transaction=True)
BIG = bytes(range(256)) * (16 * 1024)  # 4 MB
FILES = {**goods.FILES, "big.bin": BIG}


def token_of(entitlement: Entitlement) -> str:
    return services.create_token(
        by=cast.zhou(), at=clock.now(), entitlement_id=entitlement.pk, name="拉取", lifetime=timedelta(days=2)
    )[1]


def bought(files: dict[str, bytes] | None = None) -> tuple[Entitlement, str]:
    entitlement = goods.entitled(goods.product_of(goods.version_with(files or FILES)))
    return entitlement, token_of(entitlement)


def pull(live: Any, entitlement: Entitlement, token: str, place: Path) -> pulling.Outcome:
    server = pulling.Server(live.url, token, pause=0.01)
    return pulling.pull(entitlement.number, place, server=server, is_quiet=True)


def test_a_delivery_arrives_whole_and_a_second_run_fetches_nothing(live_server: Any, tmp_path: Path) -> None:
    entitlement, token = bought()
    first = pull(live_server, entitlement, token, tmp_path / "d")
    assert (first.files, first.fetched_files, first.damaged) == (5, 5, [])
    assert first.root_hash == entitlement.version.root_hash
    for path, body in FILES.items():
        assert (tmp_path / "d" / path).read_bytes() == body
    asked = Access.objects.count()
    second = pull(live_server, entitlement, token, tmp_path / "d")
    assert (second.fetched_files, second.fetched_bytes, second.kept_files) == (0, 0, 5)
    assert Access.objects.count() == asked + 1  # the manifest
    (tmp_path / "d/README.md").write_bytes(b"# DEMO\n")
    third = pull(live_server, entitlement, token, tmp_path / "d")
    assert (third.fetched_files, (tmp_path / "d/README.md").read_bytes()) == (1, b"# demo\n")


def test_what_a_break_left_is_continued_and_wrong_beginnings_are_thrown_away(
    live_server: Any, tmp_path: Path
) -> None:
    entitlement, token = bought()
    place = tmp_path / "d"
    place.mkdir()
    (place / "big.bin.part").write_bytes(BIG[: 3 << 20])
    (place / "rows.jsonl.part").write_bytes(b"nonsense")
    (place / "README.md.part").write_bytes(b"# demo\nand much more than there is")
    outcome = pull(live_server, entitlement, token, place)
    assert (outcome.resumed_files, outcome.damaged) == (3, [])
    assert (place / "big.bin").read_bytes() == BIG
    assert outcome.fetched_bytes < len(BIG)
    assert not list(place.rglob("*.part"))
    assert (1 << 20) in Access.objects.filter(path="big.bin").values_list("byte_count", flat=True)


def test_a_connection_that_breaks_in_the_middle_is_taken_up(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entitlement, token = bought({"big.bin": BIG})
    real, calls = urllib3.response.HTTPResponse.stream, {"count": 0}

    def flaky(answer: Any, amount: int, **told: Any) -> Any:
        calls["count"] += 1
        for number, piece in enumerate(real(answer, amount, **told)):
            if calls["count"] < 3 and number == 1:
                raise urllib3.exceptions.ProtocolError("Connection broken")
            yield piece

    monkeypatch.setattr(pulling.urllib3.response.HTTPResponse, "stream", flaky)
    outcome = pull(live_server, entitlement, token, tmp_path / "d")
    assert (outcome.fetched_files, outcome.fetched_bytes) == (1, len(BIG))
    assert (tmp_path / "d/big.bin").read_bytes() == BIG


def test_killed_and_started_again_it_goes_on(live_server: Any, tmp_path: Path) -> None:
    files = {f"{number:03d}.bin": BIG[number : 1 << 20] for number in range(40)}
    entitlement, token = bought(files)
    place = tmp_path / "d"
    command = [sys.executable, "-m", "config.cli", "pull", entitlement.number, str(place), "--server",
               live_server.url, "--token", token, "--json"]  # fmt: skip
    root = Path(pulling.__file__).parents[2]
    environment = {
        "PYTHONPATH": f"{root}:{root / 'platform'}",
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _wait in range(600):
        if len(list(place.glob("*.bin"))) >= 3:
            break
        time.sleep(0.05)
    running.kill()
    running.wait()
    there = len(list(place.glob("*.bin")))
    assert 3 <= there < 40
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["kept_files"], told["fetched_files"], told["damaged"]) == (there, 40 - there, [])
    assert (place / "039.bin").read_bytes() == files["039.bin"]


def test_altered_bytes_are_named_and_the_exit_code_tells(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from exchange.delivery import serving

    entitlement, token = bought()
    real = serving.pieces
    monkeypatch.setattr(
        serving,
        "pieces",
        lambda key, span: (bytes(len(each)) if span.size == 7 else each for each in real(key, span)),
    )
    place = tmp_path / "d"
    base = ["pull", entitlement.number, str(place), "--server", live_server.url]
    assert cli.main([*base, "--token", token, "--json"]) == 8
    assert json.loads(capsys.readouterr().out)["damaged"] == ["README.md"]
    assert not (place / "README.md").exists()
    assert cli.main(base) == 2
    assert cli.main([*base, "--token", "qt_no.no"]) == 1
    assert "(401)" in capsys.readouterr().err
    assert cli.main(["pull", "DD-2026-0000000-0", *base[2:], "--token", token]) == 1
    assert "(404)" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../b", "C:/x", "a\\b", "a//b", "", "x.part"])
def test_a_manifest_that_leads_out_of_the_folder_is_refused(path: str) -> None:
    body = json.dumps({"entries": [{"path": path, "size": 1, "sha256": "0" * 64}]}).encode()
    with pytest.raises(pulling.NotIntact):
        pulling.read_manifest(body, goods.sha256(body))
    with pytest.raises(pulling.NotIntact, match="root hash"):
        pulling.read_manifest(body, "0" * 64)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_loads_the_rows_with_the_token(
    live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    entitlement = goods.entitled(goods.product_of(goods.reviews(3), at=clock.now()), at=clock.now())
    token = token_of(entitlement)
    monkeypatch.setenv("CROISSANT_BASIC_AUTH_USERNAME", "token")
    monkeypatch.setenv("CROISSANT_BASIC_AUTH_PASSWORD", token)
    monkeypatch.setenv("HOME", str(tmp_path))
    from etils import epath
    from mlcroissant._src.core import constants

    monkeypatch.setattr(constants, "CROISSANT_CACHE", epath.Path(tmp_path / "cache"))
    monkeypatch.setattr(
        constants, "DOWNLOAD_PATH", epath.Path(tmp_path / "cache" / "download"), raising=False
    )
    asked = urllib.request.Request(
        f"{live_server.url}/api/deliveries/{entitlement.number}/croissant.json",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(asked) as answer:
        told = json.load(answer)
    rows = list(mlcroissant.Dataset(jsonld=told).records("rows"))
    assert [row["rows/text"].decode() for row in rows] == [goods.sentence(number) for number in range(3)]
    assert Access.objects.filter(path="rows.jsonl", way="api").exists()


def test_pandas_and_duckdb_read_with_the_token(live_server: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    import duckdb

    entitlement, token = bought()
    address = f"{live_server.url}/api/deliveries/{entitlement.number}/files/rows.jsonl"
    rows = pandas.read_json(address, lines=True, storage_options={"Authorization": f"Bearer {token}"})
    assert (len(rows), list(rows["id"][:3])) == (100, [1, 2, 3])
    with duckdb.connect() as connection:
        try:
            connection.execute("LOAD httpfs")
        except duckdb.Error:
            pull(live_server, entitlement, token, tmp_path / "d")
            source = str(tmp_path / "d/rows.jsonl")
        else:
            connection.execute(f"CREATE SECRET (TYPE http, BEARER_TOKEN '{token}')")
            source = address
        assert connection.execute(f"SELECT count(*), max(id) FROM read_json('{source}')").fetchone() == (
            100,
            100,
        )
