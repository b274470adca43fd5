"""The middleware for any WSGI application: ``app = clew.wsgi.RequestIDMiddleware(app)``.

The source of the rules is PEP 3333.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from ._http.environ import MARK, EnvironExchange, live_exchange
from ._http.exchange import CRASH_BODY
from ._http.settings import Options, Settings
from ._http.wire import EXPOSE, with_exposed, with_header

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
Write = Callable[[bytes], object]

_BODILESS = frozenset((204, 304))


class RequestIDMiddleware:
    """Give every request its id, its context, its response header and its HTTPLog.

    It also answers a crash before which nothing was answered with a plain 500 that carries the
    header, and raises again, so that the server logs it. For that, the server's start_response is
    called with the first chunk of the body: a header that the server refuses is refused then.

    Args:
        app: The application.
        settings: A `Settings`, in place of single options.
        options: The options of `Settings`.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        settings: Settings | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.app = app
        self.settings = Settings.of(settings, options)
        # Whether a crash is answered; a framework that answers its own wants none of it.
        self.outermost = True

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if live_exchange(environ) is not None:  # installed twice: the outer one serves
            return self.app(environ, start_response)
        exchange = _HTTP(self.settings, environ, start_response)
        environ[self.settings.inbound.environ] = exchange.request_id
        environ[MARK] = exchange
        failure: BaseException | None = None
        answers = self.outermost
        try:
            exchange.resume()
            body = self.app(environ, exchange.respond)
            answers = True  # no framework answers what its body raises
            return _observed(body, exchange, environ)
        except BaseException as error:
            failure = error
            answer = exchange.answer_crash(error) if answers else None
            exchange.end(error)
            if answer is not None:
                return answer
            raise
        finally:
            exchange.pause(failure)
            failure = None  # it holds this frame


class _HTTP(EnvironExchange):
    """A request whose response goes out through this middleware."""

    def __init__(
        self, settings: Settings, environ: WSGIEnvironment, start_response: StartResponse
    ) -> None:
        self._start_response = start_response
        self._prepared: tuple[str, Headers, ExcInfo] | None = None
        self._write: Write | None = None  # the server's, once the response has begun
        self._begun = False
        self._written = False  # whether the application has called write
        self._expected: int | None = None  # bytes of the body, as the application says
        super().__init__(settings, environ)

    # PEP 3333's start_response and write, as the application sees them. The server hears of the
    # response when there is a part of its body: what fails before can be answered by another one,
    # and gunicorn would add that one's headers to those that it knows.

    def respond(self, status: str, headers: Headers, exc_info: ExcInfo = None) -> Write:
        """Take the status and the headers from the application."""
        if exc_info is None and self._prepared is not None:
            self.begin()  # twice is an error (PEP 3333); let the server raise it
        self._prepared = status, self.response_headers(headers), exc_info
        if self._begun:
            self.begin()
        self.started(int(status[:3]))
        self.expect(headers)
        if exc_info is not None and exc_info[1] is not None:
            self.failed(exc_info[1])
        return self.write

    def begin(self) -> None:
        """Tell the server the status and the headers, if the application has."""
        self._begun = True  # what the application says from now on goes to the server at once
        if self._prepared is not None:
            prepared, self._prepared = self._prepared, None
            self._write = self._start_response(*prepared)

    def write(self, part: bytes) -> object:
        """Write a part of the body, and count it."""
        self.begin()
        self._written = True
        result = self._write(part)  # type: ignore[misc]
        self.sent(len(part))
        return result

    def response_headers(self, headers: Headers) -> Headers:
        """Return *headers* with the request id in them, once."""
        header = self.settings.outbound
        if header is None:
            return headers
        headers = with_header(headers, header.name, self.request_id)
        if self.settings.expose:
            values = [value for key, value in headers if key.lower() == EXPOSE.lower()]
            headers = with_header(headers, EXPOSE, with_exposed(values, header.name))
        return headers

    def expect(self, headers: Headers) -> None:
        """Note how long the body will be, as the application's *headers* say."""
        self._expected = None  # of an answer that this one replaces
        for name, value in headers:
            if name.lower() == "content-length" and str(value).isdecimal():
                self._expected = int(value)

    def is_event_stream(self) -> bool:
        """Tell whether a client waits for the headers, long before there is a first event."""
        headers = () if self._prepared is None else self._prepared[1]
        return any(
            name.lower() == "content-type" and str(value).startswith("text/event-stream")
            for name, value in headers
        )

    def has_whole_body(self) -> bool:
        """Tell whether the server needs no more of the body than it has."""
        if self.status in _BODILESS or self.method() == "HEAD":
            return True
        return self._expected is not None and (self.body_size or 0) >= self._expected

    def answer_crash(self, error: BaseException) -> Iterable[bytes] | None:
        """Answer a request whose application raised *error* before its response began.

        Returns the body where the server takes one only from a returned iterable.
        """
        if not isinstance(error, Exception):
            return None
        if self._begun:
            if not self.body_size and not self._written:
                self.status = None  # nothing of it went out: the server answers 500
            return None
        self.status = self._prepared = None  # what the application has said is not said
        if "werkzeug.debug.preserve_context" in self.environ:
            return None  # the debugger shows it
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(CRASH_BODY))),
        ]
        self.respond("500 Internal Server Error", headers)
        self.begin()
        self.sent(len(CRASH_BODY))
        self.finished()
        # Granian has no write, and mod_wsgi adds a page of its own to what raised.
        if not callable(self._write) or "mod_wsgi.version" in self.environ:
            return [CRASH_BODY]
        try:
            self._write(b"" if self.method() == "HEAD" else CRASH_BODY)
        except Exception:  # the client has left
            pass
        return None


