"""`qingshu dataset push`: bring a folder into a dataset from any machine, over the API and straight to the store.

The server is the truth about what has arrived. A run that broke off is simply started again: hashes are remembered by
path, size and time of change; files, and parts of large files, that lie in the store do not travel again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import urllib3
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from embedded.errors import ExitCode, InstallationError

CHUNK = 1_000  # files in one announcement
SENDERS = 8
READ = 1 << 20
SMALL = 128 << 10  # bytes below which hashing is quicker than changing threads
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds
ROUNDS_WITHOUT_GAIN = 3
PASSING = frozenset({429, 500, 502, 503, 504})
SKIPPED = frozenset({"Thumbs.db", "desktop.ini"})


class PushFailed(InstallationError):
    """The push cannot go on; the same command goes on where it stopped."""


class FilesNotTaken(InstallationError):
    """The server refused some files."""

    exit_code = ExitCode.CHECK_FAILED


class Found(NamedTuple):
    """One file below the folder: its path with `/`, where it lies, size in bytes, time of change, later its SHA-256."""

    path: str
    place: str
    size: int
    changed: int
    sha256: str = ""


@dataclass(slots=True)
class Outcome:
    """What a push did, as it is printed."""

    upload: str = ""
    dataset: str = ""
    files: int = 0
    bytes: int = 0
    sent_files: int = 0
    sent_bytes: int = 0
    hashed_files: int = 0
    state: str = ""
    version: int | None = None
    root_hash: str = ""
    skipped: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files come from, as far as the command was told."""

    words: str = ""
    licence: str = ""
    authorisation: Path | None = None
    is_self_produced: bool = False


# --- the folder ---------------------------------------------------------------------------------


def walk(folder: Path) -> tuple[list[Found], list[str]]:
    """The files below a folder by path, and what was left out: links, hidden files, what is no file."""
    found: list[Found] = []
    skipped: list[str] = []
    waiting = [(str(folder), "")]
    while waiting:
        place, prefix = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                path = f"{prefix}{entry.name}"
                if entry.name.startswith(".") or entry.name in SKIPPED or entry.is_symlink():
                    skipped.append(path)
                elif entry.is_dir():
                    waiting.append((entry.path, f"{path}/"))
                elif entry.is_file():
                    told = entry.stat()
                    found.append(Found(path, entry.path, told.st_size, told.st_mtime_ns))
                else:
                    skipped.append(path)
    return sorted(found, key=lambda each: each.path), sorted(skipped)


