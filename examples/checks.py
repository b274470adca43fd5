"""What the shop's logs should hold after the clients' requests: each check is an expectation."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

import clew

from .shop import Shop
from .visitors import FORGED, HEADER, PHONE_ID, Missing, Replies, Reply

Line = dict[str, Any]


def read_lines(shop: Shop) -> list[Line]:
    """Return the lines of the three logs, in order of createdAt, as their records read them."""
    lines: list[Line] = []
    # Within one millisecond, the service that is asked writes before the one that asks.
    for service in (shop.accounts, shop.catalogue, shop.gateway):
        for number, text in enumerate(service.log.read_bytes().splitlines(), 1):
            try:
                line = json.loads(text)
                kind = clew.HTTPLog if "request" in line else clew.ApplicationLog
                msgspec.json.decode(text, type=kind)
            except (ValueError, TypeError) as error:
                raise Missing(
                    f"{service.log.name}, line {number}, is not a line of clew's: {error}: "
                    f"{text.decode(errors='replace')}"
                ) from error
            expect(
                line.get("service") == service.name,
                f"{service.log.name}, line {number}, does not name its service",
            )
            lines.append(line)
    return sorted(lines, key=lambda line: int(line["createdAt"]))


def has(line: object, **wanted: object) -> bool:
    """Tell whether *line* has the values *wanted*; ``a__b`` is the key b in the object a."""
    for name, value in wanted.items():
        found = line
        for key in name.split("__"):
            found = found.get(key) if isinstance(found, dict) else None
        if found != value:
            return False
    return True


class Log:
    """All the lines, and what is asked of them."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def of(self, reply: Reply) -> list[Line]:
        """Return the lines that carry the id of *reply*."""
        request_id = reply.received or reply.sent
        return [line for line in self.lines if line.get("requestId") == request_id]

    def inbound(self, reply: Reply, service: str = "gateway") -> Line:
        """Return the one HTTPLog that *service* wrote for *reply*."""
        found = [
            line
            for line in self.of(reply)
            if "request" in line and has(line, service=service, direction=None)
        ]
        expect(
            len(found) == 1,
            f"{service}.ndjson should have one HTTPLog of {reply.request} with requestId "
            f"{reply.received or reply.sent}, and has {len(found)}",
        )
        return found[0]

    def outgoing(self, reply: Reply) -> list[Line]:
        """Return the gateway's HTTPLogs of the calls that it made for *reply*."""
        return [line for line in self.of(reply) if has(line, direction="outgoing")]

    def one(self, reply: Reply, **wanted: object) -> Line:
        """Return the one line of *reply* that has the values *wanted*."""
        found = [line for line in self.of(reply) if has(line, **wanted)]
        expect(
            len(found) == 1,
            f"one line of {reply.request} (requestId {reply.received or reply.sent}) should have "
            f"{', '.join(f'{key} = {value!r}' for key, value in wanted.items())}; "
            f"{len(found)} have",
        )
        return found[0]


def expect(holds: object, missing: str) -> None:
    if not holds:
        raise Missing(missing)


# What is expected. Each check returns the sentence that it has shown to be true.


def one_record_a_request(log: Log, seen: Replies) -> str:
    # A server may refuse the newline itself; then there was no request.
    served = [reply for reply in seen.all if reply is not seen.newline or reply.status != 400]
    for reply in served:
        line = log.inbound(reply)
        if reply.status is not None:
            expect(
                has(line, response__httpStatus=reply.status),
                f"the HTTPLog of {reply.request} should have status {reply.status}: {line}",
            )
            expect(reply.received, f"the answer to {reply.request} has no {HEADER}")
    records = [line for line in log.lines if has(line, service="gateway", logger="clew.http")]
    expect(
        len(records) == len(served),
        f"gateway.ndjson has {len(records)} HTTPLogs of {len(served)} requests",
    )
    return f"{len(served)} requests left one HTTPLog each, with the status and id of the answer"


