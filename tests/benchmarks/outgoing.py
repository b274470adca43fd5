"""What `clew.httpx.wrap` adds to one outgoing call, over a transport that answers at once."""

from __future__ import annotations

import logging
from functools import partial

import httpx

import clew
import clew.httpx

from .logs import Logs, contender
from .measuring import Contender, timed

BARE = "httpx as it is"
ID = "clew: the id alone"


def contenders(logs: Logs) -> list[Contender]:
    """Return the rows of the table."""
    url = "http://accounts.internal/users/12345?page=2"

    def client() -> httpx.Client:
        answer = httpx.MockTransport(lambda request: httpx.Response(200, content=b"{}"))
        return httpx.Client(transport=answer)

    def calls(client: httpx.Client, count: int) -> float:
        with clew.context(request_id="01a205d4-9482-729d-87ff-ef10180acba2"):
            return timed(lambda: client.get(url), count)

    def run(client: httpx.Client) -> partial[float]:
        client.get(url)
        return partial(calls, client)

    logging.getLogger("httpx").setLevel(logging.WARNING)
    name = "clew: the id and a record, configure_logging"
    return [
        contender(BARE, run(client())),
        contender("httpx as it is, again", run(client())),
        contender(ID, run(clew.httpx.wrap(client(), log=False))),
        contender(
            name,
            run(clew.httpx.wrap(client())),
            [logs.configured(name)],
            file=logs.path(name),
        ),
    ]
