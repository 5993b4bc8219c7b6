"""Delivery opens the bought version to the buyer's organization alone, and every link is on record."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import urllib3
from django.db import ProgrammingError, transaction
from django.urls import reverse

from assets.datasets.models import DatasetFile
from audit.models import AuditEvent
from documents import objects
from exchange.delivery import services as delivery
from exchange.delivery.events import OrderDelivered
from exchange.delivery.models import Download
from exchange.delivery.selectors import deliveries_visible_to
from exchange.trading import services as trading
from kernel.errors import NotAllowed, NotFound
from kernel.events import Event
from kernel.states import MoveNotAllowed
from tests import cast
from tests.assets.conftest import client_of, sealed_version
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db


def file_of(order: object) -> DatasetFile:
    found = DatasetFile.objects.filter(version_id=order.version_id).order_by("path").first()  # type: ignore[attr-defined]
    assert found is not None
    return found


def delivered_with_files(*bodies: bytes) -> object:
    stored = tuple(objects.put("test", body, "text/plain") for body in bodies)
    return market.delivered(market.listed(files=stored))


def test_a_link_gives_exactly_the_bought_bytes_and_is_recorded() -> None:
    order = delivered_with_files("第一条".encode(), "第二条".encode())
    file = file_of(order)
    download, url = delivery.hand_out_link(by=cast.zhou(), at=NOON, order_id=order.pk, file_id=file.pk)
    answer = urllib3.request("GET", url)
    assert answer.status == 200
    assert answer.data == "第一条".encode()
    assert "attachment" in answer.headers["Content-Disposition"]
    assert download.expires_at == NOON + timedelta(minutes=10)
    assert download.actor_label == "Zhou · 云山智能（示例）有限公司"
    assert AuditEvent.objects.filter(action="deliveries.download").count() == 1


def test_a_link_is_dead_after_its_time_and_cannot_be_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    order = delivered_with_files(b"one")
    monkeypatch.setattr(objects, "LINK_LIFETIME", timedelta(seconds=1))
    file = file_of(order)
    _download, url = delivery.hand_out_link(by=cast.zhou(), at=NOON, order_id=order.pk, file_id=file.pk)
    assert "X-Amz-Expires=1&" in url
    stretched = urllib3.request("GET", url.replace("X-Amz-Expires=1&", "X-Amz-Expires=600&"))
    assert (stretched.status, b"one" in stretched.data) == (403, False)
    time.sleep(2.1)
    late = urllib3.request("GET", url)
    assert (late.status, b"one" in late.data) == (403, False)


def test_nobody_else_gets_a_link_and_nothing_is_recorded() -> None:
    order = delivered_with_files(b"one")
    file = file_of(order)
    clerk = cast.person("min", cast.YUNSHAN, cast.Role.FINANCE)
    for who, refusal in ((cast.he(), NotFound), (cast.lin(), trading.WrongSide), (cast.mei(), NotFound),
                         (cast.gu(), trading.WrongSide), (clerk, NotAllowed)):  # fmt: skip
        with pytest.raises(refusal):
            delivery.hand_out_link(by=who, at=NOON, order_id=order.pk, file_id=file.pk)
    assert Download.objects.count() == 0
    assert not AuditEvent.objects.filter(action="deliveries.download").exists()


def test_a_file_of_another_version_is_not_found() -> None:
    order, other = delivered_with_files(b"one"), delivered_with_files(b"two")
    with pytest.raises(NotFound):
        delivery.hand_out_link(by=cast.zhou(), at=NOON, order_id=order.pk, file_id=file_of(other).pk)
    assert Download.objects.count() == 0


def test_nothing_opens_before_payment_or_after_a_full_refund() -> None:
    order = market.contracted(market.listed(files=(objects.put("test", b"x", "text/plain"),)))
    file = file_of(order)
    with pytest.raises(MoveNotAllowed):
        delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    with pytest.raises(delivery.NotOpen):
        delivery.hand_out_link(by=cast.zhou(), at=NOON, order_id=order.pk, file_id=file.pk)
    done = market.completed(order.product)
    trading.refund_in_full(by=market.SYSTEM, at=NOON, order_id=done.pk)
    with pytest.raises(delivery.NotOpen):
        delivery.hand_out_link(by=cast.zhou(), at=NOON, order_id=done.pk, file_id=file.pk)


def test_only_the_supplier_delivers_and_only_once(nobody_listens: list[Event]) -> None:
    order = market.paid()
    with pytest.raises(trading.WrongSide):
        delivery.deliver(by=cast.zhou(), at=NOON, order_id=order.pk)
    with pytest.raises(NotFound):
        delivery.deliver(by=cast.he(), at=NOON, order_id=order.pk)
    made = delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    assert made.root_hash == order.version.root_hash
    assert isinstance(nobody_listens[-1], OrderDelivered)
    with pytest.raises(MoveNotAllowed):
        delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)


def test_both_sides_and_the_operator_see_the_delivery_and_nobody_changes_it() -> None:
    order = market.delivered()
    sees = {who.__name__: deliveries_visible_to(who()).count() for who in cast.EVERYONE}
    assert sees == {"lin": 1, "mei": 0, "tao": 0, "zhou": 1, "he": 0, "gu": 1, "shen": 1, "yan": 1}
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        type(order.delivery).objects.filter(order=order).update(root_hash="0" * 64)


def test_the_buyer_and_the_firm_see_one_and_the_same_table_of_formats() -> None:
    order, version = delivered_with_files(b"n\n1\n"), sealed_version()
    addresses = {
        reverse("delivery:delivery", args=[order.pk]): (cast.zhou, "delivery:make_format", order.pk),  # type: ignore[attr-defined]
        reverse("exports:version", args=[version.pk]): (cast.lin, "exports:make", version.pk),
    }
    for address, (who, route, subject) in addresses.items():
        page = client_of(who()).get(address)
        assert page.status_code == 200
        assert "exports/formats.html" in {template.name for template in page.templates}
        assert f'action="{reverse(route, args=[subject, "folder"])}"' in page.content.decode()
