"""What our commands share at the command line: parsing and help that load little, usage errors in our words.

Each command function returns the work, which `run` then does. So `--help` and completion load nothing but typer, and
there is one place (`failure.guard`) where errors become words.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from io import TextIOWrapper
from typing import Annotated, Any, TypeAlias, cast

import typer

from qke_cli import failure

Work: TypeAlias = Callable[[], int]

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour, as NO_COLOR=1 does.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version and exit.")]


def make_app(name: str) -> typer.Typer:
    """Return an empty command called `name`."""
    return typer.Typer(
        name=name,
        rich_markup_mode=None,  # Plain help: rich would take longer to load than the help takes to read.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    )


def root(context: typer.Context, *, version: bool) -> Work | None:
    """Answer `--version` and a command without words."""
    if version:
        return leave(context, f"{context.info_name} {version_text()}")
    if context.invoked_subcommand is None:
        return leave(context, context.get_help())
    return None


def run(app: typer.Typer, argv: Sequence[str] | None) -> int:
    """Do what a command line says; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = str(app.info.name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return failure.guard(partial(_dispatch, app, name, words), [name, *words])


def _dispatch(app: typer.Typer, name: str, words: list[str]) -> int:
    from typer.main import get_command

    if words == ["--version"]:
        print(f"{name} {version_text()}")
        return 0
    command = get_command(app)
    completing = f"_{name.upper().replace('-', '_')}_COMPLETE" in os.environ  # Then the words are there too.
    if not completing and (text := _help(command, name, words)) is not None:
        print(text)
        return 0
    try:
        parsed: object = command.main(words, prog_name=name, standalone_mode=False)
    except typer.TyperException as error:
        raise failure.UsageError(*_usage(error, name, words)) from error
    if callable(parsed):
        return cast("Work", parsed)()
    return parsed if isinstance(parsed, int) else 0


def _help(command: Any, name: str, words: list[str]) -> str | None:  # noqa: ANN401 - typer does not export the class
    """Return the help that the words ask for, if they do.

    typer would do the same, but first load pydantic to find out that no other option was given; that takes longer than
    everything else together.
    """
    if words and not {"-h", "--help"} & set(words):
        return None
    context = typer.Context(command, info_name=name, **command.context_settings)
    for word in words:
        known = getattr(context.command, "commands", {})
        if word.startswith("-") or not known:
            break
        if word not in known:
            return None
        context = typer.Context(known[word], info_name=word, parent=context, **known[word].context_settings)
    return context.get_help()


def _usage(error: typer.TyperException, name: str, words: list[str]) -> tuple[str, str]:
    """Return sentence and remedy for a command line that typer refuses."""
    from qke_core.suggest import nearest

    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context is not None else name
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


def leave(context: typer.Context, text: str) -> Work | None:
    """Print and stop parsing."""
    typer.echo(text)
    context.exit()


def version_text() -> str:
    """Return the version of this project."""
    from importlib.metadata import version

    return version("qke")
