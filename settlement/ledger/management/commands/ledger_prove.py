"""`ledger_prove`: recompute the books from the raw rows and say what differs."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settlement.ledger import closing, selectors


class Command(BaseCommand):
    """Exit code 0 when every balance and entry is right, 1 with the differences otherwise."""

    help = (
        "Prove the ledger: entries sum to zero, balances equal their postings, floors hold, reversals mirror,"
        " every daily close matches what it sealed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the proof as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        books = selectors.prove()
        proof = dataclasses.replace(books, differences=[*books.differences, *closing.differences()])
        if options["as_json"]:
            self.stdout.write(json.dumps(proof.as_data(), default=str, ensure_ascii=False))
        else:
            entries, postings, accounts = proof.entry_count, proof.posting_count, proof.account_count
            self.stdout.write(f"{entries:,} entries, {postings:,} postings, {accounts:,} accounts")
            for each in proof.differences:
                told = f"expected {each.expected}, found {each.found}"
                self.stdout.write(f"{each.check} {each.subject_id}: {told}")
        if not proof.is_sound:
            raise CommandError(f"the ledger differs in {len(proof.differences)} places")
        if not options["as_json"]:
            self.stdout.write("The books are right.")
