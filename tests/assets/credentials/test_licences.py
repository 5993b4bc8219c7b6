"""A registered licence is verified by its number and its signed text: signature, term, scope, what it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from assets.credentials import verification
from assets.credentials.checking import Report, Verdict
from assets.credentials.verification import Answer
from assets.registry import services as registry
from assets.registry import verification as register
from assets.registry.models import Licence
from assets.registry.states import Outcome
from config import verifying
from config.verifying import Materials
from kernel import clock
from tests import cast
from tests.assets.conftest import Registration, concluded, follow_up, revoke
from tests.assets.credentials.conftest import forged
from tests.assets.registry.test_kinds import LATER, licence_draft

pytestmark = pytest.mark.django_db
SCOPE = "仅供本公司内部训练模型，不得转授。"
FINAL_DAY = date(2027, 5, 1)


@pytest.fixture(autouse=True)
def _everybody_in_may() -> Iterator[None]:
    for who in cast.EVERYONE:
        who()
    cache.clear()
    with clock.moved_to(LATER):
        yield


def licence() -> Licence:
    """A licence of 清蓝's data for 云杉 until 1 May 2027."""
    concluded(licence_draft(Registration().certified(), FINAL_DAY), at=LATER)
    return Licence.objects.select_related("certificate").get()


def other_signature(token: str) -> str:
    """The token with one character of its signature changed."""
    signed, _dot, signature = token.rpartition(".")
    other = "A" if signature[20] != "A" else "B"
    return f"{signed}.{signature[:20]}{other}{signature[21:]}"


def failing(answer: Answer) -> set[str]:
    return {each.code for each in answer.statements if each.verdict == Verdict.FAILS}


def holding(answer: Answer) -> set[str]:
    return {each.code for each in answer.statements if each.verdict == Verdict.HOLDS}


def test_a_valid_licence_holds_in_every_point_by_number_and_by_token() -> None:
    found = licence()
    for answer in (
        verification.by_number(found.number.lower(), at=LATER),
        verification.by_token(found.token, at=LATER),
    ):
        assert answer.verdict.outcome == Outcome.VALID
        assert answer.verdict.licence_claims["scope"] == SCOPE
        assert answer.verdict.claims == {}
        assert holding(answer) == {"known", "key", "signature", "number", "period", "content", "base"}
        assert failing(answer) == set()


def test_a_licence_ends_with_its_final_day() -> None:
    found = licence()
    final = clock.end_of(FINAL_DAY) - timedelta(seconds=1)
    assert verification.by_token(found.token, at=final).verdict.outcome == Outcome.VALID
    answer = verification.by_token(found.token, at=clock.end_of(FINAL_DAY))
    assert answer.verdict.outcome == Outcome.EXPIRED
    assert failing(answer) == {"period"}


def test_a_licence_loses_its_ground_with_its_certificate() -> None:
    found = licence()
    revoke(by=cast.gu(), at=LATER, certificate_id=found.certificate_id, reason="来源证明系伪造。")
    for answer in (
        verification.by_number(found.number, at=LATER),
        verification.by_token(found.token, at=LATER),
    ):
        assert answer.verdict.outcome == Outcome.REVOKED
        assert not answer.verdict.is_valid
        assert answer.verdict.words == register.LICENCE_WITHOUT_GROUND
        assert failing(answer) == {"base"}


def test_a_suspended_certificate_suspends_the_licence() -> None:
    found = licence()
    registry.suspend(by=cast.gu(), at=LATER, certificate_id=found.certificate_id, reason="核查来源")
    assert verification.by_number(found.number, at=LATER).verdict.outcome == Outcome.SUSPENDED


def test_a_licence_goes_on_under_the_certificate_that_replaces_its_own() -> None:
    found = licence()
    draft = follow_up(found.certificate, "correction", at=LATER, title="酒店评论情感数据集（更正）")
    concluded(draft, at=LATER)
    found.certificate.refresh_from_db()
    assert found.certificate.state == "changed"
    assert verification.by_number(found.number, at=LATER).verdict.outcome == Outcome.VALID


@pytest.mark.parametrize("alter", ["claims", "signature", "stranger"])
def test_a_tampered_licence_is_told_from_the_registered_one(alter: str) -> None:
    found = licence()
    told = {**found.claims["licence"], "scope": "任意使用。"}
    text = {
        "claims": forged(found.token, licence=told),
        "signature": other_signature(found.token),
        "stranger": forged(found.token, jti="XK-2026-0000000-0"),
    }[alter]
    answer = verification.by_token(text, at=LATER)
    if alter == "stranger":
        assert answer.verdict.outcome == Outcome.UNKNOWN
        return
    assert answer.verdict.outcome == Outcome.ALTERED
    assert answer.verdict.licence_claims["scope"] == SCOPE
    assert {"signature", "content"} <= failing(answer)


def test_a_mistyped_number_is_told_from_an_unknown_one() -> None:
    number = licence().number
    wrong = number[:-1] + ("A" if number[-1] != "A" else "B")
    answer = verification.by_number(wrong, at=LATER)
    assert answer.verdict.outcome == Outcome.UNKNOWN
    assert "校验位不对" in str(answer.verdict.words)
    assert {"number", "known"} <= failing(answer)


