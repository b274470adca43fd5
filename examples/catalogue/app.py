"""The shop's catalogue: Flask with Flask-Login on gunicorn.

gunicorn -c examples/catalogue/gunicorn_conf.py
"""

import os
import signal

from flask import Flask, Request
from flask_login import LoginManager, UserMixin, current_user
from itsdangerous import BadSignature, Signer
from werkzeug.exceptions import HTTPException

import clew
import clew.flask

PRICES = {"lamp": 50_000, "rug": 12_500}  # in cents

log = clew.get_logger("shop.catalogue")
signer = Signer(os.environ["SHOP_SECRET"])

app = Flask(__name__)
clew.flask.install(app, exclude=["/healthz"])


class Shopper(UserMixin):  # type: ignore[misc] # Flask-Login has no types
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def load_shopper(request: Request) -> Shopper | None:
    """Believe the gateway, which signs whom it has authenticated."""
    try:
        return Shopper(signer.unsign(request.headers.get("X-Shop-User", "")).decode())
    except BadSignature:
        return None


login_manager = LoginManager(app)
login_manager.request_loader(load_shopper)


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.get("/items/<name>")
def item(name: str) -> dict[str, object] | tuple[dict[str, str], int]:
    if name not in PRICES:
        return {"detail": f"There is no {name}."}, 404
    price = PRICES[name]
    if current_user.is_authenticated:
        price = price * 9 // 10  # who is known pays less
    log.info("Read price", action="READ_PRICE", value=name)
    return {"item": name, "price": price}


@app.get("/items/<name>/drawing")
def drawing(name: str) -> str:
    """Take more memory than there is: the kernel kills a process for that."""
    os.kill(os.getpid(), signal.SIGKILL)
    return name


@app.errorhandler(HTTPException)
def refused(error: HTTPException) -> tuple[dict[str, str | None], int]:
    return {"detail": error.description}, error.code or 500
