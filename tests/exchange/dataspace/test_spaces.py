"""Spaces: states, members, rules, and that nobody outside finds what is shared inside."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Invitation, Product
from exchange.catalogue.searching import facets, read_wanted
from exchange.catalogue.selectors import listed_products_for, plan_on_sale
from exchange.dataspace import selectors, services
from exchange.dataspace.models import Acceptance, Member, Opening, RuleVersion, Space
from exchange.dataspace.overview import pilot_overview
from exchange.trading import services as trading
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong, jiang
from tests.exchange.dataspace import spacing

pytestmark = pytest.mark.django_db
LATER = START + timedelta(days=1)


def finds(who: Actor, product: Product) -> list[bool]:
    """Whether the viewer finds a product: in the list, by search, by its address, by its plan, through the API."""
    client = Client()
    client.force_login(who.user)  # type: ignore[arg-type]
    plan = market.plan_of(product)
    try:
        plan_on_sale(who, plan.pk, LATER)
        may_buy = True
    except NotFound:
        may_buy = False
    _facets, total = facets(read_wanted(product.number, {}), who)
    listed = client.get(f"/api/catalogue/products?q={product.number}").content.decode()
    return [
        listed_products_for(who).filter(pk=product.pk).exists(),
        total.count > 0,
        client.get(reverse("catalogue:product", args=[product.number])).status_code == 200,
        client.get(f"/api/catalogue/products/{product.number}").status_code == 200,
        product.number in listed,
        may_buy,
    ]


EVERYWHERE, NOWHERE = [True] * 6, [False] * 6


# --- the space ----------------------------------------------------------------------------------


def test_a_broker_in_the_pilot_applies_and_the_operator_approves_with_reasons() -> None:
    brokerage.broker_in_pilot()
    space = spacing.applied()
    assert (space.state, space.rules_version) == ("applied", 0)
    assert space.number.startswith("KJ-2026-")
    services.approve_space(by=cast.gu(), at=LATER, space_id=space.pk, reason="目标可核验，规则完整。")
    space.refresh_from_db()
    leader = space.members.get()
    assert (space.state, space.rules_version, space.opinion) == ("active", 1, "目标可核验，规则完整。")
    assert (leader.organization_id, leader.is_leader, leader.accepted_version) == (
        hong().organization_id,
        True,
        1,
    )
    assert [each.move for each in selectors.history_of(space.pk)] == ["approve"]
    assert AuditEvent.objects.filter(action="dataspaces.approve").count() == 1


def test_only_a_broker_in_the_pilot_applies() -> None:
    with pytest.raises(services.NotInPilot):
        spacing.applied(by=jiang())
    with pytest.raises(NotAllowed):
        spacing.applied(by=cast.zhou())
    assert Space.objects.count() == 0


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kind": "club"}, "kind"),
        ({"industry": "gambling"}, "industry"),
        ({"title": "空"}, "title"),
        ({"purpose": "太短"}, "purpose"),
        ({"rules": "请守规矩"}, "rules"),
    ],
)
def test_bad_applications_are_refused_at_their_field(wanted: dict[str, Any], field: str) -> None:
    brokerage.broker_in_pilot()
    with pytest.raises(InvalidInput) as refusal:
        spacing.applied(**wanted)
    assert refusal.value.field == field
    assert Space.objects.count() == 0


def test_an_application_without_a_milestone_is_returned_not_approved() -> None:
    brokerage.broker_in_pilot()
    space = services.apply_space(by=hong(), at=START, stated=spacing.stated())
    with pytest.raises(services.MilestonesMissing):
        services.approve_space(by=cast.gu(), at=START, space_id=space.pk, reason="目标可核验。")
    services.return_space(by=cast.gu(), at=START, space_id=space.pk, reason="请登记里程碑。")
    assert [todo.title for todo in selectors.todos(hong())] == ["数据空间申请被退回，请补正"]
    spacing.planned(space)
    services.amend_space(
        by=hong(), at=LATER, space_id=space.pk, stated=spacing.stated(title="陶瓷数据空间二（示例）")
    )
    services.approve_space(by=cast.gu(), at=LATER, space_id=space.pk, reason="已补正，同意。")
    space.refresh_from_db()
    assert (space.state, space.title) == ("active", "陶瓷数据空间二（示例）")


def test_the_wrong_parties_neither_see_nor_decide() -> None:
    brokerage.broker_in_pilot()
    space = spacing.applied()
    for stranger in (cast.lin(), cast.zhou(), jiang()):
        with pytest.raises(NotFound):
            selectors.space_for(stranger, space.pk)
        with pytest.raises(NotFound):
            services.approve_space(by=stranger, at=START, space_id=space.pk, reason="看着不错，同意。")
    for onlooker in (hong(), cast.shen(), cast.yan()):
        with pytest.raises(NotAllowed):
            services.approve_space(by=onlooker, at=START, space_id=space.pk, reason="看着不错，同意。")
    with pytest.raises(NotAllowed):
        services.withdraw_space(by=cast.gu(), at=START, space_id=space.pk, reason="替他撤回申请。")
    with pytest.raises(InvalidInput):
        services.reject_space(by=cast.gu(), at=START, space_id=space.pk, reason="不")
    space.refresh_from_db()
    assert space.state == "applied"


def test_who_leads_a_space_never_decides_on_it() -> None:
    brokerage.broker_in_pilot()
    space = spacing.applied()
    own = hong().organization
    assert own is not None
    own.kinds = [*own.kinds, "exchange_operator"]
    own.save(update_fields=["kinds"])
    with pytest.raises(SelfReview):
        services.approve_space(by=hong(), at=START, space_id=space.pk, reason="自己批准自己。")


def test_a_decision_is_made_once() -> None:
    space = spacing.active()
    for deed in (services.approve_space, services.reject_space, services.return_space):
        with pytest.raises(MoveNotAllowed):
            deed(by=cast.gu(), at=LATER, space_id=space.pk, reason="再次办理看看。")
    assert RuleVersion.objects.count() == 1


# --- what is shared -----------------------------------------------------------------------------


def test_members_find_what_is_shared_and_nobody_else_does() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    spacing.joined(space, cast.zhou())
    assert finds(cast.zhou(), product) == NOWHERE
    spacing.put(space, product)
    assert finds(cast.zhou(), product) == EVERYWHERE
    assert finds(hong(), product) == EVERYWHERE
    assert finds(cast.he(), product) == NOWHERE  # a buyer outside
    assert finds(jiang(), product) == NOWHERE  # a broker outside
    assert product.number not in Client().get("/api/catalogue/products").content.decode()


def test_who_is_invited_but_has_not_joined_finds_nothing() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    spacing.put(space, product)
    spacing.invited(space, cast.zhou())
    assert finds(cast.zhou(), product) == NOWHERE
    assert list(selectors.shared_with(cast.zhou(), space)) == []
    assert [each.organization_id for each in selectors.members_visible_to(cast.zhou(), space)] == [
        cast.zhou().organization_id
    ]


def test_a_member_that_leaves_loses_sight_at_once_and_its_order_goes_on() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    spacing.joined(space, cast.zhou())
    spacing.put(space, product)
    order = market.placed(product, at=START)
    services.leave_space(by=cast.zhou(), at=LATER, space_id=space.pk, reason="业务方向调整。")
    assert finds(cast.zhou(), product) == NOWHERE
    with pytest.raises(NotFound):
        selectors.space_for(cast.zhou(), space.pk)
    with pytest.raises(NotFound):
        market.placed(product, at=LATER)
    assert trading.sign_contract(by=cast.zhou(), at=LATER, order_id=order.pk).state == "placed"
    assert finds(hong(), product) == EVERYWHERE


def test_a_removed_member_reads_why_and_may_be_invited_again() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    member = spacing.joined(space, cast.zhou())
    spacing.put(space, product)
    with pytest.raises(InvalidInput):
        services.remove_member(by=hong(), at=LATER, member_id=member.pk, reason="")
    with pytest.raises(NotAllowed):
        services.remove_member(by=cast.lin(), at=LATER, member_id=member.pk, reason="不想看见它。")
    services.remove_member(by=hong(), at=LATER, member_id=member.pk, reason="将共享数据用于约定之外。")
    member.refresh_from_db()
    assert (member.state, member.reason) == ("removed", "将共享数据用于约定之外。")
    assert finds(cast.zhou(), product) == NOWHERE
    spacing.joined(space, cast.zhou(), at=LATER)
    assert finds(cast.zhou(), product) == EVERYWHERE
    assert Member.objects.filter(space=space, organization=cast.zhou().organization_id).count() == 2


def test_a_supplier_that_leaves_takes_its_products_along() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    spacing.joined(space, cast.zhou())
    shared = spacing.put(space, product)
    services.leave_space(by=cast.lin(), at=LATER, space_id=space.pk, reason="业务方向调整。")
    shared.refresh_from_db()
    assert shared.taken_at == LATER
    assert finds(cast.zhou(), product) == NOWHERE
    assert finds(hong(), product) == NOWHERE


def test_new_rules_close_the_space_until_each_member_has_accepted_them() -> None:
    space, product = spacing.active(), spacing.hidden()
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    former = spacing.said_yes(space)
    services.publish_rules(
        by=hong(), at=LATER, space_id=space.pk, text=spacing.NEW_RULES, reason="补充争议处理。"
    )
    space.refresh_from_db()
    assert finds(cast.zhou(), product) == NOWHERE
    assert finds(hong(), product) == NOWHERE  # its supplier shared it under other rules
    with pytest.raises(services.OtherRules):
        services.accept_rules(by=cast.zhou(), at=LATER, space_id=space.pk, text_sha256=former)
    services.accept_rules(by=cast.zhou(), at=LATER, space_id=space.pk, text_sha256=spacing.said_yes(space))
    assert finds(cast.zhou(), product) == NOWHERE
    services.accept_rules(by=cast.lin(), at=LATER, space_id=space.pk, text_sha256=spacing.said_yes(space))
    assert finds(cast.zhou(), product) == EVERYWHERE
    again = services.accept_rules(
        by=cast.lin(), at=LATER, space_id=space.pk, text_sha256=spacing.said_yes(space)
    )
    assert again.accepted_version == 2
    assert Acceptance.objects.filter(version__version=2).count() == 3


def test_a_guest_joins_only_with_the_rules_in_force() -> None:
    space = spacing.active()
    former = spacing.said_yes(space)
    spacing.invited(space, cast.zhou())
    services.publish_rules(
        by=hong(), at=START, space_id=space.pk, text=spacing.NEW_RULES, reason="补充争议处理。"
    )
    with pytest.raises(services.OtherRules):
        services.join_space(by=cast.zhou(), at=LATER, space_id=space.pk, text_sha256=former)
    with pytest.raises(NotFound):
        services.join_space(by=cast.he(), at=LATER, space_id=space.pk, text_sha256=former)
    with pytest.raises(services.RulesUnchanged):
        services.publish_rules(
            by=hong(), at=LATER, space_id=space.pk, text=spacing.NEW_RULES + "  \n", reason="没有变化的。"
        )
    assert Member.objects.get(organization=cast.zhou().organization_id).state == "invited"


@pytest.mark.parametrize("move", ["suspend", "close"])
def test_a_space_that_stops_shows_nothing_any_more(move: str) -> None:
    space, product = spacing.active(), spacing.hidden()
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    deed = {"suspend": services.suspend_space, "close": services.close_space}[move]
    deed(by=cast.gu(), at=LATER, space_id=space.pk, reason="按考核结论办理。")
    assert finds(cast.zhou(), product) == NOWHERE
    assert Opening.objects.filter(closed_at=None).count() == 0
    if move == "suspend":
        services.resume_space(by=cast.gu(), at=LATER, space_id=space.pk, reason="整改完成。")
        assert finds(cast.zhou(), product) == EVERYWHERE


def test_an_invitation_made_by_hand_stays_when_its_holder_leaves() -> None:
    space, product = spacing.active(), spacing.hidden(guest=cast.zhou())
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    assert Opening.objects.filter(organization=cast.zhou().organization_id).count() == 0
    services.leave_space(by=cast.zhou(), at=LATER, space_id=space.pk, reason="业务方向调整。")
    assert finds(cast.zhou(), product) == EVERYWHERE


def test_what_the_supplier_took_back_by_hand_stays_shut() -> None:
    space, product = spacing.active(), spacing.hidden()
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    invitation = Invitation.objects.get(
        product=product, organization=cast.zhou().organization_id, withdrawn_at=None
    )
    catalogue.withdraw_invitation(by=cast.lin(), at=LATER, product_id=product.pk, invitation_id=invitation.pk)
    spacing.joined(space, cast.he(), at=LATER)
    assert finds(cast.zhou(), product) == NOWHERE
    assert finds(cast.he(), product) == EVERYWHERE


def test_a_product_in_two_spaces_is_found_until_the_last_is_left() -> None:
    first, product = spacing.active(), spacing.hidden()
    second = spacing.applied(title="陶瓷行业流通平台（示例）")
    services.approve_space(by=cast.gu(), at=START, space_id=second.pk, reason="目标可核验。")
    for space in (first, second):
        for who in (cast.lin(), cast.zhou()):
            spacing.joined(space, who)
        spacing.put(space, product)
    services.leave_space(by=cast.zhou(), at=LATER, space_id=first.pk, reason="业务方向调整。")
    assert finds(cast.zhou(), product) == EVERYWHERE
    services.leave_space(by=cast.zhou(), at=LATER, space_id=second.pk, reason="业务方向调整。")
    assert finds(cast.zhou(), product) == NOWHERE


def test_only_members_put_in_only_what_is_theirs_and_for_invited_buyers() -> None:
    space, product, public = spacing.active(), spacing.hidden(), market.listed()
    with pytest.raises(NotFound):
        spacing.put(space, product)  # 清蓝 is no member yet
    spacing.invited(space, cast.lin())
    with pytest.raises(services.NoAccess):
        spacing.put(space, product)
    services.join_space(by=cast.lin(), at=START, space_id=space.pk, text_sha256=spacing.said_yes(space))
    with pytest.raises(services.NotForInvited):
        spacing.put(space, public)
    spacing.joined(space, cast.he())
    with pytest.raises(InvalidInput):
        spacing.put(space, product, by=cast.he())
    one = spacing.put(space, product)
    assert spacing.put(space, product) == one
    with pytest.raises(NotAllowed):
        services.take_product(by=cast.he(), at=LATER, shared_id=one.pk)
    services.take_product(by=hong(), at=LATER, shared_id=one.pk)
    assert finds(cast.he(), product) == NOWHERE


def test_a_product_that_stops_being_for_invited_buyers_is_closed_by_the_space() -> None:
    space, product = spacing.active(), spacing.hidden()
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    Product.objects.filter(pk=product.pk).update(visibility="public")
    services.follow_product(by=cast.lin(), at=LATER, product_id=product.pk)
    assert Opening.objects.filter(closed_at=None).count() == 0
    Product.objects.filter(pk=product.pk).update(visibility="invited")
    services.follow_product(by=cast.lin(), at=LATER, product_id=product.pk)
    assert finds(cast.zhou(), product) == EVERYWHERE


# --- members ------------------------------------------------------------------------------------


def test_invitations_go_to_verified_members_to_be_once() -> None:
    space = spacing.active()
    for uscc in ("91441802MA5000099X", cast.BUREAU[1]):
        with pytest.raises(services.NotEligible):
            services.invite_member(by=hong(), at=START, space_id=space.pk, uscc=uscc)
    spacing.invited(space, cast.zhou())
    with pytest.raises(services.AlreadyMember):
        spacing.invited(space, cast.zhou())
    with pytest.raises(NotAllowed):
        services.invite_member(by=cast.gu(), at=START, space_id=space.pk, uscc=cast.QINGLAN[1])
    services.decline_invitation(by=cast.zhou(), at=LATER, space_id=space.pk, reason="暂不需要。")
    with pytest.raises(NotFound):
        selectors.space_for(cast.zhou(), space.pk)
    member = spacing.invited(space, cast.zhou(), at=LATER)
    services.cancel_invitation(by=hong(), at=LATER, member_id=member.pk, reason="邀请有误。")
    with pytest.raises(NotFound):
        services.join_space(by=cast.zhou(), at=LATER, space_id=space.pk, text_sha256=spacing.said_yes(space))


def test_the_leader_neither_leaves_nor_is_removed() -> None:
    space = spacing.active()
    with pytest.raises(services.LeaderStays):
        services.leave_space(by=hong(), at=LATER, space_id=space.pk, reason="不想办了。")
    with pytest.raises(services.LeaderStays):
        services.remove_member(by=hong(), at=LATER, member_id=space.members.get().pk, reason="不想办了。")


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_make_one_member() -> None:
    space, product = spacing.active(), spacing.hidden()
    spacing.joined(space, cast.lin())
    spacing.put(space, product)
    spacing.invited(space, cast.zhou())
    who, told, refusals = cast.zhou(), spacing.said_yes(space), []

    def join() -> None:
        try:
            services.join_space(by=who, at=LATER, space_id=space.pk, text_sha256=told)
        except MoveNotAllowed as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [Thread(target=join) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == 1
    assert Acceptance.objects.filter(member__organization=who.organization_id).count() == 1
    assert Invitation.objects.filter(product=product, organization=who.organization_id).count() == 1


def test_rules_and_their_acceptance_are_never_changed() -> None:
    spacing.active()
    for rows in (RuleVersion.objects.all(), Acceptance.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleVersion.objects.update(text="什么都可以。")


# --- progress -----------------------------------------------------------------------------------


def test_a_milestone_is_reported_with_evidence_and_checked_by_the_operator() -> None:
    space = spacing.active()
    milestone = space.milestones.get()
    with pytest.raises(services.EvidenceMissing):
        services.report_milestone(
            by=hong(), at=LATER, milestone_id=milestone.pk, report="做完了。", document_id=None
        )
    foreign = spacing.file_of(cast.zhou())
    with pytest.raises(services.EvidenceMissing):
        services.report_milestone(
            by=hong(), at=LATER, milestone_id=milestone.pk, report="做完了。", document_id=foreign.pk
        )
    spacing.reported(milestone)
    with pytest.raises(NotAllowed):
        services.decide_milestone(
            by=hong(), at=LATER, milestone_id=milestone.pk, move="confirm", reason="自己核验。"
        )
    services.decide_milestone(
        by=cast.gu(), at=LATER, milestone_id=milestone.pk, move="send_back", reason="名单缺两家。"
    )
    spacing.reported(milestone, at=LATER)
    services.decide_milestone(
        by=cast.gu(), at=LATER, milestone_id=milestone.pk, move="confirm", reason="名单齐全。"
    )
    milestone.refresh_from_db()
    assert milestone.state == "met"
    assert [each.move for each in selectors.history_of(milestone.pk)] == [
        "report", "send_back", "report", "confirm",
    ]  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic():
        type(milestone).objects.update(due_on=LATER.date())


def test_a_milestone_is_late_from_the_day_after_its_own() -> None:
    space = spacing.active()
    due = space.milestones.get().due_on
    assert selectors.late_milestones(due).count() == 0
    assert selectors.late_milestones(due + timedelta(days=1)).count() == 1


def test_a_landed_project_counts_when_the_operator_has_verified_it() -> None:
    space = spacing.active()
    with pytest.raises(InvalidInput) as refusal:
        spacing.claimed(space, place="440100")
    assert refusal.value.field == "place"
    landing = spacing.claimed(space)
    assert selectors.landed_amount(space.landings.all()).yuan == "0.00"
    for wrong in (hong(), cast.shen()):
        with pytest.raises(NotAllowed):
            services.decide_landing(
                by=wrong, at=LATER, landing_id=landing.pk, is_verified=True, opinion="看着像真的。"
            )
    services.decide_landing(
        by=cast.gu(), at=LATER, landing_id=landing.pk, is_verified=True, opinion="凭证一致。"
    )
    assert selectors.landed_amount(space.landings.all()).yuan == "12000000.00"
    refused = spacing.claimed(space, yuan="1")
    services.decide_landing(
        by=cast.gu(), at=LATER, landing_id=refused.pk, is_verified=False, opinion="凭证不符。"
    )
    assert selectors.landed_amount(space.landings.all()).yuan == "12000000.00"
    with pytest.raises(MoveNotAllowed):
        services.decide_landing(
            by=cast.gu(), at=LATER, landing_id=refused.pk, is_verified=True, opinion="凭证不符。"
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        type(landing).objects.filter(pk=landing.pk).update(amount_fen=1)


def test_members_read_progress_but_neither_evidence_nor_what_is_unverified() -> None:
    space = spacing.active()
    spacing.joined(space, cast.zhou())
    waiting, landing = spacing.claimed(space), spacing.verified(space)
    assert list(selectors.landings_visible_to(cast.zhou(), space)) == [landing]
    assert set(selectors.landings_visible_to(hong(), space)) == {waiting, landing}
    with pytest.raises(NotFound):
        selectors.evidence_for(cast.zhou(), space.pk, landing.document_id)
    assert selectors.evidence_for(cast.shen(), space.pk, landing.document_id) == landing.document
    with pytest.raises(NotFound):
        selectors.evidence_for(cast.shen(), space.pk, spacing.file_of().pk)


# --- the pilot's end, the news, the overview ----------------------------------------------------


def test_when_the_broker_leaves_the_pilot_its_spaces_are_suspended(product_wired: None) -> None:
    from exchange.pilots import services as pilots
    from exchange.pilots.models import Pilot

    space, product = spacing.active(), spacing.hidden()
    for who in (cast.lin(), cast.zhou()):
        spacing.joined(space, who)
    spacing.put(space, product)
    pilots.exit_pilot(
        by=cast.gu(), at=LATER, pilot_id=Pilot.objects.get().pk, reason="业务调整，主动申请退出试点。"
    )
    space.refresh_from_db()
    assert space.state == "suspended"
    assert finds(cast.zhou(), product) == NOWHERE
    with pytest.raises(services.NotInPilot):
        services.resume_space(by=cast.gu(), at=LATER, space_id=space.pk, reason="恢复看看。")


def test_everybody_concerned_is_told(product_wired: None) -> None:
    space = spacing.active()
    member = spacing.joined(space, cast.zhou())
    services.publish_rules(
        by=hong(), at=LATER, space_id=space.pk, text=spacing.NEW_RULES, reason="补充争议处理。"
    )
    spacing.reported(space.milestones.get())
    spacing.verified(space)
    services.remove_member(by=hong(), at=LATER, member_id=member.pk, reason="将共享数据用于约定之外。")

    def told(who: Actor) -> list[str]:
        rows = Notification.objects.filter(user=who.user_id, url__startswith="/spaces").order_by("pk")
        return [each.title for each in rows]

    title = "陶瓷行业数据空间（示例）"
    assert told(cast.zhou()) == [
        f"贵单位受邀加入行业数据空间“{title}”",
        f"行业数据空间“{title}”规则已更新，请阅读并同意",
        f"贵单位已被移出行业数据空间“{title}”：将共享数据用于约定之外。",
    ]
    assert told(hong()) == [
        f"行业数据空间“{title}”已获批准",
        f"有单位加入行业数据空间“{title}”",
        "落地项目“陶瓷缺陷检测中心（示例）”已有核验结论",
    ]
    assert told(cast.gu()) == [
        f"收到行业数据空间申请“{title}”",
        "里程碑“首批成员签约”已报告完成，请核验",
        "落地项目“陶瓷缺陷检测中心（示例）”等待核验",
    ]


def test_what_waits_stands_on_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=50))
    space = spacing.active()
    spacing.invited(space, cast.zhou())
    assert [todo.title for todo in selectors.todos(cast.zhou())] == ["答复加入邀请：陶瓷行业数据空间（示例）"]
    assert [todo.title for todo in selectors.todos(hong())] == ["里程碑：首批成员签约"]
    spacing.reported(space.milestones.get())
    spacing.claimed(space)
    assert [todo.title for todo in selectors.todos(cast.gu())] == [
        "核验里程碑：首批成员签约", "核验落地项目：陶瓷缺陷检测中心（示例）",
    ]  # fmt: skip
    assert selectors.todos(cast.lin()) == []


def test_the_department_reads_the_whole_pilot_on_one_page(product_wired: None) -> None:
    space = spacing.active()
    spacing.joined(space, cast.lin())
    spacing.put(space, spacing.hidden())
    spacing.verified(space)
    spacing.claimed(space, yuan="300")
    deal = brokerage.confirmed()
    brokerage.settle(deal.order)
    late = START + timedelta(days=61)
    found = pilot_overview(cast.shen(), late)
    assert (found.brokers_in_pilot, found.deals, found.amount.yuan, found.commission.yuan) == (
        1, 1, "68000.00", "1700.00",
    )  # fmt: skip
    assert (found.records_kept, found.records_required, found.incomplete_deals) == (3, 6, 1)
    assert sum(found.deals_by_month) == 1
    assert (found.spaces, found.platforms, found.member_organizations, found.products) == (1, 0, 2, 1)
    assert (found.milestones_met, found.milestones_open, found.milestones_late) == (0, 0, 1)
    assert (found.landings, found.landings_waiting, found.landed.yuan) == (1, 1, "12000000.00")
    (row,) = found.industries
    assert (row.label, row.spaces, row.members, row.products, row.late, row.landed.yuan) == (
        "工业制造", 1, 2, 1, 1, "12000000.00",
    )  # fmt: skip
    (broker,) = found.brokers
    assert (broker.deals, broker.commission.yuan, broker.records, broker.spaces) == (1, "1700.00", 50, 1)
    for outsider in (hong(), cast.lin()):
        with pytest.raises(NotAllowed):
            pilot_overview(outsider, late)


def test_nobody_outside_finds_a_space_by_its_number() -> None:
    space = spacing.active()
    spacing.joined(space, cast.zhou())
    assert [hit.number for hit in selectors.find(cast.zhou(), space.number)] == [space.number]
    assert selectors.find(cast.lin(), space.number) == []
    assert [hit.number for hit in selectors.find(cast.yan(), "陶瓷")] == [space.number]
