"""Uploads: announced, checked on arrival, handed out by short-lived links.

Browsers POST straight to the object store under a key that only waits; what has passed its check is
copied (that very version) to its own key, so nobody can put other bytes in its place afterwards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents import objects, rules
from documents.models import Document
from documents.permissions import UPLOAD
from documents.selectors import documents_visible_to, stored_document
from documents.states import DOCUMENT, DocumentState
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.records import new_id
from organizations.permissions import Actor

UPLOAD_LIFETIME = timedelta(hours=1)
ABANDONED_AFTER = timedelta(days=1)


class UploadMissing(Refusal):
    """Nothing lies in the store yet."""

    code = "upload_missing"
    message = _("文件还没有传到，请先完成上传再确认。")


class UploadRefused(Refusal):
    """What arrived is not what was announced; it was deleted."""

    code = "upload_refused"
    message = _("文件未被接受，已删除：%(reason)s")
    status = 422


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Where a browser POSTs the file (field `file`, last), after these fields, until `expires_at`."""

    address: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Announced:
    """A file's name, media type and size after checking."""

    name: str
    media_type: str
    size: int


def _check(purpose: str, name: str, media_type: str, size: int) -> Announced:
    if purpose not in rules.PURPOSES:
        raise InvalidInput(field="purpose", reason=_("请选择文件用途。"))
    try:
        cleaned = rules.clean_name(name)
    except ValueError as wrong:
        bad_name = _('文件名不能超过 120 个字，不能含有 / \\ : * ? " < > | 或不可见字符。请改名后再传。')
        raise InvalidInput(field="file", reason=bad_name) from wrong
    kind = rules.kind_of(cleaned)
    if kind is None or (media_type and media_type != kind.media_type):
        endings = " ".join(sorted(rules.ENDINGS))
        reason = _("不接受这种文件，或扩展名与类型不符。可以上传：%(endings)s。") % {"endings": endings}
        raise InvalidInput(field="file", reason=reason)
    if not 0 < size <= rules.LARGEST:
        raise InvalidInput(field="file", reason=_("文件不能为空，也不能超过 200 MB。"))
    return Announced(cleaned, kind.media_type, size)


def _create(by: Actor, at: datetime, purpose: str, told: Announced, sha256: str) -> Document:
    assert by.organization is not None, "uploading needs an organization"
    document_id = new_id()
    return Document.objects.create(
        id=document_id,
        organization=by.organization,
        purpose=purpose,
        name=told.name,
        media_type=told.media_type,
        size=told.size,
        sha256=sha256,
        object_key=f"arriving/{document_id}",
        uploaded_by=by.user,
        created_at=at,
    )


@transaction.atomic
def expect_upload(
    *, by: Actor, at: datetime, purpose: str, name: str, size: int, sha256: str, media_type: str = ""
) -> tuple[Document, UploadForm]:
    """Announce a file of `size` bytes with that SHA-256 (hex); POST it within an hour."""
    by.require(UPLOAD)
    told = _check(purpose, name, media_type, size)
    digest = sha256.strip().lower()
    if not rules.SHA256.fullmatch(digest):
        raise InvalidInput(field="sha256", reason=_("sha256 应为 64 位十六进制。"))
    document = _create(by, at, purpose, told, digest)
    record(by=by, at=at, action="documents.expect", subject=document, detail={"size": size, "sha256": digest})
    return document, upload_form(document, at)


def upload_form(document: Document, at: datetime) -> UploadForm:
    """The presigned POST of an announced document."""
    expires_at = at + UPLOAD_LIFETIME
    fields = objects.signed_upload(
        document.object_key, media_type=document.media_type, size=document.size, expires_at=expires_at
    )
    return UploadForm(objects.upload_address(), fields, expires_at)


def _fault(document: Document, arrived: objects.Arrival) -> str:
    """Why what arrived can't be taken; empty when it can."""
    if arrived.size != document.size:
        return str(_("大小与申报不符。"))
    if arrived.sha256 != document.sha256:
        return str(_("SHA-256 与申报不符，传输中可能损坏，请重新上传。"))
    if not rules.fits(document.media_type, arrived.head):
        return str(_("内容与扩展名不符；文本文件请存为 UTF-8 编码。"))
    return ""


