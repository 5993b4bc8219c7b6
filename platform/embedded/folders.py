"""Where an installation keeps its things.

    <data>/lock                 held by the living launcher
    <data>/state.json           what runs, with process numbers and start moments (0600)
    <data>/secrets.json         passwords and keys made for this installation (0600)
    <data>/done.json            which set-up stages are done
    <data>/logs/                one file per child
    <data>/postgres|valkey|s3/  the servers' own files (see postgres.py for root in a private home)

Sockets live in a short private folder of the temporary directory, because a socket's path is limited
to about 107 bytes and the data directory may be long.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.errors import InstallationError

LONGEST_SOCKET_PATH = 100


def private(folder: Path) -> Path:
    """Make the folder if needed, readable by its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step, mode 0600, so that no reader ever sees half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False, indent=2, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The file's content; an absent, unreadable or broken file reads as empty."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Folders:
    """The paths of one installation."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Folders:
        """Open (and make) the data directory.

        Raises InstallationError when it cannot be written.
        """
        folders = cls(root=root.expanduser().resolve())
        try:
            private(folders.root)
            private(folders.logs)
            # Other accounts may at most pass through (PostgreSQL's, when the launcher is root).
            folders.root.chmod(folders.root.stat().st_mode & 0o711)
        except OSError as error:
            raise InstallationError(
                f"The data directory {folders.root} cannot be used ({error.strerror}); "
                "set QINGSHU_DATA to a folder you may write."
            ) from error
        return folders

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def done(self) -> Path:
        return self.root / "done.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> str:
        """A random text made once per installation and kept with mode 0600."""
        path = self.root / "secrets.json"
        kept = read_json(path)
        if name not in kept:
            kept[name] = secrets.token_urlsafe(36)
            write_json(path, kept)
        return str(kept[name])


def new_socket_folder() -> Path:
    """A fresh folder, 0700, whose path leaves room for a socket's name."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    for parent in candidates:
        if len(os.fsencode(parent)) > 60:
            continue
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="qingshu-", dir=parent))
    raise InstallationError("No temporary directory with a short path can be written; set TMPDIR to one.")


def is_own_socket_folder(folder: Path) -> bool:
    """Whether a folder named by the state file is really one that `new_socket_folder` made for us."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return (
        folder.is_dir()
        and not folder.is_symlink()
        and folder.name.startswith("qingshu-")
        and status.st_mode & 0o066 == 0
        and status.st_uid == os.geteuid()
    )


def remove_socket_folder(folder: Path) -> None:
    if is_own_socket_folder(folder):
        shutil.rmtree(folder, ignore_errors=True)
