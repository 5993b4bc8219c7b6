"""Lines to copy, by which programs reach a delivery."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from exchange.delivery.models import Entitlement
from exchange.delivery.selectors import tables_of
from exchange.delivery.states import Covers

Line = dict[str, str | Promise]

_PULL = 'qingshu pull {number} --server {server} --token "$QINGSHU_TOKEN"'
_ROWS = """curl -H "Authorization: Bearer $QINGSHU_TOKEN" \\
  "{server}/api/data/{product}/rows?limit=100"
"""
_PANDAS = """import os, pandas as pd

rows = pd.{reader}(
    "{address}",
    storage_options={{"Authorization": "Bearer " + os.environ["QINGSHU_TOKEN"]}},
)
"""
_CROISSANT = """import os, requests, mlcroissant as mlc

token = os.environ["QINGSHU_TOKEN"]
os.environ["CROISSANT_BASIC_AUTH_USERNAME"] = "token"
os.environ["CROISSANT_BASIC_AUTH_PASSWORD"] = token
told = requests.get("{server}/api/deliveries/{number}/croissant.json",
                    headers={{"Authorization": "Bearer " + token}}).json()
dataset = mlc.Dataset(jsonld=told)
for record in dataset.records("rows"):
    print(record)
"""
_DUCKDB = """INSTALL httpfs; LOAD httpfs;
CREATE SECRET (TYPE http, BEARER_TOKEN 'qt_…', SCOPE '{server}/');
SELECT * FROM {table}('{address}') LIMIT 10;
"""
_S3 = """CREATE SECRET (TYPE s3, KEY_ID 'QSDL…', SECRET '…', REGION 'us-east-1',
  ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {ssl});
SELECT * FROM {table}('s3://{number}/{path}') LIMIT 10;
"""
_MINIO = """from minio import Minio

store = Minio("{host}", access_key="QSDL…", secret_key="…", region="us-east-1", secure={secure})
for each in store.list_objects("{number}", recursive=True):
    store.fget_object("{number}", each.object_name, each.object_name)
"""
_PANDAS_READERS = {".csv": "read_csv", ".parquet": "read_parquet"}
_DUCKDB_READERS = {".csv": "read_csv", ".parquet": "read_parquet"}


def lines_of(request: HttpRequest, entitlement: Entitlement, version: DatasetVersion) -> list[Line]:
    """What to type, by program; what does not fit the entitlement is left out."""
    server = request.build_absolute_uri("/").rstrip("/")
    parts, number = urlsplit(server), entitlement.number
    tables = tables_of(entitlement, version)
    words = {"server": server, "number": number, "host": parts.netloc, "product": entitlement.product.number}
    found: list[Line] = []
    if tables:
        found.append({"title": _("按行取数"), "text": _ROWS.format(**words)})
    if entitlement.quota_unit:
        return found
    found.insert(0, {"title": "qingshu pull", "text": _PULL.format(**words)})
    if entitlement.covers != Covers.SAMPLE and version.project_id:
        found.append({"title": "mlcroissant", "text": _CROISSANT.format(**words)})
    if tables:
        path = tables[0].path
        ending = "." + path.rpartition(".")[2]
        table = {
            **words,
            "path": path,
            "address": f"{server}/api/deliveries/{number}/files/{quote(path)}",
            "reader": _PANDAS_READERS.get(ending, "read_json"),
            "table": _DUCKDB_READERS.get(ending, "read_json"),
            "ssl": "true" if parts.scheme == "https" else "false",
        }
        pandas = _PANDAS.format(**table)
        if table["reader"] == "read_json":
            pandas = pandas.replace('",\n    storage', '",\n    lines=True,\n    storage', 1)
        found.append({"title": "pandas", "text": pandas})
        found.append({"title": "DuckDB", "text": _DUCKDB.format(**table)})
        found.append({"title": "DuckDB (S3)", "text": _S3.format(**table)})
    found.append({"title": "MinIO (S3)", "text": _MINIO.format(**words, secure=parts.scheme == "https")})
    return found
