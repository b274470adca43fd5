"""What hypercorn loads, as ``hypercorn_entry:app``: its workers finish what they have begun."""

import multiprocessing
import signal

# Hypercorn sends its workers a SIGTERM as soon as one of them has ended, which kills those that
# are still answering. They have been told to end before, and do without it. A function, since
# programs that a worker starts would inherit SIG_IGN.
if multiprocessing.parent_process() is not None:
    signal.signal(signal.SIGTERM, lambda *_: None)

from entry import app

__all__ = ["app"]
