"""`python -m embedded.private [--durable]`: servers for one test run, gone when the run is gone.

Starts the three servers in a temporary directory, prints their settings as one JSON line, and waits
for the end of its standard input. That end comes whatever happens to the other side, a kill -9
included; then the servers are stopped and the directory is removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from embedded import children
from embedded.children import Identity
from embedded.errors import InstallationError
from embedded.folders import Folders, new_socket_folder
from embedded.installation import stop_installation
from embedded.objectstore import ObjectStore
from embedded.postgres import Postgres
from embedded.servers import Place, Server
from embedded.valkey import Valkey

INSTALLATIONS = "installations"


def start_all(servers: list[Server]) -> None:
    """Start the servers side by side."""
    with ThreadPoolExecutor(len(servers)) as pool:
        for outcome in [pool.submit(server.start) for server in servers]:
            outcome.result()


def kill_all(servers: list[Server]) -> None:
    """End the servers without ceremony; their files are about to be removed."""
    for server in servers:
        identity = Identity.of(server.child.pid) if server.child else None
        if identity is not None:
            # PostgreSQL needs a regular end: killed, it would leave its shared memory behind.
            if isinstance(server, Postgres):
                server.stop()
                continue
            members = identity.session()
            for member in members:
                member.send(signal.SIGKILL)
            assert server.child is not None
            server.child.wait()
            children.wait_gone(members, 5)
        server.clean()


def stop_installations(folder: Path) -> None:
    """Stop what tests of the launcher itself have left running (a broken-off test cannot do it)."""
    for state in folder.rglob("state.json"):
        with contextlib.suppress(InstallationError):
            stop_installation(Folders(root=state.parent), tell=lambda _name: None)


def main() -> int:
    """Run until standard input ends."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    root = Path(tempfile.mkdtemp(prefix="qingshu-test-"))
    root.chmod(0o711)
    sockets = new_socket_folder()
    place = Place(folders=Folders.at(root), sockets=sockets, durable="--durable" in sys.argv[1:])
    servers: list[Server] = [Postgres(place), Valkey(place), ObjectStore(place)]
    try:
        start_all(servers)
        settings: dict[str, str] = {}
        for server in servers:
            settings |= server.settings()
        print(json.dumps({"settings": settings, "data": str(root)}), flush=True)
        sys.stdin.read()
    except InstallationError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    finally:
        stop_installations(root / INSTALLATIONS)
        kill_all(servers)
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