class KnownHashes:
    """Hashes of an earlier run, by path, size and time of change; kept in the user's cache folder."""

    def __init__(self, folder: Path) -> None:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qingshu" / "hashes"
        self._file = root / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.json"
        self._lock = threading.Lock()
        try:
            self._known: dict[str, list[Any]] = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def get(self, file: Found) -> str:
        known = self._known.get(file.path)
        return str(known[2]) if known and known[:2] == [file.size, file.changed] else ""

    def add(self, files: Iterable[Found]) -> None:
        told = {file.path: [file.size, file.changed, file.sha256] for file in files}
        with self._lock:
            self._known.update(told)

    def save(self) -> None:
        """Write through a second file, so that a break leaves the old one."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(f".{os.getpid()}")
            with self._lock:
                fresh.write_text(json.dumps(self._known, ensure_ascii=False), "utf-8")
            fresh.replace(self._file)
        except (OSError, ValueError):
            return  # a cache only


def digest_of(place: str, size: int) -> str:
    """SHA-256 (hex) of a file of about `size` bytes."""
    handle = os.open(place, os.O_RDONLY)
    try:
        first = os.read(handle, min(size, READ) + 1)
        digest = hashlib.sha256(first)
        if len(first) > size:  # it has grown since
            size = READ
        if len(first) < size or size >= READ:
            buffer = bytearray(READ)
            view = memoryview(buffer)
            while got := os.readv(handle, [buffer]):
                digest.update(view[:got])
        return digest.hexdigest()
    finally:
        os.close(handle)


def hash_all(
    files: Sequence[Found], known: KnownHashes, tell: Callable[[int], None] = lambda _size: None
) -> list[Found]:
    """The files with their hashes, several at once; known ones are not read again."""

    def hashed_many(group: Sequence[Found]) -> list[Found]:
        hashed, fresh = [], []
        for file in group:
            sha256 = known.get(file)
            if not sha256:
                sha256 = digest_of(file.place, file.size)
                fresh.append(Found(*file[:4], sha256))
            hashed.append(Found(*file[:4], sha256))
        known.add(fresh)
        tell(sum(file.size for file in group))
        return hashed

    # Small files spend their time in the interpreter, where a second thread only gets in the way.
    small = [file for file in files if file.size < SMALL]
    large = [[file] for file in files if file.size >= SMALL]
    groups = [small[at : at + CHUNK] for at in range(0, len(small), CHUNK)]
    with ThreadPoolExecutor(1) as lane, ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        works = [lane.map(hashed_many, groups), pool.map(hashed_many, large)]
        hashed = [file for work in works for group in work for file in group]
    return hashed if not (small and large) else sorted(hashed)


# --- the server ---------------------------------------------------------------------------------


class Server:
    """The product's API, with patience: passing faults and broken connections are tried again."""

    def __init__(self, address: str, key: str, *, language: str = "en", pause: float = FIRST_PAUSE) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise PushFailed(f"{address} is no address of a server; give --server https://…")
        self._address, self._pause = address.rstrip("/"), pause
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
        self._pool = urllib3.PoolManager(
            maxsize=SENDERS + 2, timeout=urllib3.Timeout(connect=10, read=120), retries=False
        )

    def ask(self, method: str, path: str, body: Any = None, *, once: bool = False) -> Any:
        """One call; `once` for what must happen once, under a key that stays the same while it is tried again."""
        headers = dict(self._headers)
        if once:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if body is not None:
            headers["Content-Type"] = "application/json"
        payload = None if body is None else json.dumps(body).encode()
        answer = self._patiently(
            lambda: self._pool.request(method, f"{self._address}/api{path}", body=payload, headers=headers)
        )
        return self._told(answer, path)

    def _told(self, answer: urllib3.BaseHTTPResponse, path: str) -> Any:
        try:
            told = answer.json() if answer.data else {}
        except ValueError:
            told = {}
        if answer.status >= 400:
            said = told.get("detail") if isinstance(told, dict) else ""
            raise PushFailed(f"The server refused ({answer.status}): {said or path}")
        return told

    def put(self, url: str, body: bytes) -> bool:
        """Send bytes to the store; False when the link has run out."""
        answer = self._patiently(lambda: self._pool.request("PUT", url, body=body))
        if answer.status in (400, 403, 404):
            return False
        if answer.status >= 300:
            raise PushFailed(f"The object store refused a file ({answer.status}).")
        return True

    def post_form(self, address: str, fields: dict[str, str], name: str, body: bytes) -> None:
        """Send a document by its form."""
        parts: dict[str, Any] = {**fields, "file": (name, body)}
        answer = self._patiently(lambda: self._pool.request("POST", address, fields=parts))
        if answer.status >= 300:
            raise PushFailed(f"The object store refused the authorisation ({answer.status}).")

    def _patiently(self, call: Callable[[], urllib3.BaseHTTPResponse]) -> urllib3.BaseHTTPResponse:
        pause = self._pause
        for attempt in range(1, TRIES + 1):
            try:
                answer = call()
                if answer.status not in PASSING or attempt == TRIES:
                    return answer
                wait = float(answer.headers.get("Retry-After") or pause)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if attempt == TRIES:
                    raise PushFailed(
                        f"The connection broke ({type(error).__name__}). Run the same command again; it goes on "
                        "where it stopped."
                    ) from error
                wait = pause
            time.sleep(min(wait, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError("the final try answers or raises")


# --- the push -----------------------------------------------------------------------------------


class Push:
    """One run: finds the session to go on with, tells the source, announces, sends, confirms, seals."""

    def __init__(self, server: Server, *, dataset: str, outcome: Outcome, progress: Progress) -> None:
        self.server, self.dataset, self.outcome, self.progress = server, dataset, outcome, progress
        self.upload: dict[str, Any] = {}
        self.batch = 0

    def take_session(self, source: Source) -> None:
        """Go on with the newest unfinished upload of the dataset, or open one; tell its source once."""
        listed = self.server.ask("GET", f"/uploads?dataset={quote(self.dataset)}&limit=20")["items"]
        going = [each for each in listed if each["state"] in ("open", "failed")]
        self.upload = (
            going[0] if going else self.server.ask("POST", "/uploads", {"dataset": self.dataset}, once=True)
        )
        self.outcome.upload, self.outcome.dataset = self.upload["number"], self.upload["dataset"]
        self.batch = self._batch(source)

    def _batch(self, source: Source) -> int:
        known = self.upload["batches"]
        if not source.words:
            if not known:
                raise PushFailed(
                    "Say where the files come from: --batch-source and --licence, and --authorisation FILE or "
                    "--self-produced."
                )
            return int(known[-1]["ordinal"])
        same = [
            each for each in known
            if (each["source"], each["licence"]) == (source.words.strip(), source.licence.strip())
            and each["is_self_produced"] == source.is_self_produced
        ]  # fmt: skip
        if same:
            return int(same[-1]["ordinal"])
        document = self._document(source.authorisation) if source.authorisation else None
        told = {
            "source": source.words, "licence": source.licence, "is_self_produced": source.is_self_produced,
            "authorisation": document,
        }  # fmt: skip
        made = self.server.ask("POST", f"/uploads/{self.upload['id']}/batches", told, once=True)
        return int(made["ordinal"])

    def _document(self, place: Path) -> str:
        """Bring the authorisation to the organization's documents; its id."""
        body = place.read_bytes()
        told = {
            "purpose": "authorisation", "name": place.name, "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }  # fmt: skip
        expected = self.server.ask("POST", "/documents", told, once=True)
        form = expected["upload"]
        self.server.post_form(form["address"], form["fields"], place.name, body)
        document_id = str(expected["document"]["id"])
        self.server.ask("POST", f"/documents/{document_id}/confirm", {})
        return document_id

    def send_all(self, files: Sequence[Found]) -> None:
        """Announce, send and confirm, a thousand at a time."""
        self.outcome.files, self.outcome.bytes = len(files), sum(file.size for file in files)
        task = self.progress.add_task("sending", total=self.outcome.bytes)
        with ThreadPoolExecutor(max_workers=SENDERS) as pool:
            for at in range(0, len(files), CHUNK):
                self._send_chunk(files[at : at + CHUNK], pool, task)

    def _send_chunk(self, files: Sequence[Found], pool: ThreadPoolExecutor, task: Any) -> None:
        waiting, idle = list(files), 0
        while waiting:
            answers = self._announce(waiting)
            left = [
                (file, told)
                for file, told in zip(waiting, answers, strict=True)
                if told["state"] == "announced"
            ]
            for file, told in zip(waiting, answers, strict=True):
                if told["state"] == "refused":
                    self._refuse(file.path, told["code"], told["reason"])
                if told["state"] != "announced":
                    self.progress.advance(task, file.size)
            if not left:
                return
            works = [
                pool.submit(self._send, file, told) for file, told in left if told["url"] or told["parts"]
            ]
            for work in as_completed(works):
                work.result()
            paths = [told["path"] for _file, told in left]
            confirmed = self.server.ask(
                "POST", f"/uploads/{self.upload['id']}/confirmation", {"paths": paths}
            )
            still = {told["path"] for told in confirmed["files"] if told["state"] == "announced"}
            done = [file for file, told in left if told["path"] not in still]
            self.progress.advance(task, sum(file.size for file in done))
            waiting = [file for file, told in left if told["path"] in still]
            idle = 0 if done else idle + 1
            if idle >= ROUNDS_WITHOUT_GAIN:
                raise PushFailed(
                    f"{len(waiting)} files do not arrive, {waiting[0].path} among them. Was it changed meanwhile? "
                    "Run the same command again."
                )

    def _announce(self, files: Iterable[Found]) -> list[dict[str, Any]]:
        told = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files]
        answer = self.server.ask(
            "POST", f"/uploads/{self.upload['id']}/files", {"files": told, "batch": self.batch}
        )
        answers: list[dict[str, Any]] = answer["files"]
        return answers

    def _send(self, file: Found, told: dict[str, Any]) -> None:
        """One file, whole or the parts that are missing; what a broken link leaves is announced again."""
        with open(file.place, "rb", buffering=0) as stream:
            if told["url"]:
                body = stream.read(file.size + 1)
                if len(body) == file.size and self.server.put(told["url"], body):
                    self.outcome.sent_files += 1
                    self.outcome.sent_bytes += len(body)
                return
            for part in told["parts"]:
                stream.seek((part["number"] - 1) * told["part_size"])
                body = _read_exactly(stream, told["part_size"])
                if not self.server.put(part["url"], body):
                    return
                self.outcome.sent_bytes += len(body)
            self.outcome.sent_files += 1

    def _refuse(self, path: str, code: str, reason: str) -> None:
        self.outcome.refused.append({"path": path, "code": code, "reason": reason})

    def _list_refused(self, address: str) -> None:
        for told in self.server.ask("GET", f"{address}/files?state=refused&limit=1000")["items"]:
            self._refuse(told["path"], told["code"], told["reason"])

    def seal(self) -> None:
        """Ask for the check and the version, and wait for it."""
        address = f"/uploads/{self.upload['id']}"
        try:
            job_id = self.server.ask("POST", f"{address}/sealing", once=True)["job"]
        except PushFailed:
            self._list_refused(address)
            if self.outcome.refused:  # seen when they arrived, before anything was sealed
                return
            raise
        task = self.progress.add_task("checking", total=None)
        job: dict[str, Any] = {"state": "queued"}
        while job["state"] in ("queued", "running"):
            job = self.server.ask("GET", f"/jobs/{job_id}")
            self.progress.update(task, total=job["total_count"] or None, completed=job["done_count"])
            if job["state"] in ("queued", "running"):
                time.sleep(0.5)
        self.outcome.state = str(self.server.ask("GET", address)["state"])
        if job["state"] == "succeeded":
            self.outcome.version = int(job["result"]["version"])
            self.outcome.root_hash = str(job["result"]["root_hash"])
            return
        self._list_refused(address)
        if not self.outcome.refused:
            raise PushFailed(str(job["error"]))


def _read_exactly(stream: Any, size: int) -> bytes:
    """Up to `size` bytes, fewer only at the end."""
    pieces: list[bytes] = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def push(
    folder: Path, *, server: Server, dataset: str, source: Source, seals: bool, is_quiet: bool = False
) -> Outcome:
    """Bring a folder into a dataset. PushFailed, FilesNotTaken (the outcome is in its `outcome`)."""
    if not folder.is_dir():
        raise PushFailed(f"{folder} is no folder.")
    outcome, known = Outcome(), KnownHashes(folder)
    files, outcome.skipped = walk(folder)
    if not files:
        raise PushFailed(f"There are no files in {folder}.")
    console = Console(stderr=True, quiet=is_quiet, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=is_quiet) as progress:
        run = Push(server, dataset=dataset, outcome=outcome, progress=progress)
        run.take_session(source)
        task = progress.add_task("hashing", total=sum(file.size for file in files))
        outcome.hashed_files = sum(not known.get(file) for file in files)
        try:
            hashed = hash_all(files, known, lambda size: progress.advance(task, size))
        finally:
            known.save()
        run.send_all(hashed)
        outcome.state = "open"
        if seals and not outcome.refused:
            run.seal()
    return outcome


def report(outcome: Outcome, *, as_json: bool) -> None:
    """Print what was done; FilesNotTaken when the server refused some."""
    if as_json:
        Console(highlight=False, soft_wrap=True).print_json(data=asdict(outcome), indent=None)
    else:
        _tell(outcome)
    if outcome.refused:
        raise FilesNotTaken(
            f"{len(outcome.refused)} files were not taken, {outcome.refused[0]['path']} among them. Mend or remove "
            "them and run the same command again."
        )


def _tell(outcome: Outcome) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for fault in outcome.refused[:20]:
        console.print(f"! {fault['reason']}")
    if len(outcome.refused) > 20:
        console.print(f"! and {len(outcome.refused) - 20} more (--json lists all)")
    if outcome.skipped:
        console.print(f"Left out (hidden files and links): {len(outcome.skipped)}")
    console.print(
        f"{outcome.upload}: {outcome.files:,} files, {outcome.bytes:,} bytes; sent now {outcome.sent_files:,} files, "
        f"{outcome.sent_bytes:,} bytes."
    )
    if outcome.version is not None:
        console.print(f"Sealed as version {outcome.version}, root hash {outcome.root_hash}")
    elif not outcome.refused:
        console.print("Everything has arrived. Seal it with --seal or on the page of the upload.")
