"""Numbers of other libraries, and objects of databases, as plain JSON."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pytest

import clew
from clew._plain import to_plain
from clew._redaction import DEFAULT
from tests.conftest import Lines
from tests.rows import each_row

log = clew.get_logger("shop")


def plain(value: object) -> Any:
    return to_plain(value, DEFAULT)


class Index:
    def __index__(self) -> int:
        return 7


class Scalar:
    def item(self) -> float:
        return 1.5


class Array:
    def tolist(self) -> list[object]:
        return [1, Scalar()]


class Cart:
    """What has a method of such a name, and is no number."""

    def item(self, name: str) -> str:
        return name

    def __str__(self) -> str:
        return "cart"


@each_row(
    ("value", "written"), [(Index(), 7), (Scalar(), 1.5), (Array(), [1, 1.5]), (Cart(), "cart")]
)
def test_what_is_a_number_is_written_as_one(value: object, written: object, lines: Lines) -> None:
    """What says that it is a number, or a list of them, is one."""
    log.info("line", field=value, within=[value])
    (line,) = lines()
    assert (line["field"], line["within"]) == (written, [written])


def test_numbers_of_numpy(lines: Lines) -> None:
    """Its numbers are numbers, its truth values are such, its arrays lists, its times texts."""
    np: Any = pytest.importorskip("numpy")
    day = np.datetime64("2026-11-01T12:00:00.000000000")
    values = {
        "int": (np.int64(5), 5),
        "small": (np.uint8(5), 5),
        "float": (np.float32(1.5), 1.5),
        "double": (np.float64(1.5), 1.5),
        "long": (np.longdouble(1.5), 1.5),
        "nan": (np.float32("nan"), None),
        "bool": (np.bool_(True), True),
        "array": (np.arange(3), [0, 1, 2]),
        "matrix": (np.array([[1.5, np.inf]]), [[1.5, None]]),
        "scalar": (np.array(3), 3),
        "bools": (np.array([True]), [True]),
        "texts": (np.array(["a"]), ["a"]),
        "time": (day, "2026-11-01T12:00:00"),
        "times": (np.array([day, "NaT"], "datetime64[ns]"), ["2026-11-01T12:00:00", None]),
    }
    log.info("line", **{name: value for name, (value, _) in values.items()})
    (line,) = lines()
    assert {name: line[name] for name in values} == {
        name: written for name, (_, written) in values.items()
    }
    assert line["bool"] is True


def test_an_array_is_bounded() -> None:
    """Of a large array as much is written as of a large list."""
    np: Any = pytest.importorskip("numpy")
    written = plain(np.zeros((10, 1_000_000)))
    assert len(written[0]) <= 100_001
    assert written[-1] == "..."


def test_numbers_of_pandas(lines: Lines) -> None:
    """Its numbers are numbers, its columns lists, its gaps null."""
    pd: Any = pytest.importorskip("pandas")
    frame = pd.DataFrame({"price": [1.5, None], "count": [1, 2]})
    values = {
        "column": (frame["price"], [1.5, None]),
        "index": (frame.index, [0, 1]),
        "cell": (frame["count"].iloc[0], 1),
        "sum": (frame["count"].sum(), 3),
        "gaps": (pd.array([1, None], dtype="Int64"), [1, None]),
        "gap": (pd.NA, None),
        "time": (pd.Timestamp("2026-11-01", tz="UTC"), "2026-11-01T00:00:00Z"),
        "no time": (pd.NaT, None),
        "duration": (pd.Timedelta("1h"), "PT3600S"),
        "times": (pd.Series([pd.Timestamp("2026-11-01")]), ["2026-11-01T00:00:00"]),
    }
    log.info("line", **{name: value for name, (value, _) in values.items()})
    (line,) = lines()
    assert {name: line[name] for name in values} == {
        name: written for name, (_, written) in values.items()
    }


class Property:
    """A model of no library's, one of whose attributes raises."""

    model_fields: ClassVar[dict[str, None]] = dict.fromkeys(("good", "bad", "other"))
    good, other = 1, 2

    @property
    def bad(self) -> int:
        raise RuntimeError("no session")


