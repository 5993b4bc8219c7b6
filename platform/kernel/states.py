"""State machines as tables: the only truth about which move leads where.

An app's `states.py` declares the enum and the moves; the database constraint, the transition log,
the diagrams under `docs/states/` and the tests all come from that table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.db import connection, models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal

if TYPE_CHECKING:
    from kernel.models import Transition


_COLUMNS = (
    "id", "machine", "subject_id", "move", "from_state", "to_state", "at", "user_id", "organization_id",
    "actor_label", "reason",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO kernel_transition (recorded_at, {', '.join(_COLUMNS)})"
    f" VALUES (now(), {', '.join(['%s'] * len(_COLUMNS))})"
)


class By(Protocol):
    """Who acts: a person in an organization, or the system itself."""

    @property
    def user_id(self) -> UUID | None: ...
    @property
    def organization_id(self) -> UUID | None: ...
    @property
    def label(self) -> str: ...


class MoveNotAllowed(Refusal):
    """The thing is not in a state from which this move leads anywhere."""

    code = "move_not_allowed"
    message = _("当前状态为“%(state)s”，不能“%(move)s”。请刷新页面查看最新状态。")


@dataclass(frozen=True, slots=True)
class Move:
    """One arrow of the diagram: a verb from some states to one state."""

    name: str
    from_: tuple[str, ...]
    to: str
    label: str | Promise


class Machine:
    """A named table of states and moves for one model."""

    registry: dict[str, Machine] = {}

    def __init__(
        self,
        name: str,
        states: type[models.TextChoices],
        moves: Sequence[Move],
        *,
        field: str = "state",
    ) -> None:
        self.name, self.states, self.field = name, states, field
        self.moves = {move.name: move for move in moves}
        assert len(self.moves) == len(moves), f"{name}: a move is named twice"
        known = set(states.values)
        for move in moves:
            assert {*move.from_, move.to} <= known, f"{name}.{move.name}: unknown state"
        Machine.registry[name] = self

    def constraint(self) -> models.CheckConstraint:
        """The database's own list of known states, for `Meta.constraints`."""
        return models.CheckConstraint(
            condition=models.Q(**{f"{self.field}__in": sorted(self.states.values)}),
            name=f"{self.name}_{self.field}_known",
        )

    def allowed(self, state: str) -> list[Move]:
        """The moves that lead out of `state`."""
        return [move for move in self.moves.values() if state in move.from_]

    def check(self, subject: models.Model, name: str) -> Move:
        """The named move, if the subject's present state allows it; MoveNotAllowed otherwise."""
        move = self.moves[name]
        state = getattr(subject, self.field)
        if state not in move.from_:
            raise MoveNotAllowed(state=self.states(state).label, move=move.label)
        return move

    def move(
        self,
        subject: models.Model,
        name: str,
        *,
        by: By,
        at: datetime,
        reason: str = "",
        update_fields: Sequence[str] = (),
    ) -> Transition:
        """Take one move: set and save the state (and `update_fields`), write the transition row.

        The subject must be locked by the caller. Raises MoveNotAllowed, leaving all as it was.
        """
        move = self.check(subject, name)
        before = getattr(subject, self.field)
        setattr(subject, self.field, move.to)
        subject.save(update_fields=[self.field, *update_fields])
        row = self._row(subject, name, before, move.to, by=by, at=at, reason=reason)
        with connection.cursor() as cursor:  # one fixed statement: this runs with every move of the product
            cursor.execute(_INSERT, [getattr(row, column) for column in _COLUMNS])
        return row

    def _row(
        self, subject: models.Model, move: str, before: str, after: str, *, by: By, at: datetime, reason: str
    ) -> Transition:
        from kernel.models import Transition

        return Transition(
            machine=self.name,
            subject_id=subject.pk,
            move=move,
            from_state=before,
            to_state=after,
            at=at,
            user_id=by.user_id,
            organization_id=by.organization_id,
            actor_label=by.label,
            reason=reason,
        )

    def walk(
        self,
        subject: models.Model,
        names: Sequence[str],
        *,
        by: By,
        at: datetime,
        reason: str = "",
        update_fields: Sequence[str] = (),
    ) -> list[Transition]:
        """Take several moves at one moment with one save: each is allowed after the one before, or none is taken.

        Writes a transition row for every move. Raises MoveNotAllowed, leaving all as it was.
        """
        from kernel.models import Transition

        start, rows = getattr(subject, self.field), []
        try:
            for name in names:
                before, move = getattr(subject, self.field), self.check(subject, name)
                setattr(subject, self.field, move.to)
                rows.append(self._row(subject, name, before, move.to, by=by, at=at, reason=reason))
        except MoveNotAllowed:
            setattr(subject, self.field, start)
            raise
        subject.save(update_fields=[self.field, *update_fields])
        return Transition.objects.bulk_create(rows)

    def diagram(self) -> str:
        """The machine as a Mermaid state diagram, one line per arrow, in table order."""
        lines = ["stateDiagram-v2"]
        first = next(iter(self.states.values))
        lines.append(f"    [*] --> {first}")
        for move in self.moves.values():
            lines += [f"    {source} --> {move.to}: {move.name}" for source in move.from_]
        leaving = {source for move in self.moves.values() for source in move.from_}
        lines += [f"    {state} --> [*]" for state in self.states.values if state not in leaving]
        return "\n".join(lines) + "\n"


class StateField(models.CharField):  # type: ignore[type-arg]
    """The column that holds a machine's state; starts in the first state of the enum."""

    def __init__(self, *args: Any, states: type[models.TextChoices] | None = None, **kwargs: Any) -> None:
        if states is not None:
            kwargs.setdefault("default", next(iter(states.values)))
            kwargs.setdefault("choices", states.choices)
        kwargs.setdefault("max_length", 32)
        kwargs.setdefault("db_index", True)
        kwargs.setdefault("verbose_name", _("状态"))
        super().__init__(*args, **kwargs)
