"""The plain facts a document is written from, and those that only upper domains know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

PLATFORM = "清数 Qingshu"
ROWS_TYPE = "application/jsonlines"


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file: its path in the version, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files too many to list, by pattern; the manifest lists each with its hash."""

    pattern: str
    media_type: str
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `kind` is string, integer, number, boolean, date, datetime, list or object."""

    name: str
    kind: str
    words: str = ""
    words_en: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows and its columns, in order."""

    path: str
    media_type: str
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class BatchFact:
    """One batch of raw data: where it came from, by what right; when it was taken in and how many, if that is known."""

    ordinal: int
    source: str
    licence: str
    imported_at: datetime | None = None
    item_count: int = 0


@dataclass(frozen=True, slots=True)
class Steps:
    """When annotators and reviewers worked, and who they were by pseudonym or number only."""

    annotated_from: datetime | None = None
    annotated_to: datetime | None = None
    reviewed_from: datetime | None = None
    reviewed_to: datetime | None = None
    annotators: Sequence[str] = ()
    reviewer_count: int = 0
    guideline_versions: Sequence[int] = ()
    most_per_item: int = 1
    project_number: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything a document may say of a version from this domain and those below it."""

    version_id: UUID
    dataset_id: UUID
    number: str
    version: int
    name: str
    name_en: str
    description: str
    modality: str
    firm: str
    firm_code: str
    sealed_at: datetime
    root_hash: str
    row_count: int
    byte_count: int
    file_count: int
    files: Sequence[FileFact]
    groups: Sequence[FileGroup]
    tables: Sequence[Table]
    controls: Sequence[str]
    labels: Sequence[str]
    batches: Sequence[BatchFact]
    steps: Steps

    @property
    def published_on(self) -> str:
        """The day of sealing (UTC), ISO 8601."""
        return self.sealed_at.astimezone(UTC).date().isoformat()

    @property
    def licences(self) -> list[str]:
        """The licences of the sources, each once, in order."""
        return list(dict.fromkeys(batch.licence for batch in self.batches if batch.licence))

    @property
    def urn(self) -> str:
        return f"urn:uuid:{self.version_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a version above this domain: registered, sold.

    `key` is a short Latin name, unique for the version (certificate-1); `icon` a Lucide name for the drawn chain.
    """

    key: str
    title: str
    title_en: str
    at: datetime
    number: str = ""
    agent: str = ""
    url: str = ""
    icon: str = "stamp"


@dataclass(frozen=True, slots=True)
class Facts:
    """What upper domains add: nothing by default.

    `licence`: words or address under which the version is offered; `page`: its public address.
    """

    certificate_number: str = ""
    certificate_url: str = ""
    licence: str = ""
    licence_url: str = ""
    page: str = ""
    publisher: str = ""
    keywords: Sequence[str] = ()
    use_cases: Sequence[str] = ()
    limitations: Sequence[str] = ()
    steps: Sequence[Step] = ()


NO_FACTS = Facts()


def moment(at: datetime) -> str:
    """UTC, to the second: 2026-03-02T04:00:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pretty(value: object) -> bytes:
    """A JSON document for people: two spaces, keys in the order they were written, no escapes."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def texts(chinese: str, english: str) -> list[dict[str, str]]:
    """A text in both languages as JSON-LD; the English one only if there is any."""
    found = [{"@value": chinese, "@language": "zh-Hans"}]
    return [*found, {"@value": english, "@language": "en"}] if english else found
