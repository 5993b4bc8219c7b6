"""Uploads as far as a test needs them: opened by 清蓝, with a source, and files sent straight to the store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import urllib3

from assets.datasets.models import Dataset, DatasetVersion
from assets.uploads import services
from assets.uploads.models import Upload, UploadFile
from documents.models import Document
from documents.services import store_upload
from organizations.permissions import Actor
from tests import cast
from tests.assets.conftest import new_dataset
from tests.cast import NOON

HTTP = urllib3.PoolManager(maxsize=16)


def picture(colour: int = 0) -> bytes:
    """A sound PNG of one pixel."""
    from PIL import Image

    body = BytesIO()
    Image.new("RGB", (1, 1), (colour, 0, 0)).save(body, "PNG")
    return body.getvalue()


PNG = picture()


def told(path: str, body: bytes) -> services.Announced:
    """A file as its owner announces it."""
    return services.Announced(path, len(body), hashlib.sha256(body).hexdigest())


def authorisation(by: Actor | None = None) -> Document:
    """A checked authorisation document of 清蓝 (or another)."""
    return store_upload(
        by=by or cast.lin(),
        at=NOON,
        purpose="authorisation",
        name="授权书（示例）.pdf",
        file=BytesIO(b"%PDF-1.7\n"),
    )


def opened(*, by: Actor | None = None, dataset: Dataset | None = None) -> Upload:
    """An open upload with one authorised batch."""
    who = by or cast.lin()
    upload = services.open_upload(by=who, at=NOON, dataset_id=(dataset or new_dataset(by=who)).pk)
    services.add_batch(
        by=who, at=NOON, upload_id=upload.pk, source="本公司客服记录（示例）", licence="客户书面授权",
        authorisation_id=authorisation(who).pk,
    )  # fmt: skip
    return upload


def put(url: str, body: bytes) -> int:
    """Send bytes to the store as any client does."""
    return HTTP.request("PUT", url, body=body, retries=False).status


def send(upload: Upload, files: Mapping[str, bytes], *, by: Actor | None = None) -> list[services.Answer]:
    """Announce, send what is asked for, confirm; the first answers."""
    who = by or cast.lin()
    answers = services.announce(
        by=who, at=NOON, upload_id=upload.pk, files=[told(path, body) for path, body in files.items()]
    )
    for (_path, body), answer in zip(files.items(), answers, strict=True):
        if answer.url:
            assert put(answer.url, body) == 200
        for number, url in answer.parts.items():
            begin = (number - 1) * answer.part_size
            assert put(url, body[begin : begin + answer.part_size]) == 200
    services.confirm(by=who, at=NOON, upload_id=upload.pk, paths=list(files))
    return answers


def seal(upload: Upload, *, by: Actor | None = None) -> Upload:
    """Queue the sealing and do its work, as the worker would; the upload as it is then."""
    who = by or cast.lin()
    # where commits are real, faults were found on arrival, or the job has run already
    with suppress(services.FilesRefused, services.UploadClosed):
        services.seal(by=who, at=NOON, upload_id=upload.pk)
        services.check_and_seal(by=who, at=NOON, upload_id=upload.pk)
    return Upload.objects.get(pk=upload.pk)


def sealed(files: Mapping[str, bytes], *, dataset: Dataset | None = None) -> DatasetVersion:
    """A version made of these files."""
    upload = opened(dataset=dataset)
    send(upload, files)
    done = seal(upload)
    assert done.version is not None, faults(upload)
    return done.version


def faults(upload: Upload) -> dict[str, str]:
    """Path → code of what did not pass."""
    return dict(UploadFile.objects.filter(upload=upload, state="refused").values_list("path", "code"))


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below `root`."""
    for path, body in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    return root


def states(upload: Upload) -> dict[str, Any]:
    """Path → state."""
    return dict(UploadFile.objects.filter(upload=upload).values_list("path", "state"))
