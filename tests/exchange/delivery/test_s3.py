"""The S3 gateway as real clients see it: the MinIO SDK against the live server, and forged requests."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import urllib3
from django.test import Client
from minio import Minio
from minio.error import S3Error

from exchange.delivery import services
from exchange.delivery.models import Access, Entitlement
from exchange.delivery.rules.signatures import Asked, SignatureRefused, signature_of, verified
from tests import cast
from tests.exchange.delivery import goods

LIVE = pytest.mark.django_db(transaction=True)
POOL = urllib3.PoolManager(retries=False)


@pytest.fixture(autouse=True)
def no_connection_stays_open() -> Iterator[None]:
    yield
    gc.collect()  # refusals hold their answers in cycles
    POOL.clear()


def now() -> datetime:
    return datetime.now(UTC)


def bought(files: dict[str, bytes] | None = None) -> Entitlement:
    return goods.entitled(goods.product_of(goods.version_with(files or goods.FILES)))


def credential(entitlement: Entitlement) -> tuple[str, str]:
    key, secret = services.create_credential(
        by=cast.zhou(), at=now(), entitlement_id=entitlement.pk, name="s3", lifetime=timedelta(days=2)
    )
    return key.prefix, secret


def client(live: Any, access_key: str, secret: str) -> Minio:
    return Minio(
        urlsplit(live.url).netloc, access_key=access_key, secret_key=secret, secure=False, http_client=POOL
    )


def refused(work: Any) -> str:
    with pytest.raises(S3Error) as error:
        work()
    return str(error.value.code)


@LIVE
def test_the_minio_sdk_lists_reads_ranges_and_asks_where_the_bucket_is(
    live_server: Any, tmp_path: Any
) -> None:
    entitlement = bought()
    store = client(live_server, *credential(entitlement))
    bucket = entitlement.number
    assert store.bucket_exists(bucket)
    names = {each.object_name: each.size for each in store.list_objects(bucket, recursive=True)}
    assert names == {path: len(body) for path, body in goods.FILES.items()}
    top = [(each.object_name, each.is_dir) for each in store.list_objects(bucket)]
    assert sorted(top) == [("README.md", False), ("items/", True), ("rows.jsonl", False)]
    inner = [each.object_name for each in store.list_objects(bucket, prefix="items/")]
    assert sorted(inner) == ["items/b/", "items/第 1 张.txt"]
    body = goods.FILES["items/第 1 张.txt"]
    assert store.get_object(bucket, "items/第 1 张.txt").data == body
    assert store.get_object(bucket, "items/第 1 张.txt", offset=5, length=7).data == body[5:12]
    told = store.stat_object(bucket, "rows.jsonl")
    assert (told.size, told.etag) == (len(goods.FILES["rows.jsonl"]), goods.sha256(goods.FILES["rows.jsonl"]))
    store.fget_object(bucket, "rows.jsonl", str(tmp_path / "rows.jsonl"))
    assert (tmp_path / "rows.jsonl").read_bytes() == goods.FILES["rows.jsonl"]
    link = store.presigned_get_object(bucket, "README.md", expires=timedelta(minutes=5))
    assert POOL.request("GET", link).data == b"# demo\n"
    logged = Access.objects.filter(way="s3", path="items/第 1 张.txt").values_list("byte_count", flat=True)
    assert sorted(logged) == [7, 3000]


@LIVE
def test_long_listings_come_in_pages(live_server: Any) -> None:
    files = {f"d/{number:04d}.txt": b"x" for number in range(1_203)} | {"e/1.txt": b"y", "z.txt": b"z"}
    entitlement = bought(files)
    store = client(live_server, *credential(entitlement))
    assert [each.object_name for each in store.list_objects(entitlement.number, recursive=True)] == sorted(
        files
    )
    assert sorted(each.object_name for each in store.list_objects(entitlement.number)) == [
        "d/",
        "e/",
        "z.txt",
    ]
    after = store.list_objects(entitlement.number, prefix="d/", start_after="d/1200.txt")
    assert [each.object_name for each in after] == ["d/1201.txt", "d/1202.txt"]


@LIVE
def test_everything_but_reading_the_own_bucket_is_denied(live_server: Any) -> None:
    mine, other = bought(), bought()
    access_key, secret = credential(mine)
    store = client(live_server, access_key, secret)
    bucket = mine.number
    assert refused(lambda: store.put_object(bucket, "x", io.BytesIO(b"x"), 1)) in (
        "AccessDenied", "XAmzContentSHA256Mismatch",
    )  # fmt: skip
    assert refused(lambda: store.remove_object(bucket, "README.md")) == "AccessDenied"
    assert refused(lambda: store.get_object(other.number, "README.md")) == "AccessDenied"
    assert refused(lambda: list(store.list_objects(other.number))) == "AccessDenied"
    assert refused(lambda: store.get_bucket_policy(bucket)) == "AccessDenied"
    assert refused(lambda: store.get_object(bucket, "none")) == "NoSuchKey"
    assert refused(lambda: store.get_object(bucket, "rows.jsonl", offset=10**7)) == "InvalidRange"
    assert refused(lambda: client(live_server, access_key, "wrong").get_object(bucket, "README.md")) == (
        "SignatureDoesNotMatch"
    )
    assert refused(lambda: client(live_server, "QSDLNONE", secret).get_object(bucket, "README.md")) == (
        "InvalidAccessKeyId"
    )
    for path in (f"/{bucket}/README.md", f"/s3/{bucket}/README.md", f"/s3/{bucket}", "/s3/"):
        answer = POOL.request("GET", live_server.url + path)
        assert (answer.status, ET.fromstring(answer.data).findtext("Code")) == (403, "AccessDenied")
    assert Access.objects.count() == 0


@pytest.mark.django_db
def test_a_path_that_climbs_finds_nothing() -> None:
    entitlement = bought()
    access_key, secret = credential(entitlement)
    for key in ("../README.md", "items/../README.md", "items/./b/2.txt", "/README.md", "rows.jsonl/"):
        status, _body = signed(entitlement.number, key, access_key, secret)
        assert status in (403, 404), key
    assert signed(entitlement.number, "README.md", access_key, secret) == (200, b"# demo\n")
    assert Access.objects.count() == 1


@pytest.mark.django_db
def test_a_request_of_another_time_or_with_unsigned_parts_is_refused() -> None:
    entitlement = bought()
    access_key, secret = credential(entitlement)
    told = (entitlement.number, "README.md", access_key, secret)
    for minutes, status, code in ((-16, 403, "RequestTimeTooSkewed"), (16, 403, "RequestTimeTooSkewed"),
                                  (-14, 200, ""), (14, 200, "")):  # fmt: skip
        got, body = signed(*told, at=now() + timedelta(minutes=minutes))
        assert got == status
        assert not code or ET.fromstring(body).findtext("Code") == code
    got, body = signed(*told, extra={"x-amz-meta-more": "unsigned"})
    assert (got, ET.fromstring(body).findtext("Code")) == (403, "AccessDenied")


@pytest.mark.django_db
def test_a_revoked_credential_and_a_suspended_entitlement_open_nothing() -> None:
    entitlement = bought()
    access_key, secret = credential(entitlement)

    def code() -> str | None:
        status, body = signed(entitlement.number, "README.md", access_key, secret)
        return ET.fromstring(body).findtext("Code") if status != 200 else body.decode()

    services.suspend(by=cast.gu(), at=now(), entitlement_id=entitlement.pk, reason="核查")
    assert code() == "AccessDenied"
    services.resume(by=cast.gu(), at=now(), entitlement_id=entitlement.pk)
    assert code() == "# demo\n"
    services.revoke_key(by=cast.zhou(), at=now(), key_id=entitlement.keys.get().pk)
    assert code() == "InvalidAccessKeyId"


@pytest.mark.django_db
def test_the_address_may_have_its_path_before_the_bucket() -> None:
    entitlement = bought()
    access_key, secret = credential(entitlement)
    status, body = signed(f"s3/{entitlement.number}", "README.md", access_key, secret)
    assert (status, body) == (200, b"# demo\n")


def signed(
    bucket: str, key: str, access_key: str, secret: str, *, at: datetime | None = None,
    extra: dict[str, str] | None = None,
) -> tuple[int, bytes]:  # fmt: skip
    """A request signed by hand."""
    moment = (at or now()).strftime("%Y%m%dT%H%M%SZ")
    path = f"/{bucket}/{key}"
    canonical = "\n".join(
        ("GET", path, "", "host:testserver", f"x-amz-date:{moment}", "", "host;x-amz-date", goods.sha256(b""))
    )
    signature = signature_of(secret, moment[:8], "us-east-1", moment, canonical)
    scope = f"{access_key}/{moment[:8]}/us-east-1/s3/aws4_request"
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    )
    headers = {"host": "testserver", "Authorization": authorization, "x-amz-date": moment, **(extra or {})}
    answer = Client().get(path, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, body


def test_the_published_example_of_a_signed_get_is_verified() -> None:
    """The GET Object example of the public description of Signature Version 4, with its example keys."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": goods.sha256(b""),
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    }  # fmt: skip
    asked = Asked("GET", "/test.txt", "", headers)
    told = {"secret_of": lambda _key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
    at = datetime(2013, 5, 24, 0, 5, tzinfo=UTC)
    assert verified(asked, now=at, **told) == "AKIAIOSFODNN7EXAMPLE"
    for changed in (Asked("GET", "/test2.txt", "", headers), Asked("HEAD", "/test.txt", "", headers),
                    Asked("GET", "/test.txt", "a=1", headers),
                    Asked("GET", "/test.txt", "", {**headers, "range": "bytes=0-99"})):  # fmt: skip
        with pytest.raises(SignatureRefused, match="does not match"):
            verified(changed, now=at, **told)
