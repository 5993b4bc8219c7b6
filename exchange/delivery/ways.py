"""Lines to copy, by which programs reach a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from exchange.catalogue.models import Product
from exchange.catalogue.selectors import plans_on_sale_to
from exchange.catalogue.states import METERED_KINDS
from exchange.catalogue.ways import Line, Ways
from exchange.delivery.models import Entitlement
from exchange.delivery.selectors import Item, running_entitlement, tables_in, tables_of, version_in
from exchange.delivery.states import Covers
from kernel import clock
from organizations.permissions import Actor

_PULL = 'qingshu pull {number} --server {server} --token "$QINGSHU_TOKEN"'
_ROWS = """curl -H "Authorization: Bearer $QINGSHU_TOKEN" \\
  "{server}/api/data/{product}/rows?limit=100"
"""
_PANDAS = """import os, pandas as pd

rows = pd.{reader}(
    "{address}",
{lines}    storage_options={{"Authorization": "Bearer " + os.environ["QINGSHU_TOKEN"]}},
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
SELECT * FROM {reader}('{address}') LIMIT 10;
"""
_S3 = """CREATE SECRET (TYPE s3, KEY_ID 'QSDL…', SECRET '…', REGION 'us-east-1',
  ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {ssl});
SELECT * FROM {reader}('s3://{number}/{path}') LIMIT 10;
"""
_MINIO = """from minio import Minio

store = Minio("{host}", access_key="QSDL…", secret_key="…", region="us-east-1", secure={secure})
for each in store.list_objects("{number}", recursive=True):
    store.fget_object("{number}", each.object_name, each.object_name)
"""
_READERS = {".csv": "read_csv", ".parquet": "read_parquet"}
"""What pandas and DuckDB call their readers; both read the rest by `read_json`."""


def lines_of(server: str, entitlement: Entitlement, version: DatasetVersion) -> list[Line]:
    """What to type, by program; what does not fit the entitlement is left out."""
    return _lines(
        server,
        number=entitlement.number,
        product=entitlement.product.number,
        tables=tables_of(entitlement, version),
        has_files=not entitlement.quota_unit,
        is_annotated=entitlement.covers != Covers.SAMPLE and version.project_id is not None,
    )


def ways_of(viewer: Actor, product: Product, server: str) -> Ways:
    """The lines on a product's page: of the viewer's own running entitlement, else as they will be."""
    own = running_entitlement(viewer, product.pk, clock.now())
    if own is not None:
        url = reverse("delivery:entitlement", args=[own.pk])
        return Ways(lines_of(server, own, version_in(own)), url)
    paid = [plan for plan in plans_on_sale_to(viewer, product, clock.now()) if not plan.is_free]
    return Ways(
        _lines(
            server,
            number="DD-…",
            product=product.number,
            tables=tables_in(product.version),
            has_files=not paid or any(plan.kind not in METERED_KINDS for plan in paid),
            is_annotated=product.version.project_id is not None,
        )
    )


def _lines(
    server: str, *, number: str, product: str, tables: Sequence[Item], has_files: bool, is_annotated: bool
) -> list[Line]:
    parts = urlsplit(server)
    words = {"server": server, "number": number, "host": parts.netloc, "product": product}
    rows = [Line(_("按行取数"), _ROWS.format(**words))] if tables else []
    if not has_files:
        return rows
    found = [Line("qingshu pull", _PULL.format(**words)), *rows]
    if is_annotated:
        found.append(Line("mlcroissant", _CROISSANT.format(**words)))
    is_secure = parts.scheme == "https"
    if tables:
        path = tables[0].path
        ending = "." + path.rpartition(".")[2]
        reader = _READERS.get(ending, "read_json")
        table = {
            **words,
            "path": path,
            "address": f"{server}/api/deliveries/{number}/files/{quote(path)}",
            "reader": reader,
            "lines": "    lines=True,\n" if reader == "read_json" else "",
            "ssl": "true" if is_secure else "false",
        }
        found.append(Line("pandas", _PANDAS.format(**table)))
        found.append(Line("DuckDB", _DUCKDB.format(**table)))
        found.append(Line("DuckDB (S3)", _S3.format(**table)))
    found.append(Line("MinIO (S3)", _MINIO.format(**words, secure=is_secure)))
    return found
