"""Datasets themselves: made, looked up under lock, withdrawn, handed out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.datasets.events import VersionWithdrawn
from assets.datasets.models import Dataset, DatasetVersion
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.selectors import VersionCheck, may_see_original, must_say_why, version_for
from assets.datasets.selectors import verify_version as check_version
from assets.datasets.states import DATASET_VERSION
from audit.services import record
from documents import objects
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.numbers import new_number
from organizations.permissions import Actor

SHORTEST_REASON = 5  # characters


class ReasonMissing(Refusal):
    """A withdrawal tells why."""

    code = "reason_missing"
    message = _("请写明撤回原因。")
    status = 422


def locked_dataset(dataset_id: UUID) -> Dataset:
    """The dataset, locked until the transaction ends; NotFound if there is none."""
    found = (
        Dataset.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=dataset_id)
        .order_by("pk")
        .first()
    )
    if found is None:
        raise NotFound
    return found


def locked_version(version_id: UUID) -> DatasetVersion:
    """The version, locked until the transaction ends; NotFound if there is none.

    The lock leaves the key alone: a new order that refers to the version never waits for it (and with that
    for the product it holds itself).
    """
    rows = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).select_related("dataset")
    found = rows.filter(pk=version_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def create_dataset(
    *,
    by: Actor,
    at: datetime,
    name: str,
    description: str,
    modality: str,
    name_en: str = "",
    firm_id: UUID | None = None,
) -> Dataset:
    """A new, empty dataset of the actor's organization (`firm_id` only for the system)."""
    by.require(MANAGE_DATASETS)
    owner = by.organization_id or (firm_id if by.is_system else None)
    assert owner is not None, "a dataset belongs to an organization"
    if not name.strip():
        raise InvalidInput(field="name", reason=_("请填写数据集名称。"))
    if modality not in Modality.values:
        raise InvalidInput(field="modality", reason=_("请选择数据形态。"))
    dataset = Dataset.objects.create(
        number=new_number("SJ", at),
        firm_id=owner,
        name=name.strip(),
        name_en=name_en.strip(),
        description=description.strip(),
        modality=modality,
        created_by=by.user,
        created_at=at,
    )
    record(by=by, at=at, action="datasets.create", subject=dataset, detail={"modality": modality})
    return dataset


@transaction.atomic
def withdraw(*, by: Actor, at: datetime, version_id: UUID, reason: str) -> DatasetVersion:
    """Take a sealed version out of use; the record stays. Refused while it is registered."""
    version = locked_version(version_id)
    by.require(MANAGE_DATASETS)
    if not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    if not reason.strip():
        raise ReasonMissing(field="reason")
    DATASET_VERSION.move(version, "withdraw", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="datasets.withdraw", subject=version, detail={"reason": reason.strip()})
    announce(VersionWithdrawn(at=at, version_id=version.pk, by=by))
    return version


@transaction.atomic
def hand_out_file(*, by: Actor, at: datetime, version_id: UUID, file_id: int) -> str:
    """A ten-minute link to one file of an own version; the download is recorded."""
    version = DatasetVersion.objects.select_related("dataset").filter(pk=version_id).first()
    file = version.files.filter(pk=file_id).first() if version else None
    if version is None or file is None or not by.belongs_to(version.dataset.firm_id):
        raise NotFound
    by.require(MANAGE_DATASETS)
    record(
        by=by,
        at=at,
        action="datasets.download",
        subject=version,
        detail={"path": file.path, "sha256": file.sha256},
    )
    name = f"{version.dataset.number}-v{version.version}-{file.path.rpartition('/')[2]}"
    return objects.signed_link(file.object_key, file_name=name, media_type=file.media_type)


@transaction.atomic
def see_original(
    *, by: Actor, at: datetime, version_id: UUID, place: str, reason: str = ""
) -> DatasetVersion:
    """Let the actor see some content unmasked: the look is recorded with `place` and reason; the version.

    Raises NotFound, NotAllowed, InvalidInput (an auditor without a reason).
    """
    version = version_for(by, version_id)
    if not may_see_original(by, version):
        by.require(MANAGE_DATASETS)
        raise NotFound
    if must_say_why(by) and len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput(field="reason", reason=_("请写明查看原文的理由，至少 5 个字。"))
    detail = {"place": place[:500], "reason": reason.strip()[:500]}
    record(by=by, at=at, action="datasets.see_original", subject=version, detail=detail)
    return version


def verify_version(version_id: UUID) -> VersionCheck:
    """Re-hash a sealed version from the store and name any mismatch; nothing is written."""
    return check_version(version_id)
