"""The rows of this app, locked until the transaction ends."""

from __future__ import annotations

from uuid import UUID

from annotation.intake.models import Intake, Predictor
from kernel.errors import NotFound


def locked_intake(intake_id: UUID) -> Intake:
    """The import, locked; NotFound when there is none."""
    rows = Intake.objects.select_related("project").select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=intake_id).first()
    if found is None:
        raise NotFound
    return found


def locked_predictor(predictor_id: UUID) -> Predictor:
    """The model, locked; NotFound when there is none."""
    rows = Predictor.objects.select_related("project").select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=predictor_id).first()
    if found is None:
        raise NotFound
    return found
