"""A WSGI response, seen from its start to its end (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .environ import EnvironExchange
from .exchange import CRASH_BODY
from .settings import Settings
from .wire import EXPOSE, with_exposed, with_header

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Headers = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
Write = Callable[[bytes], object]

_BODILESS = frozenset((204, 304))


class WSGIExchange(EnvironExchange):
    """A request whose response goes out through this middleware."""

    def __init__(
        self, settings: Settings, environ: WSGIEnvironment, start_response: StartResponse
    ) -> None:
        self._start_response = start_response
        self._prepared: tuple[Any, ...] | None = None  # what start_response is called with
        self._write: Write | None = None  # the server's, once the response has begun
        self._begun = False
        self._written = False  # whether the application has called write
        self._headers: Headers = []  # the application's
        self._length: int | None = None  # of the body, as they say; -1 where they do not
        super().__init__(settings, environ)

    # PEP 3333's start_response and write, as the application sees them. The server hears of the
    # response when there is a part of its body: what fails before can be answered by another one,
    # and gunicorn would add that one's headers to those that it knows.

    def respond(self, status: str, headers: Headers, exc_info: ExcInfo = None) -> Write:
        """Take the status and the headers from the application."""
        if exc_info is None and self._prepared is not None:
            self.begin()  # twice is an error (PEP 3333); let the server raise it
        # Middleware may have a start_response without the optional parameter.
        self._prepared = status, self.response_headers(headers)
        if exc_info is not None:
            self._prepared = *self._prepared, exc_info
        if self._begun:
            self.begin()
        self.started(int(status[:3]))
        self._headers, self._length = headers, None
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

    def response_values(self, name: str) -> list[str]:
        """Return the values of a header of the application's, whose *name* is in lower case."""
        return [str(value) for key, value in self._headers if key.lower() == name]

    def is_event_stream(self) -> bool:
        """Tell whether a client waits for the headers, long before there is a first event."""
        kinds = () if self._begun else self.response_values("content-type")
        return any(kind.startswith("text/event-stream") for kind in kinds)

    def has_whole_body(self) -> bool:
        """Tell whether the server needs no more of the body than it has."""
        if self.status in _BODILESS or self.method() == "HEAD":
            return True
        if self._length is None:
            values = self.response_values("content-length")
            self._length = ([-1] + [int(value) for value in values if value.isdecimal()])[-1]
        return 0 <= self._length <= (self.body_size or 0)

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


def observed(body: Iterable[bytes], exchange: WSGIExchange) -> Iterable[bytes]:
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
    wrapper = exchange.environ.get("wsgi.file_wrapper")
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


def _observe_file(body: Any, exchange: WSGIExchange) -> None:
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
            try:
                exchange.close()
            finally:
                exchange.pause()

    body.close = observed_close


class _Body:
    """The body of a response, made in the request's context, chunk by chunk."""

    _closed = True

    def __init__(self, body: Iterable[bytes], exchange: WSGIExchange) -> None:
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
        try:
            exchange.resume()
            (chunk,), self._first = self._first or (next(self._chunks),), ()
            exchange.sent(len(chunk))
            if exchange.has_whole_body():
                exchange.finished()
                exchange.end()
            exchange.pause()
        except StopIteration:
            try:
                exchange.finished()
            finally:
                exchange.close()
            raise
        except BaseException as error:
            exchange.close(error)
            raise
        return chunk

    def close(self) -> None:
        """Close the application's body, once; without its end having been seen, it was aborted."""
        if self._closed:
            return
        self._closed = True
        exchange = self._exchange
        try:
            exchange.resume()
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
            if not exchange.complete and exchange.has_whole_body():
                exchange.finished()
            exchange.close()
        except BaseException as error:
            if not exchange.complete and exchange.has_whole_body():
                exchange.finished()
            exchange.close(error)
            raise

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
