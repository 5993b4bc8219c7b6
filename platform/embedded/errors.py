"""What can keep a server from running, each told in one sentence."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `qingshu` command (documented in docs/operations.md)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    ALREADY_RUNNING = 4
    PORT_TAKEN = 5
    SERVER_FAILED = 6
    UNHEALTHY = 7
    CHECK_FAILED = 8
    INTERRUPTED = 130


class InstallationError(Exception):
    """A failure the person at the keyboard can do something about; `str()` is one clear sentence."""

    exit_code: ExitCode = ExitCode.FAILED


class ServerFailed(InstallationError):
    """A server did not start, or did not become ready in time."""

    exit_code = ExitCode.SERVER_FAILED


class PortTaken(InstallationError):
    """The web port belongs to another program."""

    exit_code = ExitCode.PORT_TAKEN


class AlreadyRunning(InstallationError):
    """Another launcher owns this data directory."""

    exit_code = ExitCode.ALREADY_RUNNING


class NotRunning(InstallationError):
    """Nothing of this data directory runs."""

    exit_code = ExitCode.NOT_RUNNING
