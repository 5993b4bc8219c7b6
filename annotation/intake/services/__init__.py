"""Every write of this app: imports from first file to items, buckets, and models that label beforehand."""

from annotation.intake.services.bringing import SourceChanged, bring_in
from annotation.intake.services.checking import check_intake
from annotation.intake.services.imports import (
    BRING_JOB,
    CHECK_JOB,
    BadRowsRemain,
    FileTooLarge,
    NothingFound,
    NothingToCheck,
    add_file,
    begin,
    cancel,
    decide,
    gather_again,
    start_check,
)
from annotation.intake.services.predictors import (
    AlreadyRunning,
    NotClassifiable,
    TooLittleAccepted,
    add_predictor,
    predict,
    retrain_due,
    set_active,
    start_run,
)
from annotation.intake.services.storages import connect, disconnect

__all__ = [
    "BRING_JOB", "CHECK_JOB", "AlreadyRunning", "BadRowsRemain", "FileTooLarge", "NotClassifiable", "NothingFound",
    "NothingToCheck", "SourceChanged", "TooLittleAccepted", "add_file", "add_predictor", "begin", "bring_in",
    "cancel", "check_intake", "connect", "decide", "disconnect", "gather_again", "predict", "retrain_due",
    "set_active", "start_check", "start_run",
]  # fmt: skip
