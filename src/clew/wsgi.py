"""The middleware for any WSGI application: ``app = clew.wsgi.RequestIDMiddleware(app)``.

The source of the rules is PEP 3333.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from ._environ import MARK, EnvironExchange, live_exchange
from ._exchange import CRASH_BODY
from ._settings import Options, Settings
from ._wire import EXPOSE, exposed, replaced

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
Write = Callable[[bytes], object]

_BODILESS = frozenset((204, 304))


class RequestIDMiddleware:
    """Give every request its id, its context, its response header and its HTTPLog.

    It also answers a crash before which nothing was answered with a plain 500 that carries the
    header, and raises again, so that the server logs it.

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
        answers = self.outermost and "werkzeug.debug.preserve_context" not in environ
        exchange = _HTTP(self.settings, environ, start_response if answers else None)
        environ[self.settings.inbound.environ] = exchange.request_id
        environ[MARK] = exchange

        def respond(status: str, headers: Headers, exc_info: ExcInfo = None, /) -> Write:
            write = start_response(status, exchange.response_headers(headers), exc_info)
            exchange.started(int(status[:3]))
            exchange.expect(headers)
            return exchange.counted(write)

        exchange.resume()
        try:
            body = self.app(environ, respond)
        except BaseException as error:
            answer = exchange.answer_crash(error)
            exchange.end(error)
            exchange.pause(error)
            if answer is not None:
                return answer
            raise
        try:
            return _observed(body, exchange, environ)
        except BaseException as error:
            exchange.end(error)
            raise
        finally:
            exchange.pause()


class _HTTP(EnvironExchange):
    """A request whose response goes out through this middleware."""

    def __init__(
        self, settings: Settings, environ: WSGIEnvironment, start_response: StartResponse | None
    ) -> None:
        self._start_response = start_response
        self._expected: int | None = None  # bytes of the body, as the application says
        super().__init__(settings, environ)

    def response_headers(self, headers: Headers) -> Headers:
        """Return *headers* with the request id in them, once."""
        header = self.settings.outbound
        if header is None:
            return headers
        headers = replaced(headers, header.name, self.request_id)
        if self.settings.expose:
            values = [value for key, value in headers if key.lower() == EXPOSE.lower()]
            headers = replaced(headers, EXPOSE, exposed(values, header.name))
        return headers

    def expect(self, headers: Headers) -> None:
        """Note how long the body will be, as the application's *headers* say."""
        for name, value in headers:
            if name.lower() == "content-length" and str(value).isdecimal():
                self._expected = int(value)

    def counted(self, write: Write) -> Write:
        """Return *write*, the callable of PEP 3333, counting what goes through it."""

        def counting(data: bytes) -> object:
            result = write(data)
            self.sent(len(data))
            return result

        return counting

    def has_whole_body(self) -> bool:
        """Tell whether the server needs no more of the body than it has."""
        if self.status in _BODILESS or self.method() == "HEAD":
            return True
        return self._expected is not None and (self.body_size or 0) >= self._expected

    def answer_crash(self, error: BaseException) -> Iterable[bytes] | None:
        """Answer a request whose application raised *error* before anything was sent.

        Returns the body where the server takes one only from a returned iterable.
        """
        if self._start_response is None or self.body_size or not isinstance(error, Exception):
            return None
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(CRASH_BODY))),
        ]
        try:
            write = self._start_response(
                "500 Internal Server Error", self.response_headers(headers), sys.exc_info()
            )
        except BaseException:  # the headers are out; start_response raises the error given to it
            return None
        self.status = 500
        self.sent(len(CRASH_BODY))
        self.finished()
        if not callable(write):  # granian has none
            return [CRASH_BODY]
        try:
            write(CRASH_BODY)
        except Exception:  # the client has left
            pass
        return None


def _observed(body: Iterable[bytes], exchange: _HTTP, environ: WSGIEnvironment) -> Iterable[bytes]:
    """Return *body* so that its end is seen, as the kind of body that it is."""
    if type(body) is list and len(body) <= 1 and exchange.status is not None:
        # All of it is handed over here. Servers may treat a list better than an iterator.
        exchange.sent(sum(map(len, body)))
        exchange.finished()
        exchange.end()
        return body
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        try:
            _observe_file(body, exchange)
            return body
        except AttributeError:  # it takes no attribute; then it is iterated like any other
            pass
    return _SizedBody(body, exchange) if hasattr(body, "__len__") else _Body(body, exchange)


def _observe_file(body: Any, exchange: _HTTP) -> None:
    """See the end of a file that the server itself may send, in ways of its own."""
    close = getattr(body, "close", None)

    def observed_close() -> None:
        exchange.resume()
        try:
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
        self._chunks: Iterator[bytes] | None = None
        self._exchange = exchange
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        exchange.resume()
        failure: BaseException | None = None
        try:
            if self._chunks is None:
                self._chunks = iter(self._body)
            chunk = next(self._chunks)
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
            answer = exchange.answer_crash(error)
            exchange.end(error)
            if answer is not None:
                self._chunks = iter(())
                return CRASH_BODY
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
        exchange.resume()
        failure: BaseException | None = None
        try:
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
