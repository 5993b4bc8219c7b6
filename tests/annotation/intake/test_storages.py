"""A firm's own bucket: reached only where that is allowed, read by prefix, its secret shown to nobody."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured

from annotation.intake import outside, services
from annotation.intake.models import Storage
from annotation.intake.outside import AddressRefused, OutsideUnreachable, checked_address, is_public
from annotation.intake.selectors import storages_visible_to
from annotation.projects.models import Item
from audit.models import AuditEvent
from documents import objects
from kernel.errors import NotAllowed, NotFound
from tests.annotation import scenes
from tests.annotation.intake.imports import Counted, brought, checked, gathered
from tests.annotation.intake.test_imports import picture
from tests.cast import NOON, he, mei

pytestmark = pytest.mark.django_db


@pytest.fixture
def loopback(settings: Any) -> None:
    """The product's own store stands in for a firm's bucket."""
    settings.INTAKE_STORAGE_HOSTS = [urlsplit(settings.S3_ENDPOINT).hostname]
    settings.INTAKE_PRIVATE_ADDRESSES = True


def connected(**more: Any) -> Storage:
    told = {
        "name": "自有桶",
        "endpoint": configured.S3_ENDPOINT,
        "bucket": configured.S3_BUCKET,
        "region": configured.S3_REGION,
        "access_key": configured.S3_ACCESS_KEY,
        "secret": configured.S3_SECRET_KEY,
    }
    return services.connect(by=scenes.qin(), at=NOON, **{**told, **more})


def put(key: str, body: bytes) -> None:
    import io

    objects.put_stream(key, io.BytesIO(body), len(body), "application/octet-stream")


def test_only_what_lies_under_the_prefix_comes_in(loopback: None) -> None:
    put("firm/2026/03/a.txt", "三月\n".encode())
    put("firm/2026/03/b/c.jsonl", '{"text": "三月二"}\n'.encode())
    put("firm/2026/04/d.txt", "四月\n".encode())
    storage = connected()
    found = checked(scenes.draft(), {}, storage_id=storage.pk, prefix="firm/2026/03/")
    assert found.found["rows"] == 2
    brought(found)
    assert list(Item.objects.order_by("ordinal").values_list("text", flat=True)) == ["三月", "三月二"]


def test_an_image_that_changes_after_the_dry_run_stops_the_import(loopback: None) -> None:
    put("firm/pictures/1.png", picture())
    project = scenes.draft(config=scenes.BOXES, modality="image")
    found = checked(project, {}, storage_id=connected().pk, prefix="firm/pictures/")
    put("firm/pictures/1.png", picture(200))
    with pytest.raises(services.SourceChanged, match="重新试运行"):
        brought(found)
    found.refresh_from_db()
    assert (found.state, Item.objects.count()) == ("checked", 0)


def test_the_secret_is_sealed_and_forgotten_at_the_end(loopback: None) -> None:
    storage = connected()
    secret = configured.S3_SECRET_KEY
    assert secret not in storage.sealed_secret
    assert not [event for event in AuditEvent.objects.all() if secret in str(event.detail)]
    services.disconnect(by=scenes.qin(), at=NOON, storage_id=storage.pk)
    storage.refresh_from_db()
    assert (storage.sealed_secret, list(storages_visible_to(scenes.qin()))) == ("", [])


def test_a_wrong_key_is_told_at_once(loopback: None) -> None:
    with pytest.raises(OutsideUnreachable, match="没有正确应答"):
        connected(secret="wrong-wrong-wrong-wrong")


def test_others_neither_see_nor_use_a_firm_s_bucket(loopback: None) -> None:
    storage = connected()
    assert list(storages_visible_to(he())) == []
    with pytest.raises(NotFound):
        services.disconnect(by=he(), at=NOON, storage_id=storage.pk)
    with pytest.raises(NotAllowed):
        services.disconnect(by=mei(), at=NOON, storage_id=storage.pk)
    ended = services.disconnect(by=scenes.qin(), at=NOON, storage_id=storage.pk)
    with pytest.raises(Exception, match="请选择本单位的对象存储"):
        gathered(scenes.draft(), {}, storage_id=ended.pk)


@pytest.mark.parametrize(
    "address",
    [
        "http://oss.aliyuncs.com", "https://example.com", "https://evil.com/.aliyuncs.com", "https://127.0.0.1",
        "https://aliyuncs.com.evil.com", "https://user:x@oss.aliyuncs.com", "ftp://oss.aliyuncs.com", "oss.aliyuncs.com",
        "https://oss.aliyuncs.com?x=1", "https://[::1", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(address: str, settings: Any) -> None:
    settings.INTAKE_STORAGE_HOSTS = [".aliyuncs.com"]
    settings.INTAKE_PRIVATE_ADDRESSES = False
    with pytest.raises(AddressRefused) as refused:
        checked_address(address, settings.INTAKE_STORAGE_HOSTS, field="endpoint")
    assert refused.value.field == "endpoint"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True), ("127.0.0.1", False), ("10.1.2.3", False), ("169.254.169.254", False), ("::1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("224.0.0.1", False), ("2001:4860:4860::8888", True),
    ],
)  # fmt: skip
def test_public_addresses_are_told_from_private_ones(address: str, expected: bool) -> None:
    assert is_public(address) is expected


def test_a_listed_name_that_leads_to_a_private_address_is_not_followed(settings: Any) -> None:
    settings.INTAKE_PRIVATE_ADDRESSES = False
    with pytest.raises(Exception, match="private"):
        outside.pool().request("GET", configured.S3_ENDPOINT, retries=False)


def test_a_store_that_falls_silent_sends_the_import_back_with_the_reason(
    loopback: None, settings: Any
) -> None:
    made = gathered(scenes.draft(), {}, storage_id=connected().pk, prefix="firm/")
    services.start_check(by=scenes.qin(), at=NOON, intake_id=made.pk)
    Storage.objects.update(endpoint="http://127.0.0.1:9")
    settings.INTAKE_STORAGE_HOSTS = ["127.0.0.1"]
    with pytest.raises(OutsideUnreachable):
        services.check_intake(at=NOON, intake_id=made.pk, progress=Counted())
    made.refresh_from_db()
    assert made.state == "gathering"
