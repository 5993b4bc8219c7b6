"""Number, certificate, credential, PDF, manifest, folder: each statement is exact, on the page and by command."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from assets.credentials import checking, folders, verification, wording
from assets.credentials.checking import Verdict
from assets.credentials.folders import zip_folder
from assets.credentials.verification import Answer
from assets.exports import services as exports
from assets.registry import services as registry
from assets.registry.models import Certificate
from assets.registry.states import Outcome
from assets.transparency import services as log
from assets.transparency.models import LogEntry
from config import cli, verifying
from config.stories.way import shanghai
from config.verifying import Materials
from documents import objects
from kernel import clock
from tests import cast
from tests.assets import conftest as whole
from tests.assets.credentials.conftest import Download, flipped, forged
from tests.world import build

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 24, tzinfo=UTC)
HOLDS, FAILS, UNTOLD = Verdict.HOLDS, Verdict.FAILS, Verdict.UNTOLD
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def at_that_time() -> Any:
    cache.clear()
    with clock.moved_to(NOW):
        yield


def said(statements: Any) -> dict[str, Verdict]:
    """What was said about each thing; a failure hides what holds."""
    found: dict[str, Verdict] = {}
    for each in statements:
        if found.get(each.code) != FAILS:
            found[each.code] = each.verdict
    return found


def fails(statements: Any) -> set[str]:
    return {code for code, verdict in said(statements).items() if verdict == FAILS}


def of_file(path: Path) -> Answer:
    with path.open("rb") as file:
        return verification.by_file(file, path.stat().st_size, at=NOW)


def zipped(folder: Path, *, inside: str = "") -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, inside + path.relative_to(folder).as_posix())
    return target


def change(path: Path) -> None:
    """One byte."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


# --- with the registry --------------------------------------------------------------------------

CREDENTIAL = {
    "known", "key", "signature", "issuer", "number", "unified_code", "period", "revocation", "suspension",
    "log_head", "inclusion", "logged_state", "content", "state",
}  # fmt: skip


def test_a_number_is_answered_with_everything_that_holds(download: Download) -> None:
    answer = verification.by_text(download.certificate.number.lower(), at=NOW)
    assert answer.verdict.outcome == Outcome.VALID
    assert said(answer.statements) == dict.fromkeys(CREDENTIAL, HOLDS)


def test_every_form_holds(download: Download) -> None:
    download.with_document()
    for name in ("credential.jwt", "certificate.jwt", "certificate.json", "certificate.pdf"):
        answer = of_file(download.path(name))
        assert answer.verdict.outcome == Outcome.VALID, name
        told = said(answer.statements)
        assert set(told.values()) == {HOLDS}, name
        assert {"signature", "inclusion", "content", "state", "known"} <= set(told), name
    assert told["document"] == HOLDS


def test_other_content_under_the_old_signature_is_named(download: Download) -> None:
    for name, changes in (
        ("credential.jwt", {"validUntil": "2099-01-01T00:00:00+00:00"}),
        ("certificate.jwt", {"exp": 4_070_908_800}),
    ):
        answer = verification.by_text(forged(download.path(name).read_text(), **changes), at=NOW)
        assert answer.verdict.outcome == Outcome.ALTERED
        assert fails(answer.statements) == {"signature", "content", "inclusion"}
        differs = next(each for each in answer.statements if each.code == "content")
        assert differs.values["members"] == next(iter(changes))


def test_a_broken_token_never_passes(download: Download) -> None:
    for name in ("credential.jwt", "certificate.jwt"):
        outcome = verification.by_text(flipped(download.path(name).read_text()), at=NOW).verdict.outcome
        assert outcome in (Outcome.ALTERED, Outcome.UNKNOWN)


def test_one_changed_byte_of_the_pdf_is_named(download: Download) -> None:
    download.with_document()
    change(download.path("certificate.pdf"))
    answer = of_file(download.path("certificate.pdf"))
    assert answer.verdict.outcome == Outcome.ALTERED
    assert fails(answer.statements) == {"document", "logged_document"}


