"""django-hordak posting double entries: `hordak_postings.py DATABASE THREADS ACCOUNTS`, then one line a round.

DATABASE is JSON: host, port, user, password, dbname.

Each line holds how many postings every thread makes, and `checked` where the payer's balance is asked first, as our
postings ask it; the answer is {"rate": postings a second of all together}. Every posting is one `Account.transfer_to`
in a transaction of its own, with the library's own constraints.
"""

from __future__ import annotations

import json
import sys
import time
from threading import Thread
from typing import Any

DATABASE, THREADS, ACCOUNTS = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


def prepare() -> list[Any]:
    """Django with nothing but the library, its tables, and accounts that may be posted to."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        SECRET_KEY="a measurement",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": DATABASE["dbname"],
                **{
                    name.upper(): DATABASE[name]
                    for name in ("host", "port", "user", "password")
                    if name in DATABASE
                },
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DEFAULT_CURRENCY="CNY",
        CURRENCIES=["CNY"],
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from hordak.models import Account

    return [
        Account.objects.create(name=f"{number}", code=f"{number}", type="AS", currencies=["CNY"])
        for number in range(ACCOUNTS)
    ]


def rate(accounts: list[Any], times: int, is_checked: bool) -> float:
    from django.db import connection, connections, transaction
    from moneyed import Money

    done = [0] * THREADS

    def run(number: int) -> None:
        connection.ensure_connection()
        try:
            for step in range(times):
                place = number * times + step
                source, destination = accounts[place % ACCOUNTS], accounts[(place * 7 + 1) % ACCOUNTS]
                if source.pk == destination.pk:
                    destination = accounts[(place + 3) % ACCOUNTS]
                with transaction.atomic():
                    if is_checked:
                        source.get_balance()
                    source.transfer_to(destination, Money(1, "CNY"))
                done[number] += 1
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    if sum(done) != THREADS * times:
        raise SystemExit("a thread broke off")
    return sum(done) / elapsed


def main() -> None:
    accounts = prepare()
    print(json.dumps({"accounts": len(accounts)}), flush=True)
    for line in sys.stdin:
        times, *checked = line.split()
        print(json.dumps({"rate": rate(accounts, int(times), bool(checked))}), flush=True)


if __name__ == "__main__":
    main()
