"""Review by several: the lead, hand-over, the second reviewer, the committee, letters of correction."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from assets.registry import rules, selectors, services
from assets.registry.models import Application, CommitteeVote, CorrectionLetter, ReviewAssignment
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.states import MoveNotAllowed
from organizations.models import Membership
from organizations.permissions import Actor
from tests import cast
from tests.assets.conftest import Registration, an, bo, client_of, director, moved, reviewed
from tests.cast import NOON

pytestmark = pytest.mark.django_db


def user(actor: Actor) -> User:
    assert actor.user is not None
    return actor.user


def member(name: str) -> Actor:
    return cast.person(name, cast.BUREAU, cast.Role.SECOND_REVIEWER)


def important() -> Application:
    """An application of important data, every point judged to hold by its lead gu."""
    return Registration(changes={"classification": "important"}).judged()


def with_hat(actor: Actor) -> Actor:
    """The same person, also a reviewer at the base."""
    hat, _made = Membership.objects.get_or_create(
        user=user(actor),
        organization=cast.organization(cast.BASE),
        defaults={"roles": ["registration_reviewer"]},
    )
    return Actor.of(hat)


def seat(application: Application, *people: Actor) -> None:
    services.convene(
        by=cast.gu(), at=NOON, application_id=application.pk, member_ids=[user(one).pk for one in people]
    )


def second_agrees(application: Application) -> None:
    services.assign_second(by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk)
    services.give_opinion(by=an(), at=NOON, application_id=application.pk, concurs=True, opinion="同意")


def cast_votes(application: Application, *votes: tuple[Actor, bool]) -> None:
    for who, is_in_favour in votes:
        services.vote(
            by=who, at=NOON, application_id=application.pk, is_in_favour=is_in_favour, reason="理由如会议记录"
        )


# --- the lead, hand-over ------------------------------------------------------------------------


def test_only_the_lead_judges_passes_returns_and_refuses() -> None:
    application = Registration().judged()
    for act in (
        lambda: services.record_finding(
            by=an(), at=NOON, application_id=application.pk, check_code="source", verdict="pass"
        ),
        lambda: services.pass_review(by=an(), at=NOON, application_id=application.pk),
        lambda: services.return_(by=an(), at=NOON, application_id=application.pk, reason="补正"),
        lambda: services.reject(by=an(), at=NOON, application_id=application.pk, reason="不符合"),
    ):
        with pytest.raises(services.NotYourReview):
            act()
    assert moved(application).state == "compliance_review"


def test_the_lead_hands_over_with_a_reason_and_both_are_on_record() -> None:
    application = Registration().judged()
    with pytest.raises(services.ReasonMissing):
        services.hand_over(
            by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk, reason=""
        )
    services.hand_over(
        by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk, reason="休假"
    )
    rows = ReviewAssignment.objects.filter(role="lead").order_by("pk")
    assert [(row.reviewer.name, row.ended_reason) for row in rows] == [("Gu", "休假"), ("An", "")]
    services.pass_review(by=an(), at=NOON, application_id=application.pk)


def test_a_manager_may_hand_over_and_a_colleague_may_not() -> None:
    application = Registration().judged()
    with pytest.raises(services.NotYourReview):
        services.hand_over(
            by=an(), at=NOON, application_id=application.pk, reviewer_id=user(bo()).pk, reason="我来"
        )
    services.hand_over(
        by=director(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk, reason="逾期"
    )
    assert moved(application).reviewer == user(an())


def test_a_review_is_never_handed_to_the_author_or_a_colleague_of_the_author() -> None:
    application = Registration().judged()
    with_hat(cast.lin()), with_hat(cast.tao())
    for who in (cast.lin(), cast.tao(), cast.zhou(), cast.shen()):
        with pytest.raises(InvalidInput) as refused:
            services.hand_over(
                by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(who).pk, reason="换人"
            )
        assert refused.value.field == "reviewer"


# --- important data -----------------------------------------------------------------------------


def test_important_data_need_a_second_reviewer_and_a_committee() -> None:
    application = important()
    with pytest.raises(services.MoreNeeded) as refused:
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    assert "复核人的同意意见" in str(refused.value)
    assert "合规委员会全体表决、过半数赞成" in str(refused.value)
    second_agrees(application)
    three = (cast.shen(), member("ke"), member("pan"))
    seat(application, *three)
    cast_votes(application, (three[0], True), (three[1], False))
    with pytest.raises(services.MoreNeeded):
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    cast_votes(application, (three[2], True))
    assert services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk).state == "public_notice"


def test_a_lost_vote_never_passes() -> None:
    application = important()
    second_agrees(application)
    three = (cast.shen(), member("ke"), member("pan"))
    seat(application, *three)
    cast_votes(application, (three[0], False), (three[1], False), (three[2], True))
    with pytest.raises(services.MoreNeeded):
        services.pass_review(by=cast.gu(), at=NOON, application_id=application.pk)
    services.reject(by=cast.gu(), at=NOON, application_id=application.pk, reason="委员会未通过")


def test_a_second_reviewer_who_is_the_author_or_the_lead_is_refused() -> None:
    application = important()
    with_hat(cast.lin())
    for who in (cast.lin(), cast.gu(), cast.mei()):
        with pytest.raises(InvalidInput) as refused:
            services.assign_second(
                by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(who).pk
            )
        assert refused.value.field == "reviewer"
    assert not ReviewAssignment.objects.filter(role="second").exists()


def test_a_second_reviewer_who_joined_the_registrant_since_is_refused() -> None:
    application = important()
    services.assign_second(by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk)
    Membership.objects.create(
        user=user(an()), organization=cast.organization(cast.QINGLAN), roles=["finance"]
    )
    with pytest.raises(SelfReview):
        services.give_opinion(by=an(), at=NOON, application_id=application.pk, concurs=True, opinion="同意")


def test_only_the_second_reviewer_gives_the_second_opinion_and_with_a_reason() -> None:
    application = important()
    services.assign_second(by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk)
    with pytest.raises(NotFound):
        services.give_opinion(by=bo(), at=NOON, application_id=application.pk, concurs=True, opinion="同意")
    with pytest.raises(services.ReasonMissing):
        services.give_opinion(by=an(), at=NOON, application_id=application.pk, concurs=False, opinion=" ")


@pytest.mark.parametrize("size", [0, 1, 2, 4])
def test_a_committee_is_odd_and_three_at_least(size: int) -> None:
    application = important()
    people = [cast.shen(), member("ke"), member("pan"), member("xu")][:size]
    with pytest.raises(InvalidInput) as refused:
        seat(application, *people)
    assert refused.value.field == "members"


def test_nobody_of_the_registrant_nor_a_reviewer_sits_on_the_committee() -> None:
    application = important()
    services.assign_second(by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk)
    with_hat(cast.tao())
    for who in (cast.tao(), cast.gu(), an(), cast.zhou()):
        with pytest.raises(InvalidInput):
            seat(application, cast.shen(), member("ke"), who)


def test_a_committee_is_convened_once_and_votes_once() -> None:
    application = important()
    three = (cast.shen(), member("ke"), member("pan"))
    seat(application, *three)
    with pytest.raises(services.AlreadyConvened):
        seat(application, *three)
    with pytest.raises(NotFound):
        cast_votes(application, (member("xu"), True))
    with pytest.raises(NotAllowed):
        cast_votes(application, (cast.zhou(), True))
    cast_votes(application, (three[0], False))
    with pytest.raises(services.AlreadyVoted):
        cast_votes(application, (three[0], True))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_committeevote SET is_in_favour = true")
    assert CommitteeVote.objects.get().is_in_favour is False


def test_a_committee_member_sees_what_it_votes_on_and_nothing_else() -> None:
    application = important()
    other = Registration(changes={"classification": "important"}).submitted()
    assert not selectors.applications_visible_to(cast.shen()).exists()
    seat(application, cast.shen(), member("ke"), member("pan"))
    assert list(selectors.applications_visible_to(cast.shen())) == [application]
    assert other not in selectors.applications_visible_to(member("ke"))


def test_general_data_need_neither() -> None:
    application = Registration().judged()
    with pytest.raises(services.NotImportant):
        services.assign_second(
            by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk
        )
    with pytest.raises(services.NotImportant):
        seat(application, cast.shen(), member("ke"), member("pan"))


def test_nobody_is_assigned_outside_the_review() -> None:
    application = Registration(changes={"classification": "important"}).submitted()
    with pytest.raises(MoveNotAllowed):
        services.assign_second(
            by=cast.gu(), at=NOON, application_id=application.pk, reviewer_id=user(an()).pk
        )


# --- letters of correction ----------------------------------------------------------------------


def fail(application: Application, *points: str) -> None:
    for code in points:
        services.record_finding(
            by=cast.gu(), at=NOON, application_id=application.pk, check_code=code, verdict="fail", remark="缺"
        )


def resubmitted(application: Application) -> Application:
    services.submit(by=cast.lin(), at=NOON, application_id=application.pk)
    return reviewed(application, at=NOON)


def test_a_letter_waits_until_every_point_is_judged() -> None:
    application = Registration().in_review()
    fail(application, "source")
    with pytest.raises(services.LetterIncomplete) as refused:
        services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="补正来源")
    assert "应用场景" in str(refused.value)
    assert not CorrectionLetter.objects.exists()


def test_all_failed_points_go_into_one_letter() -> None:
    application = Registration().judged()
    fail(application, "source", "legal")
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="补正两项")
    letter = CorrectionLetter.objects.get()
    assert (letter.ordinal, letter.points, letter.words) == (1, ["source", "legal"], "补正两项")


def test_the_registrant_reads_every_point_with_what_was_found_and_where_to_mend_it() -> None:
    application = Registration().judged()
    fail(application, "source", "legal")
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="补正两项")
    sent = selectors.letters_of(application)[0]
    told = [(str(point.title), point.remark, point.section) for point in sent.points]
    assert told == [("来源与授权", "缺", "source"), ("法律意见或合规自述", "缺", "legal")]
    page = client_of(cast.lin()).get(f"/registry/{application.pk}/").content.decode()
    assert f'href="/registry/{application.pk}/source/">来源与授权</a><br>缺' in page


def test_a_second_letter_names_only_points_of_the_first_or_new_facts() -> None:
    application = Registration().judged()
    fail(application, "source")
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="补正来源")
    application = resubmitted(application)
    fail(application, "source", "rights")
    with pytest.raises(services.BeyondFirstLetter) as refused:
        services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="再补")
    assert "登记权利" in str(refused.value)
    assert "来源与授权" not in str(refused.value)
    assert moved(application).state == "compliance_review"
    services.return_(
        by=cast.gu(),
        at=NOON,
        application_id=application.pk,
        reason="再补",
        new_facts="原权利人来函撤销授权。",
    )
    assert [letter.points for letter in CorrectionLetter.objects.order_by("ordinal")] == [
        ["source"],
        ["source", "rights"],
    ]


def test_at_acceptance_points_come_from_the_checklist() -> None:
    application = Registration().submitted()
    with pytest.raises(InvalidInput):
        services.return_(
            by=cast.gu(), at=NOON, application_id=application.pk, reason="x", points=["agreement"]
        )
    services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="缺件", points=["source"])
    services.submit(by=cast.lin(), at=NOON, application_id=application.pk)
    with pytest.raises(services.BeyondFirstLetter):
        services.return_(
            by=cast.gu(), at=NOON, application_id=application.pk, reason="又缺", points=["legal"]
        )


def test_every_check_of_every_kind_is_known() -> None:
    for kind in rules.KINDS.values():
        assert set(kind.checks) <= set(rules.CHECKS)
        assert set(kind.sections) <= set(rules.SECTIONS)
