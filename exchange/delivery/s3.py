"""A read gateway that speaks S3: GetObject with Range, HeadObject, ListObjectsV2, GetBucketLocation.

A bucket is an order's (or claim's) number, its keys are the paths of the version that it opens. Requests carry a
Signature Version 4 of a credential made for that very order; everything else is AccessDenied. Path style, under
`/s3/`, and at the root for the clients that take no path in their address: no other page begins like a number.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from assets.datasets.models import DatasetVersion
from exchange.delivery import selectors, services, serving
from exchange.delivery.models import AccessKey
from exchange.delivery.rules.signatures import Asked, SignatureRefused, verified
from exchange.delivery.selectors import Item
from exchange.delivery.services.keys import read_credential
from exchange.delivery.states import Way
from kernel import clock
from kernel.errors import NotFound, Refusal

REGION = "us-east-1"
PREFIX = "/s3"
MOST_KEYS = 1_000
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Refused(Exception):
    """An answer in S3's own form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(code)


def _denied(message: str = "Access Denied.") -> Refused:
    return Refused(403, "AccessDenied", message)


def _fault(request: HttpRequest, fault: Refused) -> HttpResponse:
    """The error as XML; HEAD has no body."""
    told = {
        "Code": fault.code,
        "Message": fault.message,
        "Resource": request.path,
        "RequestId": getattr(request, "id", ""),
    }
    body = (
        _HEAD
        + "<Error>"
        + "".join(f"<{name}>{_xml(text)}</{name}>" for name, text in told.items())
        + "</Error>"
    )
    return HttpResponse(
        "" if request.method == "HEAD" else body, status=fault.status, content_type="application/xml"
    )


def _xml(text: str) -> str:
    return escape("".join(sign for sign in text if sign.isprintable()))


@csrf_exempt
def gateway(request: HttpRequest, bucket: str = "", key: str = "") -> HttpResponseBase:
    """One request of an S3 client."""
    try:
        held = _signed(request)
        if request.method not in ("GET", "HEAD"):
            raise _denied("This credential only reads.")
        if not bucket or bucket != held.entitlement.number:
            raise _denied("The credential opens another bucket.")
        version = _open_version(held)
        return _object(request, held, version, key) if key else _bucket(request, held, version)
    except SignatureRefused as refused:
        return _fault(request, Refused(refused.status, refused.code, refused.message))
    except Refused as refused:
        return _fault(request, refused)


