"""The pages and the API of lot inspection: who gets which status, forms, papers, constant queries."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.inspection import rules
from annotation.inspection import services as inspection
from annotation.inspection.models import InspectionPlan, Lot, PlanAnswer
from annotation.inspection.selectors import sample_of
from annotation.projects.models import Project
from tests.annotation import scenes
from tests.annotation.inspection import lots
from tests.cast import BEIJIANG, NOON, gu, he, lin, mei, organization, tao, yan, zhou

pytestmark = pytest.mark.django_db


def address(name: str, project: Project, *more: Any) -> str:
    return reverse(f"projects:{name}", args=[project.pk, *more])


def at(lot: Lot, name: str = "lot") -> str:
    return reverse(f"inspection:{name}", args=[lot.pk])


def drawn_lot() -> Lot:
    """A lot of twenty under inspection."""
    project = lots.project(20)
    lots.agreed(project, aql="6.5")
    (lot,) = lots.submitted(project)
    return lots.drawn(lot)


def proposal(client: Client, project: Project) -> dict[str, Any]:
    """The proposal form as it is shown first, as a browser sends it."""
    form = client.get(address("inspection_plan", project)).context["form"]
    given = {name: field.initial for name, field in form.fields.items()}
    return {name: value for name, value in given.items() if value not in (None, False)}


def test_a_plan_is_previewed_proposed_and_agreed_with_its_curve() -> None:
    project, lead, client = lots.project(20), scenes.signed_in(scenes.qin()), scenes.signed_in(zhou())
    assert "还没有抽检方案" in client.get(address("inspection", project)).content.decode()
    given = proposal(lead, project) | {"lot_size": "5000"}
    shown = lead.post(address("inspection_plan", project), given | {"preview": "1"})
    page = shown.content.decode()
    assert shown.status_code == 200
    assert "每批 5,000 条，抽 200 条；不合格不超过 10 条接收，达到 11 条不接收。" in page
    assert "有 5% 不合格的一批，仍有 58% 的可能被接收。AQL 不是每一批的质量保证。" in page
    assert "未采用二次与多次抽样" in page
    assert not InspectionPlan.objects.exists()
    assert lead.post(address("inspection_plan", project), given).status_code == 302
    for reader in (lead, client):
        waiting = reader.get(address("inspection", project)).content.decode()
        assert "仍有 58% 的可能被接收" in waiting
        assert ("同意方案" in waiting) is (reader is client)
    plan = InspectionPlan.objects.get()
    refused = client.post(address("inspection_answer", project, plan.pk, "decline"), {"reason": ""})
    assert (refused.status_code, "请写明理由" in refused.content.decode()) == (422, True)
    assert lead.post(address("inspection_answer", project, plan.pk, "agree")).status_code == 403
    assert client.post(address("inspection_answer", project, plan.pk, "agree")).status_code == 302
    assert PlanAnswer.objects.get().is_agreed
    agreed = client.get(address("inspection", project)).content.decode()
    assert "现行方案（第 1 版）" in agreed
    assert "方案生效，按约定的严格度开始" in agreed


def test_wrong_terms_are_told_beside_their_fields() -> None:
    project, lead = lots.project(2), scenes.signed_in(scenes.qin())
    given = proposal(lead, project) | {"basis": "lq", "limiting_percent": "5", "good_percent": "6"}
    for more in ({}, {"preview": "1"}):
        refused = lead.post(address("inspection_plan", project), given | more)
        assert refused.status_code == 422
        assert refused.context["form"].errors == {"good_percent": ["期望质量应低于极限质量。"]}


def test_a_lot_goes_from_submission_to_verdict_on_pages() -> None:
    project, lead, client = lots.project(20), scenes.signed_in(scenes.qin()), scenes.signed_in(zhou())
    lots.agreed(project, aql="6.5")
    assert client.post(address("inspection_value", project), {"value": "短"}).status_code == 422
    assert client.post(address("inspection_value", project), {"value": lots.VALUE}).status_code == 302
    assert lead.post(address("inspection_submit", project), {"size": ""}).status_code == 302
    assert lead.post(address("inspection_submit", project), {"size": "9"}).status_code == 422
    lot = Lot.objects.get()
    assert "批内容已冻结" in client.get(at(lot)).content.decode()
    assert client.post(at(lot, "draw")).status_code == 302
    page = client.get(at(lot))
    assert page.context["upcoming"].place == 1
    assert lots.VALUE in page.content.decode()
    first = page.context["upcoming"]
    item = reverse("inspection:inspect", args=[first.pk])
    assert client.get(item).status_code == 200
    refused = client.post(item, {"is_conforming": "no", "fault": "", "reason": ""})
    assert (refused.status_code, "请选择不合格类别" in refused.content.decode()) == (422, True)
    sent = client.post(item, {"is_conforming": "no", "fault": "missed", "reason": "漏了价格。"})
    assert sent.status_code == 302
    lots.inspect(lot, faulty=2)
    told = client.get(at(lot)).content.decode()
    assert "判定不接收" in told
    assert client.post(at(lot, "decide"), {"rework_scope": ""}).status_code == 422
    assert client.post(at(lot, "decide"), {"rework_scope": "whole"}).status_code == 302
    assert client.post(at(lot, "decide"), {"rework_scope": "whole"}).status_code == 409
    assert "本批不接收" in lead.get(at(lot)).content.decode()
    assert lead.post(at(lot, "resubmit")).status_code == 409
    lots.rework(project)
    assert lead.post(at(lot, "resubmit")).status_code == 302
    assert "本批返工后已作为第 1.2 批再次提交" in client.get(at(lot)).content.decode()


def test_parties_and_auditors_see_a_lot_and_nobody_else() -> None:
    lot = drawn_lot()
    sample = reverse("inspection:inspect", args=[sample_of(lot)[0].pk])
    places = [at(lot), at(lot, "report"), at(lot, "contents"), sample, address("inspection", lot.project)]
    told = {who.__name__: {signed(who).get(place).status_code for place in places} for who in EVERYONE}
    assert told == {
        "lin": {200}, "tao": {200}, "zhou": {200}, "yan": {200}, "mei": {404}, "he": {404}, "gu": {404},
    }  # fmt: skip
    assert signed(mei).get("/inspection/").status_code == 403
    assert lot.project.title in signed(zhou).get("/inspection/").content.decode()


EVERYONE = (lin, tao, zhou, yan, mei, he, gu)


def signed(who: Any) -> Client:
    return scenes.signed_in(who())


def test_who_sees_but_may_not_is_told_so_before_the_form_is_read() -> None:
    lot = drawn_lot()
    sample = reverse("inspection:inspect", args=[sample_of(lot)[0].pk])
    project, plan = lot.project, lot.plan
    posts = [
        address("inspection_plan", project), address("inspection_answer", project, plan.pk, "decline"),
        address("inspection_submit", project), address("inspection_value", project),
        address("inspection_resume", project), at(lot, "draw"), at(lot, "decide"), at(lot, "resubmit"), sample,
    ]  # fmt: skip
    assert [signed(yan).post(place).status_code for place in posts] == [403] * len(posts)
    assert [signed(he).post(place).status_code for place in posts] == [404] * len(posts)


def test_another_firm_that_inspects_reads_the_lot_but_not_the_project() -> None:
    project = lots.project(6)
    lots.agreed(project, inspector_id=organization(BEIJIANG).pk)
    (lot,) = lots.submitted(project)
    inspector = scenes.signed_in(he())
    assert inspector.get(address("inspection", project)).status_code == 404
    assert inspector.get(at(lot)).status_code == 200
    assert inspector.post(at(lot, "draw")).status_code == 302
    assert lot.project.title in inspector.get("/inspection/").content.decode()


def test_who_worked_on_an_item_reads_why_others_inspect_it() -> None:
    project = lots.project(4, client=False)
    plan = inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk)
    inspection.answer_plan(by=lin(), at=NOON, plan_id=plan.pk, is_agreed=True)
    (lot,) = lots.submitted(project)
    lots.drawn(lot, scenes.ouyang())
    sample = reverse("inspection:inspect", args=[sample_of(lot)[0].pk])
    assert "由其他抽检人检验" in signed(tao).get(sample).content.decode()
    assert signed(tao).post(sample, {"is_conforming": "yes"}).status_code == 403


def test_the_table_holds_what_a_second_draw_needs() -> None:
    lot = drawn_lot()
    lots.inspect(lot, faulty=1)
    streamed = signed(zhou).get(at(lot, "contents"))
    rows = list(csv.DictReader(io.StringIO(streamed.getvalue().decode("utf-8-sig"))))
    contents = [(int(row["number"]), row["digest"]) for row in rows]
    seed = rules.seed_of(rules.digest_of_lot(contents), lot.value)
    again = rules.drawn(seed, [number for number, _digest in contents], 8)
    told = {int(row["place"]): int(row["number"]) for row in rows if row["place"]}
    assert [told[place] for place in range(1, 9)] == again
    assert [(row["fault"], row["reason"]) for row in rows if row["conforming"] == "no"] == [
        ("wrong_label", "应为负面。")
    ]


def test_the_report_is_a_paper_with_seed_and_recipe() -> None:
    from pypdf import PdfReader

    lot = drawn_lot()
    lots.inspect(lot, faulty=1)
    lot = inspection.decide_lot(by=zhou(), at=NOON, lot_id=lot.pk)
    answer = signed(zhou).get(at(lot, "report"))
    assert answer["Content-Type"] == "application/pdf"
    words = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    flat = "".join(words.split())
    for told in (
        lot.seed,
        lot.contents_sha256,
        lot.commitment.value_sha256,
        "接收（不合格1条）",
        "重抽的方法",
    ):
        assert told in flat
    assert signed(zhou).get(at(lot, "report")).content == answer.content


def test_pages_ask_the_database_as_often_for_many_as_for_few() -> None:
    client = signed(zhou)
    project = lots.project(24)
    lots.agreed(project, lot_size=8)
    few = lots.submitted(project)[0]

    def asked(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    board, lot = address("inspection", project), at(few)
    lots.drawn(few)
    before = asked(board), asked("/inspection/"), asked(lot)
    lots.inspect(few, faulty=1)
    inspection.decide_lot(by=zhou(), at=NOON, lot_id=few.pk, rework_scope="whole")
    for one in Lot.objects.filter(state="submitted").order_by("ordinal"):
        lots.decided(one)
    after = asked(board), asked("/inspection/"), asked(lot)
    assert all(late <= early + 1 for early, late in zip(before, after, strict=True)), (before, after)
    assert max(after) <= 45


# --- the API ------------------------------------------------------------------------------------------


def call(client: Client, path: str, body: Any = None, key: str = "k") -> tuple[int, Any]:
    answer = client.post(
        f"/api/inspection/{path}",
        json.dumps(body) if body is not None else "{}",
        content_type="application/json",
        headers={"Idempotency-Key": f"{key}:{path}"},
    )
    return answer.status_code, answer.json()


def test_the_whole_way_over_the_api_and_twice_is_once() -> None:
    project, lead, client = lots.project(20), signed(scenes.qin), signed(zhou)
    base = f"projects/{project.pk}"
    status, plan = call(lead, f"{base}/plans", {"aql": "6.5", "lot_size": 20})
    assert (status, plan["aql"], plan["version"]) == (201, "6.5", 1)
    assert call(lead, f"{base}/plans", {"aql": "6.5", "lot_size": 20}) == (201, plan)
    assert call(client, f"plans/{plan['id']}/answer", {"is_agreed": True})[0] == 200
    assert call(client, f"{base}/values", {"value": lots.VALUE})[1]["value_sha256"] == rules.sha256_of(
        lots.VALUE
    )
    status, made = call(lead, f"{base}/lots", {})
    assert (status, [each["size"] for each in made]) == (201, [20])
    lot = f"lots/{made[0]['id']}"
    status, drawn = call(client, f"{lot}/draw")
    assert (status, drawn["state"], drawn["sample_size"], drawn["value"]) == (200, "drawn", 8, lots.VALUE)
    sample = client.get(f"/api/inspection/{lot}/sample").json()["items"]
    assert len(sample) == 8
    for row in sample:
        assert call(client, f"samples/{row['id']}/finding", {"is_conforming": True})[0] == 200
    status, judged = call(client, f"{lot}/decide", {})
    assert (status, judged["state"], judged["nonconforming_count"]) == (200, "accepted", 0)
    assert call(client, f"{lot}/decide", {}) == (200, judged)
    assert call(client, f"{lot}/decide", {}, key="other")[0] == 409
    state = client.get(f"/api/inspection/{base}").json()
    assert (state["severity"], state["accepted_items"], state["is_discontinued"]) == ("normal", 20, False)
    assert [each["number"] for each in client.get(f"/api/inspection/{base}/lots").json()["items"]] == ["1"]
    assert [each["version"] for each in client.get(f"/api/inspection/{base}/plans").json()] == [1]
    assert call(client, f"{base}/resume", {"remark": "好"})[1]["title"] == "inspection_not_discontinued"
    assert call(lead, f"{lot}/resubmit")[0] == 409
    for path in (base, f"{base}/plans", lot, f"{lot}/sample"):
        assert signed(he).get(f"/api/inspection/{path}").status_code == 404
