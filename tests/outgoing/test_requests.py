"""What only requests has: prepared requests, adapters, hooks, digest authentication."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import clew
from tests.conftest import Lines, run_fresh

from .callers import HEADER, Requests, Server, caller_of
from .test_contract import closed_port

requests = pytest.importorskip("requests", reason="pip install requests")


@pytest.fixture
def caller() -> Iterator[Requests]:
    caller = caller_of("requests")
    assert isinstance(caller, Requests)
    yield caller
    caller.end()


def prepared(url: str) -> Any:
    return requests.Request("GET", url).prepare()


def test_a_request_sent_twice_carries_the_id_of_each_time(caller: Requests, server: Server) -> None:
    """A prepared request carries the id of the context of each sending, and none outside."""
    session, request = caller.client(), prepared(server.url())
    for made in ("one", "two"):
        with clew.context(request_id=made):
            session.send(request)
    session.send(request)
    assert server.ids() == ["one", "two", None]


def test_a_copy_of_a_sent_request_carries_an_id_of_its_own(
    caller: Requests, server: Server
) -> None:
    """What a request carried does not stay on its copy, which may go to another host."""
    session = caller.client(hosts=["127.0.0.1"])
    with clew.context(request_id="made-here"):
        sent = session.get(server.url()).request
        assert sent.headers[HEADER] == "made-here"
        copied = sent.copy()
        copied.url = server.url(host="localhost")
        session.send(copied)
    assert server.ids() == ["made-here", None]


RETRIED = """
import sys, requests, urllib3, clew, clew.requests
clew.configure_logging()
session = clew.requests.wrap(requests.Session())
adapter = requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(connect=1))
session.mount("http://", adapter)
try:
    session.get(sys.argv[1])
except requests.ConnectionError:
    print("refused")
"""


def test_urllib3s_lines_about_a_session_hold_no_secrets() -> None:
    """Where urllib3 writes of a retry of a mounted adapter, the URL's secrets are masked."""
    printed = run_fresh(RETRIED, f"http://127.0.0.1:{closed_port()}/?token=hunter2")
    assert "Retrying" in printed
    assert "hunter2" not in printed
    assert printed.endswith("refused\n")


def test_redirects_followed_by_hand_are_looked_at(caller: Requests, server: Server) -> None:
    """The next request of a response, sent by hand, does not carry the id to a third party."""
    session = caller.client(hosts=["127.0.0.1"])
    with clew.context(request_id="made-here"):
        response = session.get(server.url("/to/localhost/hello"), allow_redirects=False)
        session.send(response.next)
    assert server.ids() == ["made-here", None]


def test_a_response_can_be_pickled(caller: Requests, server: Server) -> None:
    """A response that is kept, as caches do, holds plain strings."""
    with clew.context(request_id="made-here"):
        response = caller.client().get(server.url())
    assert b"clew" not in pickle.dumps(response)
    again = pickle.loads(pickle.dumps(response))
    assert (again.content, type(again.request.headers[HEADER])) == (b"hello", str)


def test_a_session_can_be_pickled(caller: Requests, server: Server) -> None:
    """A pickled session comes back as an unwrapped one."""
    with pickle.loads(pickle.dumps(caller.client())) as session, clew.context():
        session.get(server.url())
    assert server.ids() == [None]


class Recording(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined, unused-ignore]
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str | None] = []

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.sent.append(request.headers.get(HEADER))
        return super().send(request, *args, **kwargs)


def test_adapters_are_used_also_later_ones(caller: Requests, server: Server, lines: Lines) -> None:
    """An adapter mounted after wrapping sends; shared, it is watched for the wrapped one alone."""
    session, other, adapter = caller.client(), caller.bare(), Recording()
    for each in (session, other):
        each.mount("http://", adapter)
    with clew.context(request_id="made-here"):
        session.get(server.url())
        other.get(server.url())
    assert adapter.sent == server.ids() == ["made-here", None]
    assert len(lines.http()) == 1


def test_the_adapter_found_is_the_one_mounted(caller: Requests) -> None:
    """Who asks a session for an adapter gets the one that was mounted, not what watches it."""
    session, adapter = caller.client(), Recording()
    session.mount("http://a.", adapter)
    assert session.get_adapter("http://a.internal/") is adapter
    assert session.adapters["http://a."] is adapter


