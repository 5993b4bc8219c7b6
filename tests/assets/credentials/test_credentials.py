"""A certificate's credential, its bits in the published lists, its lines in the log."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as some
from jwt.algorithms import OKPAlgorithm

from assets.credentials import rules, services
from assets.credentials.models import Credential, StatusList
from assets.registry import services as registry
from assets.registry.models import Certificate
from assets.transparency import services as log
from assets.transparency.models import LogEntry
from audit.models import AuditEvent
from signing import services as signing
from tests import cast
from tests.assets import conftest as whole
from tests.assets.conftest import TEXTS, Registration, sealed_version
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=40)
SITE = "http://127.0.0.1:8000"


@pytest.fixture
def certificate() -> Certificate:
    return Registration().certified()


@pytest.fixture
def own_keys(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A folder of signing keys that a test may rotate without anybody else noticing."""
    settings.SIGNING_KEYS_DIR = tmp_path / "keys"


def published_bits(purpose: str) -> bytes:
    """The list as anyone downloads and opens it, by gzip and base64 alone."""
    answer = Client().get(f"/credentials/status/{purpose}-1")
    assert answer["Content-Type"] == "application/vc+jwt"
    payload = jwt.decode(answer.content, options={"verify_signature": False})
    encoded = payload["credentialSubject"]["encodedList"]
    assert encoded.startswith("u")
    return gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))


def bits_of(credential: Credential) -> tuple[bool, bool]:
    def told(purpose: str) -> bool:
        index = credential.status_index
        return bool(published_bits(purpose)[index // 8] >> (7 - index % 8) & 1)

    return told("revocation"), told("suspension")


# --- the credential -----------------------------------------------------------------------------


def test_every_certificate_gets_a_credential_in_the_shape_of_the_w3c(certificate: Certificate) -> None:
    credential = certificate.credential
    header = jwt.get_unverified_header(credential.token)
    key = signing.current_key()
    did = "did:web:127.0.0.1%3A8000"
    assert header == {"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": f"{did}#{key.kid}"}
    told = jwt.decode(credential.token, OKPAlgorithm.from_jwk(key.jwk), ["EdDSA"])
    assert told == credential.claims
    assert told["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert told["type"] == ["VerifiableCredential", "DataAssetRegistrationCredential"]
    assert told["id"] == f"{SITE}/credentials/{certificate.number}/"
    assert told["issuer"] == {"id": did, "name": "清远服务基地（示例）"}
    assert (told["validFrom"], told["validUntil"]) == (
        "2026-03-22T16:00:00+00:00",
        "2029-03-22T16:00:00+00:00",
    )
    subject = told["credentialSubject"]
    assert subject["rootHash"] == certificate.version.root_hash
    assert subject["rights"] == ["holding", "operation"]
    assert subject["holder"] == {"type": "Organization", "name": cast.QINGLAN[0], "uscc": cast.QINGLAN[1]}
    digest = base64.urlsafe_b64decode(subject["id"].removeprefix("ni:///sha-256;") + "=")
    assert digest.hex() == certificate.version.root_hash
    assert [row["statusPurpose"] for row in told["credentialStatus"]] == ["revocation", "suspension"]
    assert {row["statusListIndex"] for row in told["credentialStatus"]} == {str(credential.status_index)}
    assert not {"iss", "jti", "exp"} & set(told), "the payload is the credential and nothing else"
    assert AuditEvent.objects.filter(action="credentials.issue", subject_id=certificate.pk).count() == 1


def test_issuing_again_changes_nothing(certificate: Certificate) -> None:
    again = services.issue(by=cast.gu(), at=LATER, certificate_id=certificate.pk)
    assert again.pk == certificate.credential.pk
    assert LogEntry.objects.count() == 1


def test_certificates_from_before_get_theirs_by_the_regular_task(certificate: Certificate) -> None:
    whole.revoke(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="说明")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in (Credential, StatusList, LogEntry):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert services.complete(at=LATER) == 1
    assert services.complete(at=LATER) == 0
    credential = Credential.objects.get(certificate=certificate)
    assert bits_of(credential) == (True, False)
    assert list(LogEntry.objects.order_by("pk").values_list("kind", flat=True)) == [
        "certificate.issued",
        "certificate.revoked",
    ]


def test_a_move_that_nobody_announced_is_told_by_the_regular_task(certificate: Certificate) -> None:
    Certificate.objects.update(state="suspended")
    assert services.complete(at=LATER) == 1
    assert bits_of(Credential.objects.get()) == (False, True)
    assert services.complete(at=LATER) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"token": "x"},
        {"claims": {}},
        {"unified_code": "x"},
        {"status_index": 5},
        {"list_ordinal": 2},
    ],
)
def test_what_was_signed_never_changes(certificate: Certificate, change: dict[str, object]) -> None:
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Credential.objects.update(**change)


