"""Which suites there are: where each comes from, what it needs, how it runs and what is mounted."""

from __future__ import annotations

from dataclasses import dataclass

# The tests of all suites but Django's run with it; FastAPI and Flask do not take later ones.
PYTEST = "pytest>=9.0,<9.1"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One suite of tests of somebody else's.

    Attributes:
        name: What it is called here.
        project: The project whose source distribution has the tests; with a version, where the
            constraints file has none or its own has no tests.
        mounts: The mounts of `tests.suites.inside.clew_mounts`.
        requires: What the tests need beside pytest.
        environment: Suites of one environment share it; each needs what all of them need.
        constrained: Whether the environment has the versions of the constraints file.
        tests: The paths that are run, below the source distribution.
        quick: Whether it is one of the quick ones, of which all run in ten minutes; as paths,
            what of it is.
        without: The folders that are left out: the packages, in whose place the installed ones
            run, and tests that need more than Python.
        config: The file that has pytest's configuration.
        plugins: The plugins of pytest's that are loaded; no other is.
        options: Further options of pytest's, or of Django's runtests.py.
        in_context: Whether each test runs in a context, so that clients have an id to send.
        in_turn: Whether the runs use something that two of them cannot have at once, as a port.
        minutes: How long a run may take.
    """

    name: str
    project: str
    mounts: tuple[str, ...]
    requires: tuple[str, ...] = ()
    environment: str = "common"
    constrained: bool = True
    tests: tuple[str, ...] = ("tests",)
    quick: bool | tuple[str, ...] = True
    without: tuple[str, ...] = ("src",)
    config: str = "pyproject.toml"
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    in_context: bool = False
    in_turn: bool = False
    minutes: float = 30

    @property
    def is_django(self) -> bool:
        """Whether Django's own runner runs it."""
        return self.name.startswith("django")


_DJANGO = (
    *("asgi", "auth_tests", "csrf_tests", "handlers", "logging_tests", "middleware"),
    *("middleware_exceptions", "sessions_tests", "staticfiles_tests", "test_client"),
    *("test_client_regress", "view_tests", "wsgi"),
)
_QUICK_DJANGO = ("asgi", "handlers", "middleware", "test_client", "wsgi")
_AIOHTTP = (
    *("connection", "exceptions", "functional", "middleware", "middleware_digest_auth", "proto"),
    *("request", "response", "session", "ws", "ws_functional"),
)

