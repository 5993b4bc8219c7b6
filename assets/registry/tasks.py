"""Background work of the registry."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from assets.registry import services
from kernel import clock
from organizations.permissions import Actor


@shared_task(name="registry.make_document")  # type: ignore[untyped-decorator]
def make_document(certificate_id: str) -> None:
    """Make the PDF of a new certificate; doing it again changes nothing."""
    services.issue_document(by=Actor.system("证书文件"), at=clock.now(), certificate_id=UUID(certificate_id))


@shared_task(name="registry.expire_certificates")  # type: ignore[untyped-decorator]
def expire_certificates() -> int:
    """Hourly: end the certificates whose final day has passed."""
    return services.expire_due(clock.now())


@shared_task(name="registry.watch_deadlines")  # type: ignore[untyped-decorator]
def watch_deadlines() -> int:
    """Hourly: overdue reviews, ended notices, lapsed corrections, certificates about to end."""
    return services.watch(clock.now())
