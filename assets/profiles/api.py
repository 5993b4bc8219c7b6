"""Profiles over JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from assets.datasets.selectors import version_for
from assets.profiles import selectors, services
from assets.profiles.schemas import ProfileOut, SampleIn, SampleOut
from gateway.api import actor, idempotent
from jobs.models import Job
from jobs.schemas import JobOut
from kernel import clock
from kernel.errors import NotFound

router = Router()


@router.get("/versions/{uuid:version_id}", response=ProfileOut, summary="What is in a version")
def get_profile(request: HttpRequest, version_id: UUID) -> ProfileOut:
    return ProfileOut.of(selectors.profile_for(actor(request), version_id))


@router.post(
    "/versions/{uuid:version_id}", response={202: JobOut}, summary="Make a version's profile (again)"
)
@idempotent
def make_profile(request: HttpRequest, version_id: UUID) -> Status[Job]:
    version_for(actor(request), version_id)
    return Status(202, services.queue_profile(by=actor(request), at=clock.now(), version_id=version_id))


@router.get("/versions/{uuid:version_id}/sample", response=SampleOut, summary="The frozen sample")
def get_sample(request: HttpRequest, version_id: UUID) -> SampleOut:
    version = version_for(actor(request), version_id)
    found = selectors.frozen_sample_of(version.pk)
    if found is None:
        raise NotFound
    return SampleOut.of(found)


@router.post("/versions/{uuid:version_id}/sample", response={201: SampleOut}, summary="Freeze the sample")
@idempotent
def freeze_sample(request: HttpRequest, version_id: UUID, body: SampleIn) -> Status[SampleOut]:
    version_for(actor(request), version_id)
    sample = services.freeze_sample(
        by=actor(request), at=clock.now(), version_id=version_id, chosen=body.rows
    )
    return Status(201, SampleOut.of(sample))