def test_after_a_sale_revocation_is_said_by_list_log_and_registry(download: Download) -> None:
    whole.revoke(by=cast.gu(), at=NOW, certificate_id=download.certificate.pk, reason="来源不实")
    log.seal(at=NOW)
    answer = verification.by_number(download.certificate.number, at=NOW)
    assert answer.verdict.outcome == Outcome.REVOKED
    assert fails(answer.statements) == {"revocation", "logged_state", "state"}
    kept = verification.by_text(download.path("credential.jwt").read_text(), at=NOW)
    assert kept.verdict.outcome == Outcome.REVOKED
    assert fails(kept.statements) == {"revocation", "logged_state", "state"}
    page = Client().get(f"/verify/{download.certificate.number}/").content.decode()
    assert "已撤销" in page
    assert "中该位已置位" in page


def test_a_certificate_with_a_sale_behind_it_is_revoked_for_all_to_see() -> None:
    world = build()
    at = shanghai(2025, 9, 1)
    whole.revoke(by=cast.gu(), at=at, certificate_id=world.certificate.pk, reason="来源不实")
    log.seal(at=at)
    with clock.moved_to(at):
        answer = verification.by_number(world.certificate.number, at=at)
        page = Client().get(f"/verify/{world.certificate.number}/").content.decode()
    assert world.order.state == "completed"
    assert fails(answer.statements) == {"revocation", "logged_state", "state"}
    assert "已撤销" in page


def test_a_number_nobody_gave_and_a_mistyped_one(download: Download) -> None:
    number = download.certificate.number
    wrong = number[:-3] + ("1" if number[-3] != "1" else "2") + number[-2:]
    assert fails(verification.by_number(wrong, at=NOW).statements) == {"number", "known"}
    assert fails(verification.by_number("ZS-2020-0000001-X", at=NOW).statements) >= {"known"}


# --- data ---------------------------------------------------------------------------------------


def test_a_manifest_and_a_zip_lead_to_their_certificate(download: Download) -> None:
    folder = download.data()
    for path in (folder / "manifest.json", zipped(folder), zipped(folder, inside="SJ-v1/")):
        answer = of_file(path)
        assert answer.verdict.outcome == Outcome.VALID
        assert answer.verdict.certificate == download.certificate
        assert set(said(answer.statements).values()) == {HOLDS}
        assert {"manifest", "root_hash", "signature", "state"} <= set(said(answer.statements))


def test_an_exported_folder_holds_as_it_comes(download: Download) -> None:
    """The archive that exports hand out, metadata documents and all."""
    version = download.certificate.version
    made = exports.produce(version_id=version.pk, format="folder", at=NOW, advance=lambda _count: None)
    body = objects.get(made.object_key)
    answer = verification.by_file(io.BytesIO(body), len(body), at=NOW)
    assert answer.verdict.outcome == Outcome.VALID
    told = said(answer.statements)
    assert {code for code, verdict in told.items() if verdict != HOLDS} == {"extra"}
    assert (told["file"], told["root_hash"]) == (HOLDS, HOLDS)


@pytest.mark.parametrize("with_certificate", [False, True])
def test_one_byte_of_one_file_is_named(download: Download, with_certificate: bool) -> None:
    folder = download.data(with_certificate=with_certificate)
    change(folder / "items" / "000002.txt")
    answer = of_file(zipped(folder))
    assert answer.verdict.outcome == Outcome.ALTERED
    assert fails(answer.statements) == {"file", "root_hash"}
    named = [each.values["path"] for each in answer.statements if each.code == "file"]
    assert named == ["items/000002.txt"]


def test_missing_and_added_files_are_named(download: Download) -> None:
    folder = download.data()
    (folder / "items" / "000001.txt").unlink()
    (folder / "croissant.json").write_text("{}")
    answer = of_file(zipped(folder))
    reasons = {each.reason: each.values for each in answer.statements if each.code in ("file", "extra")}
    assert reasons["missing"]["path"] == "items/000001.txt"
    assert reasons["not_covered"]["paths"] == "croissant.json"
    assert answer.verdict.outcome == Outcome.ALTERED


