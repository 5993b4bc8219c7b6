"""The pilot's pages and JSON by the test client: the whole way by forms alone, who sees what."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exchange.pilots import services
from exchange.pilots.models import Application, Attachment, Objection, Pilot, Round, ScoreSheet, Seat
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange.pilots import pilotage
from tests.exchange.pilots.pilotage import CLOSE, POINTS, REVIEW
from tests.exchange.test_api import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet() -> None:
    cache.clear()


class Window:
    """A signed-in browser without script, at a moment one sets."""

    def __init__(self, who: Actor | None) -> None:
        self.client = Client()
        if who is not None:
            assert who.user is not None
            self.client.force_login(who.user)

    def get(self, path: str, at: datetime = NOON) -> Any:
        with clock.moved_to(at):
            return self.client.get(path)

    def text(self, path: str, at: datetime = NOON) -> str:
        found = self.get(path, at)
        assert found.status_code == 200, (path, found.status_code)
        return str(found.content.decode())

    def post(self, path: str, told: dict[str, Any] | None = None, at: datetime = NOON) -> Any:
        with clock.moved_to(at):
            return self.client.post(path, told or {})


CALL = {
    "title": "2026 年第二批数据经纪人试点（示例）", "description": "面向本市数据流通", "documents_wanted": "营业执照",
    "opens_at": "2026-03-02T12:00", "closes_at": "2026-03-22T12:00", "places_technology": "0", "places_data": "1",
    "places_rights": "1", "scorers_count": "3", "outlier_points": "15", "notice_working_days": "5", "term_years": "2",
}  # fmt: skip


def confirmed(window: Window) -> None:
    """Let the person confirm their password, as the page before signing asks."""
    answer = window.client.post("/accounts/reauthenticate/", {"password": cast.PASSWORD})
    assert answer.status_code == 302


def test_the_whole_way_goes_by_forms_alone() -> None:  # noqa: PLR0915 - one journey, told in its order
    gu, hong = Window(cast.gu()), Window(pilotage.hong())
    key = re.search(r'name="idempotency_key" value="([^"]+)"', gu.text("/pilots/board/new/"))
    assert key is not None
    told = {**CALL, "idempotency_key": key.group(1)}
    assert gu.post("/pilots/board/new/", {**told, "closes_at": "2026-03-01T12:00"}).status_code == 422
    made, again = gu.post("/pilots/board/new/", told), gu.post("/pilots/board/new/", told)
    assert made["Location"] == again["Location"]
    call = Round.objects.get()
    board = f"/pilots/board/{call.number}/"
    rows = {"label_0": "能力", "weight_0": "70", "guidance_0": "看产品", "label_1": "方案", "weight_1": "20"}
    assert "90" in gu.post(f"{board}scale/", rows).content.decode()
    assert gu.post(f"{board}scale/", {**rows, "weight_1": "30"}).status_code == 302
    assert gu.post(f"{board}publish/").status_code == 302
    assert "修改批次</a>" not in gu.text(board)
    assert f"/pilots/rounds/{call.number}/apply/" in hong.text(f"/pilots/rounds/{call.number}/")

    begun = hong.post(f"/pilots/rounds/{call.number}/apply/", {"type": "data_enabling"})
    assert (
        begun["Location"]
        == hong.post(f"/pilots/rounds/{call.number}/apply/", {"type": "data_enabling"})["Location"]
    )
    address = begun["Location"]
    assert "待填写" in hong.text(address)
    assert hong.post(f"{address}check/").status_code == 422
    texts = {**pilotage.TEXTS, **pilotage.BY_TYPE["data_enabling"]}
    for section in ("levels", "security", "team", "plan", "speciality"):
        assert (
            hong.post(f"{address}sections/{section}/", {k: str(v) for k, v in texts.items()}).status_code
            == 302
        )
    file = SimpleUploadedFile("licence.pdf", b"%PDF-1.7 licence", "application/pdf")
    assert hong.post(f"{address}sections/files/", {"file": file, "label": "营业执照"}).status_code == 302
    attachment = Attachment.objects.get()
    assert "核对并提交" in hong.text(address)
    assert hong.text(f"{address}check/").count("修改</a>") == 6
    assert hong.post(f"{address}check/").status_code == 302
    assert "取回修改" in hong.text(address)
    assert hong.get(f"{address}sections/plan/").status_code == 409

    assert "取回修改</button>" not in hong.text(address, CLOSE)
    assert gu.post(f"{board}close/", at=CLOSE).status_code == 302
    application = Application.objects.get()
    for who in pilotage.experts():
        member = str(pilotage.membership(who).pk)
        assert (
            gu.post(f"/pilots/applications/{application.pk}/appoint/", {"member": member}, REVIEW).status_code
            == 302
        )
        window = Window(who)
        seat = Seat.objects.get(scorer=who.user)
        desk = f"/pilots/scoring/{seat.pk}/"
        assert "自有产业链企业目录" not in window.text(desk, REVIEW)
        assert window.post(f"{desk}files/{attachment.pk}/open/", at=REVIEW).status_code == 404
        assert window.post(f"{desk}declare/", {"answer": "conflict"}, REVIEW).status_code == 422
        assert window.post(f"{desk}declare/", {"answer": "none"}, REVIEW).status_code == 302
        assert "自有产业链企业目录" in window.text(desk, REVIEW)
        assert window.post(f"{desk}files/{attachment.pk}/open/", at=REVIEW).status_code == 302
        assert (
            window.post(f"{desk}score/", {"c1": "80", "c2": "101", "opinion": "同意推荐"}, REVIEW).status_code
            == 422
        )
        assert (
            window.post(f"{desk}score/", {"c1": "80", "c2": "90", "opinion": "同意推荐"}, REVIEW).status_code
            == 302
        )
    assert "83.00" in gu.text(board, REVIEW)
    assert gu.post(f"{board}announce/", at=REVIEW).status_code == 302
    assert "(80×70 + 90×30) ÷ 100" in hong.text(address, REVIEW)
    public = Window(None).text(f"/pilots/rounds/{call.number}/", REVIEW)
    assert all(word in public for word in ("合通数据经纪", "83.00", "拟入选"))

    jiang = Window(pilotage.jiang())
    objected = jiang.post(
        f"/pilots/rounds/{call.number}/objection/",
        {"application": "", "statement": "公示材料没有列出案例的出处。"},
        REVIEW,
    )
    objection = Objection.objects.get()
    assert objected["Location"] == f"/pilots/objections/{objection.pk}/"
    answer = {"verdict": "dismiss", "answer": "案例出处见公告所附材料目录，已核实。"}
    assert jiang.post(objected["Location"], answer, REVIEW).status_code == 403
    assert gu.post(objected["Location"], answer, REVIEW).status_code == 302
    assert "已核实" in jiang.text(objected["Location"], REVIEW)

    call.refresh_from_db()
    assert call.notice_until is not None
    end = clock.end_of(call.notice_until)
    assert gu.post(f"{board}conclude/", at=end - timedelta(seconds=1)).status_code == 409
    assert gu.post(f"{board}conclude/", at=end).status_code == 302
    pilot = Pilot.objects.get()
    page = f"/pilots/{pilot.pk}/"
    for window in (hong, gu):
        assert (
            window.get(f"{page}sign/", end)["Location"]
            == f"/accounts/reauthenticate/?next=%2Fpilots%2F{pilot.pk}%2Fsign%2F"
        )
        digest = {"text_sha256": pilot.agreement.text_sha256}
        assert window.post(f"{page}sign/", digest, end)["Location"].startswith("/accounts/reauthenticate/")
        assert not pilot.agreement.signatures.filter(
            organization=pilot.organization if window is hong else pilot.operator
        )
        confirmed(window)
        assert pilot.agreement.text_sha256 in window.text(f"{page}sign/", end)
        assert window.post(f"{page}sign/", digest, end).status_code == 302
    pilot.refresh_from_db()
    assert pilot.state == "in_pilot"
    assert "合通数据经纪" in Window(None).text("/pilots/brokers/?type=data_enabling", end)
    assert "合通数据经纪" not in Window(None).text("/pilots/brokers/?type=entrusted_rights", end)

    later = datetime.fromisoformat("2027-01-05T12:00:00+08:00")
    assert f'href="/brokers/assess/{pilot.pk}/2026/"' in gu.text(page, later)
    typed = {
        "year": "2026",
        "deals": "12",
        "amount": "1000000.00",
    }  # figures that somebody types count for nothing
    assert gu.post(f"/brokers/assess/{pilot.pk}/2026/", typed, later).status_code == 302
    assert "51.00" in hong.text(page, later)  # without a deal: 0 + 0 + 20 + 25 + 6
    assert "这一年没有完成的成交。" in hong.text(page, later)
    verdict = {"verdict": "improve", "reasons": "评价机制还没有建立起来。", "demands": "", "due_on": ""}
    assert gu.post(f"{page}decide/", verdict, later).status_code == 422
    assert (
        gu.post(f"{page}decide/", {**verdict, "demands": "建立评价\n\n公开投诉电话"}, later).status_code
        == 302
    )
    assert hong.text(page, later).count("报告整改</a>") == 2
    for demand in pilot.assessments.get().decision.demands.all():
        report = {"report": "已经建立并公开，附件一。"}
        assert hong.post(f"/pilots/demands/{demand.pk}/report/", report, later).status_code == 302
        assert gu.post(f"/pilots/demands/{demand.pk}/confirm/", at=later).status_code == 302
    assert gu.post(f"{page}accept/", at=later).status_code == 302
    assert gu.post(f"{page}exit/", {"reason": "数据经纪人书面申请退出试点。"}, later).status_code == 302
    pilot.refresh_from_db()
    assert pilot.state == "exited"


def test_everybody_sees_what_is_theirs() -> None:
    call = pilotage.published()
    application = pilotage.applied(call)
    draft = pilotage.written(call, by=pilotage.jiang())
    pilotage.closed(call)
    wen, qiu, _pei = pilotage.experts()
    seat = pilotage.seated(application, wen)
    bid, board = f"/pilots/applications/{application.pk}/", f"/pilots/board/{call.number}/"
    answers = {
        (cast.gu, bid): 200, (cast.shen, bid): 200, (cast.yan, bid): 200, (pilotage.hong, bid): 200,
        (pilotage.jiang, bid): 404, (cast.lin, bid): 404, (cast.zhou, bid): 404,
        (cast.gu, board): 200, (cast.shen, board): 200, (cast.yan, board): 200, (pilotage.hong, board): 403,
        (cast.gu, f"/pilots/applications/{draft.pk}/"): 404, (pilotage.jiang, f"/pilots/applications/{draft.pk}/"): 200,
        (cast.gu, f"/pilots/scoring/{seat.pk}/"): 404, (cast.shen, f"/pilots/scoring/{seat.pk}/"): 404,
        (pilotage.hong, f"/pilots/scoring/{seat.pk}/"): 403, (pilotage.hong, "/pilots/mine/"): 200,
        (cast.gu, "/pilots/mine/"): 403, (cast.lin, "/pilots/mine/"): 403, (cast.lin, "/pilots/"): 200,
    }  # fmt: skip
    for (who, path), status in answers.items():
        assert Window(who()).get(path, REVIEW).status_code == status, (who.__name__, path)
    assert Window(wen).get(f"/pilots/scoring/{seat.pk}/", REVIEW).status_code == 200
    assert Window(qiu).get(f"/pilots/scoring/{seat.pk}/", REVIEW).status_code == 404
    for step in ("publish", "close", "announce", "conclude"):
        assert Window(cast.shen()).post(f"{board}{step}/", at=REVIEW).status_code == 403
    assert "指派评审人" not in Window(cast.shen()).text(board, REVIEW)
    assert Window(pilotage.hong()).post(f"{bid}appoint/", at=REVIEW).status_code == 403


def test_a_scorer_on_the_board_sees_no_other_scores_before_their_own() -> None:
    call = pilotage.published()
    application = pilotage.applied(call)
    pilotage.closed(call)
    pilotage.scored(application, pilotage.experts()[0])
    board = f"/pilots/board/{call.number}/"
    assert "79.50" in Window(cast.gu()).text(board, REVIEW)
    pilotage.seated(application, cast.gu())
    assert "79.50" not in Window(cast.gu()).text(board, REVIEW)


def test_pages_with_more_on_them_ask_no_more_often() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    call = pilotage.published()
    application = pilotage.applied(call)
    pilotage.applied(call, broker_type="technology_enabling")
    pilotage.closed(call)
    pilotage.scored(application, pilotage.experts()[0])
    gu, wen = Window(cast.gu()), Window(pilotage.experts()[0])
    paths = [(gu, "/pilots/board/"), (gu, f"/pilots/board/{call.number}/"), (wen, "/pilots/scoring/"),
             (Window(pilotage.hong()), "/pilots/mine/"), (Window(None), "/pilots/")]  # fmt: skip

    def asked() -> list[int]:
        found = []
        for window, path in paths:
            window.text(path, REVIEW)
            with CaptureQueriesContext(connection) as counted:
                window.text(path, REVIEW)
            found.append(len(counted))
        return found

    before = asked()
    for who in pilotage.experts()[1:]:
        pilotage.scored(application, who)
    other = Application.objects.get(type="technology_enabling")
    for who in pilotage.experts():
        pilotage.scored(other, who)
    pilotage.applied(pilotage.published(title="第三批数据经纪人试点"))
    assert asked() == before
    assert max(before) <= 40


# --- JSON ---------------------------------------------------------------------------------------


def test_a_program_applies_and_scores_once_per_key() -> None:
    call = pilotage.published()
    hong = Caller(pilotage.hong())
    with clock.moved_to(NOON):
        assert hong.get("/pilots/rounds").json()["items"][0]["number"] == call.number
        path = f"/pilots/rounds/{call.number}/applications"
        assert hong.post(path, {"type": "data_enabling"}).json()["title"] == "idempotency_key_missing"
        made = hong.post(path, {"type": "data_enabling"}, key="a")
        assert made.status_code == 201
        assert hong.post(path, {"type": "data_enabling"}, key="a").json() == made.json()
        assert hong.post(path, {"type": "data_enabling"}, key="b").json()["title"] == "pilot_already_applied"
        bid = f"/pilots/applications/{made.json()['id']}"
        refused = hong.post(f"{bid}/submission", key="c")
        assert (refused.status_code, refused.json()["title"]) == (422, "pilot_application_incomplete")
        answers = {**pilotage.TEXTS, **pilotage.BY_TYPE["data_enabling"]}
        wrong = hong.post(f"{bid}/answers", {"answers": {"luck": "有"}}, key="d0")
        assert (wrong.status_code, wrong.json()["field"]) == (422, "luck")
        hostile = {"answers": {"plan": "第一年撮合十二笔\x00，季度复盘"}}
        assert hong.post(f"{bid}/answers", hostile, key="nul").status_code == 422
        for name in ("by", "application_id", "state"):
            assert hong.post(f"{bid}/answers", {"answers": {name: "x"}}, key=name).json()["field"] == name
        assert hong.post(f"{bid}/answers", {"answers": answers}, key="d").status_code == 200
        submitted = hong.post(f"{bid}/submission", key="e")
        assert submitted.status_code == 200, submitted.json()
        assert submitted.json()["state"] == "applied"
        assert Caller(pilotage.jiang()).get(bid).status_code == 404
    application = Application.objects.get()
    pilotage.closed(call)
    wen = pilotage.experts()[0]
    seat = pilotage.seated(application, wen)
    with clock.moved_to(REVIEW):
        caller = Caller(wen)
        path = f"/pilots/seats/{seat.pk}"
        assert (
            caller.post(f"{path}/declaration", {"has_conflict": False}, key="f").json()["state"] == "cleared"
        )
        body = {"points": POINTS, "opinion": "材料属实"}
        first = caller.post(f"{path}/score", body, key="g")
        assert (first.json()["version"], first.json()["total_centi"]) == (1, 7950)
        assert caller.post(f"{path}/score", body, key="g").json() == first.json()
        assert caller.post(f"{path}/score", body, key="h").json()["field"] == "reason"
    assert ScoreSheet.objects.count() == 1


def test_an_assessment_by_json_shows_its_arithmetic() -> None:
    pilot = pilotage.in_pilot()
    gu = Caller(cast.gu())
    path = f"/pilots/pilots/{pilot.pk}"
    with clock.moved_to(datetime.fromisoformat("2027-01-05T12:00:00+08:00")):
        gu.headers = Caller(cast.gu()).headers
        made = services.assess(
            by=cast.gu(),
            at=clock.now(),
            pilot_id=pilot.pk,
            year=2026,
            facts=services.assessments.rules.Facts(deals=6),
        )
        assert made.total_centi == 1250 + 2000 + 2500 + 600
    with clock.moved_to(NOON):
        (shown,) = gu.get(f"{path}/assessments").json()
        assert (shown["year"], shown["total_centi"], shown["verdict"]) == (2026, 6350, None)
        assert shown["trace"]["lines"][0]["formula"] == "min(100, 6 × 100 ÷ 12)"
        assert gu.get(path).json()["agreement_sha256"] == pilot.agreement.text_sha256
        brokers = Client().get("/api/pilots/brokers").json()["items"]
        assert [(each["number"], each["state"]) for each in brokers] == [(pilot.number, "assessed")]
