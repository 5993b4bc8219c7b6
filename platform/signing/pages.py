"""The published key set."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from signing import services


@require_safe
@cache_control(public=True, max_age=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """`/.well-known/jwks.json`: every key that verifies our certificates, vouchers and events."""
    return JsonResponse(services.key_set())