def test_an_adapter_reads_its_attributes_while_it_sends(
    caller: Requests, server: Server, lines: Lines
) -> None:
    """What a session of one's own asks its adapter for while it sends is the mounted one's."""
    found: list[Any] = []

    class Asking(requests.Session):  # type: ignore[misc, name-defined, unused-ignore]
        def send(self, request: Any, **kwargs: Any) -> Any:
            adapter: Any = self.get_adapter(request.url)
            found.append(adapter.sent)
            with pytest.raises(AttributeError):
                adapter.missing
            return super().send(request, **kwargs)

    session, adapter = caller.clew.wrap(Asking()), Recording()
    session.mount("http://", adapter)
    session.get(server.url())
    assert found[0] is adapter.sent
    assert len(lines.http()) == 1


def test_what_is_set_on_an_adapter_is_set(caller: Requests, server: Server) -> None:
    """A Retry set on the adapter that a session finds is the mounted one's."""
    session = caller.client()
    retry = pytest.importorskip("urllib3").Retry(total=2, status_forcelist=[503])
    session.get_adapter(server.url()).max_retries = retry
    with pytest.raises(requests.exceptions.RetryError):
        session.get(server.url("/status/503"))
    assert len(server.seen) == 3
    assert session.adapters["http://"].max_retries is retry


def mocked_calls(client: Any, **options: Any) -> list[str | None]:
    """Return the id that each of two calls carries to requests_mock."""
    requests_mock: Any = pytest.importorskip("requests_mock", reason="pip install requests-mock")
    with requests_mock.Mocker(**options) as mocked, clew.context(request_id="mocked"):
        mocked.get("http://a.internal/x", text="mocked", status_code=404)
        for _ in range(2):
            assert client.get("http://a.internal/x").text == "mocked"
        return [one.headers.get(HEADER) for one in mocked.request_history]


def test_requests_mock_sees_the_id_and_leaves_the_wrapping(
    caller: Requests, server: Server, lines: Lines
) -> None:
    """A mocked call carries the id and has its record; calls after the mock do as before."""
    session = caller.client()
    assert mocked_calls(session) == ["mocked", "mocked"]
    with clew.context(request_id="real"):
        session.get(server.url("/to/127.0.0.1/hello"))
    assert server.ids() == ["real", "real"]
    assert [line["response"]["httpStatus"] for line in lines.http()] == [404, 404, 302, 200]


def test_requests_mock_of_one_session_leaves_the_wrapping(caller: Requests, server: Server) -> None:
    """A mock of a session's own methods goes past clew's, without the id, and gives them back."""
    session = caller.client()
    assert mocked_calls(session, session=session) == [None, None]
    with clew.context(request_id="real"):
        session.get(server.url())
    assert server.ids() == ["real"]


def test_an_adapter_of_requests_mock_sees_the_id(caller: Requests, lines: Lines) -> None:
    """An adapter of a mock that is mounted is asked with the id, and has its record."""
    requests_mock: Any = pytest.importorskip("requests_mock", reason="pip install requests-mock")
    session, adapter = caller.client(), requests_mock.Adapter()
    session.mount("http://a.internal", adapter)
    adapter.register_uri("GET", "http://a.internal/x", text="mocked")
    with clew.context(request_id="mocked"):
        session.get("http://a.internal/x")
    assert adapter.last_request.headers[HEADER] == "mocked"
    assert len(lines.http()) == 1


