"""The pages of every kind of registration, of review by several, and of disputes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.registry import mapping, rules, selectors, services
from assets.registry.models import Application, CommitteeVote, Objection, ReviewAssignment
from assets.registry.states import ProductKind
from kernel import clock
from tests import cast
from tests.assets.conftest import (
    TEXTS,
    Registration,
    accepted_project,
    an,
    client_of,
    director,
    follow_up,
    moved,
    sealed_version,
)
from tests.assets.registry.test_kinds import licence_draft, transfer
from tests.assets.registry.test_objections import against
from tests.assets.registry.test_panels import important, member, user
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=60)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def test_an_annotation_task_is_applied_for_from_the_page() -> None:
    project, client = accepted_project(), client_of(cast.lin())
    new = reverse("registry:new")
    assert f"project:{project.pk}" in client.get(new).content.decode()
    client.post(new, {"thing": f"project:{project.pk}", "title": "酒店评论情感标注任务"})
    application = Application.objects.get()
    assert application.product_kind == ProductKind.ANNOTATION_TASK
    page = client.get(reverse("registry:application", args=[application.pk])).content.decode()
    assert "委托方与标注企业的权利" in page
    assert "4 条标注通过验收" in page
    told = {"arrangement": "由本单位自行立项，成果归本单位。"}
    client.post(reverse("registry:section", args=[application.pk, "parties"]), told)
    assert moved(application).arrangement == told["arrangement"]


def test_another_product_takes_its_files_from_the_page() -> None:
    client = client_of(cast.lin())
    client.post(reverse("registry:new"), {"thing": "kind:report", "title": "评论月报（示例）"})
    application = Application.objects.get()
    address = reverse("registry:section", args=[application.pk, "files"])
    file = SimpleUploadedFile("说明.pdf", PDF)
    assert client.post(address, {"file": file, "label": "产品说明"}).status_code == 302
    attachment = application.attachments.get()
    assert "产品说明" in client.get(address).content.decode()
    opened = client.post(reverse("registry:open_file", args=[application.pk, attachment.pk]))
    assert "X-Amz-Signature" in opened["Location"]
    wrong = SimpleUploadedFile("说明.exe", b"MZ")
    assert client.post(address, {"file": wrong}).status_code == 422
    client.post(reverse("registry:detach", args=[application.pk, attachment.pk]))
    assert application.attachments.count() == 0


def test_the_holder_begins_a_change_and_sees_what_differs() -> None:
    certificate, client = Registration().certified(), client_of(cast.lin())
    address = reverse("registry:follow_up", args=[certificate.number])
    with clock.moved_to(LATER):
        page = client.get(address).content.decode()
        assert "转移登记" in page
        assert "续展登记" not in page
        client.post(address, {"kind": "change", "version": str(certificate.version_id)})
        application = Application.objects.get(kind="change")
        section = reverse("registry:section", args=[application.pk, "asset"])
        assert client.post(section, {"title": "新名称"}).status_code == 302
        page = client.get(reverse("registry:application", args=[application.pk])).content.decode()
    assert "与上次登记的差异" in page
    assert "新名称" in page


@pytest.mark.parametrize("who", [cast.he, cast.gu])
def test_only_the_holder_begins_another_registration(who: object) -> None:
    certificate = Registration().certified()
    client = client_of(who())  # type: ignore[operator]
    address = reverse("registry:follow_up", args=[certificate.number])
    assert client.post(address, {"kind": "change"}).status_code in (403, 404)
    assert Application.objects.count() == 1


def test_the_transferee_confirms_on_its_own_page() -> None:
    draft = follow_up(Registration().certified(), "transfer", at=LATER)
    section = reverse("registry:section", args=[draft.pk, "other"])
    firm, other = client_of(cast.lin()), client_of(cast.he())
    here = reverse("registry:application", args=[draft.pk])
    assert other.get(here).status_code == 404
    assert firm.post(section, {"uscc": "91440000000000000X"}).status_code == 422
    assert firm.post(section, {"uscc": cast.BEIJIANG[1]}).status_code == 302
    assert "请贵单位确认" in other.get(here).content.decode()
    assert [todo.url for todo in selectors.todos(cast.he())] == [here]
    assert firm.post(reverse("registry:agree", args=[draft.pk])).status_code == 404
    assert other.post(reverse("registry:agree", args=[draft.pk])).status_code == 302
    assert moved(draft).agreed_by == cast.he().user
    assert "已于" in firm.get(here).content.decode()


def test_anyone_reads_the_notices_and_a_signed_in_person_objects(client: Client) -> None:
    application = Registration().in_notice()
    with clock.moved_to(NOON):
        listed = client.get(reverse("registry:notices")).content.decode()
        shown = client.get(reverse("registry:notice", args=[application.pk])).content.decode()
        address = reverse("registry:object", args=[application.pk])
        assert client.get(address).status_code == 302
        objector = client_of(cast.he())
        told = {"interest": "本公司是部分评论的权利人。", "statement": "两百条评论未经许可。取自本公司网站。"}
        assert objector.post(address, {**told, "signed_name": "别人"}).status_code == 422
        file = SimpleUploadedFile("证明.pdf", PDF)
        answer = objector.post(address, {**told, "signed_name": "He", "file": file})
    assert application.title in listed
    assert "提出异议" in shown
    objection = Objection.objects.get()
    assert answer["Location"] == reverse("registry:objection", args=[objection.pk])
    assert objection.documents.count() == 1
    for secret in (application.legal_statement, "Lin", "lin@example.cn"):
        assert secret not in shown


def test_what_was_never_in_notice_is_not_public(client: Client) -> None:
    application = Registration().in_review()
    assert client.get(reverse("registry:notice", args=[application.pk])).status_code == 404
    address = reverse("registry:object", args=[application.pk])
    assert client_of(cast.he()).post(address, {}).status_code == 404


def test_an_objection_goes_from_filing_to_decision_over_the_pages() -> None:
    objection = against(Registration().in_notice(), at=NOON)
    here = reverse("registry:objection", args=[objection.pk])
    judge, answer = (
        reverse(f"registry:{name}", args=[objection.pk]) for name in ("judge_objection", "answer")
    )
    desk, firm = client_of(an()), client_of(cast.lin())
    with clock.moved_to(NOON):
        assert "受理异议" in desk.get(here).content.decode()
        assert objection.number in desk.get(reverse("registry:queue")).content.decode()
        assert client_of(cast.gu()).post(judge, {"decision": "accept"}).status_code == 403
        assert desk.post(judge, {"decision": "accept"}).status_code == 302
        assert firm.get(here).status_code == 200
        assert firm.post(answer, {"reply": "短"}).status_code == 422
        assert firm.post(answer, {"reply": "所涉评论均有书面授权。"}).status_code == 302
        assert desk.post(judge, {"decision": "dismiss", "opinion": ""}).status_code == 422
        assert desk.post(judge, {"decision": "dismiss", "opinion": "授权真实"}).status_code == 302
    objection.refresh_from_db()
    assert (objection.state, objection.application.state) == ("dismissed", "public_notice")  # type: ignore[union-attr]
    assert client_of(cast.zhou()).get(here).status_code == 404


def test_important_data_pass_over_the_pages_of_several_people() -> None:
    application = important()
    review = reverse("registry:review", args=[application.pk])
    panel = {
        act: reverse("registry:panel", args=[application.pk, act])
        for act in ("second", "committee", "opinion", "hand")
    }
    lead = client_of(cast.gu())
    people = [cast.shen(), member("ke"), member("pan")]
    assert "复核人的同意意见" in lead.get(review).content.decode()
    assert lead.post(panel["second"], {"second-reviewer": str(user(an()).pk)}).status_code == 302
    even = {"committee-members": [str(user(one).pk) for one in people[:2]]}
    assert lead.post(panel["committee"], even).status_code == 422
    odd = {"committee-members": [str(user(one).pk) for one in people]}
    assert lead.post(panel["committee"], odd).status_code == 302
    told = {"opinion-concurs": "yes", "opinion-opinion": "同意"}
    assert client_of(cast.gu()).post(panel["opinion"], told).status_code == 404
    assert client_of(an()).post(panel["opinion"], told).status_code == 302
    vote = reverse("registry:vote", args=[application.pk])
    for one in people:
        client = client_of(one)
        assert [todo.url for todo in selectors.todos(one)] == [vote]
        assert "您的表决" in client.get(vote).content.decode()
        assert client.post(vote, {"is_in_favour": "yes", "reason": "同意"}).status_code == 302
        assert client.post(vote, {"is_in_favour": "no", "reason": "改口"}).status_code == 422
    assert CommitteeVote.objects.count() == 3
    assert client_of(cast.gu()).get(vote).status_code == 404
    decide = reverse("registry:decide", args=[application.pk])
    assert lead.post(decide, {"decision": "pass", "opinion": "同意"}).status_code == 302
    assert moved(application).state == "public_notice"


def test_a_manager_hands_a_review_over_on_the_page() -> None:
    application = Registration().judged()
    address = reverse("registry:panel", args=[application.pk, "hand"])
    told = {"hand-reviewer": str(user(an()).pk), "hand-reason": "休假"}
    assert client_of(an()).post(address, told).status_code == 403
    assert client_of(director()).post(address, {**told, "hand-reason": ""}).status_code == 422
    assert client_of(director()).post(address, told).status_code == 302
    assert ReviewAssignment.objects.get(ended_at=None).reviewer == user(an())


def test_a_correction_is_decided_without_notice_on_the_page() -> None:
    draft = follow_up(Registration().certified(), "correction", at=LATER, title="改正后的名称")
    desk = client_of(cast.gu())
    decide = reverse("registry:decide", args=[draft.pk])
    with clock.moved_to(LATER):
        services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
        desk.post(decide, {"decision": "accept"})
        desk.post(decide, {"decision": "begin"})
        desk.post(reverse("registry:judge", args=[draft.pk, "clerical"]), {"verdict-clerical": "pass"})
        assert "准予登记" in desk.get(reverse("registry:review", args=[draft.pk])).content.decode()
        assert desk.post(decide, {"decision": "conclude"}).status_code == 302
    assert moved(draft).certificate.title == "改正后的名称"


def test_the_review_page_of_a_task_and_of_a_licence_open() -> None:
    licence = licence_draft(Registration().certified())
    services.submit(by=cast.lin(), at=LATER, application_id=licence.pk)
    page = client_of(cast.gu()).get(reverse("registry:review", args=[licence.pk])).content.decode()
    assert "许可范围与期限" in page
    assert "云山智能" in page


def test_the_field_dictionary_is_in_the_readers_language() -> None:
    application = Registration().in_review()
    client = client_of(cast.gu())
    address = reverse("registry:review", args=[application.pk])
    assert "原始文件导入时的名称" in client.get(address).content.decode()
    english = client.get(address, headers={"Accept-Language": "en"})
    if "Name of the raw file" not in english.content.decode():
        client.cookies["django_language"] = "en"
        english = client.get(address)
    assert "Name of the raw file when it was imported" in english.content.decode()


def test_the_dossier_is_laid_beside_the_registers_of_other_provinces() -> None:
    draft = Registration(changes={"use_case": ""}).draft()
    page = client_of(cast.lin()).get(reverse("registry:elsewhere", args=[draft.pk])).content.decode()
    for words in (
        "深圳：数据产权登记",
        "贵州：数据要素登记",
        "广东：数据资产登记",
        "第三方服务机构的审查报告",
        "尚缺",
        "未核对",
    ):
        assert words in page
    guizhou = next(one for one in mapping.REGISTERS if one.code == "guizhou")
    sections = rules.sections_of("initial", "dataset")
    lines = mapping.lines_of(guizhou, sections, frozenset({"use_case"}))
    assert [line.state for line in lines] == ["covered", "covered", "open", "lacking", "covered", "lacking"]


def test_the_certificate_page_shows_its_line_and_hides_objections_from_strangers(client: Client) -> None:
    certificate = Registration().certified()
    objection = against(certificate, at=LATER)
    address = reverse("registry:certificate", args=[certificate.number])
    assert objection.number not in client.get(address).content.decode()
    assert objection.number not in client_of(cast.zhou()).get(address).content.decode()
    assert objection.number in client_of(cast.lin()).get(address).content.decode()
    assert objection.number in client_of(cast.gu()).get(address).content.decode()


def test_lists_take_the_same_queries_however_long() -> None:
    against(Registration().in_notice(), at=NOON)
    anyone, desk = Client(), client_of(cast.gu())
    addresses = reverse("registry:notices"), reverse("registry:objections"), reverse("registry:queue")
    before = [
        queries(client, address) for client, address in zip((anyone, desk, desk), addresses, strict=True)
    ]
    for n in (1, 2):
        application = Registration(version=sealed_version(texts=TEXTS[:n])).in_notice()
        against(application, at=NOON)
    after = [
        queries(client, address) for client, address in zip((anyone, desk, desk), addresses, strict=True)
    ]
    assert after == before


def test_transfers_in_progress_show_the_other_side_what_happens() -> None:
    draft = transfer(Registration().certified())
    services.submit(by=cast.lin(), at=LATER, application_id=draft.pk)
    page = client_of(cast.he()).get(reverse("registry:application", args=[draft.pk])).content.decode()
    assert "登记机构受理" in page


@pytest.mark.parametrize("name", ["registry:notices", "transparency:log"])
def test_notices_and_the_log_are_reached_from_every_public_page(name: str) -> None:
    page = Client().get(reverse("web:help")).content.decode()
    foot = page[page.index('<footer class="foot">') :]
    assert f'href="{reverse(name)}"' in foot
    head = page[: page.index("</header>")]
    assert f'href="{reverse(name)}"' not in head  # the English head has no room for more at 1440
    verify = Client().get(reverse("verification:verify")).content.decode().partition("<footer")[0]
    assert f'href="{reverse(name)}"' in verify  # telephones show no foot
