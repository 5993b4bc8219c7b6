"""The JSON API: one NinjaAPI with every domain's router."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.throttling import AnonRateThrottle, AuthRateThrottle

from gateway.api import AUTH, problem, refusal_problem
from kernel.errors import Refusal

ROUTERS = {
    "/organizations": "organizations.api",
    "/documents": "documents.api",
    "/jobs": "jobs.api",
    "/audit": "audit.api",
    "/annotation": "annotation.projects.api",
    "/intake": "annotation.intake.api",
    "/tasks": "annotation.work.api",
    "/label-studio": "annotation.servers.api",
    "/quality": "annotation.quality.api",
    "/inspection": "annotation.inspection.api",
    "/datasets": "assets.datasets.api",
    "/uploads": "assets.uploads.api",
    "/profiles": "assets.profiles.api",
    "/exports": "assets.exports.api",
    "/transparency": "assets.transparency.api",
    "/credentials": "assets.credentials.api",
    "/registry": "assets.registry.api",
    "/catalogue": "exchange.catalogue.api",
    "/searches": "exchange.searches.api",
    "/demands": "exchange.demands.api",
    "/tenders": "exchange.tenders.api",
    "/orders": "exchange.trading.api",
    "/requests": "exchange.requests.api",
    "/reviews": "exchange.reviews.api",
    "/deliveries": "exchange.delivery.api",
    "/acceptance": "exchange.acceptance.api",
    "/data": "exchange.delivery.data_api",
    "/filings": "exchange.filings.api",
    "/pilots": "exchange.pilots.api",
    "/brokers": "exchange.brokers.api",
    "/spaces": "exchange.dataspace.api",
    "/ledger": "settlement.ledger.api",
    "/payments": "settlement.payments.api",
    "/lots": "settlement.milestones.api",
    "/payruns": "settlement.payruns.api",
    "/invoices": "settlement.invoicing.api",
    "/reconciliation": "settlement.banking.api",
    "/revenue": "settlement.revenue.api",
    "/risk": "settlement.risk.api",
    "/rewards": "settlement.rewards.api",
}


class DescribedOnce(NinjaAPI):
    """The API's description is worked out once in a process; its routes don't change while it runs."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return _described(path_prefix or self.get_root_path(path_params or {}))


@cache
def _described(path_prefix: str) -> OpenAPISchema:
    return NinjaAPI.get_openapi_schema(api, path_prefix=path_prefix)


api = DescribedOnce(
    title="清数 Qingshu API",
    version="1",
    urls_namespace="api",
    docs_url="/docs",
    openapi_url="/openapi.json",
    auth=AUTH,
    throttle=[AnonRateThrottle("120/m"), AuthRateThrottle("1200/m")],
)
for prefix, module in ROUTERS.items():
    api.add_router(prefix, import_module(module).router, tags=[module.split(".")[-2]])


@api.exception_handler(Refusal)
def on_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return refusal_problem(request, refusal)


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"field": ".".join(str(part) for part in e["loc"]), "reason": e["msg"]} for e in error.errors]
    return problem(
        request, 422, "invalid_input", _("请求内容不符合接口定义，请按 errors 修改。"), errors=errors
    )


@api.exception_handler(AuthenticationError)
def on_unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problem(request, 401, "not_signed_in", _("请先登录，或在 Authorization 中提供有效的 API 密钥。"))


@api.exception_handler(Throttled)
def on_throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    response = problem(request, 429, "too_many_requests", _("请求过于频繁，请稍后再试。"))
    response["Retry-After"] = str(int(error.wait or 1))
    return response


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, error.status_code, "request_refused", str(error))