def test_an_attribute_that_raises_costs_only_itself() -> None:
    """The others are written."""
    assert plain(Property()) == {"good": 1, "other": 2}


@pytest.fixture
def heroes() -> Any:
    """A mapped class with a relationship, its session, and the statements that it has sent."""
    sa: Any = pytest.importorskip("sqlalchemy")
    orm: Any = pytest.importorskip("sqlalchemy.orm")

    base: Any = orm.declarative_base()

    class Team(base):  # type: ignore[misc]
        __tablename__ = "team"
        id = sa.Column(sa.Integer, primary_key=True)
        heroes = orm.relationship("Hero", back_populates="team")

    class Hero(base):  # type: ignore[misc]
        __tablename__ = "hero"
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String)
        password = sa.Column(sa.String)
        story = orm.deferred(sa.Column(sa.String))
        team_id = sa.Column(sa.ForeignKey("team.id"))
        team = orm.relationship(Team, back_populates="heroes")

        def __repr__(self) -> str:
            return f"<Hero {self.name} of {self.team}>"

    engine = sa.create_engine("sqlite://")
    base.metadata.create_all(engine)
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with orm.Session(engine) as session:
        session.add(Hero(id=1, name="Ann", password="x", story="long", team=Team(id=3)))
        session.commit()
        session.expunge_all()
        yield Hero, session, statements
    engine.dispose()


SHOWN = {"id": 1, "name": "Ann", "password": "***", "team_id": 3}


def test_of_a_mapped_object_what_is_loaded_is_written(heroes: Any, lines: Lines) -> None:
    """Its columns are written, masked; no relationship and no deferred column is loaded."""
    kind, session, statements = heroes
    hero = session.get(kind, 1)
    statements.clear()
    log.info("line", field=hero)
    assert lines()[0]["field"] == SHOWN
    assert not statements
    assert hero.team.heroes == [hero]
    log.info("line", field=hero)
    assert lines()[1]["field"]["team"] == {"id": 3, "heroes": ["..."]}


def test_a_detached_object_is_written(heroes: Any, lines: Lines) -> None:
    """What was loaded of it is, and of one that a commit expired its key."""
    kind, session, statements = heroes
    hero = session.get(kind, 1)
    session.expunge(hero)
    log.info("line", field=hero)
    expired = session.get(kind, 1)
    session.commit()
    statements.clear()
    log.info("line", field=expired)
    session.expunge(expired)
    log.info("line", field=expired)
    assert [line["field"] for line in lines()] == [SHOWN, {"id": 1}, {"id": 1}]
    assert not statements


def test_a_mapped_dataclass_is_read_where_it_is_loaded(lines: Lines) -> None:
    """A dataclass that is mapped, too, loads nothing."""
    sa: Any = pytest.importorskip("sqlalchemy")
    orm: Any = pytest.importorskip("sqlalchemy.orm")

    Base: Any = type("Base", (orm.MappedAsDataclass, orm.DeclarativeBase), {})  # noqa: N806
    # Its annotations are evaluated within SQLAlchemy, which does not know these local names.
    Hero: Any = type(  # noqa: N806
        "Hero",
        (Base,),
        {
            "__module__": __name__,
            "__tablename__": "hero",
            "__annotations__": {"id": orm.Mapped[int], "name": orm.Mapped[str]},
            "id": orm.mapped_column(primary_key=True),
            "name": orm.mapped_column(),
        },
    )
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Hero(id=1, name="Ann"))
        session.commit()
        hero = session.scalars(sa.select(Hero).options(orm.load_only(Hero.id))).one()
        session.expunge(hero)
    engine.dispose()
    log.info("line", field=hero)
    assert lines()[0]["field"] == {"id": 1}


class State:
    """As Django's models have one."""


class Field:
    def __init__(self, attname: str) -> None:
        self.attname = attname


class Meta:
    concrete_fields = (Field("id"), Field("name"), Field("team_id"), Field("story"))


class Person:
    """An object as Django's are, of which the column ``story`` was deferred."""

    _meta = Meta()

    def __init__(self) -> None:
        self._state = State()
        self.id, self.name, self.team_id = 1, "Ann", 3
        self._prefetched_objects_cache: dict[str, object] = {}

    def __str__(self) -> str:
        raise RuntimeError("no query, please")


