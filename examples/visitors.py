"""The shop's clients: the requests of an ordinary day, and those of a bad one, over sockets."""

import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from .shop import Shop

HEADER = "X-Request-ID"
PHONE_ID = "phone-7f3a"  # the id that the customer's phone chose
FORGED = "forged by the client"


class Missing(Exception):
    """Something that the shop should have answered or logged, and has not."""


@dataclass
class Reply:
    """A request, and what the client saw of its answer."""

    request: str
    sent: str | None  # the client's own id
    status: int | None  # None: the client left before the answer
    received: str | None  # the id in the answer
    body: Any = None
    left: bool = False  # the client left


class Client:
    """The shop's clients, who send over sockets."""

    def __init__(self, url: str) -> None:
        self.address = ("127.0.0.1", urlsplit(url).port or 80)
        # A server closes the connection of a request that crashed: each request has its own.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, timeout=20, trust_env=False, limits=limits)
        self.replies: list[Reply] = []
        self.secrets: list[str] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        request_id: str | None = None,
        json: object = None,
    ) -> Reply:
        headers = [("Authorization", f"Bearer {token}")] if token else []
        if request_id is not None:
            headers.append((HEADER, request_id))
        response = self.http.request(method, path, headers=headers, json=json)
        body = response.json() if "json" in response.headers["content-type"] else response.text
        reply = Reply(
            f"{method} {path}",
            request_id,
            response.status_code,
            response.headers.get(HEADER),
            body,
        )
        self.replies.append(reply)
        return reply

    def log_in(self, name: str, password: str) -> str:
        """Return the token that the gateway gives."""
        reply = self.send("POST", "/login", json={"name": name, "password": password})
        if reply.status != 200:
            raise Missing(f"{name} cannot log in: {reply}")
        self.secrets += [password, reply.body["token"]]
        return str(reply.body["token"])

    def send_raw(self, path: str, header: bytes, shown: str) -> Reply:
        """Send what no well-behaved client would."""
        with self._connection(path, header) as connection:
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return self._note(path, shown, answer, left=False)

    def leave_during(self, path: str, token: str) -> Reply:
        """Take the beginning of an answer, and leave."""
        with self._connection(path, b"Authorization: Bearer %s\r\n" % token.encode()) as connection:
            answer = b""
            while b"order-0," not in answer:
                chunk = connection.recv(65536)
                if not chunk:
                    raise Missing(f"GET {path} ended before the client could leave: {answer!r}")
                answer += chunk
        return self._note(path, None, answer, left=True)

    def leave_before(self, path: str, request_id: str) -> Reply:
        """Send a request, and leave without waiting."""
        with self._connection(path, b"%s: %s\r\n" % (HEADER.encode(), request_id.encode())):
            pass
        return self._note(path, request_id, b"", left=True)

    def _connection(self, path: str, header: bytes) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=20)
        connection.sendall(
            b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n"
            % (path.encode(), header)
        )
        return connection

    def _note(self, path: str, sent: str | None, answer: bytes, *, left: bool) -> Reply:
        head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
        found = re.search(rf"(?im)^{HEADER}: (.*?)\r?$", head)
        status = int(head.split(" ", 2)[1]) if head else None
        reply = Reply(f"GET {path}", sent, status, found[1] if found else None, left=left)
        self.replies.append(reply)
        return reply


@dataclass
class Replies:
    """The answers that the checks speak of, by name."""

    order: Reply
    journal: Reply
    deletion: Reply
    hostile: dict[str, Reply]  # by the reason of refusal
    newline: Reply
    unauthorized: Reply
    unknown: Reply
    crash: Reply
    dead_sibling: Reply
    killed: Reply
    after: Reply
    receipt: Reply
    gone: Reply
    download: Reply
    slow: Reply
    all: list[Reply]
    secrets: list[str]  # what no line may hold


def visit(shop: Shop) -> Replies:
    """Send the requests of an ordinary day, and those of a bad one."""
    client = Client(shop.gateway.url)
    with client.http:
        customer = client.log_in("ada", "analytical")
        employee = client.log_in("grace", "cobol")
        order = client.send(
            "POST", "/orders", token=customer, request_id=PHONE_ID, json={"items": {"lamp": 2}}
        )
        journal = client.send("GET", "/users/12345/journal", token=customer)
        deletion = client.send(
            "DELETE", "/users/999", token=employee, json={"comment": "asked for it by letter"}
        )
        lamp = "/items/lamp"
        hostile = {
            "length": client.send("GET", lamp, request_id="x" * 300),
            "charset": client.send("GET", lamp, request_id='{"level":"info"}'),
            "duplicate": client.send_raw(
                lamp, b"X-Request-ID: one\r\nX-Request-ID: two\r\n", "one, and two"
            ),
        }
        newline = client.send_raw(
            lamp,
            b'X-Request-ID: a\n {"message":"%s"}\r\n' % FORGED.encode(),
            'a\\n {"message": ...}',
        )
        return Replies(
            order=order,
            journal=journal,
            deletion=deletion,
            hostile=hostile,
            newline=newline,
            unauthorized=client.send("GET", "/users/12345/journal"),
            unknown=client.send("GET", "/items/unicorn"),
            crash=client.send("GET", "/vouchers/SUMMER", token=customer),
            dead_sibling=client.send("GET", "/deliveries/order-77", token=customer),
            receipt=client.send("POST", "/orders/order-77/receipt", token=customer),
            killed=client.send("GET", "/items/lamp/drawing"),
            after=client.send("GET", "/items/rug"),  # which the next process serves
            gone=client.leave_before("/report", "impatient"),
            download=client.leave_during("/statement.csv", customer),
            slow=client.send("GET", "/report", token=customer),
            all=client.replies,
            secrets=client.secrets,
        )
