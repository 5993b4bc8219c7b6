"""Sessions of people who have just confirmed who they are, for tests that start there."""

from __future__ import annotations

import time

from django.test import Client


def confirm_identity(client: Client) -> None:
    """As if the signed-in person had entered the password again a moment ago."""
    session = client.session
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "reauthenticated": True}
    ]
    session.save()
