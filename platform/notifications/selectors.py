"""A person's messages."""

from __future__ import annotations

from django.db.models import QuerySet

from notifications.models import Notification
from organizations.permissions import Actor


def notifications_visible_to(viewer: Actor) -> QuerySet[Notification]:
    """The viewer's own messages, from all their organizations."""
    if viewer.user_id is None:
        return Notification.objects.none()
    return Notification.objects.filter(user_id=viewer.user_id)


def unread_count(viewer: Actor) -> int:
    """How many the viewer has not read."""
    return notifications_visible_to(viewer).filter(read_at=None).count()
