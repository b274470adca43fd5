"""A shop on Quart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from quart import Blueprint, Quart, Response, abort, websocket
from quart_auth import AuthUser, QuartAuth, current_user, login_required, login_user

import clew
import clew.quart

clew.configure_logging(service="shop")
log = clew.get_logger("shop")

app = Quart("shop")
app.secret_key = "only an example"  # noqa: S105
app.config["QUART_AUTH_COOKIE_SECURE"] = False
QuartAuth(app)
clew.quart.install(app)

tenants = Blueprint("tenants", __name__, url_prefix="/tenants/<tenant>")


@app.get("/")
async def hello() -> str:
    """Answer."""
    return "hello"


@app.get("/items/<int:item>")
@tenants.get("/items/<int:item>")
async def item(item: int, tenant: str | None = None) -> str:
    """Return one."""
    log.info("Read item", action="READ_ITEM", value=item, shop=tenant)
    return str(item)


@app.post("/login/<name>")
async def login(name: str) -> str:
    """Let anybody in, in this example."""
    login_user(AuthUser(name))
    return "welcome"


@app.get("/account")
@login_required
async def account() -> str:
    """Tell who is there."""
    log.info("Read account", action="READ_ACCOUNT")
    return str(current_user.auth_id)


@app.get("/crash")
async def crash() -> str:
    """Raise."""
    raise ValueError("no such lamp")


@app.get("/refused")
async def refused() -> str:
    """Raise what Quart answers as it says."""
    abort(403)


@app.get("/stream")
async def stream() -> Response:
    """Raise when the response has begun."""

    async def chunks() -> AsyncIterator[str]:
        yield "hello"
        await asyncio.sleep(0)
        raise ValueError("no more lamps")

    return Response(chunks())


@app.websocket("/socket")
async def socket() -> None:
    """Say one thing."""
    await websocket.accept()
    await websocket.send("hello")
    await websocket.close(4001)


@app.websocket("/socket-crash")
async def socket_crash() -> None:
    """Raise in a WebSocket."""
    await websocket.accept()
    raise ValueError("no such lamp")


app.register_blueprint(tenants)