def one_id_over_three_services(log: Log, seen: Replies) -> str:
    lines = log.of(seen.order)
    expect(seen.order.received == PHONE_ID, f"the client's own id came back as {seen.order}")
    for service in ("gateway", "accounts", "catalogue"):
        log.inbound(seen.order, service)
        expect(
            any(has(line, service=service, logger=f"shop.{service}") for line in lines),
            f"{service}.ndjson has no application line of request {PHONE_ID}",
        )
    for line in lines:
        expect(has(line, userId="12345"), f"a line of {PHONE_ID} has no userId 12345: {line}")
    return f"{PHONE_ID}: its {len(lines)} lines in 3 services have one id, and userId 12345"


def ids_are_made_and_refused(log: Log, seen: Replies) -> str:
    for reply in (seen.journal, *seen.hostile.values()):
        expect(
            re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", reply.received or ""),
            f"the id in the answer to {reply.request}, sent {reply.sent}, is no new one: {reply}",
        )
    for reason, reply in seen.hostile.items():
        line = log.inbound(reply)
        expect(
            has(line, request__rejectedRequestId=reason),
            f"the HTTPLog of a hostile id should have rejectedRequestId {reason}: {line}",
        )
    forged = [line for line in log.lines if FORGED in json.dumps(line)]
    expect(not forged, f"a client's newline wrote into the log: {forged}")
    return f"no id: one was made; hostile ids: replaced ({', '.join(seen.hostile)}), none logged"


def outgoing_calls_arrive(log: Log, seen: Replies) -> str:
    answered = 0
    for line in log.lines:
        if not has(line, direction="outgoing") or "httpStatus" not in line["response"]:
            continue
        answered += 1
        at = (line["requestId"], line["request"]["method"], line["request"]["path"])
        arrived = [
            other
            for other in log.lines
            if has(other, logger="clew.http", requestId=at[0], request__method=at[1])
            and has(other, request__path=at[2])
            and not has(other, service="gateway")
        ]
        expect(
            len(arrived) == 1,
            f"the outgoing call {line['message']} of {at[0]} left {len(arrived)} HTTPLogs there",
        )
        expect(
            has(arrived[0], response__httpStatus=line["response"]["httpStatus"]),
            f"the two ends of {line['message']} disagree on the status: {arrived[0]}",
        )
    calls = len(log.outgoing(seen.order))
    expect(calls == 2, f"the order's two outgoing calls left {calls} HTTPLogs")
    return f"{answered} outgoing calls have an HTTPLog at both ends, with the same id and status"


def business_events(log: Log, seen: Replies) -> str:
    log.one(seen.order, action="PURCHASED_ITEM", value="lamp", quantity=2, monetaryValue=90_000)
    log.one(
        seen.order,
        action="PURCHASE_COMPLETED",
        value=seen.order.body["order"],
        monetaryValue=90_000,
        userId="12345",
    )
    log.one(seen.journal, action="READ_JOURNAL", value="user:12345", userId="12345")
    log.one(
        seen.deletion,
        action="DELETE",
        model="User",
        value="user:999",
        comment="asked for it by letter",
        userId="7",
    )
    return "who did what: 12345 bought order-77 and READ_JOURNAL; 7 did DELETE user:999, and why"


def refusals(log: Log, seen: Replies) -> str:
    for reply, status in ((seen.unauthorized, 401), (seen.unknown, 404)):
        expect(reply.status == status, f"{reply.request} was answered {reply.status}")
        expect(
            has(log.inbound(reply), level="warning"),
            f"the HTTPLog of a {status} should be a warning: {log.inbound(reply)}",
        )
    log.inbound(seen.unknown, "catalogue")
    expect("userId" not in log.inbound(seen.unauthorized), "a 401 has a userId")
    return "the 401 and the 404 are warnings; the 401 has no userId"


def crash(log: Log, seen: Replies) -> str:
    expect(seen.crash.status == 500, f"the crash was answered {seen.crash.status}")
    record = log.inbound(seen.crash)
    expect(
        has(record, level="danger", outcome="error", exception__type="KeyError", userId="12345"),
        f"the crash's HTTPLog should be danger, outcome error, with its KeyError: {record}",
    )
    expect(
        "known[code]" in record["exception"]["stackTrace"],
        "the crash's stack trace does not show the line that crashed",
    )
    server = log.one(seen.crash, logger="uvicorn.error", level="danger")
    expect(
        server["message"].startswith("Exception in ASGI application"),
        f"the server's own error line is another: {server['message']}",
    )
    return "the 500 has the header; its HTTPLog and uvicorn's error line have the id and exception"


