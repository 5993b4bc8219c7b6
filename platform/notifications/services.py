"""Telling people: a message in the site, and by mail once the deed is committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from kernel.errors import NotFound
from notifications.models import Notification
from notifications.selectors import notifications_visible_to
from organizations.events import MemberInvited, MemberJoined, VerificationDecided, VerificationSubmitted
from organizations.models import Organization
from organizations.permissions import VERIFY_ORGANIZATIONS, Actor
from organizations.selectors import holders
from organizations.states import Role

Text = str | Promise


def notify(
    *,
    users: Iterable[User],
    at: datetime,
    title: Text,
    body: Text = "",
    url: str = "",
    organization_id: UUID | None = None,
    words: Mapping[str, Any] | None = None,
    is_mailed: bool = True,
) -> list[Notification]:
    """Tell each person once, in their own language; lazy texts are put with `words` (%(name)s).

    `url` is a path of this site. Mail leaves after commit, in one task for everybody.
    """
    rows = []
    for user in {user.pk: user for user in users}.values():
        with translation.override(user.language):
            rows.append(
                Notification(
                    user=user,
                    organization_id=organization_id,
                    title=_worded(title, words)[:200],
                    body=_worded(body, words),
                    url=url[:300],
                    created_at=at,
                )
            )
    Notification.objects.bulk_create(rows)
    if rows and is_mailed:
        from notifications.tasks import mail_notifications

        ids = [str(row.pk) for row in rows]
        transaction.on_commit(lambda: mail_notifications.delay(ids))
    return rows


def _worded(text: Text, words: Mapping[str, Any] | None) -> str:
    return str(text) % words if words else str(text)


def notify_holders(
    *, organization_id: UUID, roles: Iterable[Role], at: datetime, title: Text, **told: Any
) -> list[Notification]:
    """Tell the organization's members who hold one of the roles (and its administrators)."""
    people = holders(organization_id, {*roles, Role.ADMINISTRATOR})
    return notify(users=people, at=at, title=title, organization_id=organization_id, **told)


@transaction.atomic
def mark_read(*, by: Actor, at: datetime, notification_id: UUID) -> Notification:
    """The viewer has read this message; reading again changes nothing."""
    found = notifications_visible_to(by).select_for_update().filter(pk=notification_id).first()
    if found is None:
        raise NotFound
    if found.read_at is None:
        found.read_at = at
        found.save(update_fields=["read_at"])
    return found


@transaction.atomic
def mark_all_read(*, by: Actor, at: datetime) -> int:
    """The viewer has read everything; how many were new."""
    return notifications_visible_to(by).filter(read_at=None).update(read_at=at)


def send_mails(ids: Iterable[UUID]) -> int:
    """Mail these messages to their people; how many left."""
    rows = Notification.objects.filter(pk__in=list(ids)).select_related("user")
    return sum(_mail(row.user.email, row.user.language, row.title, row.body, row.url) for row in rows)


def _mail(address: str, language: str, title: str, body: str, path: str) -> int:
    link = f"{settings.SITE_URL}{path}" if path.startswith("/") else ""
    with translation.override(language):
        foot = _("这封邮件由清数自动发出。")
    subject = "".join(title.splitlines())
    text = "\n\n".join(part for part in (body or title, link, f"-- \n{foot}") if part)
    return EmailMessage(subject, text, None, [address]).send()


def mail_invitation(*, email: str, language: str, organization: str, inviter: str, path: str) -> int:
    """Send an offer of membership, with its secret link, to a mailbox."""
    with translation.override(language):
        title = _("%(inviter)s 邀请您加入 %(organization)s") % {
            "inviter": inviter,
            "organization": organization,
        }
        body = _("请在七天内打开下面的链接接受邀请。如果您不认识邀请人，请忽略这封邮件。")
    return _mail(email, language, title, body, path)


# What other apps announce and people are told about; wired in config/wiring.py.


def tell_invited(event: MemberInvited) -> None:
    """Mail the invitation after commit, in the language of the account if there is one."""
    from notifications.tasks import mail_invitation as task

    known = User.objects.filter(email=event.email).values_list("language", flat=True).first()
    language = known or translation.get_language() or settings.LANGUAGE_CODE
    arguments = {
        "email": event.email,
        "language": language,
        "organization": event.organization_name,
        "inviter": event.inviter,
        "path": event.path,
    }
    transaction.on_commit(lambda: task.delay(**arguments))


def tell_joined(event: MemberJoined) -> None:
    """Tell the administrators who joined."""
    others = holders(event.organization_id, {Role.ADMINISTRATOR}).exclude(pk=event.user_id)
    notify(
        users=others,
        at=event.at,
        title=gettext_lazy("%(person)s 已加入本单位"),
        words={"person": event.person},
        url=reverse("organizations:members"),
        organization_id=event.organization_id,
        is_mailed=False,
    )


def tell_verification_submitted(event: VerificationSubmitted) -> None:
    """Tell those who verify that somebody waits."""
    reviewers = User.objects.filter(
        memberships__ended_at=None,
        memberships__organization__kinds__overlap=[kind.value for kind in VERIFY_ORGANIZATIONS.kinds],
        memberships__roles__overlap=[role.value for role in VERIFY_ORGANIZATIONS.roles],
        is_active=True,
    ).distinct()
    notify(
        users=reviewers,
        at=event.at,
        title=gettext_lazy("%(name)s 提交了单位认证，等待审核"),
        words={"name": event.organization_name},
        url=reverse("organizations:verification", args=[event.organization_id]),
        is_mailed=False,
    )


def tell_verification_decided(event: VerificationDecided) -> None:
    """Tell the organization's administrators the decision."""
    name = Organization.objects.values_list("name", flat=True).get(pk=event.organization_id)
    title = (
        gettext_lazy("%(name)s 的单位认证已通过")
        if event.is_approved
        else gettext_lazy("%(name)s 的认证资料被退回")
    )
    notify_holders(
        organization_id=event.organization_id,
        roles=(),
        at=event.at,
        title=title,
        body=event.remark.replace("%", "%%"),
        words={"name": name},
        url=reverse("organizations:detail"),
    )
