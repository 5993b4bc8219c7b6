"""Sealed versions of a firm's own files, as a test needs them."""

from __future__ import annotations

import io
from typing import Any

from django.db import transaction
from PIL import Image, ImageDraw

from assets.datasets import rules
from assets.datasets.models import Dataset, DatasetFile, DatasetVersion
from assets.datasets.states import DATASET_VERSION
from assets.profiles import services
from assets.profiles.models import Profile
from documents import objects
from kernel.numbers import new_number
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON

TYPES = {
    "csv": "text/csv", "jsonl": "application/x-ndjson", "txt": "text/plain", "png": "image/png",
    "jpg": "image/jpeg", "parquet": "application/vnd.apache.parquet", "bin": "application/octet-stream", "tsv": "text/tab-separated-values",
}  # fmt: skip


@transaction.atomic
def version_of(files: dict[str, bytes], *, owner: Actor | None = None) -> DatasetVersion:
    """A sealed version with these files, of 清蓝 unless told otherwise."""
    by = owner or cast.lin()
    dataset = Dataset.objects.create(
        number=new_number("SJ", NOON), firm=by.organization, name="自有数据（示例）", name_en="Own data (demo)",
        modality="text", created_by=by.user, created_at=NOON,
    )  # fmt: skip
    version = DatasetVersion.objects.create(dataset=dataset, version=1)
    rows = []
    for path, body in files.items():
        stored = objects.put("datasets/files", body, TYPES[path.rpartition(".")[2]])
        rows.append(
            DatasetFile(
                version=version, path=path, size=stored.size, sha256=stored.sha256, object_key=stored.key,
                media_type=TYPES[path.rpartition(".")[2]],
            )
        )  # fmt: skip
    DatasetFile.objects.bulk_create(rows)
    manifest = rules.manifest(rules.Entry(row.path, row.size, row.sha256) for row in rows)
    version.manifest_key = objects.put("datasets/manifests", manifest, "application/json").key
    version.root_hash, version.sealed_at = rules.root_hash(manifest), NOON
    version.file_count, version.byte_count = len(rows), sum(row.size for row in rows)
    changed = ["manifest_key", "root_hash", "sealed_at", "file_count", "byte_count"]
    DATASET_VERSION.move(version, "seal", by=by, at=NOON, update_fields=changed)
    return version


def profiled(version: DatasetVersion) -> Profile:
    """The profile of a version, made now."""
    return services.make_profile(by=Actor.system("测试"), at=NOON, version_id=version.pk)


def picture(seed: int, *, size: tuple[int, int] = (120, 90), turn: int = 1, place: bool = False, fmt: str = "PNG",
            shift: int = 0) -> bytes:  # fmt: skip
    """An image of twelve rectangles; `shift` makes it a little lighter, `place` writes GPS into its EXIF."""
    import random

    rng = random.Random(seed)
    image = Image.new("RGB", size, (200, 200, 200))
    draw = ImageDraw.Draw(image)
    for _n in range(12):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        colour = tuple(min(255, rng.randrange(240) + shift) for _c in range(3))
        draw.rectangle((x, y, x + rng.randrange(10, 60), y + rng.randrange(10, 60)), fill=colour)
    exif = Image.Exif()
    if turn != 1:
        exif[0x0112] = turn
    if place:
        exif[0x8825] = {1: "N", 2: (23.0, 42.0, 0.0), 3: "E", 4: (113.0, 1.0, 0.0)}
    out = io.BytesIO()
    options: dict[str, Any] = {"exif": exif} if turn != 1 or place else {}
    image.save(out, fmt, **options)
    return out.getvalue()
