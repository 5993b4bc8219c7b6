"""Asking people again who they are before they bind their organization or move money (password or second factor).

What allauth asks for before changes to an account, for any page: the confirmation of the same session holds
for ACCOUNT_REAUTHENTICATION_TIMEOUT seconds. Programs with an API key prove themselves with every request.
"""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal


class IdentityNotConfirmed(Refusal):
    """The session has not lately shown that the person is who signed in; a page leads to `back` afterwards."""

    code = "identity_not_confirmed"
    message = _("签署或动用资金前请再次确认身份：在网页上输入密码或动态码，或改用 API 密钥调用。")
    status = 403

    def __init__(self, *, back: str = "") -> None:
        super().__init__()
        self.back = back


@reauthentication_required  # type: ignore[untyped-decorator]
def _confirmed(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def is_recently_confirmed(request: HttpRequest) -> bool:
    """Whether this session's person entered a password or code again a short while ago."""
    try:
        _confirmed(request)
    except ReauthenticationRequired:
        return False
    return True


def require_recent_authentication(request: HttpRequest, *, back: str = "") -> None:
    """Raise IdentityNotConfirmed unless the session's person was confirmed again a short while ago.

    In a page, after its permissions: the browser is led to the page that asks, and then `back` (a path of this site).
    """
    if not is_recently_confirmed(request):
        raise IdentityNotConfirmed(back=back)


def confirmation_of(request: HttpRequest, *, back: str) -> HttpResponseRedirect:
    """To the page that asks again who it is; it leads `back` (a path of this site) afterwards."""
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")
