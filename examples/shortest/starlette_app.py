"""uvicorn examples.shortest.starlette_app:app"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import clew
import clew.starlette

clew.configure_logging()
log = clew.get_logger(__name__)


async def hello(request: Request) -> PlainTextResponse:
    log.info("Said hello", action="HELLO", value=request.path_params["name"])
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/hello/{name}", hello)])
clew.starlette.install(app)
