"""The object store: bytes by key in one S3 bucket, through the MinIO client.

Content keys carry the SHA-256 of the bytes, so writing the same content twice is harmless.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED, GOVERNANCE, CopySource
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig

LINK_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Where bytes lie and what they are: key, size in bytes, SHA-256 in hex."""

    key: str
    size: int
    sha256: str


def _client(endpoint: str) -> Minio:
    parts = urlsplit(endpoint)
    return Minio(
        parts.netloc,
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY,
        secure=parts.scheme == "https",
        region=settings.S3_REGION,
        http_client=urllib3.PoolManager(
            maxsize=16,
            timeout=urllib3.Timeout(connect=3, read=60),
            retries=urllib3.Retry(3, backoff_factor=0.2),
        ),
    )


@lru_cache(maxsize=2)
def _cached_client(endpoint: str, access_key: str, secret_key: str) -> Minio:
    return _client(endpoint)


def client() -> Minio:
    """The client for the server side."""
    return _cached_client(settings.S3_ENDPOINT, settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY)


def _public_client() -> Minio:
    return _cached_client(settings.S3_PUBLIC_ENDPOINT, settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY)


def ensure_bucket() -> None:
    """Make the bucket with versioning if it is not there; safe to call again and at once by two.

    With S3_OBJECT_LOCK_DAYS it is made with object lock, which no bucket can be given afterwards.
    """
    try:
        client().make_bucket(settings.S3_BUCKET, object_lock=settings.S3_OBJECT_LOCK_DAYS > 0)
    except S3Error as error:
        if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    client().set_bucket_versioning(settings.S3_BUCKET, VersioningConfig(ENABLED))


def content_key(prefix: str, sha256: str) -> str:
    """The key under which content of this hash lies: `prefix/ab/abcdef…`."""
    return f"{prefix}/{sha256[:2]}/{sha256}"


def put(prefix: str, body: bytes, media_type: str) -> StoredObject:
    """Store bytes under their content key and tell where they are."""
    digest = hashlib.sha256(body).hexdigest()
    key = content_key(prefix, digest)
    client().put_object(settings.S3_BUCKET, key, io.BytesIO(body), len(body), content_type=media_type)
    return StoredObject(key, len(body), digest)


def get(key: str) -> bytes:
    """All bytes of one object (small ones; use `stream` for the rest)."""
    return b"".join(stream(key))


def stream(key: str, chunk: int = 1 << 20) -> Iterator[bytes]:
    """The object's bytes in chunks."""
    response = client().get_object(settings.S3_BUCKET, key)
    try:
        yield from response.stream(chunk)
    finally:
        response.close()
        response.release_conn()


