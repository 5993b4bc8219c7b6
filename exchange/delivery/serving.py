"""Answering with stored bytes: ranges, ETags, in pieces from the object store."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from documents import objects
from exchange.delivery.rules.ranges import Span, Unsatisfiable, names_etag, span_of
from exchange.delivery.selectors import Item

CHUNK = 1 << 20


def pieces(key: str, span: Span) -> Iterator[bytes]:
    """The bytes of a span of one object, a megabyte at a time."""
    if not span.length:
        return
    response = objects.client().get_object(settings.S3_BUCKET, key, offset=span.start, length=span.length)
    try:
        yield from response.stream(CHUNK)
    finally:
        response.close()
        response.release_conn()


def asked_span(request: HttpRequest, item: Item) -> tuple[Span, bool]:
    """What of the file this request wants; raises Unsatisfiable."""
    return span_of(
        request.headers.get("Range", ""),
        item.size,
        if_range=request.headers.get("If-Range", ""),
        etag=item.etag,
    )


def is_known(request: HttpRequest, item: Item) -> bool:
    """Whether the caller has this content already."""
    return names_etag(request.headers.get("If-None-Match", ""), item.etag)


def unsatisfiable(item: Item) -> HttpResponse:
    """416 with the size."""
    return HttpResponse(status=416, headers={"Content-Range": f"bytes */{item.size}"})


def answer(request: HttpRequest, item: Item, span: Span, *, is_part: bool) -> HttpResponseBase:
    """The bytes, or their headers alone for HEAD."""
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=206 if is_part else 200)
    else:
        response = StreamingHttpResponse(pieces(item.object_key, span), status=206 if is_part else 200)
    name = quote(item.path.rsplit("/", 1)[-1], safe="")
    response["Content-Type"] = item.media_type
    response["Content-Length"] = str(span.length)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = item.etag
    response["Cache-Control"] = "private, no-store"
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    if is_part:
        response["Content-Range"] = span.header
    return response


def not_modified(item: Item) -> HttpResponse:
    """304."""
    return HttpResponse(status=304, headers={"ETag": item.etag})


__all__ = ["Unsatisfiable", "answer", "asked_span", "is_known", "not_modified", "pieces", "unsatisfiable"]
