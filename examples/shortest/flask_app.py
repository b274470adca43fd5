"""gunicorn examples.shortest.flask_app:app"""

from flask import Flask

import clew
import clew.flask

clew.configure_logging()
log = clew.get_logger(__name__)
app = Flask(__name__)
clew.flask.install(app)


@app.get("/hello/<name>")
def hello(name: str) -> str:
    log.info("Said hello", action="HELLO", value=name)
    return "hello"
