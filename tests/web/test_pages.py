"""The pages of the shell: headers, language, type size, desk, search, errors, and what operators watch."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from kernel.errors import InvalidInput, NotAllowed
from organizations.permissions import Actor
from tests import cast
from web import desk, finding, health
from web.middleware import RefusalMiddleware, RequestIdMiddleware

pytestmark = pytest.mark.django_db


@pytest.fixture
def lin(client: Client) -> Client:
    """A browser in which 林 of 清蓝 is signed in."""
    user = cast.lin().user
    assert user is not None
    client.force_login(user)
    return client


@pytest.fixture
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((desk, "_todos"), (desk, "_figures"), (finding, "_finders")):
        monkeypatch.setattr(module, name, [])


def test_every_answer_carries_the_strict_policy(client: Client) -> None:
    answer = client.get("/")
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "address", ["/", "/help/", "/accessibility/", "/privacy/", "/find/", "/accounts/login/"]
)
def test_no_page_needs_anything_inline(client: Client, address: str) -> None:
    html = client.get(address).content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert not re.search(r"\son\w+=", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


def test_the_proxys_request_number_is_kept_and_a_strange_one_is_not(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345678"})["X-Request-ID"] == "abc-12345678"
    assert client.get("/healthz", headers={"X-Request-ID": "<b>"})["X-Request-ID"] != "<b>"


def test_the_language_switch_works_without_javascript(client: Client) -> None:
    assert 'lang="zh-CN"' in client.get("/").content.decode()
    assert client.post("/language/", {"language": "en", "next": "/help/"}).headers["Location"] == "/help/"
    assert '<html lang="en"' in client.get("/").content.decode()


def test_large_type_is_remembered_and_leads_back_only_to_this_site(client: Client) -> None:
    answer = client.post("/type-size/", {"size": "large", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert 'class="large-type"' in client.get("/").content.decode()
    client.post("/type-size/", {"size": "normal", "next": "/"})
    assert 'class="large-type"' not in client.get("/").content.decode()


@pytest.mark.parametrize("address", ["/desk/", "/todos/", "/me/"])
def test_work_pages_ask_strangers_to_sign_in(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.usefixtures("own_registries")
def test_the_desk_puts_the_nearest_deadline_first(lin: Client) -> None:
    desk.register_todos(
        lambda viewer: [
            desk.Todo("没有期限", "/c/"),
            desk.Todo("下周", "/b/", due_at=cast.NOON + timedelta(days=7)),
        ]
    )
    desk.register_todos(lambda viewer: [desk.Todo("已过期", "/a/", due_at=cast.NOON.date())])
    desk.register_figures(
        lambda viewer: [desk.Figure("本年实际收入", "¥6,420,000.00", str(viewer.organization))]
    )
    html = lin.get("/desk/").content.decode()
    assert html.index("已过期") < html.index("下周") < html.index("没有期限")
    assert 'href="/a/">' in html.split("处理首项")[0]
    assert "¥6,420,000.00" in html
    assert "清蓝" in html


@pytest.mark.usefixtures("own_registries")
def test_an_empty_desk_says_why_and_what_to_do(lin: Client) -> None:
    html = lin.get("/todos/").content.decode()
    assert "这里没有待办" in html
    assert 'href="/desk/"' in html


def order_finder(viewer: Actor, text: str) -> list[finding.Hit]:
    if viewer.user is None:
        return []
    known = finding.Hit(
        "清蓝情感数据集", "/orders/1/", number="DD-2026-0000001-X", is_exact=text == "DD-2026-0000001-X"
    )
    return [known] if text in known.number or text in str(known.title) else []


@pytest.mark.usefixtures("own_registries")
def test_an_exact_number_jumps_to_its_page(lin: Client) -> None:
    finding.register_finder("订单", order_finder)
    assert lin.get("/find/", {"q": " DD-2026-0000001-X "}).headers["Location"] == "/orders/1/"
    part = lin.get("/find/", {"q": "情感"})
    assert part.status_code == 200
    assert "清蓝情感数据集" in part.content.decode()
    assert "没有找到" in lin.get("/find/", {"q": "不存在"}).content.decode()


@pytest.mark.usefixtures("own_registries")
def test_search_shows_strangers_only_what_strangers_may_see(client: Client) -> None:
    finding.register_finder("订单", order_finder)
    assert "清蓝情感数据集" not in client.get("/find/", {"q": "情感"}).content.decode()


def test_a_missing_page_explains_itself_with_a_reference(client: Client) -> None:
    answer = client.get("/nothing-here/")
    html = answer.content.decode()
    assert answer.status_code == 404
    assert "没有找到这一页" in html
    assert answer["X-Request-ID"] in html


@pytest.mark.parametrize(
    ("refusal", "status", "text"),
    [
        (NotAllowed(permission="下订单", organization="清蓝"), 403, "下订单"),
        (InvalidInput(reason="数量要大于零"), 422, "数量要大于零"),
    ],
)
def test_a_refusal_no_form_shows_becomes_a_page(
    refusal: Exception, status: int, text: str, rf: RequestFactory
) -> None:
    def page(request: HttpRequest) -> HttpResponse:
        raise refusal

    request = rf.post("/orders/")
    answer = RefusalMiddleware(page).process_exception(request, refusal)
    assert answer is not None
    assert answer.status_code == status
    assert text in answer.content.decode()


def test_another_exception_is_not_a_refusal(rf: RequestFactory) -> None:
    assert RefusalMiddleware(lambda r: HttpResponse()).process_exception(rf.get("/"), ValueError()) is None


def test_the_500_page_needs_nothing_but_a_template(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from web import errors

    request = RequestFactory().get("/")
    RequestIdMiddleware(lambda r: HttpResponse())(request)
    answer = errors.server_error(request)
    assert answer.status_code == 500
    assert request.id in answer.content.decode()  # type: ignore[attr-defined]


def test_a_form_without_its_token_is_refused_with_advice() -> None:
    answer = Client(enforce_csrf_checks=True).post("/type-size/", {"size": "large"})
    assert answer.status_code == 403


def test_healthz_answers_without_any_server(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def broken() -> bool:
    raise OSError("no route")


@pytest.mark.parametrize(
    ("check", "status", "down"),
    [(lambda: True, 200, []), (lambda: False, 503, ["store"]), (broken, 503, ["store"])],
)
def test_readyz_names_what_is_down(
    client: Client, monkeypatch: pytest.MonkeyPatch, check: Callable[[], bool], status: int, down: list[str]
) -> None:
    monkeypatch.setattr(health, "_checks", {"database": lambda: True, "store": check})
    answer = client.get("/readyz")
    assert answer.status_code == status
    assert answer.json()["down"] == down


def test_metrics_are_for_this_machine_or_with_the_token(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "t0ken"  # type: ignore[attr-defined]
    client.get("/help/")
    own = client.get("/metrics")
    assert own.status_code == 200
    assert b"qingshu_http_requests_total" in own.content
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 403
    allowed = client.get("/metrics", REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer t0ken"})
    assert allowed.status_code == 200


def test_the_gallery_is_not_for_the_public(client: Client, lin: Client) -> None:
    assert lin.get("/design/").status_code == 404


def test_the_gallery_shows_every_component_to_operators(client: Client) -> None:
    user = cast.person("fang", cast.BASE).user
    assert user is not None
    client.force_login(user)
    answer = client.get("/design/")
    assert answer.status_code == 200
    for cls in (
        "process-bar",
        "kpi-strip",
        "hero",
        "chain",
        "judge",
        "certificate-card",
        "timeline",
        "lineage",
        "job",
    ):
        assert f'class="{cls}' in answer.content.decode() or f" {cls}" in answer.content.decode()


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_sign_in_pages_wear_the_products_look(client: Client, address: str) -> None:
    html = client.get(address).content.decode()
    assert 'class="entrance' in html
    assert 'class="input"' in html


@pytest.mark.parametrize(
    "address", ["/accounts/2fa/", "/accounts/email/", "/accounts/password/change/", "/accounts/logout/"]
)
def test_account_pages_stand_in_the_work_shell(lin: Client, address: str) -> None:
    html = lin.get(address).content.decode()
    assert 'class="side"' in html
    assert 'class="tabbar"' in html


@pytest.mark.usefixtures("own_registries")
def test_a_person_without_an_organization_is_told_how_to_get_one(client: Client) -> None:
    from accounts.models import User

    client.force_login(User.objects.create(email="alone@example.cn", name="独"))
    assert "您还没有加入任何单位" in client.get("/desk/").content.decode()
