"""The job that writes an export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from assets.exports import services
from assets.exports.selectors import JOB_KIND
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock


@job_kind(JOB_KIND)
def make(job: Job, progress: Progress) -> dict[str, Any]:
    """Write one export; a second delivery finds it made or writes the same again."""
    progress.start(progress.total)

    def advance(count: int) -> None:
        if progress.done < progress.total:  # formats that walk the rows twice do not pass the end
            progress.advance(count)

    export = services.produce(
        version_id=UUID(job.arguments["version"]),
        format=job.arguments["format"],
        at=clock.now(),
        advance=advance,
    )
    return {"url": job.arguments.get("back", ""), "sha256": export.sha256, "size": export.size}
