"""`qke-sim`: rehearse on the twin. This module only parses; each command returns the work, which `main` then does.

So `--help` and completion load nothing but typer, and there is one place (`failure.guard`) where errors become words.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import typer

from qke_cli import complete, failure

Work: TypeAlias = Callable[[], int]

app = typer.Typer(
    name="qke-sim",
    rich_markup_mode=None,  # Plain help: rich would take longer to load than the help takes to read.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
new = typer.Typer(rich_markup_mode=None, no_args_is_help=False)
app.add_typer(new, name="new")


def _number(text: str) -> int:
    """Read a whole number from 0 on."""
    if not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(f"{text!r} is not a whole number from 0 on")
    return int(text)


Scenario = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="Scenario file (YAML).", autocompletion=complete.scenarios)
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Run folder, as `run` printed it.", autocompletion=complete.runs)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour, as NO_COLOR=1 does.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> Work | None:
    """Rehearse QKE operations on a digital twin, in virtual time.

    Example: qke-sim new scenario && qke-sim run scenario.yaml
    """
    if version:
        return _leave(context, f"qke-sim {_version()}")
    if context.invoked_subcommand is None:
        return _leave(context, context.get_help())
    return None


@app.command()
def run(
    scenario: Scenario,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", parser=_number, help="Which luck; the scenario's own by default."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run folder goes.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the run's summary as JSON, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict, and nothing else.")] = False,
    no_color: NoColor = False,
) -> Work:
    """Run a scenario: plan, progress, outages, verdict.

    Exit status: 0 every expectation held, 1 one was broken, 2 the input is wrong.

    Example: qke-sim run scenarios/upgrade.yaml --seed 3
    """

    def work() -> int:
        from qke_cli.commands.run import Options, run_scenario

        return run_scenario(scenario, Options(seed, out, as_json, quiet, no_color))

    return work


@app.command()
def replay(run: Run, as_json: Json = False, no_color: NoColor = False) -> Work:
    """Run a saved run again and compare every record.

    Exit status: 0 the same, 1 different, 2 this is no run folder.

    Example: qke-sim replay runs/upgrade-7-1f2e3d4c
    """

    def work() -> int:
        from qke_cli.commands.saved import replay_run

        return replay_run(run, as_json=as_json, plain=no_color)

    return work


@app.command()
def why(
    run: Run,
    seq: Annotated[int, typer.Argument(metavar="SEQ", parser=_number, help="Number of a trace record.")],
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Say what led to a record of a run, first cause first.

    Example: qke-sim why runs/upgrade-7-1f2e3d4c 525
    """

    def work() -> int:
        from qke_cli.commands.saved import explain_record

        return explain_record(run, seq, as_json=as_json, plain=no_color)

    return work


@app.command()
def measures(scenario: Scenario, as_json: Json = False, no_color: NoColor = False) -> Work:
    """List the measurements that a scenario's expectations may name.

    Example: qke-sim measures scenarios/upgrade.yaml
    """

    def work() -> int:
        from qke_cli.commands.describe import list_measures

        return list_measures(scenario, as_json=as_json, plain=no_color)

    return work


@app.command()
def schema(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="scenario, world or cluster.", autocompletion=complete.schemas),
    ],
) -> Work:
    """Print the JSON Schema of a kind of document, for editors.

    Example: qke-sim schema scenario > scenario.schema.json
    """

    def work() -> int:
        from qke_cli.commands.describe import print_schema

        return print_schema(kind)

    return work


@new.callback(invoke_without_command=True)
def new_root(context: typer.Context) -> Work | None:
    """Write a file to start from.

    Example: qke-sim new scenario my-upgrade.yaml
    """
    return None if context.invoked_subcommand else _leave(context, context.get_help())


@new.command("scenario")
def new_scenario(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where to; - prints it.")] = Path("scenario.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> Work:
    """Write a commented scenario that runs as it is.

    Example: qke-sim new scenario my-upgrade.yaml
    """

    def work() -> int:
        from qke_cli.commands.describe import write_starter

        return write_starter(path, force=force)

    return work


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return failure.guard(partial(_dispatch, words), words)


def _dispatch(words: list[str]) -> int:
    from typer.main import get_command

    if words == ["--version"]:
        print(f"qke-sim {_version()}")
        return 0
    command = get_command(app)
    completing = "_QKE_SIM_COMPLETE" in os.environ  # Then the words are in the environment too.
    if not completing and (text := _help(command, words)) is not None:
        print(text)
        return 0
    try:
        parsed: object = command.main(words, prog_name="qke-sim", standalone_mode=False)
    except typer.TyperException as error:
        raise failure.UsageError(*_usage(error, words)) from error
    if callable(parsed):
        return cast("Work", parsed)()
    return parsed if isinstance(parsed, int) else 0


def _help(command: Any, words: list[str]) -> str | None:  # noqa: ANN401 - typer does not export the class
    """Return the help that the words ask for, if they do.

    typer would do the same, but first load pydantic to find out that no other option was given; that takes longer than
    everything else together.
    """
    if words and not {"-h", "--help"} & set(words):
        return None
    context = typer.Context(command, info_name="qke-sim", **command.context_settings)
    for word in words:
        known = getattr(context.command, "commands", {})
        if word.startswith("-") or not known:
            break
        if word not in known:
            return None
        context = typer.Context(known[word], info_name=word, parent=context, **known[word].context_settings)
    return context.get_help()


def _usage(error: typer.TyperException, words: list[str]) -> tuple[str, str]:
    """Return sentence and remedy for a command line that typer refuses."""
    from qke_core.suggest import nearest

    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "qke-sim"
    sentence = error.format_message().partition(" (Possible")[0].partition(" Did you mean")[0].rstrip(".")
    remedy = f"see {command} --help"
    if context is not None:
        known = list(getattr(context.command, "commands", {}))
        options = [
            option for parameter in context.command.params for option in parameter.opts if option.startswith("--")
        ]
        meant = next((found for word in words for found in [nearest(word, known or options)] if found), None)
        if sentence.startswith("No such") and meant is not None:
            remedy = f"did you mean {meant!r}? {remedy}"
    return sentence, remedy


def _leave(context: typer.Context, text: str) -> Work | None:
    """Print and stop parsing."""
    typer.echo(text)
    context.exit()


def _version() -> str:
    from importlib.metadata import version

    return version("qke")


if __name__ == "__main__":
    sys.exit(main())