def measure(key: str) -> StoredObject | None:
    """Size and SHA-256 of what really lies there, read from the store; None when nothing does."""
    digest, size = hashlib.sha256(), 0
    try:
        for part in stream(key):
            digest.update(part)
            size += len(part)
    except S3Error as error:
        if error.code == "NoSuchKey":
            return None
        raise
    return StoredObject(key, size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Arrival:
    """What lies under a key: size in bytes, SHA-256 in hex, the first bytes, the store's version of it."""

    key: str
    size: int
    sha256: str
    head: bytes
    version: str | None


def inspect(key: str, *, head_size: int = 4096) -> Arrival | None:
    """Read one version of an object whole and tell what it is; None when nothing lies there."""
    try:
        version = client().stat_object(settings.S3_BUCKET, key).version_id
        response = client().get_object(settings.S3_BUCKET, key, version_id=version)
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            return None
        raise
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        for part in response.stream(1 << 20):
            head = head if len(head) >= head_size else (head + part)[:head_size]
            digest.update(part)
            size += len(part)
    finally:
        response.close()
        response.release_conn()
    return Arrival(key, size, digest.hexdigest(), head, version)


def keep(key: str, arrival: Arrival, target: str) -> None:
    """Copy exactly the inspected version to `target`, inside the store."""
    source = CopySource(settings.S3_BUCKET, key, version_id=arrival.version)
    client().copy_object(settings.S3_BUCKET, target, source)


def put_stream(key: str, body: BinaryIO, size: int, media_type: str) -> None:
    """Store `size` bytes read from `body` under `key`."""
    client().put_object(settings.S3_BUCKET, key, body, size, content_type=media_type)


def remove(key: str) -> None:
    """Delete one object (uploads that failed their check)."""
    client().remove_object(settings.S3_BUCKET, key)


def signed_link(key: str, *, file_name: str, media_type: str, inline: bool = False) -> str:
    """A link to one object that works for ten minutes and downloads under `file_name`."""
    from urllib.parse import quote

    disposition = "inline" if inline else "attachment"
    link: str = _public_client().presigned_get_object(
        settings.S3_BUCKET,
        key,
        expires=LINK_LIFETIME,
        response_headers={
            "response-content-disposition": f"{disposition}; filename*=UTF-8''{quote(file_name, safe='')}",
            "response-content-type": media_type,
        },
    )
    return link


def signed_upload(key: str, *, media_type: str, size: int, expires_at: Any) -> dict[str, str]:
    """Form fields for a browser's direct POST of exactly `size` bytes of `media_type` to `key`."""
    policy = PostPolicy(settings.S3_BUCKET, expires_at)
    policy.add_equals_condition("key", key)
    policy.add_equals_condition("Content-Type", media_type)
    policy.add_content_length_range_condition(size, size)
    fields: dict[str, str] = _public_client().presigned_post_policy(policy)
    return {"key": key, "Content-Type": media_type, **fields}


def upload_address() -> str:
    """Where browsers POST uploads to."""
    return f"{settings.S3_PUBLIC_ENDPOINT}/{settings.S3_BUCKET}"


def is_reachable() -> bool:
    """Whether the store answers and the bucket is there."""
    try:
        return bool(client().bucket_exists(settings.S3_BUCKET))
    except (S3Error, urllib3.exceptions.HTTPError):
        return False


# --- large files, in parts ----------------------------------------------------------------------


def signed_put(key: str) -> str:
    """A link by which a program or a page PUTs one object within ten minutes."""
    link: str = _public_client().get_presigned_url("PUT", settings.S3_BUCKET, key, expires=LINK_LIFETIME)
    return link


def begin_parts(key: str, media_type: str) -> str:
    """Begin an object that comes in parts; the store's id of it."""
    headers = {"Content-Type": media_type}
    begun: str = client()._create_multipart_upload(settings.S3_BUCKET, key, headers)
    return begun


def signed_part(key: str, parts_id: str, number: int) -> str:
    """A link by which part `number` (from 1) is PUT within ten minutes."""
    link: str = _public_client().get_presigned_url(
        "PUT",
        settings.S3_BUCKET,
        key,
        expires=LINK_LIFETIME,
        extra_query_params={"partNumber": str(number), "uploadId": parts_id},
    )
    return link


def _parts(key: str, parts_id: str) -> list[Any] | None:
    found: list[Any] = []
    marker = None
    while True:
        try:
            answer = client()._list_parts(
                settings.S3_BUCKET, key, parts_id, max_parts=1000, part_number_marker=marker
            )
        except S3Error as error:
            if error.code == "NoSuchUpload":
                return None
            raise
        found += answer.parts
        if not answer.is_truncated:
            return found
        marker = str(answer.next_part_number_marker)


def received_parts(key: str, parts_id: str) -> dict[int, int] | None:
    """Number and size of every part that lies in the store; None when the id is closed or unknown."""
    found = _parts(key, parts_id)
    return None if found is None else {part.part_number: part.size for part in found}


def finish_parts(key: str, parts_id: str) -> bool:
    """Join the parts to one object; False when somebody joined or dropped them already."""
    found = _parts(key, parts_id)
    if found is None:
        return False
    try:
        client()._complete_multipart_upload(settings.S3_BUCKET, key, parts_id, found)
    except S3Error as error:
        if error.code == "NoSuchUpload":
            return False
        raise
    return True


def drop_parts(key: str, parts_id: str) -> None:
    """Throw the parts away."""
    try:
        client()._abort_multipart_upload(settings.S3_BUCKET, key, parts_id)
    except S3Error as error:
        if error.code != "NoSuchUpload":
            raise


# --- many objects -------------------------------------------------------------------------------


def size_of(key: str) -> int | None:
    """Bytes of an object, without reading it; None when nothing lies there."""
    try:
        size: int = client().stat_object(settings.S3_BUCKET, key).size
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            return None
        raise
    return size


def sizes_under(prefix: str, *, first: str = "", final: str = "") -> dict[str, int]:
    """Key and size of the objects under a prefix, from key `first` to key `final`, both included."""
    found: dict[str, int] = {}
    if first and (size := size_of(first)) is not None:
        found[first] = size
    for entry in client().list_objects(
        settings.S3_BUCKET, prefix=prefix, recursive=True, start_after=first or None
    ):
        if final and entry.object_name > final:
            break
        found[entry.object_name] = entry.size
    return found


def clear(prefix: str) -> int:
    """Delete every version of every object under a prefix of its own, and parts that were never joined; how many."""
    assert prefix.endswith("/"), "a prefix ends in /"
    while begun := client()._list_multipart_uploads(settings.S3_BUCKET, prefix=prefix).uploads:
        for each in begun:
            drop_parts(each.object_name, each.upload_id)
    entries = client().list_objects(settings.S3_BUCKET, prefix=prefix, recursive=True, include_version=True)
    doomed = [DeleteObject(entry.object_name, entry.version_id) for entry in entries]
    faults = list(client().remove_objects(settings.S3_BUCKET, doomed))
    return len(doomed) - len(faults)


@dataclass(slots=True)
class Opened:
    """One version of an object, open for reading once."""

    key: str
    size: int
    version: str | None
    chunks: Iterator[bytes]


@contextmanager
def opened(key: str, chunk: int = 1 << 20) -> Iterator[Opened | None]:
    """The object's present version, read as it comes; None when nothing lies there."""
    try:
        response = client().get_object(settings.S3_BUCKET, key)
    except S3Error as error:
        if error.code not in ("NoSuchKey", "NoSuchObject"):
            raise
        yield None
        return
    headers = response.headers
    try:
        yield Opened(
            key,
            int(headers.get("content-length", 0)),
            headers.get("x-amz-version-id"),
            response.stream(chunk),
        )
    finally:
        response.close()
        response.release_conn()


# --- object lock --------------------------------------------------------------------------------


def has_object_lock() -> bool:
    """Whether the bucket was made with object lock."""
    try:
        client().get_object_lock_config(settings.S3_BUCKET)
    except S3Error:
        return False
    return True


def retain(keys: Sequence[str], until: datetime) -> int:
    """Let nobody delete or replace the present versions of these objects before `until`; how many were locked.

    Does nothing (0) while S3_OBJECT_LOCK_DAYS is 0 or the bucket has no object lock.
    """
    if settings.S3_OBJECT_LOCK_DAYS <= 0 or not has_object_lock():
        return 0
    mode = COMPLIANCE if settings.S3_OBJECT_LOCK_MODE == "compliance" else GOVERNANCE
    with ThreadPoolExecutor(max_workers=8) as pool:
        for _done in pool.map(lambda key: _retain(key, Retention(mode, until), until), keys):
            pass
    return len(keys)


def _retain(key: str, retention: Retention, until: datetime) -> None:
    """Lock one object; one that is locked for longer stays as it is."""
    try:
        client().set_object_retention(settings.S3_BUCKET, key, retention)
    except S3Error:
        held = client().get_object_retention(settings.S3_BUCKET, key)
        if held is None or held.retain_until_date is None or held.retain_until_date < until:
            raise