def dead_sibling(log: Log, seen: Replies) -> str:
    expect(seen.dead_sibling.status == 502, f"answered {seen.dead_sibling.status}, not 502")
    log.inbound(seen.dead_sibling)
    call = log.one(seen.dead_sibling, logger="clew.http.client", direction="outgoing")
    expect(
        has(call, level="danger", response__httpStatus=None, exception__type="httpx.ConnectError"),
        f"the failed outgoing call should be danger, with its exception and no status: {call}",
    )
    return "the dead sibling: a 502, and an outgoing HTTPLog with the ConnectError"


def kept_lines(log: Log, seen: Replies) -> str:
    line = log.one(seen.crash, kept=True, level="debug")
    expect(
        has(line, message="Vouchers of today: WELCOME", value="SUMMER", serviceVersion="1.4.2"),
        f"the debug line before the crash should say what was looked at: {line}",
    )
    others = [one for one in log.lines if "kept" in one and one is not line]
    expect(not others, f"requests that went well wrote what they kept: {others}")
    return "the crash has the debug line that led to it; of all others none is written"


def lost_request(log: Log, seen: Replies) -> str:
    expect(seen.killed.status == 502, f"the killed sibling was answered {seen.killed.status}")
    line = log.one(seen.killed, service="catalogue", logger="clew.http")
    expect(
        has(line, outcome="lost", level="danger", request__path="/items/lamp/drawing"),
        f"the request that its process was killed at should be lost: {line}",
    )
    log.inbound(seen.after, "catalogue")
    return "the request that a worker was killed at is in its log, lost, written by the next one"


def thread_that_failed(log: Log, seen: Replies) -> str:
    line = log.one(seen.receipt, logger="clew.uncaught", level="danger")
    expect(
        has(line, inThread="printer", exception__type="RuntimeError"),
        f"the exception of the printer's thread should be a line: {line}",
    )
    return "the exception that a thread died of is a line, with the id of the request behind it"


def clients_that_left(log: Log, seen: Replies) -> str:
    for reply in (seen.download, seen.gone):
        line = log.inbound(reply)
        expect(
            has(line, outcome="aborted"),
            f"the HTTPLog of {reply.request}, whose client left, should be aborted: {line}",
        )
    expect(
        has(log.inbound(seen.download), response__httpStatus=200, userId="12345"),
        f"the download had begun with 200: {log.inbound(seen.download)}",
    )
    expect(
        has(log.inbound(seen.gone), response__httpStatus=499, level="warning"),
        f"who left before the answer should be a 499 in the record: {log.inbound(seen.gone)}",
    )
    return "the clients who left are aborted: half-way with 200, before the answer with 499"


def no_other_lines(log: Log, seen: Replies, shop: Shop) -> str:
    for line in log.lines:
        text = json.dumps(line)
        expect(
            not any(secret in text for secret in seen.secrets),
            f"a password or a token stands in a line: {line}",
        )
        expect(
            "access" not in line["logger"] and " HTTP/1." not in line["message"],
            f"a server's own access line came through: {line}",
        )
        expect(not has(line, logger="httpx"), f"httpx's own line came through: {line}")
    for service in shop.services:
        errors = service.errors.read_text()
        expect(not errors, f"{service.errors.name} should be empty:\n{errors}")
    return f"{len(log.lines)} lines, all JSON that clew reads; no access line, password or token"


def no_process_left(shop: Shop) -> str:
    for service in shop.services:
        expect(service.is_gone(), f"{service.name} still runs (process {service.process.pid})")
    return "the three services have ended; no process is left"


def checks(log: Log, seen: Replies, shop: Shop) -> Iterator[str]:
    yield one_record_a_request(log, seen)
    yield one_id_over_three_services(log, seen)
    yield ids_are_made_and_refused(log, seen)
    yield outgoing_calls_arrive(log, seen)
    yield business_events(log, seen)
    yield refusals(log, seen)
    yield crash(log, seen)
    yield dead_sibling(log, seen)
    yield kept_lines(log, seen)
    yield lost_request(log, seen)
    yield thread_that_failed(log, seen)
    yield clients_that_left(log, seen)
    yield no_other_lines(log, seen, shop)
    yield no_process_left(shop)
