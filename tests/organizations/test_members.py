"""Members are invited, join, change roles and leave; somebody always administers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import translation

from accounts.models import User
from audit.models import AuditEvent
from kernel import clock, events
from kernel.errors import InvalidInput, NotAllowed, NotFound
from notifications import services as notifications
from organizations import services
from organizations.events import MemberInvited, MemberJoined
from organizations.models import Invitation, Membership
from organizations.permissions import Actor
from organizations.services.members import (
    AlreadyMember,
    InvitationClosed,
    InvitationForAnother,
    LastAdministrator,
)
from organizations.states import Role
from tests.cast import NOON, QINGLAN, lin, mei, person, zhou

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {MemberInvited: (notifications.tell_invited,), MemberJoined: (notifications.tell_joined,)}
    monkeypatch.setattr(events, "_handlers", table)


def invited(email: str = "wang@example.cn", *roles: str) -> tuple[Invitation, str]:
    return services.invite(by=lin(), at=NOON, email=email, roles=list(roles) or ["annotator"])


def account(email: str = "wang@example.cn") -> Actor:
    return Actor(user=User.objects.create_user(email, "long-enough-password", name="王"))


def test_an_invitation_goes_by_mail_and_its_secret_is_stored_nowhere(
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        invitation, token = invited("Wang@Example.cn")
    (letter,) = mail.outbox
    assert letter.to == ["wang@example.cn"]
    assert f"/organization/invitations/{token}/" in letter.body
    assert token not in str(vars(invitation))
    assert not AuditEvent.objects.filter(detail__icontains=token).exists()


def test_the_invited_person_joins_with_those_roles_once() -> None:
    _invitation, token = invited("wang@example.cn", "annotator", "quality_reviewer")
    wang = account()
    membership = services.accept_invitation(by=wang, at=NOON, token=token)
    assert membership.roles == ["annotator", "quality_reviewer"]
    with pytest.raises(InvitationClosed):
        services.accept_invitation(by=wang, at=NOON, token=token)
    lin_user = lin().user
    assert lin_user is not None
    assert lin_user.notifications.get().title == "王 已加入本单位"


def test_nobody_takes_an_invitation_of_another_mailbox() -> None:
    _invitation, token = invited()
    with pytest.raises(InvitationForAnother):
        services.accept_invitation(by=account("li@example.cn"), at=NOON, token=token)
    with pytest.raises(NotFound):
        services.accept_invitation(by=account(), at=NOON, token="guess")


def test_an_invitation_runs_seven_days_and_can_be_withdrawn() -> None:
    _invitation, token = invited()
    wang = account()
    with pytest.raises(InvitationClosed):
        services.accept_invitation(by=wang, at=NOON + timedelta(days=7), token=token)
    invitation, token = invited()
    services.withdraw_invitation(by=lin(), at=NOON, invitation_id=invitation.pk)
    with pytest.raises(InvitationClosed):
        services.accept_invitation(by=wang, at=NOON, token=token)


def test_inviting_again_replaces_the_first_link() -> None:
    _first, old = invited()
    _second, new = invited()
    wang = account()
    with pytest.raises(InvitationClosed):
        services.accept_invitation(by=wang, at=NOON, token=old)
    assert services.accept_invitation(by=wang, at=NOON, token=new).user == wang.user


def test_members_and_wrong_addresses_or_roles_are_not_invited() -> None:
    mei()
    with pytest.raises(AlreadyMember):
        invited("mei@example.cn")
    with pytest.raises(InvalidInput):
        invited("not-an-address")
    with pytest.raises(InvalidInput):
        invited("wang@example.cn", "king")
    with pytest.raises(NotAllowed):
        services.invite(by=mei(), at=NOON, email="wang@example.cn", roles=["annotator"])


def test_a_former_member_comes_back_to_the_same_row() -> None:
    lin()
    member = Membership.objects.get(user=mei().user)
    services.end_membership(by=lin(), at=NOON, membership_id=member.pk)
    _invitation, token = invited("mei@example.cn", "trader")
    back = services.accept_invitation(by=Actor(user=member.user), at=NOON, token=token)
    assert (back.pk, back.ended_at, back.roles) == (member.pk, None, ["trader"])


def test_the_last_administrator_stays_until_there_is_another() -> None:
    admin = lin()
    membership = Membership.objects.get(user=admin.user)
    with pytest.raises(LastAdministrator):
        services.end_membership(by=admin, at=NOON, membership_id=membership.pk)
    with pytest.raises(LastAdministrator):
        services.change_roles(by=admin, at=NOON, membership_id=membership.pk, roles=["trader"])
    person("wei", QINGLAN, Role.ADMINISTRATOR)
    assert services.end_membership(by=admin, at=NOON, membership_id=membership.pk).ended_at == NOON


def test_a_member_may_leave_but_not_remove_or_promote_others() -> None:
    lin()
    me, other = Membership.objects.get(user=mei().user), Membership.objects.get(user=lin().user)
    with pytest.raises(NotAllowed):
        services.change_roles(by=mei(), at=NOON, membership_id=me.pk, roles=["administrator"])
    with pytest.raises(NotAllowed):
        services.end_membership(by=mei(), at=NOON, membership_id=other.pk)
    assert services.end_membership(by=mei(), at=NOON, membership_id=me.pk).ended_at == NOON


def test_another_organization_does_not_see_the_members() -> None:
    lin()
    with pytest.raises(NotFound):
        services.change_roles(
            by=zhou(), at=NOON, membership_id=Membership.objects.get(user=lin().user).pk, roles=["trader"]
        )


def test_a_changed_role_is_recorded_with_before_and_after() -> None:
    lin()
    member = Membership.objects.get(user=mei().user)
    services.change_roles(by=lin(), at=NOON, membership_id=member.pk, roles=["trader", "annotator"])
    event = AuditEvent.objects.get(action="members.change_roles")
    assert event.detail == {"before": ["annotator"], "after": ["annotator", "trader"]}


def invited_today() -> str:
    _invitation, token = services.invite(
        by=lin(), at=clock.now(), email="wang@example.cn", roles=["annotator"]
    )
    return token


def test_the_invitation_page_leads_strangers_to_sign_in_and_back(client: Any) -> None:
    token = invited_today()
    answer = client.post(f"/organization/invitations/{token}/")
    assert answer["Location"] == f"/accounts/login/?next=%2Forganization%2Finvitations%2F{token}%2F"
    page = client.get(f"/organization/invitations/{token}/").content.decode()
    assert f"/accounts/login/?next=/organization/invitations/{token}/" in page
    assert client.get("/organization/invitations/nonsense/").status_code == 404


def test_accepting_on_the_page_switches_to_the_new_organization(client: Any) -> None:
    token = invited_today()
    wang = account()
    client.force_login(wang.user)
    answer = client.post(f"/organization/invitations/{token}/")
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    assert client.session["current_organization"] == str(lin().organization_id)


def test_a_record_names_the_organization_alike_whatever_language_is_read() -> None:
    actor = lin()
    assert actor.organization is not None
    actor.organization.name_en = "Qinglan (demo)"
    in_chinese = actor.label
    with translation.override("en"):
        assert actor.label == in_chinese
    assert actor.organization.name in in_chinese