def _signed(request: HttpRequest) -> AccessKey:
    asked = Asked(
        method=request.method or "",
        path=request.path,
        query=request.META.get("QUERY_STRING", ""),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    at = clock.now()
    known: dict[str, AccessKey] = {}

    def secret(access_key: str) -> str | None:
        found = read_credential(access_key, at)
        if found is None:
            return None
        known[access_key] = found
        return services.secret_of(access_key)

    return known[verified(asked, secret_of=secret, now=at, prefix=PREFIX)]


def _open_version(held: AccessKey) -> DatasetVersion:
    try:
        services.require_open(held.entitlement, clock.now())
    except Refusal as refusal:
        raise _denied(str(refusal)) from refusal
    return selectors.version_in(held.entitlement)


# --- objects ------------------------------------------------------------------------------------


def _object(request: HttpRequest, held: AccessKey, version: DatasetVersion, key: str) -> HttpResponseBase:
    if set(request.GET) & {"acl", "tagging", "torrent", "attributes", "uploadId", "versionId"}:
        raise _denied()
    try:
        item = selectors.item_at(held.entitlement, version, key)
    except NotFound as error:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.") from error
    if serving.is_known(request, item):
        return serving.not_modified(item)
    if (expected := request.headers.get("If-Match", "")) and expected.strip() not in ("*", item.etag):
        raise Refused(
            412, "PreconditionFailed", "At least one of the preconditions you specified did not hold."
        )
    try:
        span, is_part = serving.asked_span(request, item)
    except serving.Unsatisfiable as error:
        raise Refused(416, "InvalidRange", "The requested range cannot be satisfied.") from error
    if request.method == "GET":
        services.noted(
            held.entitlement, version_id=version.pk, way=Way.S3, path=item.path, byte_count=span.length,
            at=clock.now(), key=held,
        )  # fmt: skip
    response = serving.answer(request, item, span, is_part=is_part)
    response["Last-Modified"] = _modified(version)
    response["x-amz-meta-sha256"] = item.sha256
    return response


def _modified(version: DatasetVersion) -> str:
    assert version.sealed_at is not None, "only a sealed version is delivered"
    return http_date(version.sealed_at.timestamp())


# --- buckets ------------------------------------------------------------------------------------


def _bucket(request: HttpRequest, held: AccessKey, version: DatasetVersion) -> HttpResponse:
    if request.method == "HEAD":
        return HttpResponse(headers={"x-amz-bucket-region": REGION})
    if "location" in request.GET:
        body = f'<LocationConstraint xmlns="{_NAMESPACE}">{REGION}</LocationConstraint>'
        return HttpResponse(_HEAD + body, content_type="application/xml")
    if request.GET.get("list-type") != "2":
        raise _denied()
    return HttpResponse(_listing(request, held, version), content_type="application/xml")


def _listing(request: HttpRequest, held: AccessKey, version: DatasetVersion) -> str:
    prefix, delimiter = request.GET.get("prefix", ""), request.GET.get("delimiter", "")
    asked = request.GET.get("max-keys", str(MOST_KEYS))
    if not asked.isdecimal():
        raise Refused(400, "InvalidArgument", "max-keys must be a whole number.")
    limit = min(int(asked), MOST_KEYS)
    after = _after(request.GET.get("continuation-token", "")) or request.GET.get("start-after", "")
    is_quoted = request.GET.get("encoding-type") == "url"
    entries: list[str] = []
    last, is_cut = after, False
    for path, item in _entries(held, version, prefix, delimiter, after):
        if len(entries) >= limit:
            is_cut = True
            break
        shown = quote(path, safe="/-_.~") if is_quoted else escape(path)
        if item is None:
            entries.append(f"<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>")
        else:
            entries.append(_entry(shown, item, version))
        last = path
    told = {"Name": held.entitlement.number, "Prefix": prefix, "KeyCount": len(entries), "MaxKeys": limit,
            "IsTruncated": "true" if is_cut else "false"}  # fmt: skip
    if delimiter:
        told["Delimiter"] = delimiter
    if is_quoted:
        told["EncodingType"] = "url"
        told["Prefix"] = quote(prefix, safe="/-_.~")
    if is_cut and limit:
        told["NextContinuationToken"] = base64.urlsafe_b64encode(last.encode()).decode()
    head = "".join(f"<{name}>{_xml(str(value))}</{name}>" for name, value in told.items())
    return f'{_HEAD}<ListBucketResult xmlns="{_NAMESPACE}">{head}{"".join(entries)}</ListBucketResult>'


def _after(token: str) -> str:
    if not token:
        return ""
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError as error:
        raise Refused(400, "InvalidArgument", "The continuation token provided is incorrect.") from error


def _entries(
    held: AccessKey, version: DatasetVersion, prefix: str, delimiter: str, after: str
) -> Iterator[tuple[str, Item | None]]:
    """Keys in order, with folders once each (without an item) when a delimiter is given."""
    if "\0" in prefix or "\0" in after:
        return
    skip = f"{after}\U0010ffff" if delimiter and after.endswith(delimiter) else after
    while True:
        page = selectors.items_after(held.entitlement, version, prefix=prefix, after=skip, limit=MOST_KEYS)
        for item in page:
            skip = item.path
            at = item.path.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                folder = item.path[: at + len(delimiter)]
                yield folder, None
                skip = f"{folder}\U0010ffff"
                break
            yield item.path, item
        else:
            if len(page) < MOST_KEYS:
                return


def _entry(shown: str, item: Item, version: DatasetVersion) -> str:
    assert version.sealed_at is not None, "only a sealed version is delivered"
    moment = version.sealed_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f"<Contents><Key>{shown}</Key><LastModified>{moment}</LastModified><ETag>&quot;{item.sha256}&quot;</ETag>"
        f"<Size>{item.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
