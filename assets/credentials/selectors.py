"""Reading credentials and status lists. All of it is public."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from assets.credentials import rules
from assets.credentials.models import Credential, StatusList
from assets.registry.models import Certificate
from assets.registry.selectors import certificate_by_number
from kernel.errors import NotFound
from signing import services as signing


def issuer() -> str:
    """Our DID."""
    return rules.did_of(settings.SITE_URL)


def credential_url(number: str) -> str:
    """The address that names a certificate's credential."""
    return f"{settings.SITE_URL}{reverse('credentials:detail', args=[number])}"


def status_url(purpose: str, ordinal: int) -> str:
    """The address of a status list."""
    return f"{settings.SITE_URL}{reverse('credentials:status', args=[f'{purpose}-{ordinal}'])}"


def did_document() -> dict[str, object]:
    """Our DID document, with every key that ever signed."""
    return rules.did_document(issuer(), signing.key_set()["keys"])


def credential_by_number(number: str) -> Credential | None:
    """The credential of a certificate number, whoever asks."""
    rows = Credential.objects.select_related("certificate__holder", "certificate__version__dataset")
    return rows.filter(certificate__number=number.strip().upper()).first()


def code_of(certificate: Certificate) -> str:
    """The unified code of the certificate's asset; "" before its credential was issued."""
    held = Credential.objects.filter(certificate=certificate).values_list("unified_code", flat=True).first()
    return held or ""


def credential_for(number: str) -> Credential:
    """The same; NotFound if there is none."""
    found = credential_by_number(number)
    if found is None:
        raise NotFound
    return found


def status_list(name: str) -> StatusList:
    """A list by its public name, `revocation-1`; NotFound if there is none."""
    purpose, _dash, ordinal = name.rpartition("-")
    number = int(ordinal) if ordinal.isascii() and ordinal.isdigit() and len(ordinal) < 9 else 0
    found = StatusList.objects.filter(purpose=purpose, ordinal=number).first()
    if found is None:
        raise NotFound
    return found


def lists_of(credential: Credential) -> list[StatusList]:
    """The two lists that tell of a credential."""
    return list(StatusList.objects.filter(ordinal=credential.list_ordinal).order_by("purpose"))


def list_name(url: str) -> str:
    """The public name of a list in its address: `revocation-1`."""
    return url.rstrip("/").rpartition("/")[2]


def certificate_of(*, number: str = "", root_hash: str = "") -> Certificate | None:
    """A certificate by its number, else the latest one of a root hash; everything it says is public."""
    if number:
        return certificate_by_number(number)
    if not root_hash:
        return None
    rows = Certificate.objects.select_related("holder", "version__dataset", "application")
    return rows.filter(version__root_hash=root_hash.lower()).order_by("-issued_at", "-pk").first()
