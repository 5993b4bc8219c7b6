"""The walk from one label of a version up to the signed head of the log, as a proof that anyone can check offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from assets.credentials.models import Credential
from assets.credentials.selectors import certificate_of, credential_by_number, lists_of
from assets.datasets.models import DatasetVersion
from assets.datasets.rules import LEAVES_PATH, ROWS_PATH
from assets.datasets.selectors import version_for
from assets.datasets.trees import PROOF_FORMAT, hashes_of, path_of
from assets.transparency import selectors as log
from assets.transparency.models import TreeHead
from assets.transparency.schemas import HeadOut, ProofOut
from documents import objects
from kernel.errors import InvalidInput, Refusal
from organizations.permissions import Actor

LARGEST_MANIFEST = 2 * 1024 * 1024
"""Bytes of a manifest up to which it travels with every proof."""
_ROW = re.compile(r"r\d{6,12}", re.ASCII)


class NoAnnotationTree(Refusal):
    """The version has no tree of annotations."""

    code = "annotation_tree_missing"
    message = _("“%(version)s”没有标注树：不是由标注项目封版，或封版早于标注树。请从标注项目封版新版本。")
    status = 409


@dataclass(frozen=True, slots=True)
class Proof:
    """One label with its place in the tree, and what the registry and the log say of its version.

    `index` counts from 0 among the `version.annotation_count` leaves; `path` are the siblings from the leaf upwards.
    `result` is there only where content may be seen unmasked; `manifest` is None when it is too large to travel; `credential` before the version was registered.
    """

    version: DatasetVersion
    leaf: Mapping[str, Any]
    leaf_text: str
    index: int
    path: list[bytes]
    result: list[dict[str, Any]] | None
    manifest: str | None
    credential: Credential | None
    head: TreeHead | None
    inclusions: list[log.Inclusion]

    def as_json(self) -> dict[str, Any]:
        """The proof as a file: `qingshu verify` takes it with the published key set."""
        credential = self.credential
        return {
            "format": PROOF_FORMAT,
            "annotation": {
                "leaf": self.leaf_text,
                "index": self.index,
                "count": self.version.annotation_count,
                "path": [each.hex() for each in self.path],
                "root": self.version.annotation_root,
            },
            "result": self.result,
            "version": {
                "dataset": self.version.dataset.number,
                "version": self.version.version,
                "root_hash": self.version.root_hash,
                "manifest": self.manifest,
            },
            "certificate": credential.certificate.number if credential else None,
            "credential": credential.token if credential else None,
            "status_lists": [each.token for each in lists_of(credential)] if credential else [],
            "head": HeadOut.of(self.head).model_dump() if self.head else None,
            "proofs": [ProofOut.of(each).model_dump() for each in self.inclusions],
        }


def proof_for(
    viewer: Actor, version_id: UUID, row: str, copy: int = 0, *, with_result: bool = False
) -> Proof:
    """The proof of one label of a visible version: `row` as in its rows, `copy` 0 for the first answer to the item.

    `with_result`: the caller let the viewer see the content unmasked, and noted it. Raises NotFound, NoAnnotationTree, InvalidInput (no such row or answer). The leaves are streamed: 32 bytes of
    memory a label.
    """
    version = version_for(viewer, version_id)
    if not version.annotation_root:
        raise NoAnnotationTree(version=str(version))
    keys = dict(version.files.filter(path__in=[LEAVES_PATH, ROWS_PATH]).values_list("path", "object_key"))
    asked = _Asked(row.strip(), copy)
    hashes = hashes_of(asked.watched(_lines(objects.stream(keys[LEAVES_PATH]))))
    if asked.leaf is None:
        reason = _("版本中没有 %(row)s 的第 %(copy)s 份标注，请核对行号（如 r000001）。")
        raise InvalidInput(field="row", reason=reason % {"row": asked.row[:20] or "--", "copy": copy + 1})
    body = objects.get(version.manifest_key)
    certificate = certificate_of(root_hash=version.root_hash)
    credential = credential_by_number(certificate.number) if certificate else None
    return Proof(
        version=version,
        leaf=json.loads(asked.leaf),
        leaf_text=asked.leaf.decode(),
        index=asked.index,
        path=path_of(hashes, asked.index),
        result=_result(keys[ROWS_PATH], asked.row) if with_result else None,
        manifest=body.decode() if len(body) <= LARGEST_MANIFEST else None,
        credential=credential,
        head=log.heads().order_by("-size", "-at").first() if credential else None,
        inclusions=log.inclusions_of(credential.certificate.number) if credential else [],
    )


def _result(object_key: str, row: str) -> list[dict[str, Any]]:
    """What the version delivers for an item."""
    candidates = (json.loads(line) for line in _lines(objects.stream(object_key)) if row.encode() in line)
    return next(told["result"] for told in candidates if told["id"] == row)


class _Asked:
    """The leaf that is looked for, found while all of them pass by."""

    def __init__(self, row: str, copy: int) -> None:
        self.row, self.copy = row, copy
        self.leaf: bytes | None = None
        self.index = -1

    def watched(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        is_row = bool(_ROW.fullmatch(self.row))
        name = f'"row":"{self.row}"'.encode()
        for index, line in enumerate(lines):
            if is_row and self.leaf is None and name in line:
                told = json.loads(line)
                if (told["row"], told["copy"]) == (self.row, self.copy):
                    self.leaf, self.index = line, index
            yield line


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream, without their ends."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        yield from whole
    if held:
        yield held
