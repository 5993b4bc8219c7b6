"""The pages answer, refuse and stay cheap."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.datasets.models import Dataset
from assets.registry import rules, services
from assets.registry.models import Application, Certificate, Revocation
from kernel import clock
from tests import cast
from tests.assets.conftest import (
    TEXTS,
    Registration,
    accepted_project,
    an,
    client_of,
    new_dataset,
    sealed_version,
)
from tests.cast import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=21)


@pytest.fixture(autouse=True)
def _fresh_throttle() -> None:
    cache.clear()


@pytest.fixture
def certificate() -> Certificate:
    found = Registration().certified()
    return services.issue_document(by=cast.gu(), at=LATER, certificate_id=found.pk)


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


# --- datasets -----------------------------------------------------------------------------------


def test_a_firm_makes_a_dataset_once_even_on_a_double_click() -> None:
    client = client_of(cast.lin())
    form = {"name": "评论", "modality": "text", "description": "", "name_en": "", "idempotency_key": "k1"}
    first = client.post(reverse("datasets:new"), form)
    again = client.post(reverse("datasets:new"), form)
    assert first.status_code == again.status_code == 302
    assert first["Location"] == again["Location"]
    assert Dataset.objects.count() == 1


def test_a_dataset_without_name_is_refused_on_the_form() -> None:
    answer = client_of(cast.lin()).post(reverse("datasets:new"), {"modality": "text", "idempotency_key": "k"})
    assert answer.status_code == 422
    assert Dataset.objects.count() == 0


def test_a_project_is_sealed_from_the_page_and_shown() -> None:
    project, dataset, client = accepted_project(), new_dataset(), client_of(cast.lin())
    answer = client.post(
        reverse("datasets:seal", args=[dataset.pk]), {"project": str(project.pk)}, follow=True
    )
    assert answer.status_code == 200
    page = answer.content.decode()
    version = dataset.versions.get()
    for words in (TEXTS[0], version.root_hash[:8], "items/000001.txt", "标签分布", "血缘"):
        assert words in page


def test_the_page_rehashes_and_withdraws() -> None:
    version, client = sealed_version(), client_of(cast.lin())
    page = client.post(reverse("datasets:verify", args=[version.pk]), follow=True).content.decode()
    assert "全部与封版时一致" in page
    refused = client.post(reverse("datasets:withdraw", args=[version.pk]), {"reason": ""})
    assert refused.status_code == 422
    client.post(reverse("datasets:withdraw", args=[version.pk]), {"reason": "来源收回"})
    version.refresh_from_db()
    assert version.state == "withdrawn"


def test_a_file_is_handed_out_by_a_link_and_recorded() -> None:
    from audit.models import AuditEvent

    version, client = sealed_version(), client_of(cast.lin())
    file = version.files.get(path="rows.jsonl")
    answer = client.post(reverse("datasets:download", args=[version.pk, file.pk]))
    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer["Location"]
    assert AuditEvent.objects.filter(action="datasets.download").count() == 1


def test_the_manifest_comes_byte_for_byte() -> None:
    import hashlib

    version = sealed_version()
    body = client_of(cast.lin()).get(reverse("datasets:manifest", args=[version.pk])).content
    assert hashlib.sha256(body).hexdigest() == version.root_hash


@pytest.mark.parametrize("who", [cast.he, cast.zhou, cast.gu])
def test_nobody_else_opens_a_dataset(who: object) -> None:
    version = sealed_version()
    client = client_of(who())  # type: ignore[operator]
    assert client.get(reverse("datasets:detail", args=[version.dataset_id])).status_code == 404
    assert client.get(reverse("datasets:manifest", args=[version.pk])).status_code == 404
    assert client.post(reverse("datasets:withdraw", args=[version.pk]), {"reason": "x"}).status_code == 404


def test_lists_take_the_same_queries_however_long() -> None:
    client = client_of(cast.lin())
    sealed_version()
    Registration(version=sealed_version(texts=TEXTS[:2])).submitted()
    before = queries(client, reverse("datasets:list")), queries(client, reverse("registry:list"))
    desk = client_of(cast.gu())
    desk_before = queries(desk, reverse("registry:queue"))
    for n in (1, 3):
        Registration(version=sealed_version(texts=TEXTS[:n])).submitted()
    assert (queries(client, reverse("datasets:list")), queries(client, reverse("registry:list"))) == before
    assert queries(desk, reverse("registry:queue")) == desk_before


# --- the registrant -----------------------------------------------------------------------------


def test_an_application_is_written_section_by_section_checked_and_submitted() -> None:
    version, client = sealed_version(), client_of(cast.lin())
    answer = client.post(reverse("registry:new"), {"thing": f"version:{version.pk}", "title": "酒店评论"})
    application = Application.objects.get()
    here = reverse("registry:application", args=[application.pk])
    assert answer["Location"] == here
    assert "待填写" in client.get(here).content.decode()
    for key, told in {
        "use_case": {"use_case": "供旅游平台训练情感识别模型。"},
        "source": {"source_statement": "公开评论语料，许可使用。"},
        "rights": {"rights": ["holding", "use"]},
        "classification": {"classification": "general"},
        "legal": {"legal_statement": "来源合法，内容真实，留存记录。"},
    }.items():
        address = reverse("registry:section", args=[application.pk, key])
        assert client.get(address).status_code == 200
        assert client.post(address, told).status_code == 302
    check = reverse("registry:check", args=[application.pk])
    assert "供旅游平台训练情感识别模型" in client.get(check).content.decode()
    assert client.post(check, {}).status_code == 422
    assert client.post(check, {"is_true": "on"}).status_code == 302
    application.refresh_from_db()
    assert application.state == "submitted"
    assert "登记机构受理" in client.get(here).content.decode()


def test_submitting_an_incomplete_application_names_what_is_missing_on_the_page() -> None:
    draft = Registration(changes={"use_case": ""}).draft()
    answer = client_of(cast.lin()).post(reverse("registry:check", args=[draft.pk]), {"is_true": "on"})
    assert answer.status_code == 422
    assert "没有应用场景不予登记" in answer.content.decode()


def test_what_is_open_is_counted_before_submission_and_only_a_complete_one_can_be_submitted() -> None:
    client = client_of(cast.lin())
    open_one, whole_one = Registration(changes={"use_case": ""}).draft(), Registration().draft()
    page = client.get(reverse("registry:check", args=[open_one.pk])).content.decode()
    assert "还有 1 项待填写，填完才能提交。" in page
    assert "提交申请" not in page
    assert "提交申请" in client.get(reverse("registry:check", args=[whole_one.pk])).content.decode()


def test_a_version_leads_to_its_application_and_then_to_its_certificate() -> None:
    version, client = sealed_version(), client_of(cast.lin())
    address = reverse("registry:of_version", args=[version.pk])
    assert client.get(address)["Location"] == f"{reverse('registry:new')}?version={version.pk}"
    registration = Registration(version=version)
    found = registration.certified()
    assert client.get(address)["Location"] == reverse("registry:certificate", args=[found.number])


@pytest.mark.parametrize("who", [cast.he, cast.zhou])
def test_another_firm_finds_nothing(who: object) -> None:
    application = Registration().submitted()
    client = client_of(who())  # type: ignore[operator]
    assert client.get(reverse("registry:application", args=[application.pk])).status_code == 404
    assert client.post(reverse("registry:withdraw", args=[application.pk])).status_code == 404


# --- the authority ------------------------------------------------------------------------------


def test_the_reviewer_goes_from_queue_to_certificate() -> None:
    application, client = Registration().submitted(), client_of(cast.gu())
    assert application.number in client.get(reverse("registry:queue")).content.decode()
    decide = reverse("registry:decide", args=[application.pk])
    review = reverse("registry:review", args=[application.pk])
    with clock.moved_to(NOON):
        client.post(decide, {"decision": "accept"})
        client.post(decide, {"decision": "begin"})
        assert "disabled" in client.get(review).content.decode()
        for check in rules.REVIEWED_CHECKS:
            judge = reverse("registry:judge", args=[application.pk, check.code])
            assert client.post(judge, {f"verdict-{check.code}": "pass", "remark": ""}).status_code == 302
        assert "全部符合" in client.get(review).content.decode()
        assert client.post(reverse("registry:rehash", args=[application.pk])).status_code == 302
        client.post(decide, {"decision": "pass", "opinion": "同意"})
        assert client.post(reverse("registry:certify", args=[application.pk])).status_code == 409
    with clock.moved_to(LATER):
        assert "签发证书" in client.get(review).content.decode()
        answer = client.post(reverse("registry:certify", args=[application.pk]))
    assert answer["Location"] == reverse("registry:certificate", args=[Certificate.objects.get().number])


def test_a_failing_verdict_without_remark_is_shown_at_its_place() -> None:
    application, client = Registration().in_review(), client_of(cast.gu())
    answer = client.post(
        reverse("registry:judge", args=[application.pk, "source"]), {"verdict-source": "fail"}
    )
    assert answer.status_code == 422
    assert "请写明哪里不符合" in answer.content.decode()


def test_a_return_without_reason_is_refused_and_with_reason_reaches_the_firm() -> None:
    application, client = Registration().submitted(), client_of(cast.gu())
    decide = reverse("registry:decide", args=[application.pk])
    assert client.post(decide, {"decision": "return", "opinion": ""}).status_code == 422
    assert client.post(decide, {"decision": "return", "opinion": "请补充授权书三份"}).status_code == 302
    page = client_of(cast.lin()).get(reverse("registry:application", args=[application.pk])).content.decode()
    assert "请补充授权书三份" in page


@pytest.mark.parametrize("who", [cast.lin, cast.zhou, cast.shen])
def test_others_do_not_enter_the_review_desk(who: object) -> None:
    application = Registration().submitted()
    client = client_of(who())  # type: ignore[operator]
    assert client.get(reverse("registry:queue")).status_code == 403
    assert client.get(reverse("registry:review", args=[application.pk])).status_code in (403, 404)
    answer = client.post(reverse("registry:decide", args=[application.pk]), {"decision": "accept"})
    assert answer.status_code in (403, 404)
    application.refresh_from_db()
    assert application.state == "submitted"


def test_a_revocation_is_opened_from_the_certificate_heard_and_decided_by_two() -> None:
    certificate = Registration().certified()
    address = reverse("registry:move", args=[certificate.number])
    assert client_of(cast.lin()).post(address, {"move": "revoke", "reason": "x"}).status_code == 403
    assert client_of(cast.gu()).post(address, {"move": "revoke", "reason": ""}).status_code == 422
    with clock.moved_to(LATER):
        answer = client_of(cast.gu()).post(address, {"move": "revoke", "reason": "来源不实"})
        proceeding = Revocation.objects.get()
        here = reverse("registry:revocation", args=[proceeding.pk])
        assert answer["Location"] == here
        assert "放弃听证" in client_of(cast.lin()).get(here).content.decode()
        waive = reverse("registry:waive", args=[proceeding.pk])
        assert client_of(cast.lin()).post(waive, {"reason": "不再申辩"}).status_code == 302
        decide = reverse("registry:decide_revocation", args=[proceeding.pk])
        assert client_of(cast.gu()).post(decide, {"decision": "propose", "opinion": ""}).status_code == 422
        told = {"decision": "propose", "opinion": "应予撤销"}
        assert client_of(cast.gu()).post(decide, told).status_code == 302
        told = {"decision": "confirm", "opinion": "同意"}
        assert client_of(cast.gu()).post(decide, told).status_code == 403
        assert client_of(an()).post(decide, told).status_code == 302
    certificate.refresh_from_db()
    assert certificate.state == "revoked"


# --- in public ----------------------------------------------------------------------------------


def test_anyone_sees_and_verifies_a_certificate(certificate: Certificate, client: Client) -> None:
    with clock.moved_to(LATER):
        sheet = client.get(reverse("registry:certificate", args=[certificate.number]))
        by_number = client.get(reverse("verification:verify"), {"number": certificate.number})
        by_address = client.get(f"/verify/{certificate.number}/")
    assert sheet.status_code == by_number.status_code == by_address.status_code == 200
    assert "示例证书" in sheet.content.decode()
    for answer in (by_number, by_address):
        page = answer.content.decode()
        assert "证书有效" in page
        assert certificate.version.root_hash in page


def test_verification_says_nothing_beyond_the_certificate(certificate: Certificate, client: Client) -> None:
    page = client.get(f"/verify/{certificate.number}/").content.decode()
    sheet = client.get(reverse("registry:certificate", args=[certificate.number])).content.decode()
    for secret in ("lin@example.cn", certificate.application.legal_statement, "办理经过"):
        assert secret not in page
        assert secret not in sheet
    named = re.compile(r"\b(Lin|Gu)\b")  # as words: a random token may hold the letters of a name
    assert not named.search(page)
    assert not named.search(sheet)


@pytest.mark.parametrize("name", ["pdf", "json", "token"])
def test_every_form_of_the_certificate_downloads_and_verifies(
    name: str, certificate: Certificate, client: Client
) -> None:
    body = client.get(reverse(f"registry:{name}", args=[certificate.number])).content
    file = SimpleUploadedFile("certificate", body)
    with clock.moved_to(LATER):
        page = client.post(reverse("verification:verify"), {"file": file}).content.decode()
    assert "证书有效" in page
    changed = body.replace(b"general", b"genera1") if name == "json" else body[:-9] + b"XXXXXXXXX"
    with clock.moved_to(LATER):
        answer = client.post(reverse("verification:verify"), {"file": SimpleUploadedFile("x", changed)})
    assert "内容被改动" in answer.content.decode()


def test_the_pdf_is_made_on_request_when_the_task_has_not_run(client: Client) -> None:
    certificate = Registration().certified()
    address = reverse("registry:pdf", args=[certificate.number])
    assert client.get(address).status_code == 302
    assert client.post(address)["Location"] == address
    assert client.get(address).content.startswith(b"%PDF")


def test_an_empty_request_and_a_large_file_are_answered_on_the_form(client: Client) -> None:
    address = reverse("verification:verify")
    assert client.post(address, {}).status_code == 422
    large = SimpleUploadedFile("x.pdf", b"0" * (5 * 1024 * 1024 + 1))
    answer = client.post(address, {"file": large})
    assert answer.status_code == 422
    assert "超过 5 MB" in answer.content.decode()


def test_an_unknown_number_is_not_found(client: Client) -> None:
    assert client.get("/verify/ZS-2020-0000001-X/").status_code == 404
    assert client.get(reverse("registry:certificate", args=["ZS-2020-0000001-X"])).status_code == 404


def test_one_address_verifies_thirty_times_a_minute(client: Client) -> None:
    statuses = [client.get("/verify/ZS-2020-0000001-X/").status_code for _n in range(31)]
    assert statuses == [404] * 30 + [429]


# --- JSON ---------------------------------------------------------------------------------------


def post(client: Client, address: str, body: dict[str, object], key: str) -> object:
    return client.post(
        address, json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_the_whole_way_over_json() -> None:
    project, firm, desk = accepted_project(), client_of(cast.lin()), client_of(cast.gu())
    with clock.moved_to(NOON):
        made = post(firm, "/api/datasets", {"name": "评论", "modality": "text"}, "a").json()  # type: ignore[attr-defined]
        version = post(
            firm, f"/api/datasets/{made['id']}/versions", {"project_id": str(project.pk)}, "b"
        ).json()  # type: ignore[attr-defined]
        assert version["state"] == "sealed"
        assert firm.get(f"/api/datasets/versions/{version['id']}/verification").json()["is_intact"] is True
        told = {
            "version_id": version["id"],
            "title": "评论",
            "use_case": "供旅游平台训练情感识别模型。",
            "source_statement": "公开评论语料，许可使用。",
            "rights": ["holding"],
            "classification": "general",
            "legal_statement": "来源合法，内容真实，留存记录。",
        }
        draft = post(firm, "/api/registry/applications", told, "c").json()  # type: ignore[attr-defined]
        assert draft["missing"] == []
        here = f"/api/registry/applications/{draft['id']}"
        assert post(firm, f"{here}/submission", {}, "d").json()["due_on"] == "2026-03-05"  # type: ignore[attr-defined]
        assert post(firm, f"{here}/acceptance", {}, "e").status_code == 403  # type: ignore[attr-defined]
        post(desk, f"{here}/acceptance", {}, "f")
        post(desk, f"{here}/review", {}, "g")
        for check in rules.REVIEWED_CHECKS:
            post(desk, f"{here}/findings", {"check_code": check.code, "verdict": "pass"}, f"h-{check.code}")
        passed = post(desk, f"{here}/pass", {"reason": "同意"}, "i").json()  # type: ignore[attr-defined]
        assert passed["notice_until"] == "2026-03-16"
        early = post(desk, f"{here}/certificate", {}, "j")
        assert early.json()["title"] == "notice_not_over"  # type: ignore[attr-defined]
    with clock.moved_to(LATER):
        issued = post(desk, f"{here}/certificate", {}, "k").json()  # type: ignore[attr-defined]
        again = post(desk, f"{here}/certificate", {}, "k").json()  # type: ignore[attr-defined]
        assert again == issued
        anyone = Client()
        verdict = anyone.get("/api/registry/verify", {"number": issued["number"]}).json()
        assert verdict["is_valid"] is True
        by_token = anyone.post(
            "/api/registry/verify",
            json.dumps({"presented": issued["token"]}),
            content_type="application/json",
        )
        assert by_token.json()["outcome"] == "valid"
        file = SimpleUploadedFile(
            "c.json", json.dumps({"claims": issued["claims"], "token": issued["token"]}).encode()
        )
        assert anyone.post("/api/registry/verify/file", {"file": file}).json()["outcome"] == "valid"


def test_json_lists_are_for_those_who_may_see_them() -> None:
    Registration().submitted()
    assert len(client_of(cast.lin()).get("/api/registry/applications").json()["items"]) == 1
    assert len(client_of(cast.gu()).get("/api/registry/applications").json()["items"]) == 1
    assert client_of(cast.zhou()).get("/api/registry/applications").json()["items"] == []
    assert client_of(cast.shen()).get("/api/registry/applications").status_code == 403
    assert client_of(cast.zhou()).get("/api/datasets").status_code == 403
    assert Client().get("/api/registry/applications").status_code == 401


# --- desk and search ----------------------------------------------------------------------------


def test_what_waits_is_told_to_whose_turn_it_is() -> None:
    from assets.registry import selectors

    application = Registration().submitted()
    with clock.moved_to(NOON):
        assert [todo.due_at for todo in selectors.todos(cast.gu())] == [application.due_on]
        assert selectors.todos(cast.lin()) == []
        services.return_(by=cast.gu(), at=NOON, application_id=application.pk, reason="请补授权书")
        assert "补正" in str(selectors.todos(cast.lin())[0].title)
        assert selectors.todos(cast.gu()) == []


def test_numbers_are_found() -> None:
    from assets.datasets.selectors import find as find_datasets
    from assets.registry.selectors import find

    certificate = Registration().certified()
    assert find(cast.zhou(), certificate.number)[0].is_exact
    assert find(cast.zhou(), certificate.application.number) == []
    assert find(cast.lin(), certificate.application.number)[0].is_exact
    assert find_datasets(cast.lin(), certificate.version.dataset.number)[0].is_exact
    assert find_datasets(cast.zhou(), certificate.version.dataset.number) == []
