"""Writes on people's own accounts (signing in and passwords are django-allauth's)."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.models import User


@transaction.atomic
def edit_profile(*, user_id: UUID, name: str, language: str) -> User:
    """Keep the person's name and language."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    user.name, user.language = name.strip(), language
    user.save(update_fields=["name", "language"])
    return user


@transaction.atomic
def end_other_sessions(*, user_id: UUID, current_key: str | None) -> int:
    """Sign the person out everywhere but here; how many sessions ended."""
    from allauth.usersessions.models import UserSession

    others = list(UserSession.objects.filter(user_id=user_id).exclude(session_key=current_key or ""))
    for session in others:
        session.end()
    return len(others)
