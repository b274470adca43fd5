"""The command ``clew``. What needs the extra ``answers`` says how to install it."""

from __future__ import annotations

import json
import sys

from .records import json_schema


def main() -> None:
    """Run the command line; without the extra ``answers`` only ``clew schema``."""
    try:
        from .answers.cli.commands import cli
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "clew":
            raise
        if sys.argv[1:] == ["schema"]:
            print(json.dumps(json_schema(), indent=2))
            return
        print(f'clew: {error.name} is not installed: pip install "clew[answers]"', file=sys.stderr)
        sys.exit(2)
    cli.run()


if __name__ == "__main__":
    main()
