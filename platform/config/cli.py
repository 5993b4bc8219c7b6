"""The command `qingshu`: start, stop and look at an installation, and run its main jobs.

Exit codes are in `embedded.errors.ExitCode` and in docs/operations.md. Every failure is one sentence;
`--debug` (anywhere before `manage`) adds the trace.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from config import startup
from config.startup import Progress
from embedded import children
from embedded.errors import ExitCode, InstallationError, NotRunning
from embedded.folders import Folders
from embedded.installation import (
    SERVERS,
    Installation,
    State,
    data_directory,
    export_settings,
    project_root,
    stop_installation,
)

USAGE_ERROR = typer.BadParameter.__mro__[1]  # UsageError, which typer does not export
PASS_THROUGH = {"ignore_unknown_options": True, "allow_extra_args": True}
app = typer.Typer(
    name="qingshu",
    help="清数 Qingshu: from data annotation to registered, tradable and rewarded data assets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
audit = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit, name="audit")
ledger = typer.Typer(help="The books.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
dataset = typer.Typer(help="Datasets, over the API of any installation.", no_args_is_help=True)
app.add_typer(dataset, name="dataset")
policy = typer.Typer(help="The policy's rule cards, without a server.", no_args_is_help=True)
app.add_typer(policy, name="policy")
labelstudio = typer.Typer(help="Label Studio servers for trusted teams.", no_args_is_help=True)
app.add_typer(labelstudio, name="labelstudio")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def _folders() -> Folders:
    return Folders.at(data_directory())


@app.command()
def up(
    *,
    port: Annotated[
        int, typer.Option(envvar="PORT", help="The port of the web site on the loopback.")
    ] = 8000,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything runs.")] = False,
    demo: Annotated[
        bool, typer.Option(envvar="QINGSHU_DEMO", help="Load the demo city, run the main job once.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Start everything and stay in front until Ctrl-C."""
    folders = _folders()
    if detach:
        _up_detached(folders, port=port, demo=demo, as_json=as_json)
        return
    progress = Progress(as_json=as_json)
    startup.run(folders, port=port, demo=demo, progress=progress)


@app.command()
def down(*, as_json: JsonOption = False) -> None:
    """Stop what runs with this data directory, from any shell."""
    folders = _folders()
    progress = Progress(as_json=as_json)
    if not stop_installation(folders, tell=lambda name: progress.note(f"stopped {name}")):
        raise NotRunning(f"Nothing runs with the data in {folders.root}.")
    progress.done(
        {"event": "stopped", "data": str(folders.root)}, f"Stopped. The data stays in {folders.root}."
    )


@app.command()
def status(*, as_json: JsonOption = False) -> None:
    """Say what runs, where, and whether it is healthy."""
    folders = _folders()
    found = startup.status(folders)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_status(found)
    code = {"ready": ExitCode.OK, "stopped": ExitCode.NOT_RUNNING}.get(found["phase"], ExitCode.UNHEALTHY)
    if code:
        raise typer.Exit(code)


@app.command(context_settings=PASS_THROUGH)
def journey(context: typer.Context) -> None:
    """Run the whole way once on real data, from annotation to the reward decision (--json: as data)."""
    _run_command("journey", context.args)


@app.command(context_settings=PASS_THROUGH)
def demo(context: typer.Context) -> None:
    """Load the demo city, or list its sign-ins with --accounts."""
    _run_command("demo", context.args)


@ledger.command("export", context_settings=PASS_THROUGH)
def ledger_export(context: typer.Context) -> None:
    """Write the books as a journal: --format hledger|beancount [--until 2026-03-31]."""
    _run_command("ledger_export", context.args, failure=ExitCode.CHECK_FAILED)


@audit.command("verify", context_settings=PASS_THROUGH)
def audit_verify(context: typer.Context) -> None:
    """Check the hash chain of the audit log; exit code 8 when a row was changed."""
    _run_command("audit_verify", context.args, failure=ExitCode.CHECK_FAILED)