SUITES = (
    Suite(
        name="starlette",
        project="starlette",
        mounts=("starlette",),
        requires=(
            *("starlette[full]", "httpx2[zstd]", "blockbuster", "opentelemetry-sdk", "trio"),
            "importlib-metadata",
        ),
        without=("starlette",),
        plugins=("anyio",),
    ),
    Suite(
        name="fastapi",
        project="fastapi",
        mounts=("fastapi",),
        requires=(
            *("fastapi", "anyio[trio]", "a2wsgi", "dirty-equals", "email-validator", "flask"),
            *(
                "httpx",
                "httpx2",
                "inline-snapshot",
                "jinja2",
                "opentelemetry-exporter-otlp-proto-http",
            ),
            *("opentelemetry-instrumentation-fastapi", "opentelemetry-sdk", "orjson"),
            *("pwdlib[argon2]", "pydantic-extra-types", "pydantic-settings", "pyjwt"),
            *(
                "pytest-timeout",
                "pytest-xdist",
                "python-multipart",
                "python-slugify",
                "pyyaml",
                "sentry-sdk",
            ),
            *("sqlmodel", "strawberry-graphql", "ujson", "uvicorn"),
        ),
        quick=False,
        without=("fastapi",),
        plugins=("anyio", "pytest_timeout", "inline_snapshot", "xdist.plugin"),
        options=("--timeout=60", "--inline-snapshot=disable"),
    ),
    Suite(
        name="flask",
        project="flask",
        mounts=("flask",),
        requires=("flask[async]", "greenlet", "python-dotenv"),
    ),
    Suite(
        name="werkzeug",
        project="werkzeug",
        mounts=("werkzeug",),
        requires=("werkzeug", "cffi", "cryptography", "ephemeral-port-reserve", "pytest-timeout"),
        plugins=("pytest_timeout",),
        options=("--timeout=60", "--deselect=tests/test_serving.py::test_reloader_sys_path"),
    ),
    Suite(
        name="httpx",
        project="httpx",
        mounts=("httpx",),
        requires=(
            *("httpx[brotli,http2,socks,zstd]", "chardet<6", "click", "pygments", "rich"),
            *("trio", "trustme", "uvicorn"),
        ),
        without=("httpx",),
        plugins=("anyio",),
        in_context=True,
        in_turn=True,  # its server has port 8000
    ),
    Suite(
        name="python-json-logger",
        project="python-json-logger",
        mounts=("json_logger",),
        requires=("freezegun", "orjson", "tzdata"),
    ),
    Suite(
        name="requests",
        project="requests",
        mounts=("requests",),
        requires=(
            *("requests[socks]", "httpbin>=0.10.2", "pytest-httpbin==2.1.0", "pytest-mock"),
            "trustme",
        ),
        environment="requests",
        constrained=False,  # httpbin wants an older Flask
        quick=False,
        plugins=("pytest_httpbin.plugin", "pytest_mock"),
        in_context=True,
    ),
    Suite(
        name="urllib3",
        project="urllib3",
        mounts=("urllib3",),
        requires=(
            *("anyio[trio]", "brotli", "cryptography", "h2", "httpx", "hypercorn", "pyopenssl"),
            *("pysocks", "pytest-socket", "pytest-timeout", "quart", "quart-trio", "trustme"),
        ),
        tests=("test",),
        quick=("test/test_connectionpool.py", "test/test_poolmanager.py", "test/test_response.py"),
        plugins=("anyio", "pytest_timeout", "pytest_socket"),
        # Its threads wait for each other for ever, now and then, also without clew.
        options=("-k", "not test_http2_probe_blocked_per_thread"),
        in_context=True,
    ),
    Suite(
        name="aiohttp",
        project="aiohttp",
        mounts=("aiohttp",),
        requires=(
            *(
                "aiohttp",
                "blockbuster",
                "brotli",
                "coverage",
                "freezegun",
                "isal",
                "proxy.py",
                "pytest-mock",
            ),
            *("pytest-codspeed", "pytest-timeout", "pytest-xdist", "trustme", "zlib_ng"),
        ),
        tests=(
            *(f"tests/test_client_{name}.py" for name in _AIOHTTP),
            *(f"tests/test_{name}.py" for name in ("connector", "cookiejar", "proxy")),
            *(f"tests/test_{name}.py" for name in ("proxy_functional", "web_functional")),
        ),
        quick=("tests/test_client_session.py", "tests/test_client_ws_functional.py"),
        without=("aiohttp",),
        config="pytest.ini",
        plugins=("pytest_mock", "pytest_timeout", "xdist.plugin", "pytest_codspeed.plugin"),
        options=("-oaddopts=",),
        in_context=True,
    ),
    Suite(
        name="litestar",
        # The last one whose source distribution has tests; the version of the constraints runs.
        project="litestar==2.12.1",
        mounts=("litestar",),
        requires=(
            "litestar[annotated-types,attrs,brotli,cli,cryptography,jinja,jwt,mako,minijinja]",
            "litestar[opentelemetry,prometheus,pydantic,structlog]",
            *("beautifulsoup4", "fsspec", "httpx-sse", "hypothesis", "opentelemetry-sdk", "psutil"),
            *("pytest-asyncio", "pytest-lazy-fixtures", "pytest-mock", "pytest-rerunfailures"),
            *("asyncpg", "pytest-timeout", "pytest-xdist", "python-dotenv", "redis", "starlette"),
            *("picologging", "time-machine", "trio"),
        ),
        environment="litestar",
        tests=("tests/unit", "tests/e2e"),
        quick=False,
        # For its channels two databases would have to run.
        without=("litestar", "tests/unit/test_channels"),
        plugins=(
            *("anyio", "pytest_asyncio.plugin", "pytest_lazy_fixtures.plugin", "pytest_mock"),
            *("pytest_rerunfailures", "pytest_timeout", "xdist.plugin"),
        ),
        options=("-oaddopts=", "--timeout=60", "-Wignore::pytest.PytestRemovedIn9Warning"),
    ),
    # Quart's source distributions have no tests; those of its extensions use its test client.
    *(
        Suite(
            name=name,
            project=project,
            mounts=("quart",),
            requires=(
                *("quart", "quart-trio", "quart-auth", "quart-schema[msgspec,pydantic]"),
                *("quart-cors", "hypothesis", "pytest-asyncio", "pytest-trio", "trio"),
            ),
            plugins=("pytest_trio.plugin" if name == "quart-trio" else "pytest_asyncio.plugin",),
            options=("-oaddopts=",),
        )
        for name, project in (
            ("quart-auth", "quart-auth"),
            ("quart-cors", "quart-cors==0.8.0"),
            ("quart-schema", "quart-schema==0.25.0"),
            ("quart-trio", "quart-trio==0.12.0"),
        )
    ),
    *(
        Suite(
            name=name,
            project="django",
            mounts=mounts,
            requires=("django[argon2,bcrypt]", "jinja2", "pyyaml", "tblib", "tzdata"),
            tests=_DJANGO,
            quick=_QUICK_DJANGO,
            without=("django",),
        )
        for name, mounts in (("django", ("django",)), ("django-outside", ("django_outside",)))
    ),
)
