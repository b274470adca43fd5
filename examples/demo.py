"""See what clew does: real services, real requests, and the lines that they leave.

    make demo        # or: python -m examples.demo

Starts the shop, sends it requests over sockets, stops it, and reads its three logs. Every
statement on the screen is checked first; a missing line ends the demo with exit status 1.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from .checks import Log, checks, read_lines
from .shop import StartError, open_shop
from .visitors import HEADER, PHONE_ID, Missing, Reply, visit


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def show_replies(replies: list[Reply]) -> None:
    title = "What the clients sent and got"
    print(f"\n{title:<31}{HEADER + ' sent':<22}{'status':<10}{HEADER} received")
    for number, reply in enumerate(replies, 1):
        status = "-" if reply.status is None else str(reply.status)
        if reply.left:
            status += " left"
        print(
            f"{number:>3}  {cut(reply.request, 25):<26}{cut(reply.sent or '-', 20):<22}"
            f"{status:<10}{reply.received or '-'}"
        )


def run_clew(*arguments: str) -> None:
    """Run the command, as a reader of this may on the same logs."""
    print(f"\n$ clew {shlex.join(arguments)}", flush=True)
    width = str(min(shutil.get_terminal_size((120, 24)).columns, 120))
    subprocess.run(
        [sys.executable, "-m", "clew", *arguments],
        stderr=subprocess.STDOUT,
        env={**os.environ, "COLUMNS": width},
        check=True,
    )


def run(folder: Path) -> None:
    began = time.monotonic()
    with open_shop(folder) as shop:
        print("A shop of three services, each writing its own log in")
        print(f"  {folder}/{{gateway,accounts,catalogue}}.ndjson")
        seen = visit(shop)
    # The services have ended, so every line is written.
    log = Log(read_lines(shop))
    show_replies(seen.all)
    print("\nChecked")
    for sentence in checks(log, seen, shop):
        print(f"  ok  {sentence}")
    run_clew("timeline", PHONE_ID, str(folder))
    run_clew("timeline", str(seen.crash.received), str(folder))
    run_clew("ask", "requests", str(folder), "--where", "outcome = 'lost'")
    run_clew("ask", "accessed", str(folder), "--value", "user:12345")
    print(f"\nAsk further: cd {folder}; {Path(sys.executable).with_name('clew')} serve .")
    print(f"\nAll of it in {time.monotonic() - began:.1f} s.")


def main() -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="clew-demo-"))
    try:
        run(folder)
    except (Missing, StartError, httpx.HTTPError, OSError, subprocess.SubprocessError) as error:
        print(f"\nMISSING: {error}", file=sys.stderr)
        for path in sorted(folder.glob("*.stderr")):
            text = path.read_text(errors="replace")
            if text:
                print(f"\n{path}:\n{text}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
