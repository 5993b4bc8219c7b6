"""Public pages and documents: a certificate's credential, the status lists, our DID document."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from assets.credentials import rules, selectors
from assets.credentials.services import LIST_TTL
from assets.transparency import selectors as log
from web.parts import Fact


@require_safe
@cache_control(public=True, max_age=300)
def did_document(request: HttpRequest) -> JsonResponse:
    """`/.well-known/did.json`: our did:web document."""
    return JsonResponse(selectors.did_document(), content_type="application/did+json")


@require_safe
def detail(request: HttpRequest, number: str) -> HttpResponse:
    """A certificate's credential: what it says, where its status stands, where the log holds it."""
    credential = selectors.credential_for(number)
    subject = credential.claims["credentialSubject"]
    status = credential.claims["credentialStatus"]
    context = {
        "credential": credential,
        "certificate": credential.certificate,
        "proofs": log.inclusions_of(credential.certificate.number),
        "told": json.dumps(credential.claims, ensure_ascii=False, indent=2),
        "lists": [(row["statusPurpose"], selectors.list_name(row["statusListCredential"])) for row in status],
        "facts": [
            Fact(_("平台赋码"), credential.unified_code, _("本平台自编，不是官方编码；随资产终身不变")),
            Fact(_("资产名称"), subject["name"]),
            Fact(_("签发者"), credential.claims["issuer"]["id"]),
            Fact(_("资产标识"), subject["id"]),
            Fact(_("签发密钥"), credential.key_id),
            Fact(_("状态位"), credential.status_index),
        ],
    }
    return render(request, "credentials/credential.html", context)


@require_safe
def token(request: HttpRequest, number: str) -> HttpResponse:
    """The credential as a signed JWT (W3C VC-JOSE-COSE)."""
    credential = selectors.credential_for(number)
    response = HttpResponse(credential.token, content_type=rules.JWT_MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{credential.certificate.number}.vc.jwt"'
    return response


@require_safe
def document(request: HttpRequest, number: str) -> HttpResponse:
    """The same content without its signature, for reading."""
    credential = selectors.credential_for(number)
    body = json.dumps(credential.claims, ensure_ascii=False, indent=2)
    return HttpResponse(body, content_type=rules.MEDIA_TYPE)


def _etag(request: HttpRequest, name: str) -> str:
    return f'"{rules.sha256_of(selectors.status_list(name).token)[:32]}"'


@require_safe
@condition(etag_func=_etag)
def status(request: HttpRequest, name: str) -> HttpResponse:
    """A status list as a signed credential; it may be kept for five minutes."""
    held = selectors.status_list(name)
    response = HttpResponse(held.token, content_type=rules.JWT_MEDIA_TYPE)
    response["Cache-Control"] = f"public, max-age={int(LIST_TTL.total_seconds())}"
    response["Last-Modified"] = http_date(held.signed_at.timestamp())
    return response
