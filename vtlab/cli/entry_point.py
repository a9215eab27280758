"""The command `vtlab`: compare strategies, recommend one, classify images or open the lessons from a shell.

Whatever a person gets wrong ends in one line on stderr and a non-zero exit.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import warnings
from collections.abc import Sequence

from vtlab.cli.commands import COMMANDS
from vtlab.cli.messages import print_error, print_note
from vtlab.cli.options import build_parser
from vtlab.system.interrupts import Termination, raise_on_termination


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # a sign that a terminal lacks must not stop the work
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    given = build_parser().parse_args(words)
    given.line = shlex.join(["vtlab", *words])
    try:
        with raise_on_termination(), warnings.catch_warnings():
            warnings.showwarning = lambda message, *where, **more: print_note(f"vtlab: {message}")
            status = COMMANDS[given.command](given)
            sys.stdout.flush()  # here, where a closed pipe can be answered
            return status
    except KeyboardInterrupt as stopped:
        kept = "; finished runs are kept, and the same command goes on from there"
        print(f"\nvtlab: stopped{kept if given.command == 'compare' else ''}", file=sys.stderr)
        return 143 if isinstance(stopped, Termination) else 130  # as shells report these signals
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        with contextlib.suppress(OSError):  # or Python would complain when it flushes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except (ValueError, OSError) as error:
        print_error(error)
        return 2
