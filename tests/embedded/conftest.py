"""Installations in folders of their own, with a path that is long, has spaces and Chinese."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.folders import Folders, new_socket_folder
from embedded.private import INSTALLATIONS
from embedded.servers import Place
from tests.servers import SHARED

AWKWARD = "数据 目录/a rather long name, so that no socket would fit into it/清数 的 数据"


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that every account may reach (pytest's own temporary folders are private)."""
    shared = Path(json.loads(os.environ[SHARED])["data"]) / INSTALLATIONS
    shared.mkdir(mode=0o711, exist_ok=True)
    root = Path(tempfile.mkdtemp(dir=shared))
    root.chmod(0o711)
    folder = root
    for part in AWKWARD.split("/"):
        folder /= part
        folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def place(data: Path) -> Iterator[Place]:
    """Where a single durable server of a test runs."""
    sockets = new_socket_folder()
    yield Place(folders=Folders.at(data), sockets=sockets)
    shutil.rmtree(sockets, ignore_errors=True)
