"""What stops a claim on its way to the money: checks that apps above or beside register, such as open risk findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from settlement.rewards.models import Claim

Check = Callable[[Claim], Iterable[str]]
_checks: list[Check] = []


def register_block(check: Check) -> None:
    """Let `check` say, in one sentence each, what must be settled before a claim goes on."""
    if check not in _checks:
        _checks.append(check)


def blocks_of(claim: Claim) -> list[str]:
    """Everything that blocks the claim now; empty when nothing does."""
    return [str(reason) for check in _checks for reason in check(claim)]
