"""Tables of the kernel: the log of every state move."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.records import Record


class Transition(Record):
    """One move of one state machine: what, from, to, when, who, why. Append-only.

    `subject_id` is the id of the row that moved; `machine` tells which table it lives in.
    """

    machine = models.CharField(_("状态机"), max_length=40)
    subject_id = models.UUIDField(_("对象"))
    move = models.CharField(_("动作"), max_length=40)
    from_state = models.CharField(_("原状态"), max_length=32)
    to_state = models.CharField(_("新状态"), max_length=32)
    at = models.DateTimeField(_("时间"))
    user_id = models.UUIDField(_("操作人"), null=True)
    organization_id = models.UUIDField(_("单位"), null=True)
    actor_label = models.CharField(_("操作人名称"), max_length=200)
    reason = models.TextField(_("原因"), blank=True)

    class Meta:
        verbose_name = _("状态流转")
        verbose_name_plural = _("状态流转")
        indexes = [models.Index(fields=["subject_id", "at"], name="transition_subject_at")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.machine}.{self.move}: {self.from_state} → {self.to_state}"

    @property
    def move_label(self) -> str:
        """The move's wording for people."""
        from kernel.states import Machine

        machine = Machine.registry.get(self.machine)
        move = machine.moves.get(self.move) if machine else None
        return str(move.label) if move else self.move

    @property
    def to_label(self) -> str:
        """The reached state's wording for people."""
        from kernel.states import Machine

        machine = Machine.registry.get(self.machine)
        return str(machine.states(self.to_state).label) if machine else self.to_state
