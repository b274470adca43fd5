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
        project: The project on the package index whose source distribution has the tests; with
            a version, where the one in the constraints file has none.
        mounts: The mounts of `tests.suites.inside.clew_mounts`.
        requires: What the tests need beside pytest.
        environment: Suites of one environment share it; each needs what all of them need.
        constrained: Whether the environment has the versions of the constraints file.
        tests: The paths that are run, below the source distribution.
        quick: Whether it is one of the quick ones; as paths, what of it is.
        source: The packages in the source distribution, in whose place the installed ones run.
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
    source: tuple[str, ...] = ("src",)
    config: str = "pyproject.toml"
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    in_context: bool = False
    in_turn: bool = False
    minutes: float = 15

    @property
    def is_django(self) -> bool:
        """Whether Django's own runner runs it."""
        return self.name.startswith("django")


_DJANGO = (
    *("asgi", "auth_tests", "csrf_tests", "handlers", "logging_tests", "middleware"),
    *("middleware_exceptions", "sessions_tests", "staticfiles_tests", "test_client"),
    *("test_client_regress", "view_tests", "wsgi"),
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
        source=("starlette",),
        plugins=("anyio",),
    ),
    Suite(
        name="fastapi",
        project="fastapi",
        mounts=("fastapi",),
        requires=(
            *("fastapi", "anyio[trio]", "a2wsgi", "dirty-equals", "email-validator", "flask"),
            *("httpx", "httpx2", "inline-snapshot", "jinja2", "opentelemetry-exporter-otlp-proto-http"),
            *("opentelemetry-instrumentation-fastapi", "opentelemetry-sdk", "orjson"),
            *("pwdlib[argon2]", "pydantic-extra-types", "pydantic-settings", "pyjwt"),
            *("pytest-timeout", "python-multipart", "python-slugify", "pyyaml", "sentry-sdk"),
            *("sqlmodel", "strawberry-graphql", "ujson", "uvicorn"),
        ),
        # The pages of the tutorial are 3,000 tests, each an application of its own.
        quick=False,
        source=("fastapi",),
        plugins=("anyio", "pytest_timeout", "inline_snapshot"),
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
        source=("httpx",),
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
)