def test_a_manifest_made_to_fit_changed_data_belongs_to_nobody(download: Download) -> None:
    folder = download.data()
    told = json.loads((folder / "manifest.json").read_text())
    told["entries"][0]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(told))
    answer = of_file(folder / "manifest.json")
    assert answer.verdict.outcome == Outcome.UNKNOWN
    assert fails(answer.statements) == {"root_hash"}


def _zip(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in names.items():
            archive.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"%PDF-1.7 nothing", b"\xff\xfe\x00", b"{", b"[]", b'{"a":1}', b"[" * 100_000, b'{"jti":null,"token":5}',
        b"PK", b"PK\x03\x04 nothing", _zip({}), _zip({"../../etc/passwd": b"x"}), _zip({"manifest.json": b"[]"}),
        _zip({"manifest.json": b'{"format":"qingshu-manifest/1","entries":[{"path":"../x","size":1,"sha256":"0"}]}'}),
        b'{"format":"qingshu-manifest/1","entries":[1]}', b'{"format":"qingshu-manifest/1"}',
        b'{"credentialSubject":5}', b'{"credentialSubject":{"certificateNumber":[]}}', b"a.b.c", b"..",
        b"eyJ0eXAiOiJ2Yytqd3QifQ.e30.AA", b"eyJ0eXAiOiJ2Yytqd3QifQ.W10.AA", b"eyJ0eXAiOiJ2Yytqd3QifQ.eyJjcmVkZW50aWFsU3ViamVjdCI6MX0.AA",
        _zip({"manifest.json": b"x" * 1000})[:-30],
    ],
)  # fmt: skip
def test_any_other_file_is_answered_in_words(body: bytes) -> None:
    answer = verification.by_file(io.BytesIO(body), len(body), at=NOW)
    assert answer.verdict.outcome == Outcome.UNKNOWN
    assert str(answer.verdict.words)
    upload = SimpleUploadedFile("x.zip", body)
    assert Client().post("/verify/", {"file": upload}).status_code == 200


def test_a_zip_that_opens_too_large_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, download: Download
) -> None:
    monkeypatch.setattr(verification, "LARGEST_OPENED", 100)
    answer = of_file(zipped(download.data()))
    assert [(each.code, each.reason) for each in answer.statements] == [("manifest", "too_large")]


def test_a_directory_or_a_manifest_beyond_measure_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = _zip({f"{number}": b"" for number in range(300)})
    monkeypatch.setattr(folders, "LARGEST_DIRECTORY", 1_000)
    with pytest.raises(folders.TooLarge):
        zip_folder(io.BytesIO(many), 1 << 30)
    monkeypatch.undo()
    end = many.rfind(b"PK\x05\x06")
    pretended = many[:end] + b"PK\x06\x07" + bytes(16) + many[end:]
    with pytest.raises(folders.TooLarge):
        zip_folder(io.BytesIO(pretended), 1 << 30)
    monkeypatch.setattr(verification, "LARGEST_TEXT", 100)
    body = _zip({"manifest.json": b" " * 101})
    answer = verification.by_file(io.BytesIO(body), len(body), at=NOW)
    assert [each.reason for each in answer.statements] == ["too_large"]


def test_a_zip_that_says_less_than_it_holds_gives_no_more_than_it_says() -> None:
    body = bytearray(_zip({"a.bin": b"0" * 5_000}))
    for place in (body.find((5_000).to_bytes(4, "little")), body.rfind((5_000).to_bytes(4, "little"))):
        body[place : place + 4] = (10).to_bytes(4, "little")
    folder = zip_folder(io.BytesIO(bytes(body)))
    assert folder.sizes == {"a.bin": 10}
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        folder.open("a.bin").read(1 << 20)


