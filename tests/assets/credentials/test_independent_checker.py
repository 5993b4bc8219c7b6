"""docs/verification/check_certificate.py: another's code, run by itself, on what the product serves."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client

from assets.registry import services as registry
from assets.transparency import services as log
from assets.transparency.models import LogEntry, LogPlace, TreeHead, TreeNode
from tests import cast
from tests.assets import conftest as whole
from tests.assets.conftest import TEXTS, Registration, sealed_version
from tests.assets.credentials.conftest import Download, forged
from tests.cast import NOON

pytestmark = pytest.mark.django_db
SCRIPT = Path(__file__).parents[3] / "docs" / "verification" / "check_certificate.py"
LATER = NOON + timedelta(days=22)
NAMES = {
    "credential": "credential.jwt", "--keys": "jwks.json", "--head": "log.json", "--proof": "log.json",
}  # fmt: skip


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The script in an empty environment, in isolated mode: nothing of the product can be imported."""
    command = [sys.executable, "-I", str(SCRIPT), *arguments]
    done = subprocess.run(
        command, cwd=folder, env={}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def checked(download: Download, *more: str, on: str = "2026-03-24T00:00:00+00:00") -> tuple[int, str]:
    return run(
        download.folder, "credential.jwt", "--keys", "jwks.json", "--status", "revocation.jwt",
        "--status", "suspension.jwt", "--head", "log.json", "--proof", "log.json", "--on", on, *more,
    )  # fmt: skip


def faults(output: str) -> list[str]:
    return [
        line.removeprefix("DOES NOT HOLD").strip()
        for line in output.splitlines()
        if line.startswith("DOES NOT")
    ]


def test_it_is_short_and_imports_nothing_of_ours() -> None:
    lines = SCRIPT.read_text("utf-8").splitlines()
    assert len(lines) <= 220
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_what_the_product_serves_holds_by_another_s_code(download: Download) -> None:
    code, output = checked(download)
    assert (code, faults(output)) == (0, [])
    assert output.count("holds  ") == 15
    assert download.certificate.number in output


def test_the_file_itself_holds_by_the_log_and_a_changed_one_does_not(download: Download) -> None:
    download.with_document()
    code, output = checked(download, "--document", "certificate.pdf")
    assert (code, faults(output)) == (0, [])
    assert "the log holds the file with SHA-256" in output
    path = download.path("certificate.pdf")
    path.write_bytes(path.read_bytes() + b" ")
    code, output = checked(download, "--document", "certificate.pdf")
    assert (code, len(faults(output))) == (8, 1)
    assert faults(output)[0].startswith("the log holds the file with SHA-256")


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        (whole.revoke, "of the revocation list is not set"),
        (registry.suspend, "of the suspension list is not set"),
    ],
)
def test_a_revoked_or_suspended_one_is_found_by_its_bit(
    download: Download, service: object, fault: str
) -> None:
    service(by=cast.gu(), at=LATER, certificate_id=download.certificate.pk, reason="说明")  # type: ignore[operator]
    log.seal(at=LATER)
    code, output = checked(download.refresh())
    assert code == 8
    assert [each.partition(" ")[2].partition(" ")[2] for each in faults(output)] == [fault]


def test_a_changed_credential_list_or_proof_is_found(download: Download) -> None:
    token = download.path("credential.jwt").read_text()
    download.path("credential.jwt").write_text(forged(token, validUntil="2099-01-01T00:00:00+00:00"))
    code, output = checked(download)
    assert code == 8
    assert any("signature of the credential" in each for each in faults(output))
    assert any("the log holds this credential" in each for each in faults(output))

    download.refresh()
    listed = download.path("revocation.jwt").read_text()
    download.path("revocation.jwt").write_text(forged(listed, validFrom="2026-03-30T00:00:00+00:00"))
    assert any("signature of the revocation list" in each for each in faults(checked(download)[1]))

    download.refresh()
    told = json.loads(download.path("log.json").read_text())
    told["proofs"][0]["leaf_index"] += 1
    download.path("log.json").write_text(json.dumps(told))
    assert any("entry 1 of 1" in each for each in faults(checked(download)[1]))


def test_a_stranger_s_key_and_a_late_list_are_refused(download: Download) -> None:
    keys = json.loads(download.path("jwks.json").read_text())
    for key in keys["keys"]:
        key["x"] = "A" * 43
    download.path("jwks.json").write_text(json.dumps(keys))
    assert any("signature of the credential" in each for each in faults(checked(download)[1]))
    code, output = checked(download.refresh(), on="2026-06-01T00:00:00+00:00")
    assert (code, faults(output)) == (8, ["that list is still to be relied upon"] * 2)
    assert run(download.folder, "nothing.jwt", "--keys", "jwks.json")[0] == 2


def test_the_log_of_today_begins_with_any_head_that_somebody_kept(download: Download) -> None:
    kept = [download.keep("kept-1.json", "/api/transparency/sth")]
    for number in (2, 3):
        Registration(version=sealed_version(texts=TEXTS[: number - 1]), at=NOON).certified()
        log.seal(at=LATER + timedelta(seconds=number))
        kept.append(download.keep(f"kept-{number}.json", "/api/transparency/sth"))
    for first, old in enumerate(kept, start=1):
        for second in range(first, 4):
            download.keep("proof.json", f"/api/transparency/sth-consistency?first={first}&second={second}")
            code, output = run(
                download.folder, "--keys", "jwks.json", "--old-head", old.name,
                "--head", f"kept-{second}.json", "--consistency", "proof.json",
            )  # fmt: skip
            assert (code, faults(output)) == (0, [])
            assert f"the log of {second} entries begins with the {first} of the old head" in output


def test_a_registry_that_rewrites_its_past_with_all_its_keys_is_found_out(download: Download) -> None:
    """Triggers off, texts changed, every hash and head made anew and signed: the kept head tells."""
    Registration(version=sealed_version(texts=TEXTS[:1])).certified()
    log.seal(at=LATER)
    download.keep("kept.json", "/api/transparency/sth")
    Registration(version=sealed_version(texts=TEXTS[:2])).certified()
    kept = list(LogEntry.objects.order_by("pk"))
    kept[0].leaf = kept[0].leaf.replace(cast.QINGLAN[1], cast.BEIJIANG[1])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in (LogPlace, TreeNode, TreeHead, LogEntry):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        LogEntry.objects.bulk_create(kept)
        cursor.execute("SET LOCAL session_replication_role = origin")
    log.seal(at=LATER + timedelta(seconds=5))
    assert log.check().is_sound, "from inside, nothing is to be seen"
    assert Client().get("/transparency/entries/0/").status_code == 200
    download.keep("now.json", "/api/transparency/sth")
    download.keep("proof.json", "/api/transparency/sth-consistency?first=2")
    code, output = run(
        download.folder, "--keys", "jwks.json", "--old-head", "kept.json", "--head", "now.json",
        "--consistency", "proof.json",
    )  # fmt: skip
    assert code == 8
    assert faults(output) == ["the log of 3 entries begins with the 2 of the old head"]
