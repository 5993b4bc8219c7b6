"""Hostile and broken files: each is refused under its own code, with a sentence that names it and the remedy."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib

import pytest
from django.utils import translation

from assets.datasets.models import DatasetVersion
from assets.uploads import rules, services
from assets.uploads.models import StoredContent, UploadFile
from assets.uploads.services import reading
from documents import objects
from tests import cast
from tests.assets.uploads.making import PNG, faults, opened, put, seal, send, told
from tests.cast import NOON


def zipped(entries: dict[str, bytes], *, level: int = 9) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return body.getvalue()


def encrypted() -> bytes:
    body = bytearray(zipped({"a.txt": b"secret"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(mark) + offset] |= 1
    return bytes(body)


def lying_zip() -> bytes:
    """A directory that tells of 10 bytes where 100 MB come out."""
    body = bytearray(zipped({"a.txt": bytes(100 << 20)}))
    struct.pack_into("<I", body, body.index(b"PK\x01\x02") + 24, 10)
    return bytes(body)


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    data = zlib.compress(b"\0" * 10)
    idat = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    return PNG[:8] + chunk + idat + PNG[-12:]


EXE = b"MZ\x90\0\x03\0\0\0" + bytes(200)
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"

CONTENTS = {
    "zip bomb": ("bomb.zip", zipped({"a.txt": bytes(100 << 20)}), "archive_bomb"),
    "zip whose directory lies": ("lies.zip", lying_zip(), "archive_broken"),
    "zip of too many files": ("many.zip", zipped({f"{n}": b"" for n in range(10_001)}, level=1), "archive_bomb"),
    "gzip bomb": ("bomb.gz", gzip.compress(bytes(100 << 20)), "archive_bomb"),
    "zip in a zip": ("nest.zip", zipped({"inner.zip": zipped({"a": b"a"})}), "archive_nested"),
    "zip in a zip under another name": ("nest.zip", zipped({"inner.bin": zipped({"a": b"a"})}), "archive_nested"),
    "zip in a gzip": ("nest.gz", gzip.compress(zipped({"a": b"a"})), "archive_nested"),
    "zip that leads out": ("slip.zip", zipped({"../../etc/cron.d/x": b"x"}), "archive_path"),
    "zip with a password": ("locked.zip", encrypted(), "archive_encrypted"),
    "zip cut off": ("cut.zip", zipped({"a.txt": b"abc" * 1000})[:-30], "archive_broken"),
    "gzip cut off": ("cut.gz", gzip.compress(b"abc" * 1000)[:-9], "archive_broken"),
    "program in a zip": ("tool.zip", zipped({"tool": ELF}), "executable"),
    "program as a picture": ("cat.png", EXE, "executable"),
    "program without an ending": ("tool", ELF, "executable"),
    "page as a picture": ("cat.png", HTML, "wrong_type"),
    "page as a table": ("rows.csv", HTML, "wrong_type"),
    "picture as text": ("notes.txt", PNG, "wrong_type"),
    "archive without its ending": ("rows.bin", zipped({"a": b"a"}), "wrong_type"),
    "GBK text": ("评论.txt", "很好\n客房干净".encode("gbk"), "not_utf8"),
    "GBK table": ("rows.csv", b"text\n" + "很好".encode("gbk"), "not_utf8"),
    "UTF-16 table": ("rows.csv", "text\n很好".encode("utf-16"), "not_utf8"),
    "NUL in text": ("a.txt", b"a\0b", "not_utf8"),
    "half a character at the end": ("a.txt", "好".encode()[:2], "not_utf8"),
    "formula": ("rows.csv", b"name,value\nx,=cmd|'/C calc'!A0\n", "csv_formula"),
    "formula after a plus": ("rows.csv", b"name,value\nx,+1+cmd|' /C calc'!A0\n", "csv_formula"),
    "formula after an at": ("rows.tsv", b"name\tvalue\nx\t@SUM(1+1)\n", "csv_formula"),
    "formula in quotes": ("rows.csv", b'name,value\nx,"=HYPERLINK(""http://x"")"\n', "csv_formula"),
    "formula after a tab": ("rows.csv", b'name,value\nx,"\t=1"\n', "csv_formula"),
    "formula in the head": ("rows.csv", b"=1+1,value\nx,1\n", "csv_formula"),
    "broken JSON": ("a.json", b'{"a": 1', "json_broken"),
    "broken JSON line": ("a.jsonl", b'{"a": 1}\n{"a": \n', "json_broken"),
    "JSON a hundred thousand deep": ("a.json", b"[" * 100_000, "json_broken"),
    "picture of 10 thousand megapixels": ("bomb.png", png(100_000, 100_000), "image_bomb"),
    "picture cut off": ("cut.png", PNG[:40], "image_broken"),
    "Parquet that is none": ("rows.parquet", b"PAR1" + bytes(64) + b"PAR1", "table_broken"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTENTS)
def test_what_is_in_a_hostile_file_is_seen(case: str) -> None:
    path, body, code = CONTENTS[case]
    found = reading.read(path, [body[at : at + 65_536] for at in range(0, len(body), 65_536)])
    assert (found.code, found.size) == (code, len(body))
    assert rules.sentence(found.code, found.words).startswith(f"“{path}”")


def test_a_formula_is_named_by_its_cell_and_numbers_are_no_formulas() -> None:
    found = reading.read("a.csv", [b'a,b\n-5,+3.2e5\n-,=A1\n"-1,234",--\n', b"x,@y\n"])
    assert rules.sentence(found.code, found.words) == (
        "“a.csv”有会被表格软件当作公式执行的单元格：B3、B5。请在这些单元格前加英文单引号，或存为文本后再传。"
    )
    assert reading.read("a.csv", [b'a,b\n-5,+3.2e5\n-,--\n"-1,234",-12%\n+8613800000000,-inf\n']).code == ""


def test_not_utf8_tells_the_line() -> None:
    found = reading.read("a.txt", ["好\n好\n".encode(), "好\n".encode("gbk")])
    assert (found.code, found.words["line"]) == ("not_utf8", 3)


def test_a_character_may_lie_across_two_pieces() -> None:
    body = "数据资产登记\n".encode() * 3
    assert reading.read("a.txt", [body[n : n + 1] for n in range(len(body))]).code == ""


PATHS = {
    "../outside.txt": "path_unsafe",
    "a/../../b.txt": "path_unsafe",
    "/etc/passwd": "path_unsafe",
    "C:/x.txt": "path_unsafe",
    "~/x.txt": "path_unsafe",
    "a\\b.txt": "path_unsafe",
    "a//b.txt": "path_unsafe",
    "./a.txt": "path_unsafe",
    "a/": "path_unsafe",
    "": "path_unsafe",
    "a\x00.txt": "path_control",
    "a\nb.txt": "path_control",
    "cat\u202egnp.exe.txt": "path_control",
    "a\u200b.txt": "path_control",
    "con.txt": "path_reserved",
    "data/LPT1": "path_reserved",
    "a?.txt": "path_reserved",
    "a.": "path_reserved",
    " a.txt": "path_reserved",
    "d/a.txt:stream": "path_reserved",
    "x" * 260 + ".txt": "path_too_long",
    "/".join(["d" * 50] * 9): "path_too_long",
    "setup.exe": "executable",
    "run.bat": "executable",
    "all.7z": "archive_kind",
    "all.tar.gz": "archive_kind",
}


@pytest.mark.django_db
def test_hostile_paths_are_refused_at_once_each_with_its_code() -> None:
    upload = opened()
    answers = services.announce(
        by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told(path, b"x") for path in PATHS]
    )
    assert {answer.path: answer.code for answer in answers} == PATHS
    assert all(answer.state == "refused" and len(answer.reason) > 10 for answer in answers)
    assert UploadFile.objects.count() == 0


@pytest.mark.django_db
def test_paths_are_composed_and_two_that_look_alike_clash() -> None:
    upload = opened()
    decomposed, composed = "cafe\u0301.txt", "caf\u00e9.txt"
    answers = services.announce(
        by=cast.lin(), at=NOON, upload_id=upload.pk,
        files=[told(decomposed, b"1"), told("Data/A.txt", b"2"), told("data/a.txt", b"3"), told("x.txt", b"4")],
    )  # fmt: skip
    assert [(a.path, a.code) for a in answers] == [
        (composed, ""), ("Data/A.txt", ""), ("data/a.txt", "path_clash"), ("x.txt", ""),
    ]  # fmt: skip
    later = services.announce(
        by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told("X.TXT", b"4"), told(decomposed, b"1")]
    )
    assert [(a.path, a.code) for a in later] == [("X.TXT", "path_clash"), (composed, "")]


@pytest.mark.django_db
def test_empty_files_and_missing_hashes_are_refused() -> None:
    upload = opened()
    wrong = [
        told("a.txt", b""),
        services.Announced("b.txt", 3, "123"),
        services.Announced("c.txt", -1, "0" * 64),
    ]
    answers = services.announce(by=cast.lin(), at=NOON, upload_id=upload.pk, files=wrong)
    assert [a.code for a in answers] == ["empty_file", "digest_missing", "empty_file"]


@pytest.mark.django_db
def test_a_faulty_file_hands_the_upload_back_and_a_better_one_seals_it() -> None:
    upload = opened()
    send(
        upload, {"good.csv": b"text,label\na,b\n", "bad.csv": b"text\n=1+1\n", "评论.txt": "好".encode("gbk")}
    )
    done = seal(upload)
    assert (done.state, DatasetVersion.objects.count()) == ("failed", 0)
    assert faults(upload) == {"bad.csv": "csv_formula", "评论.txt": "not_utf8"}
    with pytest.raises(services.FilesRefused) as refused:
        services.seal(by=cast.lin(), at=NOON, upload_id=upload.pk)
    assert str(refused.value).startswith(
        "2 个文件未通过检查，版本未封：“bad.csv”有会被表格软件当作公式执行的单元格：A2。"
    )
    with translation.override("zh-hans"):
        row = UploadFile.objects.get(upload=upload, path="评论.txt")
        assert row.fault == "“评论.txt”第 1 行起不是 UTF-8 文字。请另存为 UTF-8 编码后再传。"
    assert [c.sha256 for c in StoredContent.objects.all()] == [told("", b"text,label\na,b\n").sha256]
    send(upload, {"bad.csv": b"text\n'=1+1\n"})
    services.remove_files(by=cast.lin(), at=NOON, upload_id=upload.pk, paths=["评论.txt"])
    version = seal(upload).version
    assert version is not None
    assert sorted(file.path for file in version.files.all()) == ["bad.csv", "good.csv"]


@pytest.mark.django_db
def test_other_bytes_than_announced_never_become_part_of_a_version() -> None:
    upload = opened()
    (answer,) = services.announce(by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told("a.txt", b"true")])
    put(answer.url, b"fals")  # as many bytes
    services.confirm(by=cast.lin(), at=NOON, upload_id=upload.pk, paths=["a.txt"])
    assert seal(upload).state == "failed"
    assert faults(upload) == {"a.txt": "altered"}
    assert StoredContent.objects.count() == 0


@pytest.mark.django_db
def test_a_link_that_still_works_cannot_change_what_was_sealed() -> None:
    upload = opened()
    (answer,) = services.announce(by=cast.lin(), at=NOON, upload_id=upload.pk, files=[told("a.txt", b"true")])
    put(answer.url, b"true")
    services.confirm(by=cast.lin(), at=NOON, upload_id=upload.pk, paths=["a.txt"])
    version = seal(upload).version
    assert version is not None
    assert put(answer.url, b"swap") == 200  # the link is good for ten minutes
    assert objects.get(version.files.get().object_key) == b"true"


@pytest.mark.django_db
def test_the_same_bytes_under_another_ending_are_read_again() -> None:
    upload = opened()
    send(upload, {"a.txt": b"text\n=1+1\n"})
    assert seal(upload).state == "sealed"
    later = opened()
    send(later, {"a.csv": b"text\n=1+1\n"})
    assert seal(later).state == "failed"
    assert faults(later) == {"a.csv": "csv_formula"}
