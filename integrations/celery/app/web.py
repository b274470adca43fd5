"""The service of the shop that takes orders; its tasks do the rest."""

from __future__ import annotations

from celery import chain, chord, group
from fastapi import FastAPI

import clew
import clew.fastapi
from integrations.celery.app import shop

log = clew.get_logger("shop.web")

app = FastAPI()
clew.fastapi.install(app)


@app.get("/")
def index() -> str:
    return "ok"


@app.post("/orders")
def order() -> dict[str, str]:
    clew.bind(user_id=42, tenant="acme", attempt=1, basket=["lamp"], colour="red")
    log.info("Took order", action="ORDERED", value="order-77")
    return {"task": shop.bill.delay("order-77").id}


@app.post("/flows/{name}")
def flow(name: str) -> dict[str, str]:
    made = {
        "chain": lambda: chain(shop.add.s(1, 2), shop.add.s(3), shop.add.s(4)),
        "group": lambda: group(shop.add.s(1, 2), shop.add.s(3, 4), shop.add.s(5, 6)),
        "chord": lambda: chord([shop.add.s(1, 2), shop.add.s(3, 4)], shop.total.s()),
        "link": lambda: shop.add.s(1, 2).set(link=shop.add.s(3)),
        "errback": lambda: shop.fail.s().set(link_error=shop.total.si([1, 2])),
        "replace": shop.fan_out.s,
    }
    return {"task": str(made[name]().apply_async().id)}
