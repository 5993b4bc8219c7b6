"""Every address of the site; each app keeps its own list in its `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from assets.credentials import pages as credential_pages
from config.api import api
from settlement.merchant.v1 import describing
from signing import pages as signing_pages

SECTIONS = {
    "": "web.urls",
    "accounts/": "accounts.urls",
    "organization/": "organizations.urls",
    "documents/": "documents.urls",
    "jobs/": "jobs.urls",
    "notifications/": "notifications.urls",
    "audit/": "audit.urls",
    "projects/": "annotation.projects.urls",
    "tasks/": "annotation.work.urls",
    "label-studio/": "annotation.servers.urls",
    "quality/": "annotation.quality.urls",
    "inspection/": "annotation.inspection.urls",
    "datasets/": "assets.datasets.urls",
    "uploads/": "assets.uploads.urls",
    "profiles/": "assets.profiles.urls",
    "exports/": "assets.exports.urls",
    "transparency/": "assets.transparency.urls",
    "credentials/": "assets.credentials.urls",
    "registry/": "assets.registry.urls",
    "verify/": "assets.credentials.verification_urls",
    "catalogue/": "exchange.catalogue.urls",
    "selling/": "exchange.catalogue.selling_urls",
    "searches/": "exchange.searches.urls",
    "demands/": "exchange.demands.urls",
    "tenders/": "exchange.tenders.urls",
    "providers/": "exchange.tenders.directory_urls",
    "orders/": "exchange.trading.urls",
    "requests/": "exchange.requests.urls",
    "reviews/": "exchange.reviews.urls",
    "deliveries/": "exchange.delivery.urls",
    "acceptance/": "exchange.acceptance.urls",
    "filings/": "exchange.filings.urls",
    "pilots/": "exchange.pilots.urls",
    "vouchers/": "exchange.filings.verification_urls",
    "brokers/": "exchange.brokers.urls",
    "spaces/": "exchange.dataspace.urls",
    "ledger/": "settlement.ledger.urls",
    "payments/": "settlement.payments.urls",
    "lots/": "settlement.milestones.urls",
    "payruns/": "settlement.payruns.urls",
    "invoices/": "settlement.invoicing.urls",
    "reconciliation/": "settlement.banking.urls",
    "merchant/": "settlement.merchant.urls",
    "v1/": "settlement.merchant.v1.urls",
    "revenue/": "settlement.revenue.urls",
    "risk/": "settlement.risk.urls",
    "rewards/": "settlement.rewards.urls",
}

handler400 = "web.errors.bad_request"
handler403 = "web.errors.permission_denied"
handler404 = "web.errors.page_not_found"
handler500 = "web.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path(".well-known/jwks.json", signing_pages.jwks, name="jwks"),
    path(".well-known/did.json", credential_pages.did_document, name="did"),
    *(path(prefix, include(module)) for prefix, module in SECTIONS.items()),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/openapi-v1.json", describing.openapi),
    path("api/", api.urls),
    path("s3/", include("exchange.delivery.s3_urls")),
    # S3 clients that take no path in their address; no other page begins like an order's number.
    path("", include("exchange.delivery.s3_root_urls")),
]
