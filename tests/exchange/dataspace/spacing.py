"""Short ways to a space, its members and what they share, for tests that start there."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from documents.models import Document
from documents.services import store_upload
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Product
from exchange.dataspace import services
from exchange.dataspace.models import Landing, Member, Milestone, SharedProduct, Space
from exchange.dataspace.selectors import rules_in_force
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong

RULES = """一、成员资格：清远陶瓷行业的生产、检测和数据服务单位，经牵头单位邀请加入。
二、用途：共享产品限成员内部研发与质量改进，不得转售或向空间外提供。
三、退出：可以随时说明理由退出，已有订单按合同履行。
"""
NEW_RULES = RULES + "四、争议：先由牵头单位调解，不成的按订单合同办理。\n"
PURPOSE = "面向清远陶瓷企业汇集质检图像和缺陷标注，形成行业质检数据产品和服务。"


def stated(**wanted: Any) -> services.Stated:
    return services.Stated(
        **{"kind": "data_space", "title": "陶瓷行业数据空间（示例）", "industry": "manufacturing",
           "purpose": PURPOSE, "rules": RULES, **wanted}
    )  # fmt: skip


def applied(*, by: Actor | None = None, at: datetime = START, **wanted: Any) -> Space:
    """A space that 合通 (in the pilot already) has applied for, with one milestone."""
    by = by or hong()
    made = services.apply_space(by=by, at=at, stated=stated(**wanted))
    planned(made, at=at, by=by)
    return made


def planned(
    space: Space,
    *,
    title: str = "首批成员签约",
    days: int = 60,
    at: datetime = START,
    by: Actor | None = None,
) -> Milestone:
    return services.plan_milestone(
        by=by or hong(), at=at, space_id=space.pk, title=title, target="至少五家企业同意规则并加入。",
        due_on=clock.business_date(at) + timedelta(days=days),
    )  # fmt: skip


def active(*, at: datetime = START, **wanted: Any) -> Space:
    """An approved space of 合通, which is put into the pilot first."""
    brokerage.broker_in_pilot()
    space = applied(at=at, **wanted)
    return services.approve_space(by=cast.gu(), at=at, space_id=space.pk, reason="目标可核验，规则完整。")


def invited(space: Space, who: Actor, *, at: datetime = START) -> Member:
    assert who.organization is not None
    return services.invite_member(by=hong(), at=at, space_id=space.pk, uscc=who.organization.uscc)


def said_yes(space: Space) -> str:
    """The hash of the rules in force."""
    version = rules_in_force(space)
    assert version is not None
    return version.text_sha256


def joined(space: Space, who: Actor, *, at: datetime = START) -> Member:
    invited(space, who, at=at)
    return services.join_space(by=who, at=at, space_id=space.pk, text_sha256=said_yes(space))


def hidden(*, by: Actor | None = None, guest: Actor | None = None, **kept: Any) -> Product:
    """A listed product of 清蓝 that only invited buyers find; the one hand-made invitation is `guest`'s (the auditor's
    office by default, which looks for nothing)."""
    by, guest = by or cast.lin(), guest or cast.yan()
    assert guest.organization is not None
    product = market.drafted(by=by, **kept)
    catalogue.edit_product(by=by, at=cast.NOON, product_id=product.pk, visibility="invited")
    catalogue.invite(by=by, at=cast.NOON, product_id=product.pk, uscc=guest.organization.uscc)
    catalogue.submit_listing(by=by, at=cast.NOON, product_id=product.pk)
    catalogue.publish_listing(by=cast.gu(), at=cast.NOON, product_id=product.pk)
    product.refresh_from_db()
    return product


def put(space: Space, product: Product, *, by: Actor | None = None, at: datetime = START) -> SharedProduct:
    return services.put_product(by=by or cast.lin(), at=at, space_id=space.pk, product_number=product.number)


def file_of(by: Actor | None = None, *, at: datetime = START) -> Document:
    """A small text file of the leader, stored."""
    return store_upload(
        by=by or hong(), at=at, purpose="evidence", name="证明.csv", file=BytesIO("项目,金额\n示例,1\n".encode())
    )  # fmt: skip


def reported(milestone: Milestone, *, at: datetime = START) -> Milestone:
    return services.report_milestone(
        by=hong(),
        at=at,
        milestone_id=milestone.pk,
        report="六家企业已经加入。",
        document_id=file_of(at=at).pk,
    )


def claimed(space: Space, *, yuan: str = "12000000", at: datetime = START, **wanted: Any) -> Landing:
    told = {
        "title": "陶瓷缺陷检测中心（示例）", "firm": "示例陶瓷检测有限公司", "place": "441802",
        "landed_on": clock.business_date(at), "statement": "经空间对接，检测企业在清城区建设中心。", **wanted,
    }  # fmt: skip
    return services.claim_landing(
        by=hong(),
        at=at,
        space_id=space.pk,
        amount=Money.from_yuan(yuan),
        document_id=file_of(at=at).pk,
        **told,
    )


def verified(space: Space, **kept: Any) -> Landing:
    return services.decide_landing(
        by=cast.gu(), at=START, landing_id=claimed(space, **kept).pk, is_verified=True, opinion="合同与到账凭证一致。"
    )  # fmt: skip


def proceedings() -> dict[str, Any]:
    """What a walk over every route needs beside a broker in the pilot: a running space with things that wait."""
    space = applied(title="陶瓷行业流通平台（示例）", kind="circulation_platform")
    services.approve_space(by=cast.gu(), at=START, space_id=space.pk, reason="目标可核验，规则完整。")
    member = joined(space, cast.lin())
    shared = put(space, hidden(title="陶瓷质检图像（示例）"))
    milestone, landing = reported(space.milestones.get()), claimed(space)
    return {
        "space_id": space.pk, "member_id": member.pk, "shared_id": shared.pk, "milestone_id": milestone.pk,
        "landing_id": landing.pk, "evidence_id": landing.document_id, "space_move": "suspend",
    }  # fmt: skip
