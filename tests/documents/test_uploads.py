"""Uploads: straight to the store and checked on arrival, or through the site; nothing hostile stays."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import urllib3
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import AuditEvent
from documents import objects, services
from documents.models import Document
from documents.selectors import documents_visible_to
from documents.services import UploadForm, UploadMissing, UploadRefused
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound
from organizations.permissions import Actor
from tests.cast import gu, lin, mei, yan, zhou

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def deeds_are_committed(django_capture_on_commit_callbacks: Any) -> Any:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        yield callbacks


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def expected(body: bytes = PDF, name: str = "授权书.pdf", **told: Any) -> tuple[Document, UploadForm]:
    told = {"purpose": "authorisation", "name": name, "size": len(body), "sha256": digest(body), **told}
    return services.expect_upload(by=told.pop("by", None) or lin(), at=clock.now(), **told)


def post(form: UploadForm, body: bytes, **changes: str) -> int:
    fields = {**form.fields, **changes}
    answer = urllib3.request(
        "POST", form.address, fields={**fields, "file": ("file", body, fields["Content-Type"])}
    )
    return answer.status


def confirm(document: Document, by: Actor | None = None) -> Document:
    return services.confirm_upload(by=by or lin(), at=clock.now(), document_id=document.pk)


def test_a_file_goes_straight_to_the_store_and_is_kept_after_its_check(
    django_capture_on_commit_callbacks: Any,
) -> None:
    document, form = expected()
    assert post(form, PDF) in (200, 201, 204)
    with django_capture_on_commit_callbacks(execute=True):
        stored = confirm(document)
    assert stored.state == "stored"
    assert objects.get(stored.object_key) == PDF
    assert objects.inspect(f"arriving/{document.pk}") is None
    assert confirm(document).pk == document.pk  # again: the same answer
    assert AuditEvent.objects.filter(subject_id=document.pk).count() == 2


def test_confirming_before_uploading_says_so() -> None:
    document, _form = expected()
    with pytest.raises(UploadMissing):
        confirm(document)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(PDF[:-1] + b"x", "SHA-256"), (b"<html>" + b"x" * (len(PDF) - 6), "SHA-256")],
)
def test_other_bytes_than_announced_are_deleted_and_the_reason_is_told(
    sent: bytes, reason: str, django_capture_on_commit_callbacks: Any
) -> None:
    document, form = expected()
    post(form, sent)
    with pytest.raises(UploadRefused, match=reason), django_capture_on_commit_callbacks(execute=True):
        confirm(document)
    assert objects.inspect(f"arriving/{document.pk}") is None
    document.refresh_from_db()
    assert document.state == "refused"
    with pytest.raises(UploadRefused, match=reason):
        confirm(document)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.pdf", b"<html><script>alert(1)</script></html>"),
        ("a.png", PDF),
        ("a.txt", "不是 UTF-8".encode("gb18030")),
        ("a.csv", b"a\0b"),
        ("a.docx", PDF),
        ("a.mp4", PDF),
    ],
)
def test_content_that_is_not_what_its_name_says_is_refused(name: str, body: bytes) -> None:
    document, form = expected(body, name)
    post(form, body)
    with pytest.raises(UploadRefused, match="扩展名"):
        confirm(document)


def test_the_store_itself_refuses_another_size_type_or_key() -> None:
    _document, form = expected()
    assert post(form, PDF + b"x") >= 400
    assert post(form, PDF, **{"Content-Type": "text/html"}) >= 400
    assert post(form, PDF, key="documents/other") >= 400


def test_bytes_sent_after_the_check_change_nothing(django_capture_on_commit_callbacks: Any) -> None:
    document, form = expected()
    post(form, PDF)
    stored = confirm(document)
    post(form, b"x" * len(PDF))
    assert objects.get(stored.object_key) == PDF


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.pdf",
        "a\\b.pdf",
        "a\0.pdf",
        "a\nb.pdf",
        "fdp\u202egpj.pdf",
        ".htaccess",
        ".pdf",
        "",
        "   ",
        "a" * 130 + ".pdf",
        "a.exe",
        "a.pdf.html",
        "noending",
        'a".pdf',
    ],
)
def test_hostile_names_are_refused_at_the_field(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        expected(name=name)
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"size": 0}, "file"),
        ({"size": -1}, "file"),
        ({"size": 200 * 1024 * 1024 + 1}, "file"),
        ({"sha256": "abc"}, "sha256"),
        ({"sha256": "z" * 64}, "sha256"),
        ({"media_type": "text/html"}, "file"),
        ({"purpose": "nonsense"}, "purpose"),
    ],
)
def test_each_announcement_is_checked(told: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        expected(**told)
    assert refused.value.field == field


def test_a_name_with_accents_and_chinese_is_kept_in_composed_form() -> None:
    document, _form = expected(name="  re\u0301sume\u0301 简历.PDF ")
    assert document.name == "résumé 简历.PDF"


def test_links_are_for_those_who_see_the_document_and_each_is_recorded() -> None:
    document, form = expected(purpose="business_licence")
    post(form, PDF)
    confirm(document)
    url = services.hand_out_link(by=mei(), at=clock.now(), document_id=document.pk)
    answer = urllib3.request("GET", url)
    assert answer.data == PDF
    assert "filename*=UTF-8''%E6%8E%88" in answer.headers["Content-Disposition"]
    assert urllib3.request("GET", url.split("?")[0]).status == 403
    assert services.hand_out_link(by=gu(), at=clock.now(), document_id=document.pk)  # verifier, licence
    assert services.hand_out_link(by=yan(), at=clock.now(), document_id=document.pk)  # auditor
    with pytest.raises(NotFound):
        services.hand_out_link(by=zhou(), at=clock.now(), document_id=document.pk)
    assert AuditEvent.objects.filter(action="documents.hand_out_link").count() == 3


def test_others_neither_see_nor_confirm_it() -> None:
    document, form = expected()
    post(form, PDF)
    assert not documents_visible_to(zhou()).exists()
    with pytest.raises(NotFound):
        confirm(document, by=zhou())
    with pytest.raises(NotAllowed):
        expected(by=Actor.anonymous())


def test_without_javascript_the_file_comes_through_the_site(client: Any) -> None:
    client.force_login(lin().user)
    assert client.get("/documents/upload/?purpose=business_licence&next=/organization/").status_code == 200
    answer = client.post(
        "/documents/upload/",
        {
            "purpose": "business_licence",
            "file": SimpleUploadedFile("执照.pdf", PDF),
            "next": "/organization/?tab=1",
        },
    )
    document = Document.objects.get()
    assert answer["Location"] == f"/organization/?tab=1&document={document.pk}"
    assert (document.state, document.sha256, document.size) == ("stored", digest(PDF), len(PDF))
    assert objects.get(document.object_key) == PDF
    assert "执照.pdf" in client.get("/documents/").content.decode()
    assert "执照.pdf" in client.get("/organization/").content.decode()
    link = client.post(f"/documents/{document.pk}/download/")
    assert urllib3.request("GET", link["Location"]).data == PDF


@pytest.mark.parametrize(("name", "body"), [("a.pdf", b"not a pdf"), ("a.exe", b"MZ"), ("a.pdf", b"")])
def test_the_form_says_what_is_wrong_and_keeps_nothing(client: Any, name: str, body: bytes) -> None:
    client.force_login(lin().user)
    answer = client.post("/documents/upload/", {"purpose": "other", "file": SimpleUploadedFile(name, body)})
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    assert not Document.objects.exists()


def test_a_foreign_address_to_go_back_to_is_ignored(client: Any) -> None:
    client.force_login(lin().user)
    told = {"purpose": "other", "file": SimpleUploadedFile("a.pdf", PDF), "next": "https://evil.example/"}
    assert client.post("/documents/upload/", told)["Location"].startswith("/documents/?document=")


def test_the_api_announces_confirms_and_links(client: Any) -> None:
    client.force_login(lin().user)
    told = {"purpose": "evidence", "name": "a.pdf", "size": len(PDF), "sha256": digest(PDF)}
    answer = client.post(
        "/api/documents", told, content_type="application/json", headers={"idempotency-key": "k"}
    )
    assert answer.status_code == 201
    upload, document = answer.json()["upload"], answer.json()["document"]
    form = UploadForm(upload["address"], upload["fields"], clock.now())
    assert client.post(f"/api/documents/{document['id']}/confirm").status_code == 409
    post(form, PDF)
    assert client.post(f"/api/documents/{document['id']}/confirm").json()["state"] == "stored"
    link = client.post(f"/api/documents/{document['id']}/link").json()
    assert urllib3.request("GET", link["url"]).data == PDF
    assert [row["id"] for row in client.get("/api/documents").json()["items"]] == [document["id"]]
    client.force_login(zhou().user)
    assert client.get(f"/api/documents/{document['id']}").status_code == 404
    assert client.post(f"/api/documents/{document['id']}/link").status_code == 404


def test_what_never_came_is_closed_after_a_day() -> None:
    document, _form = expected()
    assert services.refuse_abandoned(at=clock.now()) == 0
    assert services.refuse_abandoned(at=clock.now() + timedelta(days=1, seconds=1)) == 1
    with pytest.raises(UploadRefused):
        confirm(document)


def test_a_large_file_is_streamed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    body = PDF + b"\0" * (6 << 20)
    stored = services.store_upload(
        by=lin(), at=clock.now(), purpose="other", name="big.pdf", file=BytesIO(body)
    )
    assert objects.measure(stored.object_key) == objects.StoredObject(
        stored.object_key, len(body), digest(body)
    )
