"""Who may use what until when: opened, claimed, followed, suspended, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client

from assets.registry.models import Certificate
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Plan
from exchange.catalogue.services import CertificateNotInForce
from exchange.delivery import selectors
from exchange.delivery import services as delivery
from exchange.delivery.events import EntitlementEnding, EntitlementSuspended, QuotaReached, VersionAdded
from exchange.delivery.models import EntitledVersion, Entitlement, Meter
from exchange.delivery.tasks import watch_entitlements
from exchange.requests import services as requests
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from kernel.models import Transition
from tests import cast
from tests.cast import NOON
from tests.exchange import deals, market
from tests.exchange.delivery import goods

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def file_id(entitlement: Entitlement) -> int:
    found = selectors.version_in(entitlement).files.order_by("path").first()
    assert found is not None
    return found.pk


def link(entitlement: Entitlement, at: object = NOON) -> str:
    assert entitlement.order is not None
    return delivery.hand_out_link(
        by=cast.zhou(), at=at, order_id=entitlement.order.pk, file_id=file_id(entitlement)
    )[1]


def test_delivery_opens_an_entitlement_to_every_member_with_the_role() -> None:
    entitlement = goods.entitled(goods.product_of(goods.version_with(goods.FILES)))
    assert entitlement.order is not None
    assert (entitlement.number, entitlement.covers, entitlement.ends_at, entitlement.state) == (
        entitlement.order.number, "one", None, "active",
    )  # fmt: skip
    clerk = cast.person("qin", cast.YUNSHAN, cast.Role.ASSET_CLERK)
    _download, url = delivery.hand_out_link(
        by=clerk, at=NOON, order_id=entitlement.order.pk, file_id=file_id(entitlement)
    )
    assert url.startswith("http")
    access = selectors.accesses_of(entitlement).get()
    assert (access.way, access.byte_count, access.actor_label) == (
        "link",
        7,
        "Qin · 云山智能（示例）有限公司",
    )
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        selectors.accesses_of(entitlement).update(byte_count=0)


def test_a_subscription_ends_at_the_very_moment_and_the_task_ends_it_once() -> None:
    entitlement = goods.entitled(
        goods.product_of(goods.version_with(goods.FILES)), "subscription", term_days=30
    )
    end = NOON + 30 * DAY
    assert entitlement.ends_at == end
    assert link(entitlement, end - timedelta(microseconds=1))
    with pytest.raises(delivery.EntitlementEnded):
        link(entitlement, end)
    assert not delivery.end_expired(at=end - timedelta(seconds=1), entitlement_id=entitlement.pk)
    assert delivery.end_expired(at=end, entitlement_id=entitlement.pk)
    assert not delivery.end_expired(at=end, entitlement_id=entitlement.pk)
    assert Transition.objects.filter(subject_id=entitlement.pk, move="end").count() == 1


def test_a_subscription_follows_the_product_to_its_next_certified_version(
    nobody_listens: list[Event],
) -> None:
    first = goods.version_with(goods.FILES)
    product = goods.product_of(first)
    running, once = goods.entitled(product, "subscription", term_days=30), goods.entitled(product)
    over = goods.entitled(product, "subscription", term_days=5)
    later = NOON + 10 * DAY
    second = goods.version_with({"rows.jsonl": goods.jsonl(120)}, dataset=first.dataset, at=later)
    told = {"at": later, "product_id": product.pk, "version_id": second.pk}
    with pytest.raises(CertificateNotInForce):
        delivery.follow_new_version(**told)
    market.certificate_for(first.dataset.firm, version=second, at=later)
    assert delivery.follow_new_version(**told) == 1
    assert delivery.follow_new_version(**told) == 0
    assert [event.version for event in nobody_listens if isinstance(event, VersionAdded)] == [2]
    assert EntitledVersion.objects.get().entitlement == running
    assert [v.version for v in selectors.versions_of(running)] == [1, 2]
    assert selectors.version_in(running) == second
    assert selectors.version_in(running, 1) == first
    older = first.files.get(path="README.md")
    assert running.order is not None
    assert delivery.hand_out_link(by=cast.zhou(), at=later, order_id=running.order.pk, file_id=older.pk)
    assert selectors.accesses_of(running)[0].version_id == first.pk
    for other in (once, over):
        assert [v.version for v in selectors.versions_of(other)] == [1]
        with pytest.raises(NotFound):
            selectors.version_in(other, 2)


def test_a_version_of_another_dataset_is_never_followed() -> None:
    product, other = goods.product_of(goods.version_with(goods.FILES)), goods.version_with({"a.txt": b"a"})
    with pytest.raises(NotFound):
        delivery.follow_new_version(at=NOON, product_id=product.pk, version_id=other.pk)


def test_a_free_sample_opens_the_frozen_sample_alone_with_the_licence_on_record() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    free = goods.plan(product, "free_sample")
    zhou = cast.zhou()
    with pytest.raises(InvalidInput):
        delivery.claim(by=zhou, at=NOON, plan_id=free.pk, accepts_licence=False)
    made = delivery.claim(by=zhou, at=NOON, plan_id=free.pk, accepts_licence=True)
    assert delivery.claim(by=zhou, at=NOON, plan_id=free.pk, accepts_licence=True) == made
    assert made.number.startswith("QY-2026-")
    assert "可用于模型训练" in made.licence_text
    assert "识别标记" in made.licence_text
    assert (made.accepted_by, made.accepted_at) == (zhou.user, NOON)
    version = selectors.version_in(made)
    item = selectors.item_at(made, version, "sample.jsonl")
    assert [each.path for each in selectors.items_after(made, version)] == ["sample.jsonl"]
    assert item.size == made.sample_size
    with pytest.raises(NotFound):
        selectors.item_at(made, version, "rows.jsonl")


def test_a_trial_is_given_once_per_organization_and_product() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    trial = goods.plan(product, "trial", term_days=7)
    made = delivery.claim(by=cast.zhou(), at=NOON, plan_id=trial.pk, accepts_licence=True)
    assert made.ends_at == NOON + 7 * DAY
    colleague = cast.person("qin", cast.YUNSHAN, cast.Role.PURCHASER)
    again = goods.plan(product, "trial", term_days=30)
    for plan in (trial, again):
        with pytest.raises(delivery.AlreadyClaimed):
            delivery.claim(by=colleague, at=NOON + 60 * DAY, plan_id=plan.pk, accepts_licence=True)
    assert delivery.claim(by=cast.he(), at=NOON, plan_id=trial.pk, accepts_licence=True) != made
    copy = Entitlement.objects.get(pk=made.pk)
    copy.pk, copy.number, copy.tag, copy._state.adding = None, "QY-X", "0" * 16, True
    copy.pk = again.pk
    with pytest.raises(IntegrityError, match="entitlement_claimed_once"), transaction.atomic():
        copy.save(force_insert=True)


def test_what_costs_money_is_not_claimed_nor_the_own_product_nor_without_the_role() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    trial = goods.plan(product, "trial", term_days=7)
    with pytest.raises(delivery.NotFree):
        delivery.claim(by=cast.zhou(), at=NOON, plan_id=market.plan_of(product).pk, accepts_licence=True)
    with pytest.raises(NotAllowed):
        delivery.claim(by=cast.lin(), at=NOON, plan_id=trial.pk, accepts_licence=True)
    clerk = cast.person("min", cast.YUNSHAN, cast.Role.FINANCE)
    with pytest.raises(NotAllowed):
        delivery.claim(by=clerk, at=NOON, plan_id=trial.pk, accepts_licence=True)
    assert Entitlement.objects.count() == 0


def test_an_expired_certificate_leaves_what_was_delivered_open_a_revoked_one_does_not(
    nobody_listens: list[Event],
) -> None:
    entitlement = goods.entitled(goods.product_of(goods.version_with(goods.FILES)))
    certificate = Certificate.objects.get(version=entitlement.version)
    for state in ("expired", "cancelled", "suspended", "changed"):
        Certificate.objects.filter(pk=certificate.pk).update(state=state)
        assert delivery.suspend_revoked(at=NOON, certificate_id=certificate.pk) == 0
        assert link(entitlement)
    Certificate.objects.filter(pk=certificate.pk).update(state="revoked")
    assert delivery.suspend_revoked(at=NOON, certificate_id=certificate.pk) == 1
    assert delivery.suspend_revoked(at=NOON, certificate_id=certificate.pk) == 0
    with pytest.raises(delivery.EntitlementSuspended) as refused:
        link(entitlement)
    assert certificate.number in str(refused.value)
    assert [type(event) for event in nobody_listens if isinstance(event, EntitlementSuspended)] == [
        EntitlementSuspended
    ]


def test_nothing_is_delivered_under_a_revoked_certificate() -> None:
    order = market.paid(goods.product_of(goods.version_with(goods.FILES)))
    Certificate.objects.filter(pk=order.certificate_id).update(state="revoked")
    with pytest.raises(delivery.CertificateRevoked):
        delivery.deliver(by=cast.lin(), at=NOON, order_id=order.pk)
    assert Entitlement.objects.count() == 0


def test_the_operator_suspends_with_a_reason_and_resumes() -> None:
    entitlement = goods.entitled(goods.product_of(goods.version_with(goods.FILES)))
    for who, refusal in ((cast.zhou(), NotAllowed), (cast.lin(), NotAllowed), (cast.he(), NotFound)):
        with pytest.raises(refusal):
            delivery.suspend(by=who, at=NOON, entitlement_id=entitlement.pk, reason="查")
    with pytest.raises(InvalidInput):
        delivery.suspend(by=cast.gu(), at=NOON, entitlement_id=entitlement.pk, reason=" ")
    delivery.suspend(by=cast.gu(), at=NOON, entitlement_id=entitlement.pk, reason="使用超出约定")
    with pytest.raises(delivery.EntitlementSuspended):
        link(entitlement)
    delivery.resume(by=cast.gu(), at=NOON, entitlement_id=entitlement.pk)
    assert link(entitlement)


def test_a_full_refund_ends_the_entitlement() -> None:
    entitlement = goods.entitled(goods.product_of(goods.version_with(goods.FILES)))
    order = entitlement.order
    assert order is not None
    trading.accept_order(by=cast.zhou(), at=NOON, order_id=order.pk)
    trading.complete_order(by=market.SYSTEM, at=NOON, order_id=order.pk)
    assert not delivery.end_refunded(at=NOON, order_id=order.pk)
    trading.refund_in_full(by=market.SYSTEM, at=NOON, order_id=order.pk)
    assert delivery.end_refunded(at=NOON, order_id=order.pk)
    assert not delivery.end_refunded(at=NOON, order_id=order.pk)
    with pytest.raises(delivery.NotOpen):
        link(entitlement)


def test_a_replacement_is_opened_in_the_stead_of_the_faulty_version() -> None:
    first = goods.version_with(goods.FILES)
    product = goods.product_of(first)
    once, running = goods.entitled(product), goods.entitled(product, "subscription", term_days=30)
    second = goods.version_with({"rows.jsonl": goods.jsonl(120)}, dataset=first.dataset)
    third = goods.version_with({"rows.jsonl": goods.jsonl(130)}, dataset=first.dataset)
    for version in (second, third):
        market.certificate_for(first.dataset.firm, version=version)
    delivery.follow_new_version(at=NOON, product_id=product.pk, version_id=second.pk)
    for entitlement in (once, running):
        assert entitlement.order is not None
        delivery.replace(entitlement.order, by=cast.lin(), at=NOON, version_id=third.pk)
    assert selectors.versions_of(once) == [third]
    assert selectors.versions_of(running) == [second, third]
    with pytest.raises(NotFound):
        selectors.version_in(once, 1)
    assert link(once)
    assert selectors.accesses_of(once)[0].version_id == third.pk
    assert delivery.follow_new_version(at=NOON, product_id=product.pk, version_id=second.pk) == 0
    for version, suspended in ((first, []), (second, [running]), (third, [once])):
        revoked = Certificate.objects.get(version=version)
        Certificate.objects.filter(pk=revoked.pk).update(state="revoked")
        assert delivery.suspend_revoked(at=NOON, certificate_id=revoked.pk) == len(suspended)
        assert all(Entitlement.objects.get(pk=each.pk).state == "suspended" for each in suspended)


def test_an_entitlement_runs_as_long_as_its_contract_and_comes_back_as_it_was() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    entitlement = goods.entitled(product, "subscription", term_days=30)
    order, end = entitlement.order, NOON + 30 * DAY
    assert order is not None
    assert not delivery.follow_contract(at=NOON, order_id=order.pk)
    order.terminated_at = NOON + 3 * DAY
    order.save(update_fields=["terminated_at"])
    assert delivery.follow_contract(at=NOON, order_id=order.pk)
    assert not delivery.follow_contract(at=NOON, order_id=order.pk)
    assert link(entitlement, NOON + 3 * DAY - timedelta(seconds=1))
    with pytest.raises(delivery.AccessEnded):
        link(entitlement, NOON + 3 * DAY)
    delivery.suspend(by=cast.gu(), at=NOON, entitlement_id=entitlement.pk, reason="使用超出约定")
    assert delivery.end_expired(at=NOON + 3 * DAY, entitlement_id=entitlement.pk)
    order.terminated_at = None
    order.save(update_fields=["terminated_at"])
    assert delivery.follow_contract(at=NOON + 4 * DAY, order_id=order.pk)
    entitlement.refresh_from_db()
    assert (entitlement.state, entitlement.ends_at) == ("suspended", end)
    with pytest.raises(delivery.EntitlementSuspended, match="使用超出约定"):
        link(entitlement, NOON + 4 * DAY)
    unopened = market.paid(goods.product_of(goods.version_with({"a.txt": b"a"})))
    assert not delivery.follow_contract(at=NOON, order_id=unopened.pk)


def test_a_trial_needs_no_less_than_an_order_does() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    trial, sample = goods.plan(product, "trial", term_days=7), goods.plan(product, "free_sample")
    catalogue.set_ordering(by=cast.lin(), at=NOON, product_id=product.pk, ordering="approval")
    with pytest.raises(trading.ApprovalNeeded):
        delivery.claim(by=cast.zhou(), at=NOON, plan_id=trial.pk, accepts_licence=True)
    assert delivery.claim(by=cast.zhou(), at=NOON, plan_id=sample.pk, accepts_licence=True)
    catalogue.set_ordering(by=cast.lin(), at=NOON, product_id=product.pk, ordering="instant")
    bought = goods.entitled(product)
    Order.objects.filter(pk=bought.order_id).update(is_exclusive=True)
    with pytest.raises(trading.SoldExclusively):
        delivery.claim(by=cast.he(), at=NOON, plan_id=trial.pk, accepts_licence=True)
    Plan.objects.filter(pk=trial.pk).update(valid_until=NOON)
    with pytest.raises(trading.NotOnSale):
        delivery.claim(by=cast.zhou(), at=NOON, plan_id=trial.pk, accepts_licence=True)


def test_where_each_use_is_looked_at_a_trial_is_claimed_while_the_agreement_holds() -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    trial = goods.plan(product, "trial", term_days=7)
    catalogue.set_ordering(by=cast.lin(), at=NOON, product_id=product.pk, ordering="approval")
    request = requests.ask(by=cast.zhou(), at=NOON, plan_id=trial.pk, stated=deals.stated())
    with pytest.raises(trading.ApprovalNeeded):
        delivery.claim(by=cast.zhou(), at=NOON, plan_id=trial.pk, accepts_licence=True)
    until = requests.approve(by=cast.lin(), at=NOON, request_id=request.pk).approval_until
    assert until is not None
    for who, at in ((cast.he(), NOON), (cast.zhou(), until)):
        with pytest.raises(trading.ApprovalNeeded):
            delivery.claim(by=who, at=at, plan_id=trial.pk, accepts_licence=True)
    client = Client()
    assert cast.zhou().user is not None
    client.force_login(cast.zhou().user)
    with clock.moved_to(NOON):
        assert (
            f'href="/deliveries/claims/{trial.pk}/"'
            in client.get(f"/requests/{request.pk}/").content.decode()
        )
        assert (
            f'href="/requests/new/{trial.pk}/"'
            in client.get(f"/catalogue/{product.number}/").content.decode()
        )
    made = delivery.claim(
        by=cast.zhou(), at=until - timedelta(seconds=1), plan_id=trial.pk, accepts_licence=True
    )
    assert (made.kind, made.state) == ("trial", "active")


def test_the_watch_tells_the_end_and_the_quota_once_each(
    nobody_listens: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    product = goods.product_of(goods.version_with(goods.FILES))
    metered = goods.entitled(product, "metered_calls", term_days=30, included_quantity=10)
    goods.entitled(product, "subscription", term_days=100)
    now = NOON + 10 * DAY
    monkeypatch.setattr(clock, "now", lambda: now)
    assert watch_entitlements() == {"ended": 0, "told": 0, "warned": 0}
    Meter.objects.filter(pk=metered.pk).update(call_count=8)
    now = NOON + 17 * DAY
    assert watch_entitlements() == {"ended": 0, "told": 1, "warned": 1}
    assert watch_entitlements() == {"ended": 0, "told": 0, "warned": 0}
    Meter.objects.filter(pk=metered.pk).update(call_count=10)
    now = NOON + 30 * DAY
    assert watch_entitlements() == {"ended": 1, "told": 0, "warned": 0}
    heard = [event for event in nobody_listens if isinstance(event, EntitlementEnding | QuotaReached)]
    assert [getattr(event, "days", getattr(event, "percent", 0)) for event in heard] == [13, 80]


def test_each_side_sees_its_own_entitlements() -> None:
    goods.entitled(goods.product_of(goods.version_with(goods.FILES)))
    sees = {who.__name__: selectors.entitlements_visible_to(who()).count() for who in cast.EVERYONE}
    assert sees == {"lin": 1, "mei": 0, "tao": 0, "zhou": 1, "he": 0, "gu": 1, "shen": 1, "yan": 1}
