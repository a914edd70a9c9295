"""What a person sees when it goes wrong, and the exit status a script sees.

    error[document.key-unknown]: There is no key 'tme' in timeline[0]
      --> scenarios/upgrade.yaml:19:6
      hint: did you mean 'name'?

Only the standard library and `qke_core.errors` are imported here, because every command passes through.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence

from qke_core.errors import InputError, InvariantError, Problem, QkeError

USAGE, FULL, BUG, INTERRUPTED, BROKEN_PIPE = 2, 4, 70, 130, 141


class Stopped(Exception):
    """The user pressed Ctrl-C; says how far we were."""


class UsageError(Exception):
    """The command line itself is wrong."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy)
        self.sentence, self.remedy = sentence, remedy


def guard(work: Callable[[], int], argv: Sequence[str]) -> int:
    """Do the work; turn whatever it raises into words on stderr and an exit status."""
    teller = _Teller(argv)
    try:
        status = work()
        sys.stdout.flush()
    except UsageError as error:
        return teller.problems([Problem("usage", error.sentence, error.remedy)], USAGE)
    except QkeError as error:
        return teller.error(error)
    except Stopped as stop:
        return teller.stopped(str(stop))
    except KeyboardInterrupt:
        return teller.stopped("Stopped.")
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return teller.bug(error)
        _forget_stdout()
        sentence = f"The output cannot be written: {error.strerror}"
        return teller.problems([Problem("output.full", sentence, "free some space, or write elsewhere")], FULL)
    except Exception as error:  # noqa: BLE001 - the last line of defence; QKE_DEBUG shows everything
        return teller.bug(error)
    return status


class _Teller:
    """Says on stderr what went wrong; each method returns the exit status."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        terminal = sys.stderr.isatty()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or "--no-color" in argv
        self._colour = terminal and not plain
        self._width = shutil.get_terminal_size().columns if terminal else 0
        self._debug = os.environ.get("QKE_DEBUG", "") not in ("", "0")

    def problems(self, problems: Sequence[Problem], status: int) -> int:
        for problem in problems:
            self._labelled(f"error[{problem.code}]", problem.sentence, "1;31")
            if problem.place is not None:
                self._say(f"  --> {problem.place}")
            self._labelled("  hint", problem.remedy, "1;36")
        if len(problems) > 1:
            self._say(f"{len(problems)} errors")
        return status

    def error(self, error: QkeError) -> int:
        found = error.problems if isinstance(error, InputError) else [Problem(error.code, error.sentence, error.remedy)]
        self.problems(found, error.exit_status)
        if isinstance(error, InvariantError):
            self._aftermath(error)
        self._trace(error)
        return error.exit_status

    def bug(self, error: Exception) -> int:
        sentence = f"Something unexpected happened: {type(error).__name__}: {error}".rstrip(": ")
        self.problems([Problem("internal", sentence, "this is a bug in qke: report it with what stands below")], BUG)
        self._aftermath(error)
        if not self._debug:
            self._say("  details: repeat with QKE_DEBUG=1")
        self._trace(error)
        return BUG

    def stopped(self, sentence: str) -> int:
        self._say(f"\n{sentence}")
        return INTERRUPTED

    def _aftermath(self, error: BaseException) -> None:
        """Print what repeats the failure; commands add notes such as the seed to what passes through them."""
        from importlib.metadata import version

        for note in getattr(error, "__notes__", ()):
            self._say(f"  {note}")
        self._say(f"  version: {version('qke')}, Python {sys.version.split()[0]}")
        self._say(f"  repeat: {shlex.join(self._argv)}")

    def _labelled(self, label: str, text: str, colour: str) -> None:
        """Print a label and its text; wrapped on a terminal, on one line for programs that read it."""
        line = f"{label}: {' '.join(text.split())}"
        if self._width > len(label) + 20:
            line = textwrap.fill(
                line, self._width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
            )
        self._say(line.replace(label, f"\x1b[{colour}m{label}\x1b[0m", 1) if self._colour else line)

    def _trace(self, error: BaseException) -> None:
        if self._debug:
            traceback.print_exception(error)

    def _say(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # Nobody listens; the exit status still speaks.
            print(line, file=sys.stderr, flush=True)


def _forget_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's own flush at exit does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