# --- the page and the API -----------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_says_each_thing(download: Download, language: str) -> None:
    client = Client(headers={"accept-language": language})
    page = client.get("/verify/", {"number": download.certificate.number}).content.decode()
    assert page.count('class="title-cell"') >= len(CREDENTIAL)
    assert download.certificate.credential.unified_code in page
    assert 'href="/transparency/entries/0/"' in page
    folder = download.data()
    change(folder / "README.md")
    upload = SimpleUploadedFile("data.zip", zipped(folder).read_bytes())
    assert "README.md" in client.post("/verify/", {"file": upload}).content.decode()


def test_the_api_says_the_same(download: Download) -> None:
    client = Client()
    body = {"presented": download.path("credential.jwt").read_text()}
    told = client.post("/api/credentials/verify", body, content_type="application/json").json()
    assert (told["outcome"], told["is_valid"]) == ("valid", True)
    assert {each["code"] for each in told["statements"]} == CREDENTIAL
    upload = SimpleUploadedFile("x.pdf", download.with_document().path("certificate.pdf").read_bytes())
    assert client.post("/api/credentials/verify/file", {"file": upload}).json()["is_valid"]
    number = download.certificate.number
    dossier = client.get("/api/credentials/dossier", {"number": number}).json()
    same = client.get(
        "/api/credentials/dossier", {"root_hash": download.certificate.version.root_hash}
    ).json()
    assert dossier == same
    assert dossier["unified_code"] == download.certificate.credential.unified_code
    assert sorted(urlsplit(url).path for url in dossier["status_lists"]) == [
        "/credentials/status/revocation-1",
        "/credentials/status/suspension-1",
    ]
    assert client.get("/api/credentials/dossier", {"number": "ZS-2020-0000001-X"}).status_code == 404
    assert client.get("/api/credentials/dossier").status_code == 404