def test_of_a_django_object_the_loaded_columns_are_written(lines: Lines) -> None:
    """Its columns are, but those that were deferred; its own text, which may query, is not."""
    log.info("line", field=Person())
    assert lines()[0]["field"] == {"id": 1, "name": "Ann", "team_id": 3}


def test_a_lazy_object_of_djangos_is_not_loaded(lines: Lines) -> None:
    """As request.user is: what is loaded is written, and nothing is loaded for a line."""
    lazy = pytest.importorskip("django.utils.functional").SimpleLazyObject
    asked: list[str] = []

    def find() -> Person:
        asked.append("once")
        return Person()

    user = lazy(find)
    log.info("line", user=user, users=[user])
    assert not asked
    assert user.name == "Ann"
    log.info("line", user=user)
    assert [line["user"] for line in lines()] == ["...", {"id": 1, "name": "Ann", "team_id": 3}]


class Query:
    """A query as Django's are, which is sent for its text."""

    def __init__(self, rows: list[Person] | None) -> None:
        self._result_cache = rows

    def __str__(self) -> str:
        raise RuntimeError("no query, please")


@pytest.mark.parametrize(
    ("rows", "written"),
    [(None, "<Query>"), ([Person()], [{"id": 1, "name": "Ann", "team_id": 3}])],
)
def test_a_query_is_not_sent(rows: Any, written: object, lines: Lines) -> None:
    """Of a query of Django's the rows that it has loaded are written."""
    log.info("line", field=Query(rows))
    assert lines()[0]["field"] == written


def test_a_duration_of_any_class_is_one() -> None:
    """A subclass of timedelta is written as timedelta is."""
    kind = type("Duration", (dt.timedelta,), {})
    assert plain(kind(hours=1)) == dt.timedelta(hours=1)


class Broken(list[int]):
    """A list whose items cannot be read."""

    def __iter__(self) -> Any:
        raise RuntimeError("no items, please")


def test_after_a_value_that_fails_the_next_is_where_it_was() -> None:
    """What cannot be read costs itself: it is as often so as it comes, and nothing lies within."""
    broken = Broken([1])
    assert plain([broken] * 40 + [[1]]) == ["<unprintable Broken>"] * 40 + [[1]]


class Talkative:
    """What logs while it says what it is, as a query of Django's does."""

    def __init__(self) -> None:
        self.asked = 0

    def __str__(self) -> str:
        self.asked += 1
        log.info("asked", own={self: [self]}, number=1)
        return "talkative"


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_value_may_log_while_its_text_is_made(lines: Lines, both_ways: None, level: str) -> None:
    """Its line comes once for each time that it is asked, with its class where it stands again, and
    the line that asked comes as well, whether both are written at once or kept.
    """
    lines.configure(keep="DEBUG")
    first, second, own = Talkative(), Talkative(), Talkative()

    def fail() -> None:
        clew.bind(first=first, second=[second])
        getattr(log, level)("line", third={own: 1})
        raise LookupError

    with pytest.raises(LookupError), clew.context():
        fail()
    *asked, line = lines()
    assert (line["message"], line["first"], line["second"]) == ("line", "talkative", ["talkative"])
    assert line["third"] == {"talkative": 1}
    assert [one["message"] for one in asked] == ["asked"] * 3
    assert [first.asked, second.asked, own.asked] == [1, 1, 1]
    for one in asked:
        assert one["own"] == {"<Talkative>": ["<Talkative>"]}
        assert (one["first"], one["second"], one["number"]) == ("<Talkative>", ["<Talkative>"], 1)


def test_a_line_after_one_that_failed_asks_its_values_again(lines: Lines) -> None:
    """What raises while it is asked is unprintable, and the next value is asked as ever."""

    class Silent:
        def __str__(self) -> str:
            raise ValueError("no")

    log.info("line", first=Silent(), second=Cart())
    (line,) = lines()
    assert "unprintable" in line["first"]
    assert line["second"] == "cart"
