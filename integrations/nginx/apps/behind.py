"""An application that believes nginx alone, about ids and about the client's address."""

from __future__ import annotations

from starlette.applications import Starlette

import clew
import clew.starlette

clew.configure_logging(service="behind")
app = Starlette()
clew.starlette.install(app, trust=["127.0.0.1"], proxies=["127.0.0.1"])
