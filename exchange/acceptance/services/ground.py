"""What every step of a complaint shares: the lock, texts, documents, turns and deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from documents.models import Document
from documents.states import DocumentState
from exchange.acceptance import rules
from exchange.acceptance.models import Attachment, Complaint
from exchange.trading.models import Order
from exchange.trading.services import locked_order
from kernel.errors import InvalidInput, NotFound
from organizations.permissions import Actor


def locked_complaint(complaint_id: UUID) -> tuple[Order, Complaint]:
    """The order under lock (the lock of all that happens to it), then the complaint as it stands now."""
    order_id = Complaint.objects.filter(pk=complaint_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise NotFound
    order = locked_order(order_id, "delivery")
    complaint = Complaint.objects.select_for_update(of=("self",), no_key=True).get(pk=complaint_id)
    complaint.order = order
    return order, complaint


def told(field: str, text: str) -> str:
    """The text without space around it; InvalidInput when it says too little or too much."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not rules.LEAST_TEXT <= len(text) <= rules.MOST_TEXT:
        raise InvalidInput(field=field, reason=gettext("请用 4 到 4000 个字写明事实和理由，对方能看到。"))
    return text


def own_documents(by: Actor, ids: Sequence[UUID]) -> list[Document]:
    """The actor's own stored documents of these ids; NotFound when one is not there."""
    found = list(
        Document.objects.filter(pk__in=ids, organization=by.organization, state=DocumentState.STORED)
    )
    if len(found) != len(set(ids)):
        raise NotFound
    return found


def attach(complaint: Complaint, documents: Sequence[Document], **to: Any) -> None:
    """Put documents beside a defect, an offer or a statement, with their hashes."""
    Attachment.objects.bulk_create(
        [Attachment(complaint=complaint, document=each, sha256=each.sha256, **to) for each in documents]
    )


def due(at: datetime, days: int) -> datetime:
    """The deadline of the next step."""
    return rules.due_after(at, days)
