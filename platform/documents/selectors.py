"""Which documents a viewer sees."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from documents.models import Document
from documents.states import DocumentState
from kernel.errors import NotFound
from organizations.permissions import VERIFY_ORGANIZATIONS, Actor
from organizations.selectors import LICENCE_PURPOSE
from organizations.states import OrganizationKind


def documents_visible_to(viewer: Actor) -> QuerySet[Document]:
    """The viewer's organization's; licences for verifiers; everything for auditors and the system."""
    if viewer.is_system or OrganizationKind.AUDITOR in viewer.kinds:
        return Document.objects.all()
    wanted = Q(organization_id=viewer.organization_id)
    if viewer.can(VERIFY_ORGANIZATIONS):
        wanted |= Q(purpose=LICENCE_PURPOSE)
    return Document.objects.filter(wanted)


def stored_document(viewer: Actor, document_id: UUID) -> Document:
    """A checked document the viewer sees; NotFound otherwise."""
    found = documents_visible_to(viewer).filter(pk=document_id, state=DocumentState.STORED).first()
    if found is None:
        raise NotFound
    return found
