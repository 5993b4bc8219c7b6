"""`{% credential_panel certificate %}`: what a certificate's page shows of its credential and of the log."""

from __future__ import annotations

from typing import Any

from django import template

from assets.credentials.selectors import credential_by_number, list_name
from assets.registry.models import Certificate
from assets.transparency.selectors import inclusions_of

register = template.Library()


@register.inclusion_tag("credentials/panel.html")
def credential_panel(certificate: Certificate) -> dict[str, Any]:
    """Unified code, credential, status lists and log entries; nothing while there is no credential."""
    credential = credential_by_number(certificate.number)
    status = credential.claims["credentialStatus"] if credential else []
    return {
        "credential": credential,
        "number": certificate.number,
        "lists": [(row["statusPurpose"], list_name(row["statusListCredential"])) for row in status],
        "proofs": inclusions_of(certificate.number) if credential else [],
    }
