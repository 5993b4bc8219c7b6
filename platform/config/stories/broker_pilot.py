"""The demo's broker pilot: a closed round with a pilot in force, and a round that is open.

Telling it again changes nothing: what is there is found by the round's title.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from exchange.brokers import services as brokers
from exchange.pilots import services
from exchange.pilots.models import Application, Pilot, Round
from kernel import clock
from organizations.models import Membership
from organizations.permissions import Actor

FIRST, SECOND = "2025 年数据经纪人试点征集（示例）", "2026 年数据经纪人试点征集（示例）"
SCORERS = ("gu", "shen", "pei")
ANSWERS = {
    "dcmm_level": 2,
    "protection_level": 3,
    "own_data": "产业链企业目录约两万条，来自公开登记信息，逐批留存来源。",
    "security": "采集有授权台账，处理在专有环境，网络安全等级保护三级。",
    "team": "专职十二人：法律三人、技术六人、行业三人。",
    "cases": "近两年促成三个数据合作项目，均有合同和验收记录可核实。",
    "plan": "第一年撮合十二笔，第二年二十笔，每季复盘并公开投诉渠道。",
    "data_resources": "产业链企业目录、公开招投标信息，每月更新。",
    "data_sources": "公开登记信息与企业授权，逐批留存来源和授权文件。",
}
POINTS = (
    {"capability": 84, "security": 88, "speciality": 86, "team": 80, "cases": 74, "plan": 82},
    {"capability": 80, "security": 86, "speciality": 82, "team": 78, "cases": 70, "plan": 85},
    {"capability": 58, "security": 60, "speciality": 66, "team": 62, "cases": 60, "plan": 64},
)


@transaction.atomic
def tell() -> None:
    """Both rounds, the broker's pilot in force with its first assessment decided."""
    if Round.objects.filter(title=SECOND).exists():
        return
    _first_round(people.actor("gu"), people.actor("hong"))
    call = services.draft_round(
        by=people.actor("gu"), at=shanghai(2026, 11, 2), title=SECOND,
        opens_at=shanghai(2026, 11, 5), closes_at=shanghai(2027, 1, 29),
        description="面向在本市开展数据流通服务的数据经纪人，三种类型各征集一至两家。",
        documents_wanted="营业执照\n能力证明材料\n案例证明材料",
        places_technology=2, places_data=1, places_rights=2,
    )  # fmt: skip
    services.publish_round(by=people.actor("gu"), at=shanghai(2026, 11, 5), round_id=call.pk)


def _first_round(gu: Actor, hong: Actor) -> None:
    opened, closed = shanghai(2025, 3, 3), shanghai(2025, 4, 1)
    call = services.draft_round(
        by=gu, at=opened, title=FIRST, opens_at=opened, closes_at=closed,
        description="首批试点，三种类型各一个名额。",
    )  # fmt: skip
    services.publish_round(by=gu, at=opened, round_id=call.pk)
    found = services.draft_application(
        by=hong, at=opened + timedelta(days=7), round_id=call.pk, broker_type="data_enabling"
    )
    services.edit_application(by=hong, at=opened + timedelta(days=8), application_id=found.pk, **ANSWERS)
    services.submit(by=hong, at=opened + timedelta(days=9), application_id=found.pk)
    services.close_round(by=gu, at=closed, round_id=call.pk)
    _score(gu, found, closed + timedelta(days=2))
    call = services.announce_result(by=gu, at=closed + timedelta(days=9), round_id=call.pk)
    assert call.notice_until is not None
    decided = clock.end_of(call.notice_until) + timedelta(hours=10)
    services.conclude_result(by=gu, at=decided, round_id=call.pk)
    pilot = Pilot.objects.select_related("agreement").get(application=found)
    for who in (hong, gu):
        services.sign_agreement(
            by=who, at=decided + timedelta(days=3), pilot_id=pilot.pk, text_sha256=pilot.agreement.text_sha256
        )
    _assess(gu, pilot)


def _score(gu: Actor, application: Application, at: datetime) -> None:
    """Three scorers, one of them far from the median."""
    for key, points in zip(SCORERS, POINTS, strict=True):
        who = people.actor(key)
        member = Membership.objects.get(user=who.user_id, organization=who.organization_id)
        seat = services.appoint(by=gu, at=at, application_id=application.pk, membership_id=member.pk)
        services.declare(by=who, at=at + timedelta(days=1), seat_id=seat.pk, has_conflict=False)
        services.score(
            by=who, at=at + timedelta(days=3), seat_id=seat.pk, points=points,
            opinion="材料与公告要求相符，按标准评分。",
        )  # fmt: skip


def _assess(gu: Actor, pilot: Pilot) -> None:
    at = shanghai(2026, 1, 20)
    brokers.assess_year(by=gu, at=at, pilot_id=pilot.pk, year=2025)
    services.decide(
        by=gu, at=at + timedelta(days=3), pilot_id=pilot.pk, verdict="continue",
        reasons="首年以建立委托关系为主，没有成交也没有争议；已有明确的委托意向，同意继续试点。",
    )  # fmt: skip