def test_a_verification_costs_the_same_queries_however_many_certificates(
    download: Download, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        verification.by_number(download.certificate.number, at=NOW)


# --- the command, offline -----------------------------------------------------------------------


def offline(download: Download, *names: str, certificate: str = "") -> Materials:
    wanted = names or ("keys", "lists", "log")
    return Materials(
        keys=download.path("jwks.json") if "keys" in wanted else None,
        status_lists=[download.path(f"{name}.jwt") for name in ("revocation", "suspension")] if "lists" in wanted else [],
        log_head=download.path("sth.json") if "log" in wanted else None,
        proofs=[download.path("log.json")] if "log" in wanted else [],
        certificate=download.path(certificate) if certificate else None,
    )  # fmt: skip


def test_offline_everything_but_the_registry_s_word_is_told(download: Download) -> None:
    report = verifying.examine(str(download.path("credential.jwt")), offline(download))
    assert said(report.statements) == dict.fromkeys(CREDENTIAL - {"known", "state", "content"}, HOLDS)
    assert report.verdict == HOLDS
    did = Materials(keys=download.path("did.json"))
    assert (
        said(verifying.examine(str(download.path("certificate.jwt")), did).statements)["signature"] == HOLDS
    )


def test_what_is_not_at_hand_is_not_told(download: Download) -> None:
    report = verifying.examine(str(download.path("credential.jwt")), offline(download, "keys"))
    told = said(report.statements)
    assert (told["signature"], told["revocation"], told["suspension"], told["inclusion"]) == (
        HOLDS,
        UNTOLD,
        UNTOLD,
        UNTOLD,
    )
    nothing = verifying.examine(str(download.path("credential.jwt")), Materials())
    assert nothing.verdict == UNTOLD
    assert said(nothing.statements)["signature"] == UNTOLD
    pdf = verifying.examine(str(download.with_document().path("certificate.pdf")), offline(download, "keys"))
    assert (said(pdf.statements), pdf.verdict) == ({"number": HOLDS, "logged_document": UNTOLD}, UNTOLD)


def test_a_pdf_is_told_offline_by_the_log_alone(download: Download) -> None:
    path = download.with_document().path("certificate.pdf")
    report = verifying.examine(str(path), offline(download))
    held = {"number": HOLDS, "log_head": HOLDS, "logged_document": HOLDS, "logged_state": HOLDS}
    assert (said(report.statements), report.verdict) == (held, HOLDS)
    change(path)
    report = verifying.examine(str(path), offline(download))
    assert (fails(report.statements), report.verdict) == ({"logged_document"}, FAILS)


def test_before_its_hash_is_in_the_log_a_pdf_is_not_judged_by_it(download: Download) -> None:
    before = {name: download.path(name).read_text() for name in ("log.json", "sth.json")}
    path = download.with_document().path("certificate.pdf")
    for name, text in before.items():
        download.path(name).write_text(text)
    report = verifying.examine(str(path), offline(download))
    assert (said(report.statements)["logged_document"], report.verdict) == (UNTOLD, UNTOLD)


def test_an_exchanged_pdf_is_found_by_the_log_even_when_the_registry_s_row_was_exchanged_with_it(
    download: Download,
) -> None:
    path = download.with_document().path("certificate.pdf")
    change(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with connection.cursor() as cursor:  # as who owns the schema could
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        Certificate.objects.filter(pk=download.certificate.pk).update(document_sha256=digest)
        cursor.execute("SET LOCAL session_replication_role = origin")
    answer = of_file(path)
    assert (answer.verdict.outcome, fails(answer.statements)) == (Outcome.ALTERED, {"logged_document"})


def test_the_hash_of_a_pdf_is_logged_once(download: Download) -> None:
    for _time in range(2):
        download.with_document()
    kinds = list(LogEntry.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["certificate.issued", "certificate.document"]


def test_offline_a_stale_list_tells_nothing_but_a_set_bit_still_counts(download: Download) -> None:
    with clock.moved_to(NOW + timedelta(days=8)):
        told = said(verifying.examine(str(download.path("credential.jwt")), offline(download)).statements)
        assert (told["revocation"], told["suspension"]) == (UNTOLD, UNTOLD)
    registry.suspend(by=cast.gu(), at=NOW, certificate_id=download.certificate.pk, reason="核查")
    with clock.moved_to(NOW + timedelta(days=8)):
        told = said(
            verifying.examine(str(download.path("credential.jwt")), offline(download.refresh())).statements
        )
        assert (told["revocation"], told["suspension"]) == (UNTOLD, FAILS)


def test_a_list_of_another_purpose_or_signer_is_refused(download: Download) -> None:
    listed = download.path("revocation.jwt")
    listed.write_text(forged(listed.read_text(), validFrom="2026-03-25T00:00:00+00:00"))
    report = verifying.examine(str(download.path("credential.jwt")), offline(download))
    assert fails(report.statements) == {"revocation"}


def test_a_folder_is_compared_with_the_certificate_that_lies_in_it_or_is_given(download: Download) -> None:
    inside = verifying.examine(str(download.data(with_certificate=True)), offline(download))
    assert (inside.verdict, said(inside.statements)["root_hash"]) == (HOLDS, HOLDS)
    folder = download.data("other")
    alone = verifying.examine(str(folder), offline(download))
    assert (alone.verdict, said(alone.statements)["root_hash"]) == (UNTOLD, UNTOLD)
    for name in ("certificate.json", "certificate.jwt", "credential.jwt"):
        given = verifying.examine(str(folder), offline(download, certificate=name))
        assert (given.verdict, said(given.statements)["root_hash"]) == (HOLDS, HOLDS)
    change(folder / "rows.jsonl")
    report = verifying.examine(str(folder), offline(download, certificate="credential.jwt"))
    assert fails(report.statements) == {"file", "root_hash"}
    assert "rows.jsonl was changed" in "\n".join(verifying.as_lines(report))


def test_without_its_manifest_the_folder_s_root_hash_is_worked_out(download: Download) -> None:
    folder = download.data(with_certificate=True)
    (folder / "manifest.json").unlink()
    assert said(verifying.examine(str(folder), offline(download)).statements)["root_hash"] == HOLDS
    change(folder / "README.md")
    assert fails(verifying.examine(str(folder), offline(download)).statements) == {"root_hash"}


# --- the command with a server ------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Materials:
    """The command's requests, answered by the test client."""

    def get(self: verifying.Server, path: str) -> bytes | None:
        cache.clear()
        answer = Client().get(path)
        return answer.content if answer.status_code == 200 else None

    monkeypatch.setattr(verifying.Server, "get", get)
    return Materials(server="http://127.0.0.1:9")


def test_with_a_server_everything_is_told(download: Download, server: Materials) -> None:
    download.with_document()
    download.data()
    names = ("credential.jwt", "certificate.jwt", "certificate.json", "certificate.pdf", "data")
    targets = [download.certificate.number, *(str(download.path(name)) for name in names)]
    for target in targets:
        report = verifying.examine(target, server)
        assert (report.verdict, fails(report.statements)) == (HOLDS, set()), target
        assert {"known", "state", "signature", "inclusion"} <= set(said(report.statements)), target
    whole.cancel(by=cast.lin(), at=NOW, certificate_id=download.certificate.pk, reason="不再经营")
    log.seal(at=NOW)
    for target in targets:
        bits = set() if target.endswith(("certificate.jwt", ".json")) else {"revocation"}
        assert fails(verifying.examine(target, server).statements) == {"state", "logged_state", *bits}, target


def test_with_a_server_strange_data_and_a_changed_pdf_are_found(
    download: Download, server: Materials
) -> None:
    change(download.with_document().path("certificate.pdf"))
    assert fails(verifying.examine(str(download.path("certificate.pdf")), server).statements) == {
        "document",
        "logged_document",
    }
    folder = download.data()
    shutil.copy(folder / "README.md", folder / "items" / "x.md")
    (folder / "manifest.json").unlink()
    assert fails(verifying.examine(str(folder), server).statements) == {"root_hash"}


@pytest.mark.django_db(transaction=True)
def test_with_a_real_server_over_http(download: Download, live_server: Any) -> None:
    report = verifying.examine(str(download.path("credential.jwt")), Materials(server=live_server.url))
    assert said(report.statements) == dict.fromkeys(CREDENTIAL - {"content"}, HOLDS)


# --- the command itself -------------------------------------------------------------------------


def command(*arguments: str) -> tuple[int, str, str]:
    """The command as its own process, with neither settings nor servers."""
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "verify", *arguments],
        env=kept, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_the_command_needs_neither_settings_nor_servers(download: Download) -> None:
    code, out, err = command(
        str(download.path("certificate.jwt")), "--keys", str(download.path("jwks.json")), "--json"
    )
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["verdict"] == "holds"
    assert told["claims"]["number"] == download.certificate.number


def test_the_exit_code_says_it(download: Download, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(download.folder)
    download.path("forged.jwt").write_text(
        forged(download.path("certificate.jwt").read_text(), exp=4_070_908_800)
    )
    for target, options, code in (
        ("certificate.jwt", ["--keys", "jwks.json"], 0),
        ("certificate.jwt", [], 1),
        ("forged.jwt", ["--keys", "jwks.json"], 8),
        ("jwks.json", [], 2),
        ("nothing.pdf", [], 2),
        ("certificate.jwt", ["--keys", "forged.jwt"], 2),
        ("certificate.jwt", ["--keys", "log.json"], 2),
        ("certificate.jwt", ["--server", "http://127.0.0.1:9"], 1),
    ):
        assert cli.main(["verify", target, *options]) == code, (target, options)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        assert bool(told.err) == (code == 2 or "--server" in options)


def test_every_statement_and_reason_has_its_words_in_both_places() -> None:
    source = (ROOT / "assets/credentials/checking.py").read_text() + (
        ROOT / "assets/credentials/verification.py"
    ).read_text()
    for words in (wording.REASONS, verifying.REASONS):
        assert all(f'"{name}"' in source or name == "needs_registry" for name in words)
    assert set(wording.LABELS) == set(verifying.LABELS)
    assert set(verifying.REASONS) - set(wording.REASONS) == {"needs_registry"}
    assert set(wording.REASONS) <= set(verifying.REASONS)
    assert checking.NAMED_FILES == 50