def _expected(by: Actor, document_id: UUID) -> Document:
    document = documents_visible_to(by).filter(Q(organization_id=by.organization_id), pk=document_id).first()
    if document is None:
        raise NotFound
    by.require(UPLOAD)
    return document


def confirm_upload(*, by: Actor, at: datetime, document_id: UUID) -> Document:
    """Check what arrived (size, SHA-256, first bytes) and keep it; confirming again gives the same answer.

    UploadRefused: it was something else; the object is gone and the row keeps the reason.
    """
    document = _expected(by, document_id)
    if document.state == DocumentState.EXPECTED:
        arrived = objects.inspect(document.object_key)
        if arrived is None:
            raise UploadMissing
        document = _settle(by=by, at=at, document_id=document_id, arrived=arrived)
    if document.state == DocumentState.REFUSED:
        raise UploadRefused(field="file", reason=document.refusal or _("上传已失效，请重新上传。"))
    return document


@transaction.atomic
def _settle(*, by: Actor, at: datetime, document_id: UUID, arrived: objects.Arrival) -> Document:
    document = Document.objects.select_for_update(of=("self",)).get(pk=document_id)
    if document.state != DocumentState.EXPECTED:
        return document
    arriving, fault = document.object_key, _fault(document, arrived)
    if fault:
        document.refusal = fault
        DOCUMENT.move(document, "refuse", by=by, at=at, reason=fault, update_fields=["refusal"])
    else:
        document.object_key = f"documents/{document.pk}/{document.sha256}"
        objects.keep(arriving, arrived, document.object_key)
        DOCUMENT.move(document, "store", by=by, at=at, update_fields=["object_key"])
    record(by=by, at=at, action=f"documents.{document.state}", subject=document, detail={"reason": fault})
    transaction.on_commit(lambda: objects.remove(arriving))
    return document


@transaction.atomic
def store_upload(*, by: Actor, at: datetime, purpose: str, name: str, file: BinaryIO) -> Document:
    """Take a file that came through the site itself (the way without JavaScript); same checks."""
    by.require(UPLOAD)
    digest, size = hashlib.sha256(), 0
    head = file.read(rules.HEAD)
    part = head
    while part and size <= rules.LARGEST:
        digest.update(part)
        size += len(part)
        part = file.read(1 << 20)
    told = _check(purpose, name, "", size)
    document = _create(by, at, purpose, told, digest.hexdigest())
    fault = _fault(document, objects.Arrival(document.object_key, size, digest.hexdigest(), head, None))
    if fault:
        raise UploadRefused(field="file", reason=fault)
    file.seek(0)
    document.object_key = f"documents/{document.pk}/{document.sha256}"
    objects.put_stream(document.object_key, file, size, document.media_type)
    DOCUMENT.move(document, "store", by=by, at=at, update_fields=["object_key"])
    record(by=by, at=at, action="documents.stored", subject=document, detail={"sha256": document.sha256})
    return document


@transaction.atomic
def hand_out_link(*, by: Actor, at: datetime, document_id: UUID) -> str:
    """A link to a document the viewer sees, good for ten minutes; recorded."""
    return link_to(by=by, at=at, document=stored_document(by, document_id))


@transaction.atomic
def link_to(*, by: Actor, at: datetime, document: Document) -> str:
    """The same for a domain whose own selector let the viewer see the document."""
    record(by=by, at=at, action="documents.hand_out_link", subject=document)
    return objects.signed_link(document.object_key, file_name=document.name, media_type=document.media_type)


@transaction.atomic
def refuse_abandoned(*, at: datetime, limit: int = 200) -> int:
    """Close announcements whose file never came within a day; how many."""
    by = Actor.system("documents")
    rows = Document.objects.select_for_update(of=("self",), skip_locked=True)
    abandoned = list(
        rows.filter(state=DocumentState.EXPECTED, created_at__lt=at - ABANDONED_AFTER).order_by("pk")[:limit]
    )
    for document in abandoned:
        document.refusal = str(_("一天内没有传到。"))
        DOCUMENT.move(document, "refuse", by=by, at=at, reason=document.refusal, update_fields=["refusal"])
        record(
            by=by, at=at, action="documents.refused", subject=document, detail={"reason": document.refusal}
        )
        transaction.on_commit(lambda key=document.object_key: objects.remove(key))  # type: ignore[misc]
    return len(abandoned)
