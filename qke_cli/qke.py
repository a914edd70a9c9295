"""`qke`: check, plan and price changes of real clusters. This module only parses; each command returns the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from qke_cli import complete, shell
from qke_cli.shell import Json, NoColor, Version, Work

app = shell.make_app("qke")
new = typer.Typer(rich_markup_mode=None, no_args_is_help=False)
app.add_typer(new, name="new")

Cluster = Annotated[
    Path, typer.Argument(metavar="CLUSTER", help="Cluster file (YAML); - reads it.", autocompletion=complete.scenarios)
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
Prices = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="Price book (YAML); an example by default.")
]


@app.callback(invoke_without_command=True)
def root(context: typer.Context, version: Version = False) -> Work | None:
    """Check, plan and price changes of QKE clusters before anything is touched.

    Example: qke validate cluster.yaml --world world.yaml
    """
    return shell.root(context, version=version)


@app.command()
def validate(
    cluster: Cluster,
    world: Annotated[
        Path | None, typer.Option("--world", metavar="FILE", help="What exists (YAML); judged with it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Check a Cluster or a World file: every broken rule at once.

    Exit status: 0 sound, 2 the file is broken, 3 a rule says no.

    Example: qke validate cluster.yaml --world world.yaml
    """

    def work() -> int:
        from qke_cli.commands.validate import validate as check

        return check(cluster, world, as_json=as_json, strict=strict, plain=no_color)

    return work


@app.command()
def plan(
    cluster: Cluster,
    world: Annotated[Path, typer.Option("--world", metavar="FILE", help="What exists (YAML).")],
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write the plan as JSON.")] = None,
    restart: Annotated[
        list[str] | None, typer.Option("--restart", metavar="ROLE", help="Also restart this role's nodes.")
    ] = None,
    graph: Annotated[str, typer.Option("--graph", metavar="FORMAT", help="Print it as a graph: dot or mermaid.")] = "",
    prices: Prices = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Plan what makes a wish true: steps with reason, time, cost.

    Exit status: 0 there is a plan (or nothing to do), 2 a file is broken, 3 a rule says no.

    Example: qke plan cluster.yaml --world world.yaml -o plan.json
    """

    def work() -> int:
        from qke_cli.commands.plan import Options, plan_change

        options = Options(tuple(restart or ()), prices, out, graph, as_json, no_color)
        return plan_change(cluster, world, options)

    return work


@app.command()
def cost(
    cluster: Annotated[Path | None, typer.Argument(metavar="CLUSTER", help="Cluster file (YAML).")] = None,
    diff: Annotated[
        tuple[Path, Path] | None, typer.Option("--diff", metavar="A B", help="What two Cluster files differ by.")
    ] = None,
    world: Annotated[
        Path | None, typer.Option("--world", metavar="FILE", help="What exists: sizes not written stay.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="Invoice of a recorded run, to the cent.")
    ] = None,
    hours: Annotated[int, typer.Option("--hours", metavar="N", min=1, max=876_000, help="For how many hours.")] = 720,
    prices: Prices = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Say what a cluster costs, hidden extras on lines of their own.

    Example: qke cost cluster.yaml --hours 720
    """

    def work() -> int:
        from qke_cli.commands.cost import Options
        from qke_cli.commands.cost import cost as show

        return show(cluster, diff, run, Options(world, hours, prices, as_json, no_color))

    return work


@app.command()
def catalog(
    part: Annotated[
        str,
        typer.Argument(
            metavar="PART", help="versions, roles, parameters, storage or zones.", autocompletion=complete.parts
        ),
    ],
    version: Annotated[str | None, typer.Option("--version", metavar="V", help="For this QKE version.")] = None,
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Show what the product offers.

    Example: qke catalog parameters --version 3.3.0
    """

    def work() -> int:
        from qke_cli.commands.offer import show_catalog

        return show_catalog(part, version, as_json=as_json, plain=no_color)

    return work


@app.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="An error, a rule, or a number of the product.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="List every code.")] = False,
    as_json: Json = False,
    no_color: NoColor = False,
) -> Work:
    """Say what a code means and what to do.

    Example: qke explain network.overlap
    """

    def work() -> int:
        from qke_cli.commands import explain as pages

        if listed or not code:
            return pages.list_codes(as_json=as_json, plain=no_color)
        return pages.explain(code, as_json=as_json, plain=no_color)

    return work


@app.command()
def schema(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="cluster, world, prices or plan.", autocompletion=complete.schemas)
    ],
) -> Work:
    """Print the JSON Schema of a kind of document, for editors.

    Example: qke schema cluster > cluster.schema.json
    """

    def work() -> int:
        from qke_cli.commands.describe import print_schema

        return print_schema(kind)

    return work


@new.callback(invoke_without_command=True)
def new_root(context: typer.Context) -> Work | None:
    """Write a file to start from.

    Example: qke new cluster my-cluster.yaml
    """
    return None if context.invoked_subcommand else shell.leave(context, context.get_help())


@new.command("cluster")
def new_cluster(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where to; - prints it.")] = Path("cluster.yaml"),
    force: Force = False,
) -> Work:
    """Write a commented Cluster file: a wish.

    Example: qke new cluster my-cluster.yaml
    """
    return _starter("cluster", path, force=force)


@new.command("world")
def new_world(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where to; - prints it.")] = Path("world.yaml"),
    force: Force = False,
) -> Work:
    """Write a commented World file: what exists.

    Example: qke new world my-world.yaml
    """
    return _starter("world", path, force=force)


def _starter(kind: str, path: Path, *, force: bool) -> Work:
    def work() -> int:
        from qke_cli.commands.describe import write_starter

        return write_starter(kind, path, force=force)

    return work


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit status."""
    return shell.run(app, argv)


if __name__ == "__main__":
    raise SystemExit(main())
