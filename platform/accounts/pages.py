"""账户: a person's own name, language, ways to sign in, and sessions."""

from __future__ import annotations

from typing import cast

from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.forms import ProfileForm
from accounts.models import User

YEAR_SECONDS = 365 * 24 * 3600


@require_http_methods(["GET", "POST"])
@login_required
def me(request: HttpRequest) -> HttpResponse:
    """Name and language, and what protects the account."""
    user, status = cast(User, request.user), 200
    form = ProfileForm(request.POST or None, initial={"name": user.name, "language": user.language})
    if request.method == "POST":
        if form.is_valid():
            saved = services.edit_profile(user_id=user.pk, **form.cleaned_data)
            translation.activate(saved.language)
            messages.success(request, _("账户资料已保存。"))
            response = redirect("accounts:me")
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME, saved.language, max_age=YEAR_SECONDS, samesite="Lax"
            )
            return response
        status = 422
    sessions = UserSession.objects.filter(user=user).order_by("-last_seen_at")
    context = {
        "form": form,
        "user": user,
        "is_mfa_on": is_mfa_enabled(user),
        "sessions": [(one, one.session_key == request.session.session_key) for one in sessions],
    }
    return render(request, "accounts/me.html", context, status=status)


@require_POST
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    count = services.end_other_sessions(
        user_id=cast(User, request.user).pk, current_key=request.session.session_key
    )
    said = ngettext("已退出其他 %(count)s 处登录。", "已退出其他 %(count)s 处登录。", count) % {
        "count": count
    }
    messages.success(request, said)
    return redirect("accounts:me")
