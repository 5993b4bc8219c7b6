"""Make a new signing key; what the old ones signed goes on verifying."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from audit.services import record
from kernel import clock
from organizations.permissions import Actor
from signing import services
from signing.models import PublishedKey


class Command(BaseCommand):
    """`rotate_signing_key`: the new key signs at once in every process; old public keys stay published."""

    help = __doc__ or ""

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        at = clock.now()
        before = services.current_key().kid
        key = services.rotate(at=at)
        record(
            by=Actor.system("签名密钥"),
            at=at,
            action="signing.rotate",
            subject=PublishedKey.objects.get(kid=key.kid),
            detail={"before": before, "after": key.kid},
        )
        count = PublishedKey.objects.count()
        self.stdout.write(f"{key.kid} signs from now on; {count} public keys are published.")
