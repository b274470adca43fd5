"""uvicorn examples.shortest.fastapi_app:app"""

from fastapi import FastAPI

import clew
import clew.fastapi

clew.configure_logging()
log = clew.get_logger(__name__)
app = FastAPI()
clew.fastapi.install(app)


@app.get("/hello/{name}")
async def hello(name: str) -> str:
    log.info("Said hello", action="HELLO", value=name)
    return "hello"
