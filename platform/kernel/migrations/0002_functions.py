"""The search function and the number sequences; every app that uses them depends on this."""

from django.db import migrations

from kernel.numbers import create_series
from kernel.onepass import OnePass
from kernel.search import TERMS_SQL


class Migration(OnePass):
    dependencies = [("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(TERMS_SQL, "DROP FUNCTION IF EXISTS search_terms(text)"),
        create_series(),
    ]
