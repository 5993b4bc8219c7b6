"""Placing an order through our service, against django-oscar's order placement in the same run.

django-oscar lives in an environment of its own, made by uv in the temporary directory when it is not there. Both write
to the same durable PostgreSQL server, one order after another, each order committed by itself. Ours draws up the
contract and writes the audit event in that transaction; oscar's turns a filled basket into an order with its line,
prices and stock allocation. Filling the basket is not counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from assets.datasets.models import Dataset, DatasetVersion
from assets.registry.models import Application, Certificate
from benchmarks import Row
from exchange.catalogue.models import Plan, Product
from exchange.trading import services as trading
from kernel import clock
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.models import Organization
from organizations.permissions import Actor

ORDERS, ROUNDS = 60, 5
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
FOLDER = Path(tempfile.gettempdir()) / "qingshu-bench-oscar"
PACKAGES = [
    "django-oscar[sorl-thumbnail]==4.2.1",
    "Django>=5.2,<5.3",
    "psycopg[binary]==3.3.*",
    "setuptools<81",
]
DATABASE = "bench_oscar"

THEIRS = '''
import json, os, sys, time
from decimal import Decimal as D
import django
from django.conf import settings
from oscar.defaults import *
from oscar import defaults
apps = """oscar.config.Shop oscar.apps.analytics.apps.AnalyticsConfig oscar.apps.checkout.apps.CheckoutConfig
oscar.apps.address.apps.AddressConfig oscar.apps.shipping.apps.ShippingConfig oscar.apps.catalogue.apps.CatalogueConfig
oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig oscar.apps.communication.apps.CommunicationConfig
oscar.apps.partner.apps.PartnerConfig oscar.apps.basket.apps.BasketConfig oscar.apps.payment.apps.PaymentConfig
oscar.apps.offer.apps.OfferConfig oscar.apps.order.apps.OrderConfig oscar.apps.customer.apps.CustomerConfig
oscar.apps.search.apps.SearchConfig oscar.apps.voucher.apps.VoucherConfig oscar.apps.wishlists.apps.WishlistsConfig
oscar.apps.dashboard.apps.DashboardConfig oscar.apps.dashboard.reports.apps.ReportsDashboardConfig
oscar.apps.dashboard.users.apps.UsersDashboardConfig oscar.apps.dashboard.orders.apps.OrdersDashboardConfig
oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig oscar.apps.dashboard.offers.apps.OffersDashboardConfig
oscar.apps.dashboard.partners.apps.PartnersDashboardConfig oscar.apps.dashboard.pages.apps.PagesDashboardConfig
oscar.apps.dashboard.ranges.apps.RangesDashboardConfig oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig
oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig
oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig
oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig
widget_tweaks haystack treebeard sorl.thumbnail django_tables2""".split()
settings.configure(
    **{name: getattr(defaults, name) for name in dir(defaults) if name.isupper()},
    SECRET_KEY="bench", USE_TZ=True, SITE_ID=1, ROOT_URLCONF="", STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["OSCAR_DATABASE"])}},
    HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.sites", "django.contrib.messages", "django.contrib.flatpages", *apps],
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth import get_user_model
from django.db import transaction
from oscar.apps.order.utils import OrderCreator
from oscar.apps.shipping.methods import Free
from oscar.core.loading import get_class, get_model
from oscar.core.prices import Price
from oscar.test.factories import create_product
Basket, Selector = get_model("basket", "Basket"), get_class("partner.strategy", "Selector")
user = get_user_model().objects.create_user("bench", "bench@example.com")
product, serial = create_product(price=D("68000.00"), num_in_stock=10**8), 0
print("ready", flush=True)
for line in sys.stdin:
    baskets = []
    for _each in range(int(line)):
        basket = Basket.objects.create(owner=user)
        basket.strategy = Selector().strategy()
        basket.add_product(product, 1)
        baskets.append(basket)
    begun = time.perf_counter()
    for basket in baskets:
        serial += 1
        total = Price(currency="GBP", excl_tax=basket.total_excl_tax, tax=D(0))
        with transaction.atomic():
            OrderCreator().place_order(
                basket=basket, total=total, shipping_method=Free(), shipping_charge=Price("GBP", D(0), tax=D(0)),
                user=user, order_number=f"B{serial}",
            )
            basket.submit()
    print(json.dumps(time.perf_counter() - begun), flush=True)
'''


def environment() -> Path:
    """Python of the environment in which django-oscar lives; made when it is not there."""
    python = FOLDER / "bin" / "python"
    done = FOLDER / "done"
    if not done.exists() or done.read_text() != str(PACKAGES):
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(FOLDER)], check=True)
        subprocess.run([*uv, "pip", "install", "-q", "--python", str(python), *PACKAGES], check=True)
        done.write_text(str(PACKAGES))
    return python


def ground() -> tuple[Plan, Actor]:
    """A product on sale with one plan, and a buyer."""
    firm = Organization.objects.create(name="基准供方", uscc=new_id().hex[-18:], kinds=["annotation_firm"])
    buyer = Organization.objects.create(name="基准需方", uscc=new_id().hex[-18:], kinds=["buyer"])
    dataset = Dataset.objects.create(
        number=new_id().hex[-24:], firm=firm, name="基准", modality="text", created_at=AT
    )
    version = DatasetVersion.objects.create(dataset=dataset, version=1, row_count=1_000, file_count=4)
    day = clock.business_date(AT)
    application = Application.objects.create(
        number=new_number("DJ", AT), registrant=firm, version=version, title="基准", use_case="基准",
        rights=["holding"], classification="general", created_at=AT, submitted_at=AT, notice_until=day,
        state="certified",
    )  # fmt: skip
    certificate = Certificate.objects.create(
        number=new_number("ZS", AT), application=application, version=version, holder=firm, title="基准",
        issued_at=AT, valid_from=day, valid_until=day.replace(year=2029), claims={}, token="", key_id="",
        state="valid",
    )  # fmt: skip
    product = Product.objects.create(
        number=new_number("CP", AT), supplier=firm, version=version, certificate=certificate, kind="dataset",
        modality="text", industry="commerce", licence="training", title="基准", summary="基准", created_at=AT,
        listed_at=AT, price_from_fen=6_800_000, state="listed",
    )  # fmt: skip
    plan = Plan.objects.create(product=product, name="标准版", price_fen=6_800_000)
    return plan, Actor(organization=buyer, roles=frozenset({"purchaser"}), kinds=frozenset({"buyer"}))


def ours(plan: Plan, buyer: Actor) -> float:
    """Seconds for ORDERS orders through the service."""
    begun = time.perf_counter()
    for _each in range(ORDERS):
        trading.place_order(by=buyer, at=AT, plan_id=plan.pk, use_statement="训练本公司的客服质检模型")
    return time.perf_counter() - begun


def measure() -> Iterable[Row]:
    """Orders a second, taking turns."""
    told = connection.get_connection_params()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    address = {"HOST": str(told["host"]), "USER": told["user"], "NAME": DATABASE}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    their = subprocess.Popen(
        [environment(), "-W", "ignore", "-c", THEIRS],
        env={**kept, "OSCAR_DATABASE": json.dumps(address), "PYTHONPATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert their.stdin is not None
    assert their.stdout is not None
    try:
        if their.stdout.readline().strip() != "ready":
            raise RuntimeError("django-oscar did not start")
        plan, buyer = ground()
        ours(plan, buyer)
        own_rates, their_rates = [], []
        for _round in range(ROUNDS):
            own_rates.append(ORDERS / ours(plan, buyer))
            their.stdin.write(f"{ORDERS}\n")
            their.stdin.flush()
            their_rates.append(ORDERS / float(their.stdout.readline()))
    finally:
        their.stdin.close()
        their.wait()
    return [
        Row("placing one order with its contract, durable", statistics.median(own_rates), "orders/s",
            "django-oscar 4.2", statistics.median(their_rates), 1.0)
    ]  # fmt: skip
