"""Every machine, every state, every move: allowed exactly where the table says, refused everywhere else."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from kernel.models import Transition
from kernel.records import new_id
from kernel.states import Machine, Move, MoveNotAllowed
from organizations.models import Organization
from organizations.permissions import Actor
from organizations.states import VERIFICATION
from tests.cast import NOON, lin

MACHINES = sorted(Machine.registry.values(), key=lambda machine: machine.name)
EVERY = [
    pytest.param(machine, state, move, id=f"{machine.name}-{state}-{move.name}")
    for machine in MACHINES
    for state, move in product(machine.states.values, machine.moves.values())
]


class Thing:
    """Something with a state, without a table."""

    def __init__(self, field: str, state: str) -> None:
        self.pk = new_id()
        setattr(self, field, state)


def owners(machine: Machine) -> list[type[models.Model]]:
    """The models whose state the machine moves, known by its constraint."""
    name = machine.constraint().name
    return [model for model in apps.get_models() if name in {one.name for one in model._meta.constraints}]


@pytest.mark.parametrize(("machine", "state", "move"), EVERY)
def test_a_move_is_allowed_exactly_from_the_states_of_the_table(
    machine: Machine, state: str, move: Move
) -> None:
    thing: Any = Thing(machine.field, state)
    if state in move.from_:
        assert machine.check(thing, move.name) is move
        assert move in machine.allowed(state)
    else:
        with pytest.raises(MoveNotAllowed) as refused:
            machine.check(thing, move.name)
        assert str(machine.states(state).label) in str(refused.value)
        assert str(move.label) in str(refused.value)
        assert move not in machine.allowed(state)
    assert getattr(thing, machine.field) == state


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_the_diagram_shows_every_arrow(machine: Machine) -> None:
    first = next(iter(machine.states.values))
    reached, growing = {first}, True
    while growing:
        more = {move.to for move in machine.moves.values() if reached & set(move.from_)} - reached
        reached |= more
        growing = bool(more)
    assert reached == set(machine.states.values)
    diagram = machine.diagram()
    assert all(
        f"{source} --> {move.to}: {move.name}" in diagram
        for move in machine.moves.values()
        for source in move.from_
    )


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_table_has_the_constraint_and_starts_in_the_first_state(machine: Machine) -> None:
    (model,) = owners(machine)
    field = model._meta.get_field(machine.field)
    assert field.get_default() == next(iter(machine.states.values))
    assert max(map(len, machine.states.values)) <= (field.max_length or 0)


@pytest.mark.django_db
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_database_itself_knows_the_states(machine: Machine) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
            [machine.constraint().name],
        )
        (definition,) = cursor.fetchone()
    assert all(f"'{state}'" in definition for state in machine.states.values)


@pytest.mark.django_db
def test_raw_sql_cannot_write_an_unknown_state() -> None:
    lin()
    with (
        pytest.raises(DatabaseError, match="organization_verification_verification_known"),
        transaction.atomic(),
    ):
        Organization.objects.update(verification="king")


@pytest.mark.django_db
def test_a_move_saves_the_state_and_writes_who_when_why() -> None:
    organization = lin().organization
    assert organization is not None
    VERIFICATION.move(organization, "reopen", by=lin(), at=NOON, reason="改名")
    organization.refresh_from_db()
    assert organization.verification == "unverified"
    row = Transition.objects.get(subject_id=organization.pk)
    assert (row.from_state, row.to_state, row.move, row.at, row.reason) == (
        "verified",
        "unverified",
        "reopen",
        NOON,
        "改名",
    )
    assert (row.user_id, row.organization_id, row.actor_label) == (
        lin().user_id,
        organization.pk,
        lin().label,
    )
    assert (row.move_label, row.to_label) == ("资料变更，重新认证", "未认证")


@pytest.mark.django_db
def test_a_refused_move_leaves_no_trace() -> None:
    organization = lin().organization
    assert organization is not None
    with pytest.raises(MoveNotAllowed):
        VERIFICATION.move(organization, "approve", by=Actor.system("x"), at=NOON)
    assert not Transition.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sql", ["UPDATE kernel_transition SET reason = 'x'", "DELETE FROM kernel_transition"]
)
def test_the_log_of_moves_is_append_only(sql: str) -> None:
    organization = lin().organization
    assert organization is not None
    VERIFICATION.move(organization, "reopen", by=lin(), at=NOON + timedelta(days=1))
    with pytest.raises(DatabaseError, match="Cannot update or delete"), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_table_with_a_mistake_does_not_load() -> None:
    class Light(models.TextChoices):
        RED = "red"
        GREEN = "green"

    with pytest.raises(AssertionError, match="unknown state"):
        Machine("broken", Light, [Move("go", ("red",), "blue", "go")])
    with pytest.raises(AssertionError, match="named twice"):
        Machine("broken", Light, [Move("go", ("red",), "green", "go"), Move("go", ("green",), "red", "go")])
    assert "broken" not in Machine.registry
