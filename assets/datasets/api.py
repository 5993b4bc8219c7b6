"""Datasets over JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from assets.datasets import selectors, services
from assets.datasets.permissions import VIEW_DATASETS
from assets.datasets.schemas import (
    CheckOut,
    DatasetIn,
    DatasetOut,
    DiffOut,
    FileOut,
    SealIn,
    VersionOut,
    WithdrawIn,
)
from documents import objects
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound

router = Router()


@router.get("", response=Page[DatasetOut], summary="List datasets")
def list_datasets(request: HttpRequest, cursor: str | None = None, limit: int = 50) -> Page[DatasetOut]:
    viewer = actor(request)
    viewer.require(VIEW_DATASETS)
    rows, following = cursor_page(selectors.datasets_with_versions(viewer), cursor=cursor, limit=limit)
    return Page[DatasetOut](items=[DatasetOut.of(row) for row in rows], next=following)


@router.post("", response={201: DatasetOut}, summary="Create a dataset")
@idempotent
def create_dataset(request: HttpRequest, body: DatasetIn) -> Status[DatasetOut]:
    dataset = services.create_dataset(by=actor(request), at=clock.now(), **body.dict())
    return Status(201, DatasetOut.of(dataset))


@router.get("/{uuid:dataset_id}", response=DatasetOut, summary="One dataset")
def get_dataset(request: HttpRequest, dataset_id: UUID) -> DatasetOut:
    return DatasetOut.of(selectors.dataset_for(actor(request), dataset_id))


@router.post(
    "/{uuid:dataset_id}/versions", response={201: VersionOut}, summary="Seal a project as the next version"
)
@idempotent
def seal(request: HttpRequest, dataset_id: UUID, body: SealIn) -> Status[VersionOut]:
    selectors.dataset_for(actor(request), dataset_id)
    version = services.seal_from_project(
        by=actor(request),
        at=clock.now(),
        dataset_id=dataset_id,
        project_id=body.project_id,
        with_posterior=body.with_posterior,
    )
    return Status(201, VersionOut.of(version))


@router.get("/versions/{uuid:version_id}", response=VersionOut, summary="One version")
def get_version(request: HttpRequest, version_id: UUID) -> VersionOut:
    return VersionOut.of(selectors.version_for(actor(request), version_id))


@router.get("/versions/{uuid:version_id}/manifest", summary="The canonical manifest, byte for byte")
def get_manifest(request: HttpRequest, version_id: UUID) -> HttpResponse:
    version = selectors.version_for(actor(request), version_id)
    return HttpResponse(objects.get(version.manifest_key), content_type="application/json")


@router.get(
    "/{uuid:dataset_id}/versions/{newer}/diff/{older}", response=DiffOut, summary="Compare two versions"
)
def get_diff(request: HttpRequest, dataset_id: UUID, newer: int, older: int) -> DiffOut:
    """Files by path and hash, rows by content (null where no table changed, or too large), labels by count."""
    viewer = actor(request)
    if not (0 < newer < 2**31 and 0 < older < 2**31):
        raise NotFound
    before = selectors.numbered_version(viewer, dataset_id, older)
    after = selectors.numbered_version(viewer, dataset_id, newer)
    return DiffOut.of(selectors.diff_of(before, after))


@router.get("/files/{file_id}", response=FileOut, summary="One file with its walk from source to sale")
def get_file(request: HttpRequest, file_id: int) -> FileOut:
    if not 0 < file_id < 2**63:
        raise NotFound
    return FileOut.of(selectors.file_history(actor(request), file_id))


@router.get(
    "/versions/{uuid:version_id}/verification", response=CheckOut, summary="Re-hash a version from the store"
)
def verify_version(request: HttpRequest, version_id: UUID) -> CheckOut:
    version = selectors.version_for(actor(request), version_id)
    return CheckOut.of(services.verify_version(version.pk))


@router.post("/versions/{uuid:version_id}/withdrawal", response=VersionOut, summary="Withdraw a version")
@idempotent
def withdraw(request: HttpRequest, version_id: UUID, body: WithdrawIn) -> VersionOut:
    selectors.version_for(actor(request), version_id)
    version = services.withdraw(by=actor(request), at=clock.now(), version_id=version_id, reason=body.reason)
    return VersionOut.of(version)
