"""The command ``clew``. What needs the extra ``answers`` says how to install it."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Run the command line; without the extra ``answers`` only ``clew schema``."""
    try:
        from .answers._cli import cli
    except ModuleNotFoundError as error:
        if sys.argv[1:] == ["schema"]:
            print_schema()
            return
        print(
            f'clew: {error.name} is not installed: pip install "clew[answers]"', file=sys.stderr
        )
        sys.exit(2)
    cli(prog_name="clew")


def print_schema() -> None:
    """Print the JSON Schema of a line."""
    from ._records import json_schema

    print(json.dumps(json_schema(), indent=2))


if __name__ == "__main__":
    main()
