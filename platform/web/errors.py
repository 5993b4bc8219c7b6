"""The error pages: what happened, what is saved, what to do, and a reference number."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal
from web.answers import wants_fragment
from web.parts import Text


@dataclass(frozen=True, slots=True)
class Trouble:
    """The words of one error page."""

    title: Text
    happened: Text
    saved: Text
    remedy: Text
    icon: str = "circle-alert"
    tone: str = "amber"


_NOTHING_CHANGED = _("这次请求没有改动任何内容，此前已保存的都还在。")
TROUBLES: dict[int, Trouble] = {
    400: Trouble(
        _("这个请求无法识别"),
        _("地址或提交的内容不完整，系统没有办理。"),
        _NOTHING_CHANGED,
        _("返回上一页重新提交；如果是复制来的地址，请确认复制完整。"),
    ),
    403: Trouble(
        _("您没有办理这件事的权限"),
        _("您当前的单位和角色不能打开或办理这一页。"),
        _NOTHING_CHANGED,
        _("在左上角切换单位，或请本单位管理员授权。"),
        "lock",
    ),
    404: Trouble(
        _("没有找到这一页"),
        _("地址有误，内容已移走，或它不属于您当前的单位。"),
        _NOTHING_CHANGED,
        _("用上方搜索框输入编号直接查找，或切换单位后再试。"),
        "search-x",
    ),
    409: Trouble(
        _("现在不能这样办理"),
        _("它的状态已经变化，或同一请求已经办理过。"),
        _NOTHING_CHANGED,
        _("返回刷新页面，查看最新状态后再办理。"),
    ),
    422: Trouble(
        _("提交的内容需要更正"),
        _("有一项内容不符合要求。"),
        _NOTHING_CHANGED,
        _("返回上一页更正后再提交。"),
    ),
    429: Trouble(
        _("请求太频繁"),
        _("短时间内的请求超过了限额。"),
        _NOTHING_CHANGED,
        _("请稍等一分钟再试。"),
        "clock",
    ),
    500: Trouble(
        _("系统出错了"),
        _("办理过程中出现了意外错误，已自动记录。"),
        _("出错的这一步已整体撤销，不会只办一半；此前已保存的都还在。"),
        _("请稍后再试；如果仍然出错，请把参考号告诉服务基地。"),
        "circle-x",
        "red",
    ),
    503: Trouble(
        _("系统暂时不可用"),
        _("系统正在维护或某个部件没有响应。"),
        _("已提交的事项会在恢复后继续办理，不需要重复提交。"),
        _("请几分钟后刷新本页。"),
        "wrench",
    ),
}


def trouble_page(request: HttpRequest, status: int, *, happened: Text = "", code: str = "") -> HttpResponse:
    """The page of one status (a strip for htmx); `happened` replaces its general sentence."""
    trouble = TROUBLES.get(status) or TROUBLES[500 if status >= 500 else 400]
    context = {
        "trouble": trouble,
        "happened": happened or trouble.happened,
        "status": status,
        "code": code,
        "reference": getattr(request, "id", ""),
    }
    name = "web/trouble_strip.html" if wants_fragment(request) else "web/trouble.html"
    return HttpResponse(render_to_string(name, context, request), status=status)


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page of a service's refusal."""
    return trouble_page(request, refusal.status, happened=str(refusal), code=refusal.code)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400."""
    return trouble_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403."""
    return trouble_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404."""
    return trouble_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500; made from a template that needs neither database nor session."""
    context = {"trouble": TROUBLES[500], "status": 500, "reference": getattr(request, "id", "")}
    return HttpResponse(render_to_string("500.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: usually a page left open over night or blocked cookies."""
    return trouble_page(
        request,
        403,
        happened=_("页面已过期，或浏览器没有保存本站的 Cookie，为了安全没有提交。请刷新页面后再提交一次。"),
    )
