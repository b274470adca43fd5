"""Flask's own: factories, propagated exceptions, Flask-Login, its test client."""

from __future__ import annotations

from typing import Any

import flask
import flask_login
import pytest
from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import clew
import clew.flask
import clew.starlette
import clew.wsgi

from .drive import Call, serve_wsgi
from .stacks import CrashError, SimpleUser
from .test_asgi import serve as serve_asgi
from .test_contract import only


def serve(app: flask.Flask, **call: Any) -> Any:
    return serve_wsgi(app, Call(**call))


def crash() -> str:
    raise CrashError("boom")


def make_app() -> flask.Flask:
    app = flask.Flask("factory")
    clew.flask.install(app)
    app.add_url_rule("/ok", "ok", lambda: "ok")
    app.add_url_rule("/crash", "crash", crash)
    return app


def test_is_installed_in_a_factory(lines: Any) -> None:
    """Applications of one factory are apart, and both have their ids."""
    one, two = make_app(), make_app()
    assert serve(one).request_id != serve(two).request_id
    assert len(lines.http()) == 2


def test_works_with_the_test_client(lines: Any) -> None:
    """Flask's test client sees the header, and the record is there without closing anything."""
    response = make_app().test_client().get("/ok", headers={"X-Request-ID": "mine"})
    assert response.headers.getlist("X-Request-ID") == ["mine"]
    assert only(lines.http())["requestId"] == "mine"


@pytest.mark.parametrize("switch", ["TESTING", "PROPAGATE_EXCEPTIONS"])
def test_propagated_exceptions_stay_as_they_are(lines: Any, switch: str) -> None:
    """Where Flask lets exceptions out, clew answers nothing in its place."""
    app = make_app()
    app.config[switch] = True
    reply = serve(app, target="/crash")
    assert isinstance(reply.error, CrashError)
    assert reply.status is None
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", 500)


def test_an_error_handlers_answer_is_no_error(lines: Any) -> None:
    """An exception that a handler answers below 500 is none in the record."""
    app = make_app()
    app.register_error_handler(CrashError, lambda _error: ("teapot", 418))
    assert serve(app, target="/crash").status == 418
    record = only(lines.http())
    assert "outcome" not in record and "exception" not in record


def test_an_error_handlers_500_has_its_exception(lines: Any) -> None:
    """The answer of a handler of exceptions is a crash all the same, an HTTPException's is not."""
    app = make_app()
    app.register_error_handler(Exception, lambda _error: ("sorry", 503))
    assert serve(app, target="/crash").body == b"sorry"
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", 503)
    assert 'CrashError("boom")' in record["exception"]["stackTrace"]
    lines.clear()
    assert serve(app, target="/nowhere").status == 503
    assert "exception" not in only(lines.http())


def test_a_500_handlers_answer_has_its_exception(lines: Any) -> None:
    """The answer of a 500 handler is a crash all the same."""
    app = make_app()
    app.register_error_handler(500, lambda _error: ("sorry", 500))
    reply = serve(app, target="/crash")
    assert reply.body == b"sorry" and reply.request_id
    assert only(lines.http())["exception"]["message"] == "boom"


def test_flasks_own_line_has_the_id(lines: Any) -> None:
    """Flask's line about an exception carries the id."""
    reply = serve(make_app(), target="/crash")
    (line,) = [line for line in lines() if line["message"].startswith("Exception on")]
    assert line["requestId"] == reply.request_id


def test_knows_the_route_of_nested_blueprints(lines: Any) -> None:
    """The prefixes of blueprints in blueprints are in the template."""
    app = make_app()
    inner, outer = flask.Blueprint("inner", "inner"), flask.Blueprint("outer", "outer")
    inner.add_url_rule("/users/<uuid:id>", "user", lambda id: "x")
    outer.register_blueprint(inner, url_prefix="/in")
    app.register_blueprint(outer, url_prefix="/tenants/<t>")
    serve(app, target="/tenants/acme/in/users/018f6b0e-0000-7000-8000-000000000000")
    assert only(lines.http())["request"]["route"] == "/tenants/<t>/in/users/<uuid:id>"


