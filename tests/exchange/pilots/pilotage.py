"""Short ways to a round, an application, its scores and a pilot, for tests that start there."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from exchange.pilots import services
from exchange.pilots.models import Application, Pilot, Round, Seat
from exchange.pilots.rules import Facts
from organizations.models import Membership
from organizations.permissions import Actor
from organizations.states import OrganizationKind as Kind
from organizations.states import Role
from tests import cast
from tests.cast import NOON

HETONG = ("合通数据经纪（示例）有限公司", "91441802MA5000007X", (Kind.BROKER,))
JIANGAN = ("江岸数据服务（示例）有限公司", "91441802MA5000008D", (Kind.BROKER,))
PARK = ("清远园区运营（示例）有限公司", "91441802MA50000094", (Kind.PARK_OPERATOR,))

CLOSE = NOON + timedelta(days=20)
REVIEW = CLOSE + timedelta(days=2)
POINTS = {"capability": 90, "security": 80, "speciality": 85, "team": 70, "cases": 60, "plan": 75}
TEXTS = {
    "dcmm_level": 2,
    "protection_level": 3,
    "own_data": "自有产业链企业目录两万条，已完成来源梳理。",
    "security": "采集有授权台账，处理在专有环境，等保三级。",
    "team": "专职十二人：法律三人，技术六人，行业三人。",
    "cases": "近两年完成三个数据撮合案例，均可核实。",
    "plan": "第一年撮合十二笔，第二年二十笔，季度复盘。",
}
BY_TYPE = {
    "technology_enabling": {
        "products": "撮合平台与数据质量检测工具",
        "capability": "脱敏、质检、隐私计算接入",
    },
    "data_enabling": {
        "data_resources": "产业链企业目录与招投标公开数据",
        "data_sources": "公开渠道与授权采集，逐批留档",
    },
    "entrusted_rights": {
        "principals": "三家合作社与两家协会的成员",
        "protection": "独立账户、按季报告、可随时撤回委托",
    },
}


def hong() -> Actor:
    """Administrator of the broker 合通."""
    return cast.person("hong", HETONG)


def jiang() -> Actor:
    """Administrator of the broker 江岸."""
    return cast.person("jiang", JIANGAN)


def experts() -> list[Actor]:
    """Three who may score: of the base, the department and the park."""
    return [
        cast.person("wen", cast.BASE, Role.LISTING_REVIEWER),
        cast.person("qiu", cast.BUREAU, Role.SECOND_REVIEWER),
        cast.person("pei", PARK),
    ]


def membership(actor: Actor) -> Membership:
    return Membership.objects.get(user=actor.user_id, organization=actor.organization_id)


def drafted(*, at: datetime = NOON, **wanted: Any) -> Round:
    """A call that opens at once and closes at CLOSE."""
    given = {"title": "2026 年第一批数据经纪人试点（示例）", "opens_at": at, "closes_at": CLOSE, **wanted}
    return services.draft_round(by=cast.gu(), at=at, **given)


def published(*, at: datetime = NOON, **wanted: Any) -> Round:
    return services.publish_round(by=cast.gu(), at=at, round_id=drafted(at=at, **wanted).pk)


def written(
    call: Round, *, by: Actor | None = None, at: datetime = NOON, broker_type: str = "data_enabling"
) -> Application:
    """A draft with every answer."""
    by = by or hong()
    found = services.draft_application(by=by, at=at, round_id=call.pk, broker_type=broker_type)
    return services.edit_application(by=by, at=at, application_id=found.pk, **TEXTS, **BY_TYPE[broker_type])


def applied(call: Round, *, by: Actor | None = None, at: datetime = NOON, **kept: Any) -> Application:
    found = written(call, by=by, at=at, **kept)
    return services.submit(by=by or hong(), at=at, application_id=found.pk)


def seated(application: Application, who: Actor, *, at: datetime = REVIEW) -> Seat:
    return services.appoint(
        by=cast.gu(), at=at, application_id=application.pk, membership_id=membership(who).pk
    )


def scored(application: Application, who: Actor, *, at: datetime = REVIEW, **points: int) -> Seat:
    """A seat with its declaration and one sheet; `points` replace some of POINTS."""
    seat = seated(application, who, at=at)
    services.declare(by=who, at=at, seat_id=seat.pk, has_conflict=False)
    services.score(by=who, at=at, seat_id=seat.pk, points={**POINTS, **points}, opinion="材料属实，同意")
    seat.refresh_from_db()
    return seat


def closed(call: Round, *, at: datetime = CLOSE) -> Round:
    return services.close_round(by=cast.gu(), at=at, round_id=call.pk)


def announced(call: Round, *, at: datetime = REVIEW) -> Round:
    return services.announce_result(by=cast.gu(), at=at, round_id=call.pk)


def selected(*, by: Actor | None = None, broker_type: str = "data_enabling", **wanted: Any) -> Pilot:
    """An unsigned pilot: the only application of its round, scored by three, notice over."""
    from kernel import clock

    call = published(**wanted)
    application = applied(call, by=by, broker_type=broker_type)
    closed(call)
    for who in experts():
        scored(application, who)
    call = announced(call)
    assert call.notice_until is not None
    services.conclude_result(by=cast.gu(), at=clock.end_of(call.notice_until), round_id=call.pk)
    return Pilot.objects.get(application=application)


def in_pilot(*, by: Actor | None = None, **wanted: Any) -> Pilot:
    """A pilot both sides have signed, a day after it was drawn up."""
    pilot = selected(by=by, **wanted)
    at = pilot.agreement.drawn_up_at + timedelta(days=1)
    for who in (by or hong(), cast.gu()):
        services.sign_agreement(by=who, at=at, pilot_id=pilot.pk, text_sha256=pilot.agreement.text_sha256)
    pilot.refresh_from_db()
    return pilot


def proceedings() -> dict[str, Any]:
    """What a walk over every route needs: a round in notice with an objection, a pilot with an open demand."""
    from kernel import clock

    pilot = in_pilot()
    new_year = clock.start_of(date(2027, 1, 4))
    services.assess(
        by=cast.gu(), at=new_year, pilot_id=pilot.pk, year=2026, facts=Facts(deals=1, required_records=4)
    )
    decision = services.decide(
        by=cast.gu(), at=new_year, pilot_id=pilot.pk, verdict="improve", reasons="记录不完整，限期补齐。",
        demands=["补齐审核与交易记录"],
    )  # fmt: skip
    call = published(title="第二批数据经纪人试点（示例）")
    bid = applied(call, by=jiang())
    closed(call)
    seats = [scored(bid, who) for who in experts()]
    announced(call)
    dissent = services.file_objection(
        by=cast.he(), at=REVIEW, round_id=call.pk, statement="所列案例之一并非该单位完成，请核实。"
    )
    return {
        "call_number": call.number, "bid_id": bid.pk, "seat_id": seats[0].pk, "dissent_id": dissent.pk,
        "pilot_id": pilot.pk, "demand_id": decision.demands.get().pk,
    }  # fmt: skip
