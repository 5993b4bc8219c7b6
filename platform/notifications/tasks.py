"""Mail, after commit."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from notifications import services


@shared_task(name="notifications.mail_notifications")  # type: ignore[untyped-decorator]
def mail_notifications(ids: list[str]) -> int:
    """Mail messages to their people."""
    return services.send_mails([UUID(one) for one in ids])


@shared_task(name="notifications.mail_invitation")  # type: ignore[untyped-decorator]
def mail_invitation(email: str, language: str, organization: str, inviter: str, path: str) -> int:
    """Mail an invitation."""
    return services.mail_invitation(
        email=email, language=language, organization=organization, inviter=inviter, path=path
    )
