"""Refusals: what the product says no to, each with a stable code and a remedy."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refusal(Exception):
    """A request the rules do not allow; nothing was changed.

    Subclass per refusal, beside the service that raises it. `code` is stable and part of the API;
    `message` is translatable, says what to do, and may use `%(name)s` from the keyword arguments;
    `field` names the input at fault. `status` is the HTTP status of the API's problem document.
    """

    code: ClassVar[str] = "refused"
    message: ClassVar[str | Promise] = _("请求未被接受。")
    status: ClassVar[int] = 409

    def __init__(self, *, field: str = "", **context: Any) -> None:
        self.field = field
        self.context = context
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message) % self.context if self.context else str(self.message)


class NotAllowed(Refusal):
    """The viewer sees the thing but may not do this to it."""

    code = "not_allowed"
    message = _("您在“%(organization)s”的角色没有“%(permission)s”的权限，请联系本单位管理员授权。")
    status = 403


class NotFound(Refusal):
    """The thing does not exist for this viewer."""

    code = "not_found"
    message = _("没有找到该对象，或它不属于您当前的单位。")
    status = 404


class InvalidInput(Refusal):
    """One field of the input is wrong; `reason` says how and what to do."""

    code = "invalid_input"
    message = _("%(reason)s")
    status = 422


class SelfReview(Refusal):
    """The author of a thing never reviews it (separation of duties)."""

    code = "self_review"
    message = _("提交人及其所在单位不得审核自己提交的事项，请转交其他审核人。")
    status = 403