def test_the_database_lets_no_revoked_credential_come_back_and_none_be_deleted(
    certificate: Certificate,
) -> None:
    whole.revoke(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="说明")
    with pytest.raises(DatabaseError, match="never comes back"), transaction.atomic():
        Credential.objects.update(state="valid")
    with (
        pytest.raises(DatabaseError, match="Cannot delete"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM credentials_credential")


# --- status -------------------------------------------------------------------------------------


def test_suspension_comes_and_goes_revocation_stays(certificate: Certificate) -> None:
    credential = certificate.credential
    assert bits_of(credential) == (False, False)
    registry.suspend(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="核查")
    assert bits_of(credential) == (False, True)
    registry.resume(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="查清")
    services.follow(by=cast.gu(), at=LATER, certificate_id=certificate.pk)
    assert bits_of(credential) == (False, False)
    whole.revoke(by=cast.gu(), at=LATER, certificate_id=certificate.pk, reason="来源不实")
    assert bits_of(credential) == (True, False)
    assert sum(bin(byte).count("1") for byte in published_bits("revocation")) == 1
    assert list(LogEntry.objects.order_by("pk").values_list("kind", flat=True)) == [
        "certificate.issued",
        "certificate.suspended",
        "certificate.resumed",
        "certificate.suspended",  # while the revocation is heard
        "certificate.revoked",
    ]


def test_an_expired_certificate_is_told_by_its_period_and_the_log(certificate: Certificate) -> None:
    registry.expire_due(NOON + timedelta(days=1200))
    assert bits_of(certificate.credential) == (False, False)
    assert LogEntry.objects.order_by("pk").last().kind == "certificate.expired"  # type: ignore[union-attr]


def test_told_twice_is_logged_once(certificate: Certificate) -> None:
    whole.cancel(by=cast.lin(), at=LATER, certificate_id=certificate.pk, reason="不再经营")
    signed = StatusList.objects.get(purpose="revocation").token
    services.follow(by=cast.lin(), at=LATER + timedelta(days=1), certificate_id=certificate.pk)
    assert LogEntry.objects.filter(kind="certificate.cancelled").count() == 1
    assert StatusList.objects.get(purpose="revocation").token == signed


def test_lists_are_signed_anew_each_day_and_cached_for_five_minutes(certificate: Certificate) -> None:
    client = Client()
    first = client.get("/credentials/status/revocation-1")
    assert first["Cache-Control"] == "public, max-age=300"
    assert (
        client.get("/credentials/status/revocation-1", headers={"If-None-Match": first["ETag"]}).status_code
        == 304
    )
    issued_at = certificate.issued_at
    assert services.renew_lists(at=issued_at + timedelta(hours=24)) == 0
    assert services.renew_lists(at=issued_at + timedelta(hours=25)) == 2
    second = client.get("/credentials/status/revocation-1", headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    told = jwt.decode(second.content, options={"verify_signature": False})
    assert told["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert told["validFrom"] == "2026-03-24T05:00:00+00:00"
    assert told["credentialSubject"]["type"] == "BitstringStatusList"
    assert told["credentialSubject"]["statusPurpose"] == "revocation"


@pytest.mark.parametrize("name", ["revocation-2", "revocation", "nothing-1", "revocation-99999999999999"])
def test_a_list_that_there_is_not_is_not_found(certificate: Certificate, name: str) -> None:
    assert Client().get(f"/credentials/status/{name}").status_code == 404


def test_bits_are_drawn_at_random_and_never_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([7, 7, 9])
    monkeypatch.setattr(services.secrets, "randbelow", lambda _limit: next(drawn))
    first = Registration(version=sealed_version(texts=TEXTS[:1])).certified()
    second = Registration(version=sealed_version(texts=TEXTS[:2])).certified()
    assert (first.credential.status_index, second.credential.status_index) == (7, 9)


def test_a_full_pair_of_lists_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "FULL", 1)
    first = Registration(version=sealed_version(texts=TEXTS[:1])).certified()
    second = Registration(version=sealed_version(texts=TEXTS[:2])).certified()
    assert (first.credential.list_ordinal, second.credential.list_ordinal) == (1, 2)
    assert Client().get("/credentials/status/suspension-2").status_code == 200


@given(some.sets(some.integers(0, rules.LIST_BITS - 1), max_size=40))
def test_a_list_opens_to_what_was_put_in(indices: set[int]) -> None:
    bits = rules.decoded_list(rules.encoded_list(indices))
    assert len(bits) * 8 == 131_072
    assert {i for i in indices if rules.is_set(bits, i)} == indices
    assert sum(bin(byte).count("1") for byte in bits) == len(indices)


@pytest.mark.parametrize("text", ["", "z123", "u!!!", "uAAAA", "u" + base64.urlsafe_b64encode(gzip.compress(bytes(10), mtime=0)).decode(),
                                  "u" + base64.urlsafe_b64encode(gzip.compress(bytes(2 << 20), mtime=0)).decode()])  # fmt: skip
def test_no_list_no_short_one_no_bomb(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        rules.decoded_list(text)


@pytest.mark.parametrize("index", [-1, rules.LIST_BITS])
def test_no_bit_outside_the_list(index: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        rules.is_set(bytes(rules.LIST_BITS // 8), index)


# --- issuer and keys ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "did"),
    [
        ("https://qingshu.example.cn", "did:web:qingshu.example.cn"),
        ("http://127.0.0.1:8000", "did:web:127.0.0.1%3A8000"),
        ("https://example.cn/data/registry", "did:web:example.cn:data:registry"),
    ],
)
def test_the_did_follows_from_the_address_of_the_site(site: str, did: str) -> None:
    assert rules.did_of(site) == did


def test_the_did_document_names_every_key_by_its_address(certificate: Certificate) -> None:
    answer = Client().get("/.well-known/did.json")
    assert answer["Content-Type"] == "application/did+json"
    told = json.loads(answer.content)
    kid = jwt.get_unverified_header(certificate.credential.token)["kid"]
    method = next(each for each in told["verificationMethod"] if each["id"] == kid)
    assert (method["type"], method["controller"]) == ("JsonWebKey", told["id"])
    assert set(method["publicKeyJwk"]) == {"kty", "crv", "x", "kid", "alg"}, "no private member"
    assert kid in told["assertionMethod"]


def test_after_a_rotation_the_new_key_signs_and_the_old_certificate_still_verifies(own_keys: None) -> None:
    from django.core.management import call_command

    old = Registration(version=sealed_version(texts=TEXTS[:1])).certified()
    call_command("rotate_signing_key")
    new = Registration(version=sealed_version(texts=TEXTS[:2])).certified()
    assert old.credential.key_id != new.credential.key_id
    keys = {key["kid"]: key for key in Client().get("/.well-known/jwks.json").json()["keys"]}
    for certificate in (old, new):
        for text in (certificate.token, certificate.credential.token):
            kid = jwt.get_unverified_header(text)["kid"].rpartition("#")[2]
            assert jwt.decode(
                text,
                OKPAlgorithm.from_jwk(keys[kid]),
                ["EdDSA"],
                options={"verify_nbf": False, "verify_exp": False},
            )
    assert keys[old.credential.key_id] != keys[new.credential.key_id]
    assert AuditEvent.objects.get(action="signing.rotate").detail["after"] == new.credential.key_id
    assert Client().get(f"/verify/{old.number}/").status_code == 200


def test_a_running_process_signs_with_the_new_key_as_soon_as_it_lies_there(own_keys: None, settings) -> None:  # type: ignore[no-untyped-def]
    before = signing.current_key().kid
    signing._write_new_key(Path(settings.SIGNING_KEYS_DIR))  # what another process does when it rotates
    assert signing.current_key().kid != before


# --- the unified code ---------------------------------------------------------------------------


def test_the_code_is_made_of_place_holder_year_and_serial(certificate: Certificate) -> None:
    code = certificate.credential.unified_code
    year, serial = certificate.number.split("-")[1:3]
    assert code[:-1] == f"441800-MA5000001-{year}-{serial}-"
    assert rules.is_unified_code(code)
    assert not rules.is_unified_code(code.replace("MA5000001", "MA5000010"))


def test_the_code_of_a_known_asset() -> None:
    assert rules.unified_code("91441800MA50000043", "91441802MA5000001N", "ZS-2026-0000123-X") == (
        "441800-MA5000001-2026-0000123-5"
    )


def test_an_asset_keeps_its_code_when_it_is_registered_again(certificate: Certificate) -> None:
    whole.cancel(by=cast.lin(), at=LATER, certificate_id=certificate.pk, reason="重新登记")
    again = Registration(at=LATER, version=certificate.version).certified()
    assert again.number != certificate.number
    assert again.credential.unified_code == certificate.credential.unified_code


@given(
    some.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=9, max_size=9),
    some.integers(1, 9_999_999),
    some.data(),
)
def test_every_mistyped_character_of_a_code_is_noticed(
    organization: str, serial: int, data: some.DataObject
) -> None:
    code = rules.unified_code("91441800MA50000043", f"91441802{organization}0", f"ZS-2026-{serial:07d}-X")
    assert rules.is_unified_code(code)
    place = data.draw(some.sampled_from([i for i, letter in enumerate(code) if letter != "-"]))
    other = data.draw(some.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".replace(code[place], "")))
    assert not rules.is_unified_code(code[:place] + other + code[place + 1 :])


# --- the log and the pages ----------------------------------------------------------------------


def test_a_leaf_names_hashes_and_codes_and_nobody(certificate: Certificate) -> None:
    told = json.loads(LogEntry.objects.get().leaf)
    assert told == {
        "format": "qingshu-log/1",
        "at": "2026-03-23T04:00:00+00:00",
        "kind": "certificate.issued",
        "subject": certificate.number,
        "state": "valid",
        "holder": cast.QINGLAN[1],
        "root_hash": certificate.version.root_hash,
        "certificate_sha256": rules.sha256_of(certificate.token),
        "credential_sha256": rules.sha256_of(certificate.credential.token),
    }


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_certificate_s_page_leads_to_credential_lists_and_log(
    certificate: Certificate, language: str
) -> None:
    client = Client(headers={"accept-language": language})
    address = f"/registry/certificates/{certificate.number}/"
    assert certificate.credential.unified_code in client.get(address).content.decode()
    log.seal(at=LATER)
    page = client.get(address).content.decode()
    for link in (
        f"/credentials/{certificate.number}/",
        f"/credentials/{certificate.number}/credential.jwt",
        "/credentials/status/revocation-1",
        "/credentials/status/suspension-1",
        "/transparency/entries/0/",
    ):
        assert f'href="{link}"' in page
        assert client.get(link).status_code == 200
    assert (
        json.loads(client.get(f"/credentials/{certificate.number}/credential.json").content)
        == certificate.credential.claims
    )
    assert client.get("/credentials/ZS-2020-0000001-X/").status_code == 404
