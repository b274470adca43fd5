"""The command ``clew``. What needs the extra ``answers`` says how to install it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from ._records import json_schema


def main() -> None:
    """Run the command line; without the extra ``answers`` only ``clew schema``."""
    try:
        from .answers._cli import run
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if sys.argv[1:] == ["schema"]:
            print_schema()
            return
        print(f'clew: {error.name} is not installed: pip install "clew[answers]"', file=sys.stderr)
        sys.exit(2)
    run()


def print_schema(levels: Mapping[str, str] | None = None) -> None:
    """Print the JSON Schema of a line, *levels* renaming some of its words."""
    print(json.dumps(json_schema(levels=levels), indent=2))


if __name__ == "__main__":
    main()
