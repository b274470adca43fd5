"""The command ``clew``. What needs the extra ``answers`` says how to install it."""

from __future__ import annotations

import errno
import json
import os
import sys

from .records import json_schema


def main() -> None:
    """Run the command line; without the extra ``answers`` only ``clew schema``."""
    _replace_closed()
    try:
        from .answers.cli.commands import cli
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "clew":
            raise
        if sys.argv[1:] == ["schema"]:
            sys.exit(_print_schema())
        print(f'clew: {error.name} is not installed: pip install "clew[answers]"', file=sys.stderr)
        sys.exit(2)
    cli.run()


def _replace_closed() -> None:
    """Put something in the place of the streams that were closed, which no file is to take.

    What reads such a stdin, or writes to such a stdout, is told that it cannot; what is said on
    such a stderr nobody hears.
    """
    for name, access in (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, access)
            if name != "stdin":
                setattr(sys, name, open(descriptor, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _print_schema() -> int:
    """Print the schema of a line; return the exit status."""
    try:
        print(json.dumps(json_schema(), indent=2), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        why = "stdout is closed" if error.errno == errno.EBADF else error.strerror or error
        print(f"clew: The output cannot be written: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    main()
