"""What registrations of every kind mean for trade: listings follow certificates, made sales stay as recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assets.registry import services
from assets.registry.models import Application, Certificate, Licence
from config.stories import way
from config.stories.way import shanghai
from exchange.catalogue.models import Plan, Product
from exchange.catalogue.services import CertificateNotInForce, suspend_listing
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.services import NotOnSale
from kernel import clock
from kernel.money import Money
from settlement.revenue import selectors as revenue
from tests import cast
from tests.assets.conftest import (
    Registration,
    after_notice,
    an,
    concluded,
    follow_up,
    noticed,
    sealed_version,
)
from tests.assets.registry.test_objections import against, answered
from tests.world import team

pytestmark = pytest.mark.django_db
SALE = shanghai(2026, 5, 12)
PRICE = Money.from_yuan("68000.00")


@pytest.fixture(autouse=True)
def _everybody(db: None) -> None:
    for who in cast.EVERYONE:
        who()


def on_sale() -> tuple[Certificate, Product, Plan]:
    """A certificate of 清蓝 with one listed product and its plan."""
    certificate = Registration(version=sealed_version()).certified()
    product, plans = way.list_product(
        team(), cast.gu(), certificate, title_en="Hotel reviews (demo)", summary="酒店评论情感",
        description="每行一条评论与一个情感标签。", industry="education", plans=[("全量版", PRICE)],
        at=certificate.issued_at + timedelta(days=1),
    )  # fmt: skip
    return certificate, product, plans[0]


def state_of(product: Product) -> str:
    return Product.objects.values_list("state", flat=True).get(pk=product.pk)


def buy(plan: Plan, *, at: object = SALE) -> Order:
    return trading.place_order(by=cast.zhou(), at=at, plan_id=plan.pk, use_statement="训练本公司模型")  # type: ignore[arg-type]


def test_sales_before_a_revocation_stay_on_record_count_no_more_and_none_follow() -> None:
    certificate, product, plan = on_sale()
    way.trade(cast.lin(), cast.zhou(), plan.pk, use="训练本公司模型", at=SALE)
    firm = cast.lin().organization
    assert firm is not None
    counted = revenue.annual(firm.pk, 2026).counted_fen
    assert counted > 0
    at = SALE + timedelta(days=30)
    opened = services.open_revocation(by=cast.gu(), at=at, certificate_id=certificate.pk, grounds="来源不实")
    assert state_of(product) == "suspended"
    services.waive_hearing(by=cast.lin(), at=at, revocation_id=opened.pk)
    services.propose_revocation(by=cast.gu(), at=at, revocation_id=opened.pk, reason="应予撤销")
    services.confirm_revocation(by=an(), at=at, revocation_id=opened.pk, reason="同意")
    order = Order.objects.get()
    assert (order.state, order.certificate_id) == ("completed", certificate.pk)
    kept = revenue.annual(firm.pk, 2026)
    assert (kept.counted_fen, kept.excluded_fen, kept.receipts_fen) == (0, counted, counted)
    with pytest.raises(NotOnSale):
        buy(plan, at=at + timedelta(days=1))


def test_an_objection_takes_the_product_off_sale_and_its_failure_brings_it_back() -> None:
    certificate, product, plan = on_sale()
    objection = against(certificate, at=SALE)
    assert state_of(product) == "listed"
    services.accept_objection(by=an(), at=SALE, objection_id=objection.pk)
    assert state_of(product) == "suspended"
    with pytest.raises(NotOnSale):
        buy(plan)
    answered(objection, at=SALE)
    services.decide_objection(by=an(), at=SALE, objection_id=objection.pk, is_upheld=False, reason="授权属实")
    assert state_of(product) == "listed"
    assert buy(plan, at=SALE + timedelta(days=1)).certificate_id == certificate.pk


def test_what_the_operator_took_off_sale_does_not_come_back_by_itself() -> None:
    certificate, product, _plan = on_sale()
    suspend_listing(by=cast.gu(), at=SALE, product_id=product.pk, reason="描述待核实")
    services.suspend(by=an(), at=SALE, certificate_id=certificate.pk, reason="核查")
    services.resume(by=an(), at=SALE, certificate_id=certificate.pk, reason="属实")
    assert state_of(product) == "suspended"


def test_a_correction_and_a_renewal_carry_the_listing_over_to_the_new_certificate() -> None:
    certificate, product, plan = on_sale()
    concluded(follow_up(certificate, "correction", at=SALE, title="酒店评论情感数据集（示例）"), at=SALE)
    corrected = Certificate.objects.get(replaces=certificate)
    assert Product.objects.get(pk=product.pk).certificate == corrected
    assert state_of(product) == "listed"
    late = clock.start_of(certificate.valid_until) - timedelta(days=10)
    concluded(follow_up(corrected, "renewal", at=late), at=late)
    renewed = Certificate.objects.get(replaces=corrected)
    assert Product.objects.get(pk=product.pk).certificate == renewed
    assert buy(plan, at=late + timedelta(days=20)).certificate_id == renewed.pk


def test_a_transfer_ends_the_old_holders_listing_and_the_new_holder_sells() -> None:
    certificate, product, _plan = on_sale()
    draft = follow_up(certificate, "transfer", at=SALE)
    services.name_other(by=cast.lin(), at=SALE, application_id=draft.pk, uscc=cast.BEIJIANG[1])
    services.agree(by=cast.he(), at=SALE, application_id=draft.pk)
    application = noticed(Application.objects.get(pk=draft.pk), at=SALE)
    moved_at = after_notice(application)
    transferred = services.certify(by=cast.gu(), at=moved_at, application_id=application.pk)
    assert state_of(product) == "suspended"
    from exchange.catalogue import services as catalogue

    with pytest.raises(CertificateNotInForce):
        catalogue.relist(by=cast.gu(), at=moved_at, product_id=product.pk)
    catalogue.delist(by=cast.lin(), at=moved_at, product_id=product.pk)
    sold, _plans = way.list_product(
        way.Team(cast.he(), (cast.he(), cast.he()), cast.he()), cast.gu(), transferred,
        title_en="Hotel reviews (demo)", summary="酒店评论情感", description="每行一条评论与一个情感标签。",
        industry="education", plans=[("全量版", PRICE)], at=moved_at + timedelta(days=1),
    )  # fmt: skip
    assert (sold.supplier, sold.version_id) == (cast.organization(cast.BEIJIANG), certificate.version_id)


def test_a_cancellation_takes_the_product_off_sale_for_good() -> None:
    certificate, product, plan = on_sale()
    way.cancel(team(), cast.gu(), certificate, reason="原始授权已到期，不再经营。", at=SALE)
    assert state_of(product) == "suspended"
    with pytest.raises(NotOnSale):
        buy(plan)


def test_a_licence_lives_beside_the_certificate_and_follows_its_line() -> None:
    certificate, product, _plan = on_sale()
    draft = follow_up(
        certificate,
        "licence",
        at=SALE,
        scope="仅供内部训练，不得转授。",
        licence_until=certificate.valid_until,
    )
    services.name_other(by=cast.lin(), at=SALE, application_id=draft.pk, uscc=cast.YUNSHAN[1])
    services.agree(by=cast.zhou(), at=SALE, application_id=draft.pk)
    concluded(Application.objects.get(pk=draft.pk), at=SALE)
    assert state_of(product) == "listed"
    concluded(follow_up(certificate, "correction", at=SALE, title="改正后的名称"), at=SALE)
    from assets.registry.selectors import licences_of

    assert licences_of(Certificate.objects.get(replaces=certificate)) == [Licence.objects.get()]


def test_the_parties_are_told_at_every_turn() -> None:
    from notifications.models import Notification

    application = Registration().in_notice()
    objection = against(application, at=application.submitted_at)
    services.accept_objection(by=an(), at=application.submitted_at, objection_id=objection.pk)  # type: ignore[arg-type]
    answered(objection, at=application.submitted_at)
    services.decide_objection(
        by=an(),
        at=application.submitted_at,
        objection_id=objection.pk,
        is_upheld=True,
        reason="属实",  # type: ignore[arg-type]
    )
    titles = {
        who().user.name: list(  # type: ignore[union-attr]
            Notification.objects.filter(user=who().user).order_by("pk").values_list("title", flat=True)
        )
        for who in (cast.lin, cast.he)
    }
    assert [title.split(" ")[0] for title in titles["Lin"]] == [
        "登记申请", "有人对贵单位的登记提出异议", "登记异议", "登记申请", "登记异议",
    ]  # fmt: skip
    assert titles["He"] == [f"登记异议 {objection.number} 已办结，请查看决定"]
