"""Which colour a state wears, everywhere the same."""

from __future__ import annotations

TONES: dict[str, frozenset[str]] = {
    "green": frozenset(
        {
            "accepted",
            "completed",
            "certified",
            "valid",
            "listed",
            "granted",
            "filed",
            "succeeded",
            "disbursed",
            "approved",
            "sealed",
            "active",
            "verified",
            "recognised",
            "published",
            "released",
            "confirmed",
            "renewed",
            "recovered",
            "signed",
            "answered",
            "graduated",
            "selected",
            "scored",
            "acknowledged",
            "imported",
            "ordered",
            "in_force",
            "issued",
            "fulfilled",
            "matched",
            "qualified",
            "corrected",
        }
    ),
    "blue": frozenset(
        {
            "open",
            "in_progress",
            "assigned",
            "submitted",
            "in_review",
            "accepted_for_review",
            "compliance_review",
            "placed",
            "requested",
            "proposed",
            "contracted",
            "paid",
            "delivered",
            "processing",
            "running",
            "requires_capture",
            "first_reviewed",
            "second_reviewed",
            "in_notice",
            "training",
            "screening",
            "appealed",
            "in_hand",
            "public_notice",
            "in_pilot",
            "applied",
            "reviewed",
            "assessed",
            "extended",
            "dispatched",
            "sent",
            "checked",
            "offered",
            "recorded",
            "drawn",
        }
    ),
    "amber": frozenset(
        {
            "paused",
            "returned",
            "suspended",
            "pending",
            "waiting",
            "queued",
            "requires_payment_method",
            "requires_confirmation",
            "invited",
            "under_objection",
            "objected",
            "reopened",
            "recovering",
            "undetermined",
            "amended",
            "late",
            "unsigned",
            "improving",
            "appointed",
            "cleared",
            "handing_over",
        }
    ),
    "red": frozenset(
        {
            "failing",
            "missing",
            "rejected",
            "refused",
            "declined",
            "revoked",
            "disputed",
            "failed",
            "not_eligible",
            "exited",
        }
    ),
    "teal": frozenset(
        {
            "ready",
            "drafted",
            "building",
        }
    ),
    "violet": frozenset(
        {
            "superseded",
            "resubmitted",
            "transferred",
            "changed",
        }
    ),
}
_BY_STATE = {state: tone for tone, states in TONES.items() for state in states}


def tone_of(state: str) -> str:
    """The tone of a state's tag; neutral for drafts, ends without result, and the unknown."""
    return _BY_STATE.get(state, "neutral")
