"""Request ids: how they are made, and which may be taken over."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import clew
from tests.conftest import run_fresh
from tests.rows import each_row

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_id_is_a_uuid7() -> None:
    """A new id is a UUIDv7 in its usual 36 characters."""
    assert UUID7.fullmatch(clew.new_id())


def test_an_id_begins_with_the_time() -> None:
    """The first 48 bits of a new id are the time in milliseconds, so that ids sort by age."""
    before = time.time() * 1000
    made = run_fresh("import clew; print(clew.new_id())")
    assert before - 1000 < int(made.replace("-", "")[:12], 16) < time.time() * 1000 + 1000


def test_ids_made_in_many_threads_differ() -> None:
    """Threads that make ids at the same time never make the same one."""
    with ThreadPoolExecutor(8) as pool:
        made = [
            one
            for some in pool.map(lambda _: [clew.new_id() for _ in range(1000)], range(16))
            for one in some
        ]
    assert len(set(made)) == 16_000


FORKED = """
import os, sys
if sys.argv[1] == "uuid6":
    sys.modules["uuid_utils"] = None
import clew
clew.new_id()
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, " ".join(clew.new_id()[24:] for _ in range(500)).encode())
    os._exit(0)
os.close(writing)
mine = {clew.new_id()[24:] for _ in range(500)}
with open(reading) as child:
    theirs = set(child.read().split())
os.wait()
print(len(mine), len(theirs), len(mine & theirs))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("library", ["uuid-utils", "uuid6"])
def test_a_forked_worker_makes_ids_of_its_own(library: str) -> None:
    """A process and its forked child, as prefork servers have them, never make the same id: not
    even its random part, which is all that tells ids of one millisecond apart.
    """
    if library == "uuid-utils":
        pytest.importorskip("uuid_utils")
    assert run_fresh(FORKED, library).split() == ["500", "500", "0"]


WITHOUT_UUID_UTILS = """
import sys
sys.modules["uuid_utils"] = None
import clew
made = [clew.new_id() for _ in range(1000)]
assert len(set(made)) == 1000
assert all(map(clew.is_safe_id, made))
assert "uuid6" in sys.modules
print(made[0])
"""


def test_ids_are_the_same_without_uuid_utils() -> None:
    """Without uuid-utils installed, ids are UUIDv7 all the same."""
    assert UUID7.fullmatch(run_fresh(WITHOUT_UUID_UTILS).strip())


@each_row(
    "value",
    [
        "a",
        "0",
        "-",
        "A" * 200,
        "018f6b0e-8f4e-7c3a-9b1d-2f3e4d5c6b7a",
        "00000000-0000-0000-0000-000000000000",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "dGhlIHNhbXBsZSBub25jZQ+/==",
        "Root=1-67891233-abcdef012345678912345678",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=:@-",
    ],
)
def test_a_good_id_is_safe(value: str) -> None:
    """1 to 200 characters out of the allowed ones are taken over, whatever scheme made them."""
    assert clew.is_safe_id(value) is True


UUID = "018f6b0e-8f4e-7c3a-9b1d-2f3e4d5c6b7a"


@each_row(
    "value",
    [
        "",
        " ",
        "A" * 201,
        "-" * 8000 + UUID,
        "urn:uuid:" * 1000 + UUID,
        "{" + UUID + "}",
        "{" * 100 + UUID,
        " " + UUID,
        UUID + " ",
        "\t" + UUID,
        UUID + "\n",
        UUID + "\r\nSet-Cookie: a=b",
        "a\nb",
        "a\x00b",
        "\x7f",
        "a,b",
        "a;b",
        'a"b',
        "a'b",
        "a\\b",
        "a%0Ab",
        "<script>",
        "${jndi}",
        "é",
        "\u0661\u0662\u0663",  # Arabic digits
        "\uff11\uff12",  # full-width digits
        "\u212a",  # the Kelvin sign, whose lower case is an ASCII k
        "\u0131",
        "\ud800",
    ],
)
def test_a_bad_id_is_refused(value: str) -> None:
    """What is empty, too long, or holds any other character is not taken over."""
    assert clew.is_safe_id(value) is False


def test_every_other_ascii_character_is_refused() -> None:
    """The allowed characters are exactly the documented ones."""
    allowed = {chr(number) for number in range(256) if clew.is_safe_id(chr(number))}
    assert "".join(sorted(allowed)) == (
        "+-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
    )
