"""Each real server: it starts in any folder, keeps its content through kill -9, and is shut to strangers."""

from __future__ import annotations

import io
import os
import signal
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
import redis
from minio import Minio

from embedded import postgres as postgres_module
from embedded.children import Account
from embedded.objectstore import BUCKET, ObjectStore, is_free
from embedded.postgres import Postgres
from embedded.servers import Place, Server
from embedded.valkey import Valkey

S = TypeVar("S", bound=Server)


@contextmanager
def running(server: S) -> Iterator[S]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def kill(server: Server) -> None:
    """kill -9, and reap."""
    assert server.child is not None
    os.kill(server.child.pid, signal.SIGKILL)
    server.child.wait()


def query(server: Postgres, sql: str) -> object:
    with psycopg.connect(server.conninfo("qingshu"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone() if cursor.description else None


def test_postgres_is_version_18_in_utf8_on_a_socket_only(place: Place) -> None:
    with running(Postgres(place)) as server:
        assert query(server, "select current_setting('server_version_num')::int / 10000") == (18,)
        assert query(server, "select current_setting('listen_addresses'), current_setting('fsync')") == (
            "",
            "on",
        )
        expected = ("UTF8", "C.UTF-8")
        assert (
            query(server, "select pg_encoding_to_char(encoding), datcollate from pg_database limit 1")
            == expected
        )
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
        assert len(os.fsencode(server.sockets / ".s.PGSQL.5432")) < 100


def test_postgres_keeps_committed_rows_through_kill_9(place: Place) -> None:
    with running(Postgres(place)) as server:
        query(server, "create table kept as select 42 as answer")
        kill(server)
        server.start()
        assert query(server, "select answer from kept") == (42,)


def test_postgres_clears_away_a_half_made_cluster(place: Place) -> None:
    half = place.folders.root / "postgres.making-0badbeef"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (place.folders.root / "postgres").mkdir()
    with running(Postgres(place)) as server:
        assert query(server, "select 1") == (1,)
    assert not half.exists()


def test_postgres_forgets_a_process_number_that_belongs_to_a_stranger_now(place: Place) -> None:
    with running(Postgres(place)) as server:
        kept = (server.cluster / "postmaster.pid").read_text().splitlines()
    (server.cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *kept[1:]]) + "\n")
    with running(Postgres(place)) as server:
        assert query(server, "select 1") == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_postgres_of_root_in_a_private_home_moves_to_where_its_account_can_reach(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = place.sockets.parent / f"{place.sockets.name}-system"
    monkeypatch.setattr(postgres_module, "SYSTEM_ROOT", system)
    monkeypatch.setattr(Account, "can", lambda _self, _test, _path: False)
    place.folders.root.parent.chmod(0o700)
    try:
        with running(Postgres(place)) as server:
            assert query(server, "select 1") == (1,)
            assert server.cluster.is_relative_to(system)
            assert server.binaries.is_relative_to(system)
        again = Postgres(place)
        assert again.cluster == server.cluster
    finally:
        import shutil

        shutil.rmtree(system, ignore_errors=True)


def test_valkey_listens_on_no_port_and_keeps_answered_writes_through_kill_9(place: Place) -> None:
    with running(Valkey(place)) as server, redis.Redis(unix_socket_path=str(server.socket)) as client:
        assert client.config_get("port") == {"port": "0"}
        client.set("kept", "42")
        kill(server)
        client.close()
        server.start()
        assert client.get("kept") == b"42"


def put(server: ObjectStore, name: str, content: bytes) -> None:
    server.client().put_object(BUCKET, name, io.BytesIO(content), len(content))


def get(server: ObjectStore, name: str) -> bytes:
    answer = server.client().get_object(BUCKET, name)
    with suppress(Exception):
        return answer.read()
    raise AssertionError


def test_object_store_keeps_objects_through_kill_9_and_a_lost_port(place: Place) -> None:
    with running(ObjectStore(place)) as server:
        put(server, "目录/kept.txt", b"42")
        kill(server)
        server.start()
        assert get(server, "目录/kept.txt") == b"42"
        old = server.ports["s3.port"]
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", old))
        stranger.listen()
        with running(ObjectStore(place)) as server:
            assert server.ports["s3.port"] != old
            assert get(server, "目录/kept.txt") == b"42"
            put(server, "more.txt", b"43")
            assert get(server, "more.txt") == b"43"


def test_object_store_shows_nothing_to_strangers_on_any_of_its_ports(place: Place) -> None:
    with running(ObjectStore(place)) as server:
        put(server, "private.txt", b"nobody else's")
        wrong = Minio(
            server.endpoint.removeprefix("http://"), access_key="qingshu", secret_key="x" * 40, secure=False
        )
        with pytest.raises(Exception, match="SignatureDoesNotMatch"):
            wrong.get_object(BUCKET, "private.txt")
        for name, port in server.ports.items():
            if name.endswith(".grpc"):
                continue
            for path in (f"/{BUCKET}/private.txt", f"/buckets/{BUCKET}/private.txt"):
                assert b"nobody else's" not in fetched(f"http://127.0.0.1:{port}{path}")


def fetched(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        return error.read()
    except OSError:
        return b""


def test_object_store_versions_what_is_overwritten(place: Place) -> None:
    with running(ObjectStore(place)) as server:
        put(server, "twice.txt", b"1")
        put(server, "twice.txt", b"2")
        versions = list(server.client().list_objects(BUCKET, include_version=True, prefix="twice.txt"))
        assert len(versions) == 2


def test_secrets_are_readable_by_their_owner_only(place: Place) -> None:
    place.folders.secret("s3")
    assert stat.S_IMODE((place.folders.root / "secrets.json").stat().st_mode) == 0o600
    assert place.folders.secret("s3") == place.folders.secret("s3")
    assert len(place.folders.secret("s3")) >= 40


def test_stopped_servers_leave_no_socket_and_no_port(place: Place) -> None:
    with running(ObjectStore(place)) as store, running(Valkey(place)) as valkey:
        ports = store.ports
    assert not valkey.socket.exists()
    assert all(is_free(port) for port in ports.values())
    assert not [left for port in ports.values() for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
