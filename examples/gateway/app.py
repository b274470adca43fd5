"""The shop's gateway: FastAPI on uvicorn. Its siblings are asked over HTTP, with the request's id.

uvicorn examples.gateway.app:app
"""

import asyncio
import itertools
import os
import threading
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Annotated, Any

import httpx
from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from itsdangerous import Signer
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection

import clew
import clew.fastapi
import clew.httpx

ACCOUNTS = os.environ["ACCOUNTS_URL"]
CATALOGUE = os.environ["CATALOGUE_URL"]
DELIVERY = os.environ["DELIVERY_URL"]

# Debug lines are written where their request fails.
clew.configure_logging(service="gateway", version="1.4.2", keep="DEBUG", frames="own")
log = clew.get_logger("shop.gateway")

app = FastAPI(title="Shop")
clew.fastapi.install(app, exclude=["/healthz"])

siblings = clew.httpx.wrap(
    httpx.AsyncClient(
        # A client keeps the cookies it is given; this one asks for many users.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        # Less than the 2 seconds after which gunicorn closes an idle connection.
        limits=httpx.Limits(keepalive_expiry=1),
        timeout=10,
        trust_env=False,
    ),
    hosts=["127.0.0.1"],
)
signer = Signer(os.environ["SHOP_SECRET"])
order_numbers = itertools.count(77)


class Shopper(BaseUser):
    """Somebody who has logged in. The id stands on every line without our doing anything."""

    def __init__(self, user_id: str, session: str) -> None:
        self.user_id = user_id
        # Each sibling has an authentication of its own.
        self.credentials = {
            "Cookie": f"sessionid={session}",
            "X-Shop-User": signer.sign(user_id).decode(),
        }

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return f"user {self.user_id}"

    @property
    def identity(self) -> str:
        return self.user_id


shoppers: dict[str, Shopper] = {}  # by the token that they were given


class BearerTokens(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Shopper] | None:
        scheme, _, token = conn.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in shoppers:
            return None
        return AuthCredentials(["authenticated"]), shoppers[token]


app.add_middleware(AuthenticationMiddleware, backend=BearerTokens())


def logged_in(request: Request) -> Shopper:
    if not isinstance(request.user, Shopper):
        raise HTTPException(401, "Log in first.")
    return request.user


LoggedIn = Annotated[Shopper, Depends(logged_in)]


async def ask(method: str, url: str, shopper: object = None, json: object = None) -> httpx.Response:
    """Ask a sibling service on behalf of *shopper*; what it refuses, we refuse."""
    credentials = shopper.credentials if isinstance(shopper, Shopper) else {}
    try:
        response = await siblings.request(method, url, headers=credentials, json=json)
    except httpx.TransportError as error:
        raise HTTPException(502, "A service of the shop does not answer.") from error
    if response.is_error:
        raise HTTPException(response.status_code, response.json()["detail"])
    return response


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.post("/login")
async def login(name: Annotated[str, Body()], password: Annotated[str, Body()]) -> dict[str, str]:
    response = await ask("POST", f"{ACCOUNTS}/login", json={"name": name, "password": password})
    token = response.cookies["sessionid"]
    shoppers[token] = Shopper(response.json()["userId"], token)
    clew.bind(user_id=shoppers[token].user_id)  # known from here on
    return {"token": token}


@app.get("/items/{name}")
async def item(name: str, request: Request) -> Any:
    return (await ask("GET", f"{CATALOGUE}/items/{name}", request.user)).json()


@app.post("/orders", status_code=201)
async def order(
    items: Annotated[dict[str, int], Body(embed=True)], shopper: LoggedIn
) -> dict[str, object]:
    order_id = f"order-{next(order_numbers)}"
    total = 0
    for name, quantity in items.items():
        offer = (await ask("GET", f"{CATALOGUE}/items/{name}", shopper)).json()
        amount = offer["price"] * quantity
        total += amount
        log.info(
            "Purchased %s",
            name,
            action="PURCHASED_ITEM",
            value=name,
            quantity=quantity,
            monetary_value=amount,
        )
    journal = f"{ACCOUNTS}/users/{shopper.user_id}/journal"
    await ask("POST", journal, shopper, json={"text": f"Bought {order_id} for {total}"})
    log.info(
        "Purchase completed", action="PURCHASE_COMPLETED", value=order_id, monetary_value=total
    )
    return {"order": order_id, "total": total}


@app.get("/users/{user_id}/journal")
async def journal(user_id: int, shopper: LoggedIn) -> Any:
    return (await ask("GET", f"{ACCOUNTS}/users/{user_id}/journal", shopper)).json()


@app.delete("/users/{user_id}")
async def delete_user(
    user_id: int, comment: Annotated[str, Body(embed=True)], shopper: LoggedIn
) -> Any:
    url = f"{ACCOUNTS}/users/{user_id}"
    return (await ask("DELETE", url, shopper, json={"comment": comment})).json()


@app.get("/report")
async def report(request: Request) -> dict[str, int]:
    """Take half a second, and stop when nobody waits for it any more."""
    sold = 0
    for month in range(12):
        if await request.is_disconnected():
            break
        await asyncio.sleep(0.04)
        sold += month
    return {"sold": sold}


@app.get("/statement.csv")
async def statement(_shopper: LoggedIn) -> StreamingResponse:
    async def rows() -> AsyncIterator[str]:
        yield "order,amount\n"
        for number in range(1000):
            yield f"order-{number},{number * 100}\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(rows(), media_type="text/csv")


@app.get("/items/{name}/drawing")
async def drawing(name: str) -> Any:
    return (await ask("GET", f"{CATALOGUE}/items/{name}/drawing")).text


@app.post("/orders/{order_id}/receipt", status_code=202)
async def receipt(order_id: str, _shopper: LoggedIn) -> None:
    """Leave the printing to a thread."""
    threading.Thread(target=clew.carry(print_receipt), args=[order_id], name="printer").start()


def print_receipt(order_id: str) -> None:
    raise RuntimeError(f"There is no paper for {order_id}")


@app.get("/vouchers/{code}")
async def voucher(code: str) -> int:
    known = {"WELCOME": 500}
    log.debug("Vouchers of today: %s", ", ".join(known), value=code)
    return known[code]  # a bug: an unknown code crashes


@app.get("/deliveries/{order_id}")
async def delivery(order_id: str, shopper: LoggedIn) -> Any:
    return (await ask("GET", f"{DELIVERY}/deliveries/{order_id}", shopper)).json()
