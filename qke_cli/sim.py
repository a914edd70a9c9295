"""`qke-sim`: rehearse on the twin. This module only parses; each command returns the work (`qke_cli.shell`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from qke_cli import complete, shell
from qke_cli.shell import Json, NoColor, Version, Work

app = shell.make_app("qke-sim")
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


@app.callback(invoke_without_command=True)
def root(context: typer.Context, version: Version = False) -> Work | None:
    """Rehearse QKE operations on a digital twin, in virtual time.

    Example: qke-sim new scenario && qke-sim run scenario.yaml
    """
    return shell.root(context, version=version)


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
def reach(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="World or scenario (YAML).", autocompletion=complete.scenarios)
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="PLACE:PORT", help="Address, EIP, load balancer or host, and port.")
    ],
    source: Annotated[
        str, typer.Option("--from", metavar="PLACE", help="internet, an inner address or a host.")
    ] = "internet",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Virtual time of the question, such as 10m.")] = "0s",
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Say whether a packet gets there, and what blocks it.

    Exit status: 0 reached, 2 the input is wrong, 3 blocked.

    Example: qke-sim reach world.yaml --from internet --to 139.198.0.10:16443
    """

    def work() -> int:
        from qke_cli.commands.reach import Question, ask

        return ask(file, Question(source, target, at), as_json=as_json, plain=no_color)

    return work


@app.command()
def schema(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="A kind, such as scenario or world.", autocompletion=complete.schemas),
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
    return None if context.invoked_subcommand else shell.leave(context, context.get_help())


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

        return write_starter("scenario", path, force=force)

    return work


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit status."""
    return shell.run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
