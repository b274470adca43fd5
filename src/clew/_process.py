"""Which process this is: what began before a fork ends in the parent."""

from __future__ import annotations

import os

# Stands for this process. A forked one has another.
process = [object()]
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: process.__setitem__(0, object()))