def _observed(body: Iterable[bytes], exchange: _HTTP, environ: WSGIEnvironment) -> Iterable[bytes]:
    """Return *body* so that its end is seen, as the kind of body that it is."""
    if isinstance(body, bytes):
        body = [body]  # uWSGI takes it so
    if type(body) is list and len(body) <= 1 and exchange.status is not None:
        # All of it is handed over here. Servers may treat a list better than an iterator.
        exchange.begin()
        exchange.sent(sum(map(len, body)))
        exchange.finished()
        exchange.end()
        return body
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        try:
            _observe_file(body, exchange)
        except AttributeError:  # it takes no attribute; then it is iterated like any other
            pass
        else:
            exchange.begin()
            return body
    observed = (_SizedBody if hasattr(body, "__len__") else _Body)(body, exchange)
    observed.prepare()
    exchange.begin()
    return observed


def _observe_file(body: Any, exchange: _HTTP) -> None:
    """See the end of a file that the server itself may send, in ways of its own."""
    close = getattr(body, "close", None)

    def observed_close() -> None:
        try:
            exchange.resume()
            if close is not None:
                close()
        finally:
            exchange.sent(None)
            exchange.finished()
            exchange.end()
            exchange.pause()

    body.close = observed_close


class _Body:
    """The body of a response, made in the request's context, chunk by chunk."""

    def __init__(self, body: Iterable[bytes], exchange: _HTTP) -> None:
        self._body = body
        self._chunks: Iterator[bytes] = iter(())
        self._first: tuple[bytes, ...] = ()  # the one chunk that was taken, and not yet handed on
        self._exchange = exchange
        self._closed = False

    def prepare(self) -> None:
        """Take the first chunk: until there is one, the response can be another one."""
        try:
            self._chunks = iter(self._body)
            if not self._exchange.is_event_stream():
                self._first = (next(self._chunks),)
        except StopIteration:
            self._chunks = iter(())  # it is not asked again
        except BaseException:
            self._closed = True
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        failure: BaseException | None = None
        try:
            exchange.resume()
            (chunk,), self._first = self._first or (next(self._chunks),), ()
            exchange.sent(len(chunk))
            if exchange.has_whole_body():
                exchange.finished()
                exchange.end()
            return chunk
        except StopIteration:
            exchange.finished()
            exchange.end()
            raise
        except BaseException as error:
            failure = error
            exchange.end(error)
            raise
        finally:
            exchange.pause(failure)
            failure = None

    def close(self) -> None:
        """Close the application's body, once; without its end having been seen, it was aborted."""
        if self._closed:
            return
        self._closed = True
        exchange = self._exchange
        failure: BaseException | None = None
        try:
            exchange.resume()
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            failure = error
            raise
        finally:
            if not exchange.complete and exchange.has_whole_body():
                exchange.finished()
            exchange.end(failure)
            exchange.pause(failure)
            failure = None

    def __del__(self) -> None:
        # A server that is stopping may drop a body without closing it.
        if not self._closed:
            try:
                self.close()
            except Exception:
                pass


class _SizedBody(_Body):
    """A body whose number of chunks is known: servers make a Content-Length of a single one."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
