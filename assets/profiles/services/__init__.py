"""Every write of profiles: queueing and making them, freezing a sample."""

from __future__ import annotations

from assets.profiles.services.profiles import NotSealed, ProfileIsCurrent, make_profile, queue_profile
from assets.profiles.services.samples import (
    NoProfileYet,
    NothingToShow,
    SampleHasPersonalInformation,
    SampleIsFrozen,
    freeze_sample,
)

__all__ = [
    "NoProfileYet",
    "NotSealed",
    "NothingToShow",
    "ProfileIsCurrent",
    "SampleHasPersonalInformation",
    "SampleIsFrozen",
    "freeze_sample",
    "make_profile",
    "queue_profile",
]
