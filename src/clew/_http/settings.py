"""The options of every adapter, checked when they are given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from clew._context import DEFAULT_HEADER, rename_fields
from clew._faults import warn
from clew._ids import is_safe_id, new_id
from clew._interruptions import raise_interruption
from clew._lines.line_options import LINE_OPTIONS
from clew._options import Patterns, check_flag, set_field, strings
from clew._redaction import Redact, Redactor, redactor
from clew._text import text_of
from clew.records import HTTPLog

from .addresses import Networks, parse_networks
from .option_checks import (
    check_callable,
    check_seconds,
    header_of,
    path_patterns,
    response_header_of,
    trusted_networks,
)
from .watch import Watch
from .wire import Header, Queries


class Options(TypedDict, total=False):
    """The options of an adapter, for type checkers; `Settings` says what each means."""

    header: str | Sequence[str]
    generate: Callable[[], str]
    accept: Callable[[str], bool]
    trust: str | Collection[str]
    inject: bool
    response_header: bool | str
    expose: bool
    user_id: Callable[[Any], object] | None
    exclude: Collection[str]
    proxies: Collection[str]
    capture_headers: Collection[str]
    redact: Redact
    level: Callable[[HTTPLog], int] | None
    enrich: Callable[[HTTPLog], Mapping[str, object]] | None
    log: bool
    slow: float | None
    validation: bool


# As long as it has options, each with its sentence and its check.
@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """The options of an adapter: keyword-only, the same names everywhere, frozen.

    A wrong one raises a ValueError or a TypeError that names the option, its value and what is
    allowed.

    Args:
        header: The header that is read, written and forwarded; of several, the first that a
            request has is read, and the first of all is written and forwarded.
        generate: ``() -> str``, makes an id.
        accept: ``(str) -> bool``, asked about inbound ids that `is_safe_id` admits.
        trust: ``"always"``; ``"never"``, which replaces every inbound id; or CIDR networks whose
            peers may set one.
        inject: Whether the request's own header has the effective id for the application. False
            leaves its headers as they came, but takes a refused id out.
        response_header: Whether the response carries the header; or another name for it there.
        expose: Add the header to ``Access-Control-Expose-Headers``.
        user_id: ``(scope / environ / request) -> str or None``, in place of the framework's user.
        exclude: Paths, or prefixes ended by ``*``, whose requests below 400 make no HTTPLog; with
            the server's root path or without.
        proxies: CIDR networks of trusted reverse proxies.
        capture_headers: Request headers to log.
        redact: As in `configure_logging`; for the query, the path and the captured headers.
        level: ``(HTTPLog) -> int``, a level of the logging module for the HTTPLog.
        enrich: ``(HTTPLog) -> mapping`` of further fields for it.
        log: False keeps the id, the context and the header, without the HTTPLog.
        slow: Seconds after which a request that is still running leaves a warning with the stack
            at which it stands, once; None leaves none. One that took as long writes the lines
            that `configure_logging` has kept, as one that failed does.
        validation: Whether the HTTPLog of a 4xx says, as ``validationErrors``, the place and the
            reason of each error of FastAPI's, Django Ninja's or REST framework's validation.
    """

    header: str | Sequence[str] = DEFAULT_HEADER
    generate: Callable[[], str] = new_id
    accept: Callable[[str], bool] = is_safe_id
    trust: str | Collection[str] = "always"
    inject: bool = True
    response_header: bool | str = True
    expose: bool = False
    user_id: Callable[[Any], object] | None = None
    exclude: Collection[str] = ()
    proxies: Collection[str] = ()
    capture_headers: Collection[str] = ()
    redact: Redact = "default"
    level: Callable[[HTTPLog], int] | None = None
    enrich: Callable[[HTTPLog], Mapping[str, object]] | None = None
    log: bool = True
    slow: float | None = None
    validation: bool = False

    # What the hot path needs, worked out once.
    inbound: Header = field(init=False, repr=False)
    further: tuple[Header, ...] = field(init=False, repr=False)  # read where that is not there
    outbound: Header | None = field(init=False, repr=False)
    captured: tuple[Header, ...] = field(init=False, repr=False)
    trusted: Networks | None = field(init=False, repr=False)
    proxy_networks: Networks = field(init=False, repr=False)
    excluded: Patterns = field(init=False, repr=False)
    redactor: Redactor = field(init=False, repr=False)
    made_id: Callable[[], str] = field(init=False, repr=False)  # a new id, always a safe one
    # Whether nothing is asked for that a record has to be made differently for.
    is_plain: bool = field(init=False, repr=False)
    _reported: set[str] = field(init=False, repr=False)
    queries: Queries = field(init=False, repr=False)
    watch: Watch | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for option in ("generate", "accept"):
            check_callable(option, getattr(self, option), required=True)
        for option in ("user_id", "level", "enrich"):
            check_callable(option, getattr(self, option), required=False)
        for option in ("inject", "expose", "log", "validation"):
            check_flag(option, getattr(self, option))
        check_seconds("slow", self.slow)
        several = self.header if isinstance(self.header, (list, tuple)) else (self.header,)
        if not several:
            raise ValueError("header is []: give at least one header's name, as X-Request-ID")
        inbound, *further = [header_of("header", name) for name in several]
        set_field(self, "inbound", inbound)
        set_field(self, "further", tuple(further))
        set_field(self, "outbound", response_header_of(self.response_header, inbound))
        set_field(
            self,
            "captured",
            tuple(
                header_of("capture_headers", name)
                for name in strings("capture_headers", self.capture_headers)
            ),
        )
        set_field(self, "trusted", trusted_networks(self.trust))
        set_field(self, "proxy_networks", parse_networks("proxies", self.proxies))
        set_field(self, "excluded", Patterns(path_patterns(self.exclude)))
        set_field(self, "redactor", redactor(self.redact))
        set_field(self, "made_id", new_id if self.generate is new_id else self._generated)
        set_field(self, "_reported", set())
        wanted = (self.exclude, self.level, self.enrich, self.captured, self.proxy_networks)
        set_field(self, "is_plain", not any(wanted) and not self.redactor.treats_records)
        set_field(self, "queries", Queries(self.redactor))
        set_field(self, "watch", None if self.slow is None else Watch(self.slow))

    @classmethod
    def of(cls, settings: Settings | None, options: Mapping[str, Any]) -> Settings:
        """Return *settings*, or those that *options* make: an adapter takes either."""
        if settings is not None:
            if options:
                raise TypeError(
                    f"give either settings or single options, not both: {', '.join(options)}"
                )
            if not isinstance(settings, Settings):
                raise TypeError(f"settings must be a clew.Settings, not {settings!r}")
            return settings
        for name in options:
            if name in _OF_LOGGING:
                raise TypeError(
                    f"clew has no option {name!r} here: give it to "
                    f"clew.configure_logging({name}={options[name]!r})"
                )
            if name not in OPTION_NAMES:
                from difflib import get_close_matches

                near = get_close_matches(name, OPTION_NAMES, n=1)
                remedy = f"did you mean {near[0]}?" if near else "allowed are:"
                if not near:
                    remedy += " " + ", ".join(OPTION_NAMES)
                raise TypeError(
                    f"clew has no option {name!r} (its value was {options[name]!r}): {remedy}"
                )
        return cls(**options)

    def _generated(self) -> str:
        """Return what the option ``generate`` makes, or a new id where that is no safe one."""
        try:
            made = self.generate()
            if isinstance(made, str) and is_safe_id(made):
                return made
            self.report("generate", f"it returned {made!r}, which is no safe id")
        except Exception as error:
            self.report("generate", error)
        return new_id()

    def excludes(self, path: str) -> bool:
        """Tell whether successful requests for *path*, as on the wire, make no HTTPLog."""
        return self.excluded.match(path)

    def level_of(self, log: HTTPLog, default: int) -> int:
        """Return the level that the option ``level`` gives *log*, else *default*."""
        try:
            level = self.level(deepcopy(log)) if self.level is not None else default
        except Exception as error:
            self.report("level", error)
            return default
        if not isinstance(level, int) or isinstance(level, bool):
            self.report("level", f"it returned {level!r}, which is no level of the logging module")
            return default
        return level

    def enrichment(self, log: HTTPLog) -> dict[str, object]:
        """Return the further fields that the option ``enrich`` gives *log*."""
        try:
            given = self.enrich(deepcopy(log)) if self.enrich is not None else {}
            return rename_fields({text_of(name): value for name, value in (given or {}).items()})
        except Exception as error:
            self.report("enrich", error)
            return {}

    def report(self, option: str, fault: object) -> None:
        """Log what is wrong with a user's callable, once for each option."""
        if isinstance(fault, BaseException):
            raise_interruption()
        if option not in self._reported:
            self._reported.add(option)
            warn(
                "The option %s failed, its default is used (said once): %s",
                option,
                fault if isinstance(fault, str) else f"{type(fault).__name__}: {text_of(fault)}",
                error=fault if isinstance(fault, BaseException) else None,
            )


# The arguments of configure_logging which are no options of an adapter.
_OF_LOGGING = frozenset((*LINE_OPTIONS, "format", "stream", "twins")) - {"redact"}
OPTION_NAMES = tuple(entry.name for entry in fields(Settings) if entry.init)