def test_anyone_verifies_a_licence_on_the_page_and_over_json() -> None:
    found, browser = licence(), Client()
    page = browser.get(reverse("verification:number", args=[found.number]))
    assert page.status_code == 200
    body = page.content.decode()
    assert SCOPE in body
    assert "许可有效" in body
    assert f'href="{reverse("registry:certificate", args=[found.certificate.number])}"' in body
    kept = browser.get(reverse("registry:licence_token", args=[found.number]))
    assert kept.content.decode() == found.token
    file = SimpleUploadedFile("licence.jwt", kept.content)
    uploaded = browser.post(reverse("verification:verify"), {"file": file}).content.decode()
    assert "许可有效" in uploaded
    for address in ("/api/credentials/verify", "/api/registry/verify"):
        told = browser.post(address, {"presented": found.number}, content_type="application/json").json()
        assert (told["outcome"], told["is_valid"], told["certificate"]) == ("valid", True, None)
        assert told["licence"]["scope"] == SCOPE


def test_no_licence_no_text() -> None:
    assert Client().get(reverse("registry:licence_token", args=["XK-2026-0000000-0"])).status_code == 404


def test_the_day_counts_in_shanghai() -> None:
    found = licence()
    last_minute = datetime.fromisoformat("2027-05-01T23:59:00+08:00")
    assert verification.by_number(found.number, at=last_minute).verdict.is_valid
    assert not verification.by_number(found.number, at=last_minute + timedelta(minutes=1)).verdict.is_valid


# --- the command --------------------------------------------------------------------------------


def keys_of(folder: Path) -> Path:
    """The published keys as a file."""
    path = folder / "jwks.json"
    path.write_bytes(Client().get("/.well-known/jwks.json").content)
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Materials:
    """The command's requests, answered by the test client."""

    def get(self: verifying.Server, path: str) -> bytes | None:
        cache.clear()
        answer = Client().get(path)
        return answer.content if answer.status_code == 200 else None

    monkeypatch.setattr(verifying.Server, "get", get)
    return Materials(server="http://127.0.0.1:9")


def said(report: Report) -> dict[str, Verdict]:
    return {each.code: each.verdict for each in report.statements}


def test_the_command_reads_a_licence_offline_and_says_what_only_the_registry_knows(
    tmp_path: Path,
) -> None:
    found, path = licence(), tmp_path / "licence.jwt"
    path.write_text(found.token)
    at_hand = Materials(keys=keys_of(tmp_path))
    report = verifying.examine(str(path), at_hand)
    holds = dict.fromkeys(("key", "signature", "number", "period"), Verdict.HOLDS)
    assert said(report) == {**holds, "base": Verdict.UNTOLD}
    assert report.verdict == Verdict.HOLDS
    lines = verifying.as_lines(report)
    assert lines[0].startswith(f"licence {found.number}")
    assert any("only the registry can tell (--server)" in line for line in lines)
    alone = verifying.examine(str(path), Materials())
    assert (alone.verdict, said(alone)["signature"]) == (Verdict.UNTOLD, Verdict.UNTOLD)
    path.write_text(json.dumps({"claims": found.claims, "token": found.token}))
    assert said(verifying.examine(str(path), at_hand))["content"] == Verdict.HOLDS
    path.write_text(forged(found.token, licence={**found.claims["licence"], "scope": "任意使用。"}))
    assert said(verifying.examine(str(path), at_hand))["signature"] == Verdict.FAILS
    with clock.moved_to(clock.end_of(FINAL_DAY)):
        path.write_text(found.token)
        late = verifying.examine(str(path), at_hand)
    assert (late.verdict, said(late)["period"]) == (Verdict.FAILS, Verdict.FAILS)


def test_with_a_server_the_command_tells_the_ground_of_a_licence(server: Materials, tmp_path: Path) -> None:
    found, path = licence(), tmp_path / "licence.jwt"
    path.write_text(found.token)
    every = {"known", "key", "signature", "number", "period", "state", "base"}
    for target in (str(path), found.number.lower()):
        report = verifying.examine(target, server)
        assert (report.verdict, said(report)) == (Verdict.HOLDS, dict.fromkeys(every, Verdict.HOLDS)), target
    revoke(by=cast.gu(), at=LATER, certificate_id=found.certificate_id, reason="来源证明系伪造。")
    for target in (str(path), found.number):
        report = verifying.examine(target, server)
        fails = {code for code, verdict in said(report).items() if verdict == Verdict.FAILS}
        assert (report.verdict, fails) == (Verdict.FAILS, {"state", "base"}), target
        assert f"Certificate {found.certificate.number}: revoked." in "\n".join(verifying.as_lines(report))


def test_a_licence_number_nobody_gave_is_said_to_be_unknown(server: Materials) -> None:
    wrong = licence().number[:-1] + "?"
    told = said(verifying.examine("XK-2026-0000000-0", server))
    assert told["known"] == Verdict.FAILS
    assert said(verifying.examine("XK-2026-0000000-0", Materials()))["known"] == Verdict.UNTOLD
    with pytest.raises(verifying.NotUnderstood):
        verifying.examine(wrong, server)
    assert Client().get("/api/credentials/licence", {"number": "XK-2026-0000000-0"}).status_code == 404
    assert Client().get("/api/credentials/licence").status_code == 404


@pytest.mark.parametrize("number", ["\x00", "XK-2026-0000000-0\x00", "x" * 5000, "许可"])
def test_any_text_may_be_asked_as_a_licence_number(number: str) -> None:
    assert Client().get("/api/credentials/licence", {"number": number}).status_code in (400, 404, 422)
