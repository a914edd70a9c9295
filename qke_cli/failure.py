"""What a person sees when it goes wrong, and the exit status a script sees.

    error[document.key-unknown]: There is no key 'tme' in timeline[0]
      --> scenarios/upgrade.yaml:19:6
      hint: did you mean 'name'?

Only the standard library and `qke_core.errors` are imported here, because every command passes through.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence

from qke_core.errors import InputError, InvariantError, Problem, QkeError

USAGE, INTERRUPTED, BROKEN_PIPE, BUG = 2, 130, 141, 70


class Stopped(Exception):
    """The user pressed Ctrl-C; says how far we were."""


def guard(work: Callable[[], int], argv: Sequence[str]) -> int:
    """Do the work; turn whatever it raises into words on stderr and an exit status."""
    try:
        status = work()
        sys.stdout.flush()
    except QkeError as error:
        return _tell(error, argv)
    except Stopped as stop:
        _say(f"\n{stop}")
        return INTERRUPTED
    except KeyboardInterrupt:
        _say("\nStopped.")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last line of defence; QKE_DEBUG shows everything
        return _tell_bug(error, argv)
    return status


def tell_usage(sentence: str, remedy: str) -> int:
    """Say what is wrong with a command line."""
    _problems([Problem("usage", sentence, remedy)])
    return USAGE


def _tell(error: QkeError, argv: Sequence[str]) -> int:
    _problems(error.problems if isinstance(error, InputError) else [Problem(error.code, error.sentence, error.remedy)])
    if isinstance(error, InvariantError):
        _aftermath(error, argv)
    _trace(error)
    return error.exit_status


def _tell_bug(error: Exception, argv: Sequence[str]) -> int:
    sentence = f"Something unexpected happened: {type(error).__name__}: {error}".rstrip(": ")
    _problems([Problem("internal", sentence, "this is a bug in qke: please report it with what stands below")])
    _aftermath(error, argv)
    if not _debug():
        _say("  details: set QKE_DEBUG=1 and repeat")
    _trace(error)
    return BUG


def _aftermath(error: BaseException, argv: Sequence[str]) -> None:
    """Print what repeats the failure; commands add notes such as the seed to what passes through them."""
    for note in getattr(error, "__notes__", ()):
        _say(f"  {note}")
    _say(f"  repeat: {shlex.join(['qke-sim', *argv])}")


def _problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        head, sentence = f"error[{problem.code}]", _one_line(problem.sentence)
        _say(f"{_red(head)}: {sentence}")
        if problem.place is not None:
            _say(f"  --> {problem.place}")
        _say(f"  hint: {_one_line(problem.remedy)}")
    if len(problems) > 1:
        _say(f"{len(problems)} errors")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _red(text: str) -> str:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[1;31m{text}\x1b[0m" if coloured else text


def _say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except BrokenPipeError:  # Nobody listens; the exit status still speaks.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as we do


def _debug() -> bool:
    return os.environ.get("QKE_DEBUG", "") not in ("", "0")


def _trace(error: BaseException) -> None:
    if _debug():
        traceback.print_exception(error)


def _forget_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's own flush at exit does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
