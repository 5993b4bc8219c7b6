"""JSON: announce, confirm, list and fetch documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from documents import selectors, services
from documents.models import Document
from documents.objects import LINK_LIFETIME
from documents.schemas import DocumentIn, DocumentOut, ExpectedOut, LinkOut
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound

router = Router()


@router.post("", response={201: ExpectedOut})
@idempotent
def expect(request: HttpRequest, body: DocumentIn) -> Status[dict[str, Any]]:
    """Announce a file; POST its bytes to the answered address, then confirm."""
    document, form = services.expect_upload(by=actor(request), at=clock.now(), **body.dict())
    return Status(201, {"document": document, "upload": form})


@router.post("/{document_id}/confirm", response=DocumentOut)
def confirm(request: HttpRequest, document_id: UUID) -> Document:
    """Check what arrived. Repeating gives the same answer, so no idempotency key is needed."""
    return services.confirm_upload(by=actor(request), at=clock.now(), document_id=document_id)


@router.get("", response=Page[DocumentOut])
def documents(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Documents the caller sees, newest first."""
    rows, following = cursor_page(selectors.documents_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": rows, "next": following}


@router.get("/{document_id}", response=DocumentOut)
def document(request: HttpRequest, document_id: UUID) -> Document:
    """One document."""
    found = selectors.documents_visible_to(actor(request)).filter(pk=document_id).first()
    if found is None:
        raise NotFound
    return found


@router.post("/{document_id}/link", response=LinkOut)
def link(request: HttpRequest, document_id: UUID) -> dict[str, Any]:
    """A fresh download link; each one is recorded."""
    url = services.hand_out_link(by=actor(request), at=clock.now(), document_id=document_id)
    return {"url": url, "lifetime_seconds": int(LINK_LIFETIME.total_seconds())}
