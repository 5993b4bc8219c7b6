"""Write every product's search row anew from what it is made of."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand

from exchange.catalogue.models import Product
from exchange.catalogue.searching import keep_facets

BATCH = 500


class Command(BaseCommand):
    """`rebuild_facets`: batch by batch, each in its own transaction; may be broken off and run again at any time."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        ids = iter(Product.objects.order_by("pk").values_list("pk", flat=True))
        kept = 0
        while batch := list(islice(ids, BATCH)):
            kept += keep_facets(batch)
        self.stdout.write(f"{kept} products")
