"""`qingshu pull`: fetch a delivery to any machine over the API, several files at once, and check every hash.

The manifest is the truth: its own SHA-256 is the root hash. A file that lies there with its hash does not travel;
what a broken run left beside it in `….part` is continued. Nothing is put in its place before its hash is right.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import urllib3
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from embedded.errors import ExitCode, InstallationError

FETCHERS = 8
READ = 1 << 20
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds
PASSING = frozenset({429, 500, 502, 503, 504})
PART = ".part"


class PullFailed(InstallationError):
    """The pull cannot go on; the same command goes on where it stopped."""


class NotIntact(InstallationError):
    """What arrived is not what was sealed."""

    exit_code = ExitCode.CHECK_FAILED


class Entry(NamedTuple):
    """One file of the delivery: path, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(slots=True)
class Outcome:
    """What a pull did, as it is printed."""

    number: str = ""
    version: int = 0
    root_hash: str = ""
    folder: str = ""
    files: int = 0
    bytes: int = 0
    fetched_files: int = 0
    fetched_bytes: int = 0
    resumed_files: int = 0
    kept_files: int = 0
    damaged: list[str] = field(default_factory=list)


class Server:
    """The product's API, with patience: passing faults and broken connections are tried again."""

    def __init__(self, address: str, token: str, *, language: str = "en", pause: float = FIRST_PAUSE) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise PullFailed(f"{address} is no address of a server; give --server https://…")
        self._address, self.pause = address.rstrip("/"), pause
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._pool = urllib3.PoolManager(
            maxsize=FETCHERS + 2, timeout=urllib3.Timeout(connect=10, read=120), retries=False
        )

    def open(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """An answer whose body is not read yet; PullFailed with the server's sentence when it refuses."""
        pause = self.pause
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._pool.request(
                    "GET",
                    f"{self._address}/api/deliveries/{path}",
                    headers={**self._headers, **headers},
                    preload_content=False,
                )
                if answer.status not in PASSING or attempt == TRIES:
                    return self._granted(answer, path)
                wait = float(answer.headers.get("Retry-After") or pause)
                answer.release_conn()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if attempt == TRIES:
                    raise broken(error) from error
                wait = pause
            time.sleep(min(wait, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError("the final try answers or raises")

    def close(self) -> None:
        """Let go of every connection."""
        self._pool.clear()

    @staticmethod
    def _granted(answer: urllib3.BaseHTTPResponse, path: str) -> urllib3.BaseHTTPResponse:
        if answer.status < 400 or answer.status == 416:
            return answer
        try:
            told = json.loads(answer.read())
        except ValueError:
            told = {}
        answer.release_conn()
        said = told.get("detail") if isinstance(told, dict) else ""
        raise PullFailed(f"The server refused ({answer.status}): {said or path}")


def broken(error: BaseException) -> PullFailed:
    """The sentence for a connection that does not hold."""
    return PullFailed(
        f"The connection broke ({type(error).__name__}). Run the same command again; it goes on where it stopped."
    )


def _is_safe(path: str) -> bool:
    """Whether a path of a manifest stays inside the folder on any system."""
    parts = path.split("/")
    plain = path.isprintable() and unicodedata.is_normalized("NFC", path)
    return plain and "\\" not in path and ":" not in parts[0] and not {"", ".", ".."} & set(parts)


def read_manifest(body: bytes, root_hash: str) -> list[Entry]:
    """The files of a manifest whose hash is the one that was told. NotIntact, PullFailed."""
    if hashlib.sha256(body).hexdigest() != root_hash:
        raise NotIntact("The manifest does not have the root hash that the server told.")
    try:
        entries = [
            Entry(str(e["path"]), int(e["size"]), str(e["sha256"])) for e in json.loads(body)["entries"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise PullFailed("The server's manifest cannot be read; is the server up to date?") from error
    for entry in entries:
        if not _is_safe(entry.path) or entry.path.endswith(PART):
            raise NotIntact(f"The manifest names {entry.path!r}, which is no path for a file.")
    return entries


def _hash(place: Path) -> str:
    with place.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


class Pull:
    """One run over all files of a delivery."""

    def __init__(
        self,
        server: Server,
        *,
        order: str,
        folder: Path,
        version: int | None,
        outcome: Outcome,
        progress: Progress,
    ) -> None:
        self.server, self.folder, self.outcome, self.progress = server, folder, outcome, progress
        self._base, self._asked = quote(order, safe=""), f"?version={version}" if version is not None else ""
        self._lock = threading.Lock()
        self._task: Any = None

    def take_manifest(self) -> list[Entry]:
        """The files there are; told in the outcome."""
        answer = self.server.open(f"{self._base}/manifest{self._asked}")
        try:
            body = answer.read()
        except urllib3.exceptions.HTTPError as error:
            raise broken(error) from error
        root_hash = answer.headers.get("ETag", "").strip('"')
        entries = read_manifest(body, root_hash)
        told = self.outcome
        told.number = answer.headers.get("Qingshu-Number", "")
        told.version, told.root_hash = int(answer.headers.get("Qingshu-Version", "0")), root_hash
        told.files, told.bytes = len(entries), sum(entry.size for entry in entries)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "manifest.json").write_bytes(body) if not any(
            entry.path == "manifest.json" for entry in entries
        ) else None
        return entries

    def fetch_all(self, entries: Sequence[Entry]) -> None:
        """Every file, several at once; the first that cannot go on stops the rest."""
        self._task = self.progress.add_task("fetching", total=self.outcome.bytes)
        with ThreadPoolExecutor(max_workers=FETCHERS) as pool:
            works = [pool.submit(self._fetch, entry) for entry in entries]
            try:
                for work in as_completed(works):
                    work.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.outcome, name, getattr(self.outcome, name) + number)

    def _fetch(self, entry: Entry) -> None:
        place = self.folder / entry.path
        if place.is_file() and place.stat().st_size == entry.size and _hash(place) == entry.sha256:
            self._count(kept_files=1)
            self.progress.advance(self._task, entry.size)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(place.name + PART)
        begun = part.stat().st_size if part.is_file() else 0
        if begun:
            self._count(resumed_files=1)
        for _round in range(2):  # a part of other content is thrown away once
            self._receive(entry, part)
            if _hash(part) == entry.sha256:
                part.replace(place)
                self._count(fetched_files=1)
                return
            part.unlink()
        with self._lock:
            self.outcome.damaged.append(entry.path)

    def _receive(self, entry: Entry, part: Path) -> None:
        """Read until the file is whole; a connection that breaks is taken up where it broke."""
        pause, idle = self.server.pause, 0
        part.touch()
        while (have := part.stat().st_size) < entry.size:
            if idle >= TRIES:
                raise PullFailed(
                    f"{entry.path} does not arrive. Run the same command again; it goes on where it stopped."
                )
            try:
                got = self._receive_some(entry, part, have)
            except (urllib3.exceptions.HTTPError, OSError):
                got = part.stat().st_size - have
            idle = 0 if got else idle + 1
            if not got:
                time.sleep(min(pause, LONGEST_PAUSE))
                pause *= 2
        if part.stat().st_size > entry.size:
            part.write_bytes(b"")
            self._receive(entry, part)

    def _receive_some(self, entry: Entry, part: Path, have: int) -> int:
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{entry.sha256}"'} if have else {}
        answer = self.server.open(f"{self._base}/files/{quote(entry.path)}{self._asked}", **headers)
        got = 0
        try:
            goes_on = have and answer.status == 206
            with part.open("ab" if goes_on else "wb") as out:
                for piece in answer.stream(READ):
                    out.write(piece)
                    got += len(piece)
                    self._count(fetched_bytes=len(piece))
                    self.progress.advance(self._task, len(piece))
        except BaseException:
            answer.close()  # what is left unread must not be taken for the answer to the next request
            raise
        answer.release_conn()
        return got


def pull(
    order: str, folder: Path, *, server: Server, version: int | None = None, is_quiet: bool = False
) -> Outcome:
    """Fetch a delivery into a folder. PullFailed, NotIntact; damaged files are named in the outcome."""
    outcome = Outcome(folder=str(folder))
    if folder.exists() and not folder.is_dir():
        raise PullFailed(f"{folder} is no folder.")
    console = Console(stderr=True, quiet=is_quiet, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=is_quiet) as progress:
        run = Pull(server, order=order, folder=folder, version=version, outcome=outcome, progress=progress)
        try:
            run.fetch_all(run.take_manifest())
        finally:
            server.close()
    return outcome


def report(outcome: Outcome, *, as_json: bool) -> None:
    """Print what was done; NotIntact when a file did not come as it was sealed."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if as_json:
        console.print_json(data=asdict(outcome), indent=None)
    else:
        console.print(
            f"{outcome.number} version {outcome.version}: {outcome.files:,} files, {outcome.bytes:,} bytes in "
            f"{outcome.folder}; fetched now {outcome.fetched_files:,} files, {outcome.fetched_bytes:,} bytes."
        )
        for path in outcome.damaged[:20]:
            console.print(f"! {path}")
        if not outcome.damaged:
            console.print(f"Every hash is right. Root hash {outcome.root_hash}")
    if outcome.damaged:
        raise NotIntact(
            f"{len(outcome.damaged)} files did not arrive as they were sealed, {outcome.damaged[0]} among them. Run "
            "the same command again, or write to the supplier."
        )
