"""Migrations that render the project's models once, however many operations they hold."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import AddField, FieldOperation
from django.db.migrations.operations.models import AddConstraint, AddIndex, CreateModel
from django.db.migrations.state import ProjectState

_PART_OF_CREATION = (AddField, AddConstraint, AddIndex)


class OnePass(migrations.Migration):
    """A migration whose operations reach the database with the models as they are at its end.

    Django renders a model and all that relate to it after each operation: with a few hundred operations around
    organizations and people that is most of a new installation's time. Here the operations' effects on the
    state are gathered first and rendered once; a model created here is created as it finally stands, and what
    the migration adds to it afterwards (fields, constraints, indexes) is part of that.

    Give it as the base of a migration written by `makemigrations`. ValueError when one field is touched twice
    or a model is created and then altered otherwise: such a migration needs Django's own step by step.
    """

    def apply(
        self, project_state: ProjectState, schema_editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
    ) -> ProjectState:
        if collect_sql:
            return super().apply(project_state, schema_editor, collect_sql)
        created = {_model(operation) for operation in self.operations if isinstance(operation, CreateModel)}
        self._refuse_two_touches(created)
        before = project_state.clone()
        rendered = project_state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(self.app_label, project_state)
        if rendered is not None:
            project_state.__dict__["apps"] = rendered
            models = sorted({_model(operation) for operation in self.operations} - {""})
            project_state.reload_models([(self.app_label, model) for model in models], delay=False)
        for operation in self.operations:
            if not (isinstance(operation, _PART_OF_CREATION) and _model(operation) in created):
                operation.database_forwards(self.app_label, schema_editor, before, project_state)
        return project_state

    def _refuse_two_touches(self, created: set[str]) -> None:
        fields: set[tuple[str, str]] = set()
        for operation in self.operations:
            if not isinstance(operation, FieldOperation):
                continue
            key = (operation.model_name_lower, operation.name_lower)
            if key in fields or (key[0] in created and not isinstance(operation, AddField)):
                raise ValueError(
                    f"{self}: {key[0]}.{key[1]} is touched twice; a migration in one pass cannot"
                )
            fields.add(key)


def _model(operation: Operation) -> str:
    """The lower-case name of the model that an operation is about; empty for SQL and code."""
    about = getattr(operation, "model_name_lower", None) or getattr(operation, "name_lower", "")
    return str(about)
