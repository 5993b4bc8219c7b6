"""Locks of what orders refer to: a new order never waits for them, so that none waits for another in a ring."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction

from annotation.projects.services import locked_project
from assets.datasets.services import locked_version
from assets.registry.services.applications import locked_certificate
from exchange.catalogue.models import Product
from organizations.services.profiles import locked_organization
from tests.annotation import scenes
from tests.exchange import market

pytestmark = pytest.mark.django_db(transaction=True)


def _held(product: Product, what: str) -> tuple[Callable[[], object], str, UUID]:
    """How the thing is locked, its table and its key."""
    if what == "project":
        project = scenes.draft()
        return lambda: locked_project(project.pk), "projects_project", project.pk
    return {
        "version": (lambda: locked_version(product.version_id), "datasets_datasetversion", product.version_id),
        "certificate": (
            lambda: locked_certificate(product.certificate_id), "registry_certificate", product.certificate_id,
        ),
        "organization": (
            lambda: locked_organization(product.supplier_id), "organizations_organization", product.supplier_id,
        ),
    }[what]  # fmt: skip


@pytest.mark.parametrize("what", ["version", "certificate", "organization", "project"])
def test_what_is_locked_for_a_change_can_still_be_referred_to(what: str) -> None:
    lock, table, key = _held(market.listed(), what)
    refused: list[str] = []

    def refer() -> None:
        try:
            with transaction.atomic(), connections["default"].cursor() as cursor:
                # The lock that a foreign key takes when its row is written.
                cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR KEY SHARE NOWAIT", [key])
        except DatabaseError as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    with transaction.atomic():
        lock()
        other = Thread(target=refer)
        other.start()
        other.join(10)
    assert refused == []
