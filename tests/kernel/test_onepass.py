"""A migration in one pass leaves the same tables as Django's step by step, or refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from kernel.onepass import OnePass

pytestmark = pytest.mark.django_db(transaction=True)

_CATALOG = """
    SELECT 'column', c.table_name, c.column_name, c.data_type || c.is_nullable
      FROM information_schema.columns AS c WHERE c.table_name LIKE %(app)s
    UNION ALL SELECT 'constraint', c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
      FROM pg_constraint AS c WHERE c.conrelid::regclass::text LIKE %(app)s
    UNION ALL SELECT 'index', i.tablename, i.indexname, i.indexdef FROM pg_indexes AS i WHERE i.tablename LIKE %(app)s
"""


def _operations() -> list[Any]:
    key: tuple[str, Any] = ("id", models.BigAutoField(primary_key=True))
    return [
        migrations.CreateModel("Shelf", [key, ("name", models.CharField(max_length=9, unique=True))]),
        migrations.CreateModel("Book", [key, ("pages", models.IntegerField(null=True))]),
        migrations.AddField("Book", "shelf", models.ForeignKey("onepass.Shelf", models.PROTECT)),
        migrations.AddField("Shelf", "newest", models.ForeignKey("onepass.Book", models.PROTECT, null=True)),
        migrations.AddConstraint(
            "Book", models.CheckConstraint(condition=models.Q(pages__gt=0), name="onepass_pages")
        ),
        migrations.AddIndex("Book", models.Index(fields=["-pages"], name="onepass_longest")),
    ]


def _later() -> list[Any]:
    return [
        migrations.RemoveConstraint("Book", "onepass_pages"),
        migrations.AddField(
            "Book", "title", models.CharField(max_length=40, default=""), preserve_default=False
        ),
        migrations.AlterField("Book", "pages", models.BigIntegerField(default=1)),
        migrations.AddConstraint(
            "Book", models.UniqueConstraint(fields=["title", "pages"], name="onepass_told_apart")
        ),
    ]


def _tables_after(
    base: type[migrations.Migration], *steps: list[Any], rendered: bool
) -> set[tuple[str, ...]]:
    state = ProjectState()
    try:
        for number, operations in enumerate(steps):
            if rendered:
                assert state.apps
            migration: Any = base(f"000{number + 1}", "onepass")
            migration.operations = operations
            with connection.schema_editor(atomic=True) as editor:
                state = migration.apply(state, editor)
        with connection.cursor() as cursor:
            cursor.execute(_CATALOG, {"app": "onepass_%"})
            return set(cursor.fetchall())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS onepass_book, onepass_shelf CASCADE")


@pytest.mark.parametrize("rendered", [True, False])
def test_one_pass_leaves_what_step_by_step_leaves(rendered: bool) -> None:
    stepwise = _tables_after(migrations.Migration, _operations(), _later(), rendered=True)
    one_pass = _tables_after(OnePass, _operations(), _later(), rendered=rendered)

    assert len(stepwise) > 15
    assert _without_hash(one_pass) == _without_hash(stepwise)


def _without_hash(found: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Not-null constraints, which PostgreSQL names by the order of its own steps, are told by their text."""
    return {
        (kind, table, "" if told.startswith("NOT NULL") else name, told) for kind, table, name, told in found
    }


@pytest.mark.parametrize(
    "operations",
    [
        [
            migrations.AddField("Book", "size", models.IntegerField(null=True)),
            migrations.AlterField("Book", "size", models.BigIntegerField(null=True)),
        ],
        [
            migrations.CreateModel("Map", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AlterField("Map", "id", models.AutoField(primary_key=True)),
        ],
    ],
)
def test_a_field_touched_twice_is_refused_before_anything_is_done(operations: list[Any]) -> None:
    with pytest.raises(ValueError, match="is touched twice"):
        _tables_after(OnePass, _operations(), operations, rendered=True)


def test_every_migration_of_the_product_goes_in_one_pass() -> None:
    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection, ignore_no_migrations=True)
    own = {app.label for app in apps.get_app_configs() if "site-packages" not in app.path}
    stepwise = [
        f"{app}.{name}"
        for (app, name), migration in loader.disk_migrations.items()
        if app in own and not isinstance(migration, OnePass)
    ]
    assert stepwise == []
