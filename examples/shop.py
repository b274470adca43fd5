"""Start the shop's three services on free loopback ports, and stop them again.

    python -m examples.shop        # serves until Ctrl-C

Each service is a process of its own. What it writes on stdout, its log, is a file; so is stderr.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent


class StartError(Exception):
    """A service did not come up."""


@dataclass
class Service:
    """A server that runs in a process of its own."""

    name: str
    url: str
    log: Path  # what it writes on stdout, a JSON object a line
    errors: Path  # what it writes on stderr
    process: subprocess.Popen[bytes]

    def wait_until_ready(self, path: str = "/healthz") -> None:
        """Return when it answers. Its socket is open already, so the request waits its turn."""
        try:
            httpx.get(self.url + path, timeout=60, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise StartError(f"{self.name} does not answer: {error!r}\n{self.output()}") from error

    def output(self) -> str:
        """Return the end of what it wrote."""
        lines = [*self.log.read_text().splitlines(), *self.errors.read_text().splitlines()]
        return "\n".join(f"  {self.name} | {line}" for line in lines[-40:])

    def stop(self) -> None:
        """End the process, by force when it does not obey."""
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own: see serve
                self.process.wait()

    def is_gone(self) -> bool:
        """Tell whether the process and all that it started have ended."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def listen() -> socket.socket:
    """Return a socket that listens on a free loopback port."""
    return socket.create_server(("127.0.0.1", 0))


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def serve(
    name: str,
    command: Sequence[str],
    folder: Path,
    listener: socket.socket,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """Run *command*, a line for uvicorn or gunicorn, on *listener*, and stop it at the end."""
    program, *arguments = command
    descriptor = listener.fileno()
    if program == "uvicorn":
        arguments += ["--fd", str(descriptor)]
    else:
        arguments += ["--bind", f"fd://{descriptor}"]
    log, errors = folder / f"{name}.ndjson", folder / f"{name}.stderr"
    with log.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", program, *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=[descriptor],
            # A Ctrl-C at the terminal is for us, who then stop it.
            start_new_session=True,
        )
    service = Service(name, url_of(listener), log, errors, process)
    try:
        # When the process ends, nobody listens any more, and who waits for an answer is told so.
        listener.close()
        yield service
    finally:
        service.stop()


@dataclass
class Shop:
    gateway: Service
    accounts: Service
    catalogue: Service

    @property
    def services(self) -> list[Service]:
        return [self.gateway, self.accounts, self.catalogue]


@contextlib.contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Start the three services with their logs in *folder*, and stop them at the end."""
    with contextlib.ExitStack() as stack:
        gateway, accounts, catalogue = (stack.enter_context(listen()) for _ in range(3))
        # The shop's fourth service is down: its port is taken, and nobody listens there.
        delivery = stack.enter_context(socket.socket())
        delivery.bind(("127.0.0.1", 0))
        environment = {
            "SHOP_SECRET": secrets.token_hex(),
            "ACCOUNTS_DATABASE": str(folder / "accounts.sqlite3"),
            "ACCOUNTS_URL": url_of(accounts),
            "CATALOGUE_URL": url_of(catalogue),
            "DELIVERY_URL": url_of(delivery),
            "SHOP_RUN": str(folder / "run"),
        }

        def start(name: str, listener: socket.socket, *command: str) -> Service:
            return stack.enter_context(serve(name, command, folder, listener, environment))

        gunicorn = ("gunicorn", "-c")
        shop = Shop(
            accounts=start("accounts", accounts, *gunicorn, "examples/accounts/gunicorn_conf.py"),
            catalogue=start(
                "catalogue", catalogue, *gunicorn, "examples/catalogue/gunicorn_conf.py"
            ),
            gateway=start("gateway", gateway, "uvicorn", "examples.gateway.app:app"),
        )
        for service in shop.services:
            service.wait_until_ready()
        yield shop


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="clew-shop-") as folder,
        open_shop(Path(folder)) as shop,
    ):
        for service in shop.services:
            print(f"{service.name:<10} {service.url}  {service.log}", flush=True)
        print("Ctrl-C stops them.", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
