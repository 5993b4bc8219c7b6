"""The pages and the JSON of Label Studio servers: who gets which status, what is shown, and what never is."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.servers import services
from annotation.servers.models import Issue, Link, Server
from annotation.servers.services.reading import SYNC
from annotation.servers.services.sending import MEDIA
from annotation.work import services as work
from annotation.work.models import Submission
from tests.annotation import scenes
from tests.annotation.servers.standin import NOBODY, StandIn, a_link, a_server
from tests.annotation.servers.test_exchange import LATER, issued, pulled
from tests.annotation.test_api import Program, read
from tests.annotation.test_pages import browser
from tests.cast import NOON, lin, mei, tao, zhou

pytestmark = pytest.mark.django_db


def test_the_lead_adds_a_server_and_its_token_is_never_shown_again(there: StandIn) -> None:
    lead = browser(scenes.qin)
    told = {"name": "一号", "address": "http://127.0.0.1:8080/", "token": "very-secret-token"}
    added = lead.post("/label-studio/new/", told)
    server = Server.objects.get()
    assert (added["Location"], server.state) == (f"/label-studio/{server.pk}/", "ready")
    for path in ("/label-studio/", f"/label-studio/{server.pk}/"):
        shown = lead.get(path)
        assert (shown.status_code, b"very-secret-token" in shown.content) == (200, False)
    assert "very-secret-token" not in Program(scenes.qin).get("/label-studio/servers").content.decode()


def test_a_server_that_does_not_answer_is_shown_with_the_remedy(there: StandIn) -> None:
    there.fails = [("version", "before", "token_refused")]
    lead = browser(scenes.qin)
    told = {"name": "一号", "address": "http://127.0.0.1:8080", "token": "very-secret-token"}
    shown = lead.post("/label-studio/new/", told, follow=True).content.decode()
    assert "服务器不认令牌" in shown
    assert "very-secret-token" not in shown


def test_a_wrong_address_stays_on_the_form_with_its_reason(there: StandIn, settings: Any) -> None:
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = False
    told = {"name": "一号", "address": "http://127.0.0.1:8080", "token": "very-secret-token"}
    refused = browser(scenes.qin).post("/label-studio/new/", told)
    assert (refused.status_code, Server.objects.count()) == (422, 0)
    assert "地址不允许" in refused.content.decode()
    assert "very-secret-token" not in refused.content.decode()


def test_the_whole_way_by_pages(there: StandIn, django_capture_on_commit_callbacks: Any) -> None:
    scenes.wen()
    project, server, lead = scenes.opened(), a_server(), browser(scenes.qin)
    holder = mei().user
    assert holder is not None
    told = {"project": str(project.pk), "holder": str(holder.pk)}
    assert lead.post(f"/label-studio/{server.pk}/connect/", told).status_code == 302
    link = Link.objects.get()
    path = f"/label-studio/links/{link.pk}/"
    with django_capture_on_commit_callbacks(execute=True):
        assert lead.post(f"{path}issue/", {"count": 3}).status_code == 302
    first, second, _third = Issue.objects.order_by("pk")
    there.annotate(there.of(first.pk), scenes.sentiment())
    there.annotate(there.of(second.pk), scenes.sentiment("中性"))
    with django_capture_on_commit_callbacks(execute=True):
        lead.post(f"{path}exchange/")
    shown = lead.get(path).content.decode()
    assert (Submission.objects.count(), "结果不符合标注配置" in shown, "中性" in shown) == (1, True, True)
    there.remove_task(there.of(_third.pk))
    Issue.objects.update(issued_at=NOON)
    with django_capture_on_commit_callbacks(execute=True):
        lead.post(f"{path}sweep/")
    assert "发出的任务缺 1 条" in lead.get(path).content.decode()
    assert lead.post(f"{path}expire/").status_code == 302
    assert "发出的任务缺" not in lead.get(path).content.decode()
    for deed, state in (("pause", "paused"), ("resume", "active"), ("close", "closed")):
        assert lead.post(f"{path}{deed}/").status_code == 302
        assert Link.objects.get().state == state


def test_reviewers_see_and_do_not_move_and_others_find_nothing(there: StandIn) -> None:
    link = a_link(1)
    path = f"/label-studio/links/{link.pk}/"
    assert browser(tao).get(path).status_code == 200
    assert browser(tao).post(f"{path}pause/").status_code == 403
    assert browser(tao).post(f"{path}exchange/").status_code == 403
    for stranger in (mei, zhou):
        assert browser(stranger).get(path).status_code == 404
        assert browser(stranger).post(f"{path}pause/").status_code == 404
        assert (
            browser(stranger).post(f"/label-studio/{link.server_id}/token/", {"token": "x" * 9}).status_code
            == 404
        )
    assert Link.objects.get().state == "active"


def test_a_result_that_was_kept_aside_is_tried_again_by_a_button(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment(), NOBODY)
    pulled(link)
    (kept,) = link.annotations.all()
    lead = browser(lin)
    again = lead.post(f"/label-studio/results/{kept.pk}/retry/", follow=True)
    assert "仍然不能提交" in again.content.decode()
    link.annotations.update(author="mei@example.cn")
    assert "已提交" in lead.post(f"/label-studio/results/{kept.pk}/retry/", follow=True).content.decode()
    assert lead.post(f"/label-studio/results/{kept.pk}/retry/").status_code == 404


def test_pages_ask_as_often_with_much_as_with_little(there: StandIn) -> None:
    link = a_link(12)
    lead = browser(scenes.qin)

    def asked(path: str) -> int:
        lead.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert lead.get(path).status_code == 200
        return len(queries)

    paths = ["/label-studio/", f"/label-studio/links/{link.pk}/", f"/label-studio/{link.server_id}/"]
    (issue, *rest) = issued(link, 12)
    there.annotate(there.of(issue.pk), scenes.sentiment("中性"))
    pulled(link)
    few = [asked(path) for path in paths]
    for other in rest:
        there.annotate(there.of(other.pk), scenes.sentiment("中性"))
    pulled(link)
    assert [asked(path) for path in paths] == few


# --- hints and pictures -----------------------------------------------------------------------------


def test_a_hint_with_the_secret_is_answered_at_once_and_read_afterwards(
    there: StandIn, django_capture_on_commit_callbacks: Any
) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment())
    address = reverse("servers:hint", args=[link.pk])
    (secret,) = there.hooks
    assert Link.objects.get().hint_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    with django_capture_on_commit_callbacks() as queued:
        answer = Client(enforce_csrf_checks=True).post(
            address, b"{not even json", "application/json", headers={"X-Qingshu-Hint": secret}
        )
    assert (answer.status_code, answer.content, len(queued), Submission.objects.count()) == (204, b"", 1, 0)
    queued[0]()
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("secret", ["", "wrong", "错误"])
def test_a_hint_without_the_secret_finds_nothing(there: StandIn, secret: str) -> None:
    link = a_link(1)
    headers = {"X-Qingshu-Hint": secret.encode().decode("latin-1")}
    answer = Client().post(reverse("servers:hint", args=[link.pk]), headers=headers)
    assert (answer.status_code, Link.objects.get().hinted_at) == (404, None)


def test_a_picture_is_fetched_by_its_signed_address_only_while_the_task_is_there(there: StandIn) -> None:
    project = scenes.opened_images(1)
    user = mei().user
    assert user is not None
    link = services.connect_project(
        by=scenes.qin(), at=NOON, server_id=a_server().pk, project_id=project.pk, holder_id=user.pk
    )
    (issue,) = issued(link, 1)
    (task,) = there.tasks.values()
    path = task["data"]["image"].removeprefix("http://127.0.0.1:8000")
    assert path == reverse("servers:media", args=[MEDIA.sign(str(issue.pk))])
    assert Client().get(path).status_code == 302
    assert Client().get(reverse("servers:media", args=[f"{issue.pk}:forged"])).status_code == 404
    services.close_link(by=scenes.qin(), at=LATER, link_id=link.pk)
    assert Client().get(path).status_code == 404


# --- JSON -------------------------------------------------------------------------------------------


def test_the_whole_way_over_the_api(there: StandIn, django_capture_on_commit_callbacks: Any) -> None:
    lead, project, holder = Program(scenes.qin), scenes.opened(), mei().user
    assert holder is not None
    told = {"name": "一号", "address": "http://127.0.0.1:8080", "token": "very-secret-token"}
    added = lead.post("/label-studio/servers", told, key="k-1")
    again = lead.post("/label-studio/servers", told, key="k-1")
    assert (added.status_code, read(added), Server.objects.count()) == (201, read(again), 1)
    server = read(added)["id"]
    assert "token" not in read(added)
    assert read(lead.post(f"/label-studio/servers/{server}/check"))["state"] == "ready"
    body = {"project_id": str(project.pk), "holder_id": str(holder.pk)}
    link = read(lead.post(f"/label-studio/servers/{server}/links", body))["id"]
    with django_capture_on_commit_callbacks(execute=True):
        assert read(lead.post(f"/label-studio/links/{link}/issue", {"count": 3})) == {"count": 3}
    first, *_rest = Issue.objects.order_by("pk")
    there.annotate(there.of(first.pk), scenes.sentiment("中性"))
    services.pull(by=SYNC, at=LATER, link_id=Link.objects.get().pk)
    sums = read(lead.get(f"/label-studio/links/{link}"))["counters"]
    assert sums == {
        "waiting": 0, "issued": 3, "submitted": 0, "open": 3, "expired": 0, "gap": 0, "aside": 1, "gone": 0,
    }  # fmt: skip
    (kept,) = read(lead.get(f"/label-studio/links/{link}/aside"))["items"]
    assert (kept["code"], kept["task_id"], len(kept["reasons"])) == ("invalid", str(first.task_id), 1)
    refused = lead.post(f"/label-studio/servers/{server}/retire")
    assert (refused.status_code, read(refused)["title"]) == (409, "label_server_in_use")
    assert read(lead.post(f"/label-studio/links/{link}/close"))["state"] == "closed"


def test_projects_paid_by_the_hour_are_not_linked(there: StandIn) -> None:
    project, server, holder = scenes.opened(), a_server(), mei().user
    assert holder is not None
    type(project).objects.update(hourly_rate_fen=2_000)
    body = {"project_id": str(project.pk), "holder_id": str(holder.pk)}
    refused = Program(scenes.qin).post(f"/label-studio/servers/{server.pk}/links", body)
    assert (refused.status_code, read(refused)["title"]) == (409, "label_link_not_possible")


def test_a_result_counts_like_any_other_until_it_is_paid(there: StandIn) -> None:
    link = a_link(1)
    (issue,) = issued(link, 1)
    there.annotate(there.of(issue.pk), scenes.sentiment())
    pulled(link)
    work.review(by=tao(), at=LATER, task_id=issue.task_id, verdict="accept")
    issue.task.refresh_from_db()
    assert (issue.task.state, issue.task.annotator) == ("accepted", mei().user)