def test_loads_no_user(lines: Any) -> None:
    """Logging asks Flask-Login for nobody that the application did not ask for."""
    app = make_app()
    manager = flask_login.LoginManager(app)

    @manager.request_loader  # type: ignore[untyped-decorator]
    def load(_request: Any) -> Any:
        raise AssertionError("the user was loaded")

    assert serve(app).status == 200
    assert "userId" not in only(lines.http())


def test_leaves_out_the_anonymous_user(lines: Any) -> None:
    """Flask-Login's anonymous user is nobody."""
    app = make_app()
    app.secret_key = "of tests"
    flask_login.LoginManager(app).user_loader(lambda _id: None)
    app.add_url_rule("/who", "who", lambda: str(flask_login.current_user.is_authenticated))
    assert serve(app, target="/who").body == b"False"
    assert "userId" not in only(lines.http())


def test_keeps_a_user_whose_session_is_gone(lines: Any) -> None:
    """A user whose attributes cannot be read any more stays the one that earlier lines knew."""

    class Detached(SimpleUser):
        gone = False

        def __getattribute__(self, name: str) -> Any:
            if name == "id" and object.__getattribute__(self, "gone"):
                raise RuntimeError("detached")
            return object.__getattribute__(self, name)

    user = Detached(5)
    app = make_app()
    manager = flask_login.LoginManager(app)
    manager.request_loader(lambda _request: user)

    @app.get("/me")
    def me() -> str:
        assert flask_login.current_user.is_authenticated
        clew.get_logger("app").info("inside")
        user.gone = True
        return "x"

    serve(app, target="/me")
    assert [line["userId"] for line in lines()] == ["5", "5"]


def test_reads_the_identity_of_sqlalchemys_objects(lines: Any) -> None:
    """Of an expired SQLAlchemy object the identity is read, which asks no database."""

    class State:
        identity = (42,)

    class Model:
        is_authenticated = True
        _sa_instance_state = State()

        @property
        def id(self) -> int:
            raise AssertionError("the database was asked")

    app = make_app()
    manager = flask_login.LoginManager(app)
    manager.request_loader(lambda _request: Model())
    app.add_url_rule("/me", "me", lambda: str(flask_login.current_user.is_authenticated))
    serve(app, target="/me")
    assert only(lines.http())["userId"] == "42"


def test_a_mounted_flasks_route_has_the_mounts_template(lines: Any) -> None:
    """In a Mount of Starlette's, the mount's template stands before Flask's route."""
    inner = make_app()
    inner.add_url_rule("/u/<id>", "user", lambda id: id)
    mounted: Any = WSGIMiddleware(inner)  # type: ignore[arg-type]
    app = Starlette(routes=[Mount("/shops/{shop}", mounted)])
    clew.starlette.install(app)
    serve_asgi(app, target="/shops/7/u/4")
    assert only(lines.http())["request"]["route"] == "/shops/{shop}/u/<id>"


@pytest.mark.parametrize("root", ["", "/root"])
def test_a_dispatched_flasks_route_has_its_mount(lines: Any, root: str) -> None:
    """Behind werkzeug's dispatcher, the mount stands before Flask's route."""
    inner = make_app()
    inner.add_url_rule("/u/<id>", "user", lambda id: id)
    dispatcher = DispatcherMiddleware(make_app(), {"/api": inner})
    app = clew.wsgi.RequestIDMiddleware(dispatcher)
    serve_wsgi(app, Call(target="/api/u/4", root=root))
    serve_wsgi(app, Call(target="/crash", root=root))
    assert [record["request"]["route"] for record in lines.http()] == ["/api/u/<id>", "/crash"]


def test_a_mounted_flask_tells_the_outer_one(lines: Any) -> None:
    """In an application around it that has clew too, Flask's route and exception are known."""
    app = clew.wsgi.RequestIDMiddleware(make_app())
    serve_wsgi(app, Call(target="/crash"))
    record = only(lines.http())
    assert (record["request"]["route"], record["exception"]["message"]) == ("/crash", "boom")
