"""Figures for Prometheus: how many requests, how long, with which result."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter(
    "qingshu_http_requests_total", "Requests by view, method and status.", ["view", "method", "status"]
)
SECONDS = Histogram(
    "qingshu_http_request_seconds",
    "Seconds to answer, by view.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LOOPBACK = frozenset({"127.0.0.1", "::1", ""})


class MetricsMiddleware:
    """Counts each request under the name of its view, so that ids in addresses make no new series."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name or "unnamed") if match else "none"
        method = (
            request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        )
        REQUESTS.labels(view, method, str(response.status_code)).inc()
        SECONDS.labels(view).observe(time.perf_counter() - begun)
        return response


def may_read(request: HttpRequest) -> bool:
    """Whether the caller is this machine itself (not through a proxy) or carries METRICS_TOKEN."""
    token = str(getattr(settings, "METRICS_TOKEN", ""))
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    is_direct = "X-Forwarded-For" not in request.headers
    return is_direct and request.META.get("REMOTE_ADDR", "") in LOOPBACK


def exposition() -> bytes:
    """The figures of all processes when PROMETHEUS_MULTIPROC_DIR is set, of this one otherwise."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return bytes(generate_latest(registry))
    return bytes(generate_latest())
