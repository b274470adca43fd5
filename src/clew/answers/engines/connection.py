"""Where a table of logs is in ClickHouse, the connection to it, and what can go wrong there."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from clew.answers.errors import AnswerError, require

with require("clickhouse-connect"):
    import clickhouse_connect
    import urllib3.exceptions
    from clickhouse_connect.driver.client import Client
    from clickhouse_connect.driver.exceptions import Error, StreamFailureError

_FORM = (
    "write clickhouse://user:password@host:8123/database?table=logs or chdb:///folder?table=logs"
)
_MALFORMED = (
    f"The ClickHouse URL is malformed: {_FORM}, "
    "in a password %40 for @, %2F for /, %3F for ? and %23 for #"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_SWITCH = {"true": True, "1": True, "false": False, "0": False}
# Joins and names as in DuckDB. A subquery over a Distributed table is sent to all shards.
_SETTINGS = {
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "distributed_product_mode": "global",
    "precise_float_parsing": 1,
}
_CODE = re.compile(r"\b[Cc]ode:? (\d+)")
_SAYS = re.compile(r"DB::Exception: ([^\n]*?)(?: \((?:version|for url) [^\n]*)?$", re.MULTILINE)
_REFUSED = {192, 193, 194, 516}
_NO_RIGHT = 497
_READ_ONLY = 164
_NO_DATABASE = 81
_OLDEST = "23.8"
_TOO_OLD = f"which is too old: clew needs {_OLDEST} or newer"
# What an older one says of what is asked of it first.
_UNKNOWN = {47, 115}
_OLD = re.compile("[Uu]nknown (?:setting|(?:expression )?identifier:? [`']?readonly)")
_NO_TABLE = 60


@dataclass(frozen=True, slots=True)
class Address:
    """A table in ClickHouse. As a text it is its URL, without the password.

    ``folder`` is where ClickHouse's engine in this process keeps its tables; None for a server.
    """

    table: str
    database: str = "default"
    host: str = "localhost"
    port: int = 8123
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    folder: str | None = None

    def __str__(self) -> str:
        if self.folder is not None:
            return f"chdb://{quote(self.folder)}?table={self.table}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{quote(self.user, safe='')}@{host}:{self.port}/{self.database}"
        return f"clickhouse://{place}?table={self.table}{'&secure=true' * self.secure}"

    @property
    def name(self) -> str:
        """Return the table's name with its database, as SQL."""
        return f"`{self.database}`.`{self.table}`"


def address_of(url: str) -> Address:
    """Return what *url* says. A wrong one is not shown: it may have a password in it anywhere."""
    try:
        url.encode()  # the shell may give bytes that are no UTF-8
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AnswerError(_MALFORMED) from None
    scheme, mark, _ = url.partition("://")
    if "@" in scheme:
        raise AnswerError(_MALFORMED)
    if parts.scheme not in {"clickhouse", "chdb"} or not mark:
        raise AnswerError(f"{scheme!r} is no URL of ClickHouse: {_FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    table, secure = options.pop("table", "logs"), options.pop("secure", "false").lower()
    if options or secure not in _SWITCH or parts.fragment or "@" in parts.path + parts.query:
        raise AnswerError(_MALFORMED)
    path = unquote(parts.path)
    table = _name("table", table)
    if parts.scheme == "chdb":
        if parts.netloc or not path.strip("/"):
            raise AnswerError("The URL names no folder: write chdb:///folder?table=logs")
        if "?" in path or "\0" in path:  # behind a question mark chDB would find options
            raise AnswerError(f"{path!r} is no folder for chDB: give one without a question mark")
        return Address(table, folder=path)
    return Address(
        table,
        database=_name("database", path.strip("/") or "default"),
        host=parts.hostname or "localhost",
        port=port or (8443 if _SWITCH[secure] else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or os.environ.get("CLICKHOUSE_PASSWORD") or ""),
        secure=_SWITCH[secure],
    )


def _name(kind: str, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AnswerError(
            f"{name!r} is no name of a {kind}: "
            "give letters, digits, _ and -, the first a letter or _"
        )
    return name


def connect(address: Address, *, create: bool = False) -> Client:
    """Connect to the server or engine. Only with *create* may the engine's folder be missing."""
    # What goes wrong is raised; without a handler Python would print it as well.
    logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
    if address.folder is None:
        options: dict[str, Any] = {
            "interface": "https" if address.secure else "http",
            "host": address.host,
            "port": address.port,
            "username": address.user,
            "password": address.password,
            "database": address.database,
            "connect_timeout": 10,
            "autogenerate_session_id": False,  # one session would not take two queries at once
        }
    else:
        _find_folder(address.folder, create=create)
        options = {"interface": "chdb", "path": address.folder}
    with failures(address):
        client = clickhouse_connect.get_client(settings=_SETTINGS, **options)
    if not client.min_version(_OLDEST):
        raise AnswerError(f"{address} is ClickHouse {client.server_version}, {_TOO_OLD}")
    return client


def _find_folder(folder: str, *, create: bool) -> None:
    with require("chdb", "chdb"):
        import chdb  # noqa: F401
    try:
        if create:
            Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnswerError(f"The folder {folder!r} cannot be made: {error.strerror}") from error
    if not Path(folder).is_dir():
        raise AnswerError(f"There is no folder {folder!r}: clew load creates it")


def columns_of(client: Client, address: Address) -> set[str]:
    """Return the names of the table's columns."""
    with failures(address):
        return {row[0] for row in client.query(f"DESCRIBE TABLE {address.name}").result_rows}


def check_columns(present: Collection[str], address: Address, expected: Iterable[str]) -> None:
    """Refuse a table that is not one of clew's."""
    missing = [name for name in expected if name not in present]
    if missing:
        raise AnswerError(
            f"{address}: the table has no column {missing[0]!r}, so clew load has not created it; "
            "name another, which need not exist, with ?table="
        )


@contextmanager
def failures(address: Address) -> Iterator[None]:
    """Say in one sentence, without the password, what went wrong in the block."""
    try:
        yield
    except (Error, StreamFailureError, urllib3.exceptions.HTTPError, OSError) as error:
        text = str(error)
        code = _CODE.search(text)
        raise AnswerError(_sentence(address, int(code[1]) if code else 0, text)) from error


def _sentence(address: Address, code: int, text: str) -> str:
    if code in _REFUSED:
        return f"{address} refuses the user {address.user!r}, or the password in the URL is wrong"
    if code == _NO_DATABASE:
        return f"{address}: there is no database {address.database!r}, create it first"
    if code == _NO_TABLE:
        return f"{address}: there is no table {address.table!r}, clew load creates it"
    if code in _UNKNOWN and _OLD.search(text):
        return f"{address} is a ClickHouse {_TOO_OLD}"
    if code == _READ_ONLY or (not code and "readonly" in text):
        return (
            f"{address}: the user {address.user!r} is too readonly: "
            "to ask it needs readonly = 2, and to load readonly = 0"
        )
    if not code and address.folder is None:
        return f"No ClickHouse answers at {address}: is it running, and is this its HTTP port"
    if "already initialized" in text:
        return f"{address}: this process has chDB open in another folder, and takes only one"
    if "EmbeddedServer" in text:
        return f"{address}: chDB cannot open the folder: another process may have it open"
    match = _SAYS.search(text)
    reason = match[1] if match else text.partition("\n")[0]
    if address.password:
        reason = reason.replace(address.password, "***")
    if code == _NO_RIGHT:
        return f"{address}: {reason}; grant it, or give another user"
    return f"{address} says: {reason}"
