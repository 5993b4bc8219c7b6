"""Every write of datasets: made, sealed, withdrawn, handed out, looked at unmasked."""

from assets.datasets.services.datasets import (
    ReasonMissing,
    create_dataset,
    hand_out_file,
    locked_dataset,
    locked_version,
    see_original,
    verify_version,
    withdraw,
)
from assets.datasets.services.sealing import (
    FILES_PREFIX,
    MANIFESTS_PREFIX,
    Content,
    NothingToSeal,
    OtherModality,
    ProjectNotAccepted,
    seal_from_project,
    write_version,
)

__all__ = [
    "FILES_PREFIX",
    "MANIFESTS_PREFIX",
    "Content",
    "NothingToSeal",
    "OtherModality",
    "ProjectNotAccepted",
    "ReasonMissing",
    "create_dataset",
    "hand_out_file",
    "locked_dataset",
    "locked_version",
    "seal_from_project",
    "see_original",
    "verify_version",
    "withdraw",
    "write_version",
]
