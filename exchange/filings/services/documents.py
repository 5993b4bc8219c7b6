"""Vouchers on paper and as signed text."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit.services import record
from documents import objects
from exchange.filings import sheets
from exchange.filings.models import Filing, VoucherDocument
from exchange.filings.selectors import Issue, issue_of, visible_filing
from exchange.filings.states import FilingState
from kernel.errors import NotFound
from organizations.permissions import Actor

PREFIX = "vouchers"


def _made(filing: Filing, issue: Issue, at: datetime) -> VoucherDocument:
    """The PDF of one issue: the one that is there, else a new one; of two at once the first stands."""
    found = VoucherDocument.objects.filter(filing=filing, sequence=issue.sequence).first()
    if found is not None:
        return found
    stored = objects.put(PREFIX, sheets.pdf(issue.claims, issue.token), "application/pdf")
    made, _is_new = VoucherDocument.objects.get_or_create(
        filing=filing,
        sequence=issue.sequence,
        defaults={
            "sha256": stored.sha256,
            "size": stored.size,
            "object_key": stored.key,
            "made_at": at,
        },
    )
    return made


@transaction.atomic
def hand_out_document(
    *, by: Actor, at: datetime, filing_id: UUID, sequence: int | None = None
) -> tuple[VoucherDocument, str]:
    """The PDF of an issue (the one in force unless told otherwise) and a ten-minute link; recorded.

    Made when it is first asked for. Raises NotFound.
    """
    filing = visible_filing(by, filing_id)
    if filing.state == FilingState.PENDING:
        raise NotFound
    issue = issue_of(filing, sequence)
    document = _made(filing, issue, at)
    record(
        by=by, at=at, action="filings.document", subject=filing,
        detail={"sequence": issue.sequence, "sha256": document.sha256},
    )  # fmt: skip
    link = objects.signed_link(
        document.object_key,
        file_name=f"{filing.voucher_number}-{issue.sequence}.pdf",
        media_type="application/pdf",
    )
    return document, link
