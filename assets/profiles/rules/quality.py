"""The six dimensions of GB/T 36344-2018, each one ratio of two counts.

Which counts stand for a dimension is this platform's own choice within the standard's descriptions; the
page and the API say it in words beside each number. What cannot be measured is said to be not measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from assets.profiles.rules.facts import Dimension, PartFacts, Reviews

DIMENSIONS = ("conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility")


def dimensions(parts: Sequence[PartFacts], *, file_count: int, reviews: Reviews) -> tuple[Dimension, ...]:
    """All six, in the standard's order."""
    return (
        _conformity(parts),
        _completeness(parts, file_count),
        _accuracy(parts, reviews),
        _consistency(parts),
        _timeliness(parts),
        Dimension("accessibility", "files_read", sum(part.read_count for part in parts), file_count),
    )


def _conformity(parts: Sequence[PartFacts]) -> Dimension:
    columns = [each for part in parts for table in part.tables for each in table.fields]
    filled = sum(each.filled_count for each in columns)
    if filled:
        return Dimension(
            "conformity", "values_of_kind", sum(each.conforming_count for each in columns), filled
        )
    faulty = sum(len({fault.path for fault in part.faults}) for part in parts)
    measured = sum(part.file_count for part in parts)
    return Dimension("conformity", "files_of_format", measured - faulty, measured)


def _completeness(parts: Sequence[PartFacts], file_count: int) -> Dimension:
    columns = [each for part in parts for table in part.tables for each in table.fields]
    if columns:
        filled = sum(each.filled_count for each in columns)
        return Dimension(
            "completeness", "values_filled", filled, filled + sum(each.null_count for each in columns)
        )
    faulty = sum(len({f.path for f in part.faults if f.code in ("empty", "missing")}) for part in parts)
    return Dimension("completeness", "files_filled", file_count - faulty, file_count)


def _accuracy(parts: Sequence[PartFacts], reviews: Reviews) -> Dimension:
    judged = reviews.accepted_count + reviews.returned_count
    if judged:
        return Dimension("accuracy", "reviews_accepted", reviews.accepted_count, judged)
    tables = [table for part in parts for table in part.tables]
    rows = sum(table.row_count for table in tables)
    if rows:
        return Dimension(
            "accuracy", "rows_not_repeated", rows - sum(table.duplicate_count for table in tables), rows
        )
    return Dimension("accuracy", "no_reviews")


def _consistency(parts: Sequence[PartFacts]) -> Dimension:
    repeated = sum(part.checks.repeated_count for part in parts)
    if repeated:
        return Dimension(
            "consistency", "same_labels", sum(part.checks.agreeing_count for part in parts), repeated
        )
    return Dimension("consistency", "nothing_repeated")


def _timeliness(parts: Sequence[PartFacts]) -> Dimension:
    dated = sum(part.checks.dated_count for part in parts)
    if dated:
        return Dimension(
            "timeliness", "dates_not_ahead", sum(part.checks.timely_count for part in parts), dated
        )
    guided = sum(part.checks.guided_count for part in parts)
    if guided:
        newest = sum(part.checks.newest_guided_count for part in parts)
        return Dimension("timeliness", "newest_guideline", newest, guided)
    return Dimension("timeliness", "no_dates")
