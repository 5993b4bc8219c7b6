"""`manage labelstudio_register`: make a Label Studio server known to a firm, its token read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.servers import services
from annotation.servers.models import Server
from annotation.servers.services.connecting import fault_words
from annotation.servers.services.reading import SYNC
from annotation.servers.states import ServerState
from kernel import clock
from kernel.errors import Refusal
from organizations.models import Organization


class Command(BaseCommand):
    """Register the server, or give it its token anew, and check it."""

    help = "Make a Label Studio server known to a firm; the token is read from a file and not shown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--firm", required=True, help="The firm's unified social credit code.")
        parser.add_argument("--address", required=True)
        parser.add_argument("--name", default="Label Studio")
        parser.add_argument("--token-file", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        firm = Organization.objects.filter(uscc=options["firm"].strip().upper()).first()
        if firm is None:
            raise CommandError(f"There is no organization with the code {options['firm']}.")
        try:
            token = Path(options["token_file"]).read_text().strip()
        except OSError as error:
            raise CommandError(f"The token file cannot be read ({error.strerror}).") from error
        now = clock.now()
        known = Server.objects.filter(firm=firm, address=options["address"].rstrip("/"))
        server = known.exclude(state=ServerState.RETIRED).first()
        try:
            if server is None:
                server = services.add_server(
                    by=SYNC, at=now, name=options["name"], address=options["address"], token=token, firm=firm
                )
            else:
                services.replace_token(by=SYNC, at=now, server_id=server.pk, token=token)
            server = services.check_server(by=SYNC, at=clock.now(), server_id=server.pk)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if server.state != ServerState.READY:
            raise CommandError(fault_words(server.fault))
        self.stdout.write(f"{firm.name}: {server.name} {server.address}, Label Studio {server.version}")