def test_a_call_that_fails_behind_a_patched_send_has_one_record(
    caller: Requests, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody wraps the class's send, what the adapter has recorded is recorded once."""
    session, send = caller.client(), requests.Session.send
    monkeypatch.setattr(requests.Session, "send", lambda *args, **options: send(*args, **options))
    with pytest.raises(requests.ConnectionError):
        session.get(f"http://127.0.0.1:{closed_port()}/")
    assert [line["outcome"] for line in lines.http()] == ["error"]


class Silent(requests.adapters.BaseAdapter):  # type: ignore[misc, name-defined, unused-ignore]
    """An adapter without a connection, as tests have them."""

    def __init__(self, raw: object) -> None:
        super().__init__()
        self.raw = raw

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = requests.Response()
        response.status_code, response.raw, response.request = 404, self.raw, request
        response.url = request.url
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("raw", [io.BytesIO(b"hello"), object(), None], ids=["file", "odd", "none"])
def test_adapters_of_another_make_are_logged(caller: Requests, lines: Lines, raw: object) -> None:
    """A response that is none of urllib3's is logged with its headers."""
    session = caller.client()
    session.mount("made-up://", Silent(raw))
    with clew.context(request_id="made-here"):
        response = session.get("made-up://somewhere/x?y=1", stream=True)
    assert response.raw is raw
    (line,) = lines.http()
    assert (line["level"], line["message"]) == ("warning", "GET /x 404")
    assert line["request"]["host"] == "somewhere"


def test_an_address_that_makes_no_sense_breaks_nothing(caller: Requests, lines: Lines) -> None:
    """What an adapter of another make takes for a URL goes to it, and has its record."""
    session = caller.client()
    session.mount("http://", Silent(None))
    request = prepared("http://a/")
    request.url = "http://a:oops/x"
    request.headers = None
    with clew.context(request_id="made-here"):
        assert session.send(request, stream=True).status_code == 404
    assert [line["message"].partition(":")[0] for line in lines()] == [
        "An outgoing call goes without the id",
        "GET /x 404",
    ]


def test_hooks_run_once_a_response(caller: Requests, server: Server) -> None:
    """Hooks of the session run as before."""
    session, seen = caller.client(), []
    session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
    with clew.context():
        session.get(server.url("/to/localhost/hello"))
    assert seen == [302, 200]


def test_a_header_that_an_auth_sets_stays(caller: Requests, server: Server) -> None:
    """An authentication that sets the header has set it."""

    def auth(request: Any) -> Any:
        request.headers[HEADER] = "the-auths"
        return request

    with clew.context():
        caller.client().get(server.url(), auth=auth)
    assert server.ids() == ["the-auths"]


def test_each_round_of_a_digest_authentication_is_a_sending(
    caller: Requests, server: Server, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request of a digest authentication carries the id, and has its record."""
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')

    def guarded(answer: Any, _: str) -> None:
        if answer.headers.get("Authorization"):
            answer.whole(200, b"in")
        else:
            answer.whole(401, b"", challenge)

    monkeypatch.setattr(server.RequestHandlerClass, "answer_guarded", guarded, raising=False)
    auth = requests.auth.HTTPDigestAuth("jane", "hunter2")
    with clew.context(request_id="made-here"):
        assert caller.client().get(server.url("/guarded"), auth=auth).content == b"in"
    assert server.ids() == ["made-here", "made-here"]
    assert [line["response"]["httpStatus"] for line in lines.http()] == [401, 200]


def test_the_attempts_of_a_retry_are_one_sending(
    caller: Requests, server: Server, lines: Lines
) -> None:
    """What urllib3 tries again for an adapter is one call of requests, and one record."""
    retry = pytest.importorskip("urllib3").Retry(total=2, status_forcelist=[503])
    session = caller.client()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    with clew.context(request_id="made-here"), pytest.raises(requests.exceptions.RetryError):
        session.get(server.url("/status/503"))
    assert server.ids() == ["made-here"] * 3
    (line,) = lines.http()
    assert line["exception"]["type"] == "requests.exceptions.RetryError"


def test_a_raw_body_that_is_read_is_counted(caller: Requests, server: Server, lines: Lines) -> None:
    """Who reads urllib3's response itself, as shutil.copyfileobj does, is seen as well."""
    with caller.client().get(server.url(), stream=True) as response:
        assert response.raw.read(2) + response.raw.read(100) == b"hello"
        assert [line["response"]["bodySize"] for line in lines.http()] == [5]
    assert len(lines.http()) == 1


def test_a_connection_is_used_again(caller: Requests, server: Server) -> None:
    """Connections go back to their pool as they do without clew."""
    session = caller.client()
    for path in ("/hello", "/chunked", "/packed/chunked"):
        session.get(server.url(path))
    with session.get(server.url("/chunked"), stream=True) as response:
        assert list(response.iter_content(None)) == [b"abc", b"de"]
    session.get(server.url())
    (pool,) = session.adapters["http://"].poolmanager.pools._container.values()
    assert (pool.num_connections, pool.num_requests) == (1, 5)