@dataset.command("push")
def dataset_push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to bring.")],
    *,
    number: Annotated[str, typer.Option("--dataset", help="The dataset's number, SJ-….")],
    server: Annotated[
        str, typer.Option(envvar="QINGSHU_SERVER", help="Address of the server; else the one that runs here.")
    ] = "",
    key: Annotated[
        str,
        typer.Option(
            envvar="QINGSHU_API_KEY", help="API key with datasets.view, datasets.manage, documents.upload."
        ),
    ] = "",
    batch_source: Annotated[str, typer.Option(help="Where the files come from.")] = "",
    licence: Annotated[str, typer.Option(help="By what right they are used.")] = "",
    authorisation: Annotated[Path | None, typer.Option(help="The authorisation document.")] = None,
    self_produced: Annotated[bool, typer.Option(help="The organization made the data itself.")] = False,
    seal: Annotated[bool, typer.Option(help="Check everything and seal the next version.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a folder into a dataset; a run that broke off goes on when it is started again."""
    from config import pushing

    if not key:
        raise typer.BadParameter("Give an API key: --key, or QINGSHU_API_KEY.")
    if batch_source and not (licence and (authorisation or self_produced)):
        raise typer.BadParameter(
            "--batch-source needs --licence, and --authorisation FILE or --self-produced."
        )
    if authorisation is not None and not authorisation.is_file():
        raise typer.BadParameter(f"{authorisation} is no file.")
    address = server or str(startup.status(_folders()).get("address") or "")
    if not address:
        raise NotRunning("Nothing runs here; give --server.")
    outcome = pushing.push(
        folder,
        server=pushing.Server(address, key, language=_language()),
        dataset=number,
        source=pushing.Source(batch_source, licence, authorisation, self_produced),
        seals=seal,
        is_quiet=as_json or not sys.stderr.isatty(),
    )
    pushing.report(outcome, as_json=as_json)


@app.command()
def pull(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's number, DD-….")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to; else a folder named like the order.")
    ] = None,
    *,
    server: Annotated[
        str, typer.Option(envvar="QINGSHU_SERVER", help="Address of the server; else the one that runs here.")
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="QINGSHU_TOKEN", help="Access token of the delivery, qt_….")
    ] = "",
    version: Annotated[int | None, typer.Option(help="A version of a subscription; else the newest.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a delivery and check every hash; a run that broke off goes on when it is started again."""
    from config import pulling

    if not token:
        raise typer.BadParameter("Give an access token: --token, or QINGSHU_TOKEN.")
    address = server or str(startup.status(_folders()).get("address") or "")
    if not address:
        raise NotRunning("Nothing runs here; give --server.")
    outcome = pulling.pull(
        order,
        folder or Path(order),
        server=pulling.Server(address, token, language=_language()),
        version=version,
        is_quiet=as_json or not sys.stderr.isatty(),
    )
    pulling.report(outcome, as_json=as_json)


@app.command(context_settings=PASS_THROUGH)
def trace(context: typer.Context) -> None:
    """Say which orders a leaked copy belongs to, with the evidence: qingshu trace FILE [--json]."""
    _run_command("trace", context.args)


def _language() -> str:
    return "zh-hans" if os.environ.get("LANG", "").startswith("zh") else "en"


@app.command()
def verify(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A PDF, JWT, JSON, manifest, proof of a label, zip or folder; or the number of a certificate or licence.",
        ),
    ],
    *,
    keys: Annotated[
        Path | None, typer.Option(help="The published key set (jwks.json or did.json), for work offline.")
    ] = None,
    status_list: Annotated[
        list[Path] | None, typer.Option(help="A downloaded status list; may be given more than once.")
    ] = None,
    log_head: Annotated[
        Path | None, typer.Option(help="A signed tree head of the log (JSON or JWT).")
    ] = None,
    proof: Annotated[
        list[Path] | None, typer.Option(help="An inclusion proof of the log; may be given more than once.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="The certificate that data belongs to.")] = None,
    server: Annotated[
        str, typer.Option(envvar="QINGSHU_SERVER", help="The installation to ask; without it all is offline.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Say what holds of a certificate, a licence, data or one label; exit code 8 when something does not."""
    from config import verifying

    materials = verifying.Materials(keys, status_list or [], log_head, proof or [], certificate, server)
    report = verifying.examine(target, materials)
    if as_json:
        print(json.dumps(verifying.as_data(report), ensure_ascii=False, indent=2))
    else:
        print("\n".join(verifying.as_lines(report)))
    if code := verifying.EXIT_CODES[report.verdict]:
        raise typer.Exit(code)


class Language(StrEnum):
    """In which of its two languages a sentence is printed."""

    CHINESE = "zh"
    ENGLISH = "en"


VersionOption = Annotated[
    str,
    typer.Option("--version", help="The version of the policy's parameters; the current one unless told."),
]


@app.command()
def decide(
    measure: Annotated[str, typer.Argument(help="A measure, such as data_product_trading.")],
    facts: Annotated[
        Path, typer.Argument(help="Its facts as JSON (see: qingshu policy example); - reads the input.")
    ],
    *,
    version: VersionOption = "",
    interpretation: Annotated[
        list[str] | None,
        typer.Option(help="A reading of an open question, question=reading; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a case from its facts alone, with the whole trace; exit code 8 when facts are missing."""
    from config import deciding

    readings = deciding.readings_of(interpretation or [])
    decision = deciding.decided(measure, facts, version=version, interpretation=readings)
    print(decision.bytes.decode() if as_json else "\n".join(deciding.trace_lines(decision)))
    if code := deciding.exit_code(decision):
        raise typer.Exit(code)


@policy.command("show")
def policy_show(
    measure: Annotated[str, typer.Argument(help="A measure, such as data_product_trading.")],
    *,
    version: VersionOption = "",
) -> None:
    """Print a rule card: clauses, parameters, facts, open questions."""
    from config import deciding

    print("\n".join(deciding.card_lines(measure, version)))


@policy.command("schema")
def policy_schema(
    name: Annotated[str, typer.Argument(help="A measure, for its facts; or `decision`.")],
) -> None:
    """Print the JSON Schema (2020-12) of a measure's facts, or of decisions."""
    from config import deciding

    print(json.dumps(deciding.schema(name), ensure_ascii=False, indent=2))


@policy.command("example")
def policy_example(
    measure: Annotated[str, typer.Argument(help="A measure, such as data_product_trading.")],
) -> None:
    """Print a case's facts as JSON, from a measure's scenarios: what `qingshu decide` reads."""
    from config import deciding

    print(json.dumps(deciding.example(measure), ensure_ascii=False, indent=2))


@policy.command("test")
def policy_test(
    measure: Annotated[list[str] | None, typer.Argument(help="Measures; all when none is named.")] = None,
    *,
    language: Annotated[Language, typer.Option(help="The language of the sentences.")] = Language.CHINESE,
    as_json: JsonOption = False,
) -> None:
    """Run the scenarios that stand beside the cards; exit code 8 when one does not hold."""
    from config import deciding

    found = deciding.tested(measure or [])
    failing = [each for each in found if each["problems"]]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        is_english = language == Language.ENGLISH
        holds, fails, colon = ("holds", "FAILS", ": ") if is_english else ("相符", "不符", "：")
        for each in found:
            print(f"{fails if each['problems'] else holds}  {each['measure']}{colon}{each['name'][language]}")
            for problem in each["problems"]:
                print(f"       {problem[language]}")
        count, holding = len(found), len(found) - len(failing)
        print(
            f"{holding} of {count} scenarios hold."
            if is_english
            else f"共 {count} 个情景，{holding} 个相符。"
        )
    if failing:
        raise typer.Exit(ExitCode.CHECK_FAILED)


@labelstudio.command("up")
def labelstudio_up(
    *,
    name: Annotated[str, typer.Option(help="Name of the instance; the firm's code unless told.")] = "",
    firm: Annotated[
        str, typer.Option(help="Unified social credit code of the firm that it is made known to.")
    ] = "",
    port: Annotated[int | None, typer.Option(help="Port on the loopback; a free one from 8200 on.")] = None,
    hints: Annotated[
        bool, typer.Option(help="Let it call loopback addresses, so that changes are read at once.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Install Label Studio in its own environment if needed, and start an instance on the loopback."""
    from embedded import labelstudio as server

    folders, progress = _folders(), Progress(as_json=as_json)
    instance = server.up(folders, name or firm or "default", port=port, hints=hints, tell=progress.note)
    if firm:
        told = ["--firm", firm, "--address", instance.address(), "--token-file", str(instance.token_file)]
        _run_command("labelstudio_register", told)
    progress.done(
        {"event": "ready", "name": instance.name, "address": instance.address(), "data": str(instance.root)},
        f"Label Studio {instance.name} runs at {instance.address()} (sign in as {server.ADMINISTRATOR}; its password "
        f"is in {instance.root / 'secrets.json'}).",
    )


@labelstudio.command("down")
def labelstudio_down(
    *,
    name: Annotated[str, typer.Option(help="One instance; all unless told.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop the instances of this data directory; their data stays."""
    from embedded import labelstudio as server

    server.down(_folders(), name or None, Progress(as_json=as_json).note)


@labelstudio.command("status")
def labelstudio_status(*, as_json: JsonOption = False) -> None:
    """Say which instances there are and whether they answer."""
    from embedded import labelstudio as server

    found = server.status(_folders())
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for each in found:
            print(f"{each['name']}  {each['state']}  {each['address']}  data: {each['data']}")
        if not found:
            print("There is no Label Studio instance.")
    states = {each["state"] for each in found}
    if "unhealthy" in states:
        raise typer.Exit(ExitCode.UNHEALTHY)
    if "ready" not in states:
        raise typer.Exit(ExitCode.NOT_RUNNING)


@app.command()
def shell() -> None:
    """A Python shell with the product's models."""
    _run_command("shell", [])


@app.command(context_settings=PASS_THROUGH, add_help_option=False)
def manage(context: typer.Context) -> None:
    """Run any Django command: qingshu manage migrate."""
    with _reachable_servers("manage"):
        from django.core.management import execute_from_command_line

        execute_from_command_line(["qingshu manage", *context.args])


def _run_command(command: str, arguments: list[str], *, failure: ExitCode = ExitCode.FAILED) -> None:
    with _reachable_servers(command):
        import django
        from django.core.management import CommandError, call_command

        django.setup()
        try:
            call_command(command, *arguments)
        except CommandError as error:
            if "Unknown command" not in str(error):
                typer.echo(f"qingshu: {error}", err=True)
            raise typer.Exit(failure) from error


@contextlib.contextmanager
def _reachable_servers(purpose: str) -> Iterator[None]:
    """Use the running installation; when nothing runs, start its servers for this command only."""
    elsewhere = all(os.environ.get(kind.own_setting) for kind in SERVERS)
    if elsewhere or export_settings(os.environ):
        startup.complete_environment(os.environ, None if elsewhere else _folders())
        yield
        return
    installation = Installation(_folders(), tell=lambda line: typer.echo(line, err=True))
    installation.take(purpose)
    try:
        installation.start_servers(os.environ, lambda _name, _seconds: None)
        os.environ.update(installation.state.settings)
        startup.complete_environment(os.environ, installation.folders)
        yield
    finally:
        _close_connections()
        installation.leave()


def _close_connections() -> None:
    """Django's open connection would hold PostgreSQL's orderly end back."""
    if "django.db" in sys.modules:
        from django.db import connections

        connections.close_all()


def _up_detached(folders: Folders, *, port: int, demo: bool, as_json: bool) -> None:
    """Start the launcher in a session of its own and wait until it is ready."""
    if State.read(folders).is_led:
        Installation(folders).take("up")  # raises AlreadyRunning with its address
    log = folders.log("launcher")
    log.write_bytes(b"")
    launcher = children.spawn(
        [sys.executable, "-m", "config.cli", "up", f"--port={port}", "--demo" if demo else "--no-demo"],
        log=log,
        cwd=project_root() or folders.root,
        environment=os.environ | {"QINGSHU_DATA": str(folders.root)},
    )
    shown = 0
    while launcher.poll() is None and not _is_ready(folders, launcher, log):
        shown = _show_new(log, shown, silent=as_json)
        time.sleep(0.1)
    _show_new(log, shown, silent=as_json)
    if launcher.poll():
        if as_json:
            typer.echo(children.tail(log, 1), err=True)
        raise typer.Exit(launcher.returncode)
    if as_json:
        print(json.dumps(startup.status(folders), ensure_ascii=False))


def _is_ready(folders: Folders, launcher: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether everything runs and the launcher has said so."""
    state = State.read(folders)
    is_up = state.phase == "ready" and state.launcher is not None and state.launcher.pid == launcher.pid
    return is_up and startup.ANNOUNCED.encode() in log.read_bytes()


def _show_new(log: Any, shown: int, *, silent: bool) -> int:
    said = log.read_bytes()
    if not silent and len(said) > shown:
        sys.stdout.write(said[shown:].decode("utf-8", "replace"))
        sys.stdout.flush()
    return len(said)


def _print_status(found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if found["phase"] == "stopped":
        console.print(f"Nothing runs with the data in {found['data']}.", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "process", "state"):
        table.add_column(heading)
    for name, part in found["parts"].items():
        table.add_row(name, str(part["pid"]), "running" if part["alive"] else "gone")
    console.print(table)
    console.print(f"{found['phase']}  {found['address'] or ''}  data: {found['data']}", soft_wrap=True)
    for problem in found["problems"]:
        console.print(f"! {problem}", soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the answer is its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    own = arguments[: arguments.index("manage")] if "manage" in arguments else arguments
    debug = "--debug" in own
    if debug:
        arguments.remove("--debug")
    return _guarded(lambda: app(args=arguments, prog_name="qingshu", standalone_mode=False), debug=debug)


def _guarded(command: Callable[[], Any], *, debug: bool) -> int:
    try:
        outcome = command()
    except (typer.Abort, KeyboardInterrupt):
        return _say("Interrupted.", ExitCode.INTERRUPTED)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.FAILED
    except Exception as error:
        if isinstance(error, USAGE_ERROR):
            told = str(getattr(error, "format_message", error.__str__)())
            return _say(told or "See `qingshu --help`.", ExitCode.USAGE)
        if debug:
            raise
        if isinstance(error, InstallationError):
            return _say(str(error), error.exit_code)
        told = " ".join(str(error).split()) or type(error).__name__
        return _say(f"{told} (the trace comes with --debug)", ExitCode.FAILED)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _say(sentence: str, code: ExitCode) -> int:
    print(f"qingshu: {sentence}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
