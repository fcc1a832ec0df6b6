"""JSON forms of Python's values, key templates, durations: no server."""

from __future__ import annotations

import dataclasses
import enum
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import pydantic
import pytest

from cachecore.durations import milliseconds
from cachecore.key_templates import KeyTemplate
from cachecore.values import restore, to_plain


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    at: date


class Options(TypedDict):
    since: datetime


@dataclasses.dataclass(frozen=True)
class Address:
    street: str


@dataclasses.dataclass
class User:
    id: uuid.UUID
    born: date
    balance: Decimal
    homes: list[Address]
    tags: frozenset[str] = frozenset()
    friend: User | None = None
    scores: dict[int, float] = dataclasses.field(default_factory=dict)
    seen: int = dataclasses.field(default=0, init=False)


class Order(pydantic.BaseModel):
    id: uuid.UUID
    at: datetime
    lines: list[tuple[str, Decimal]]


NOW = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)
USER = User(
    uuid.UUID(int=7), date(1815, 12, 10), Decimal("1.10"), [Address("St James's Square")], frozenset({"a"}), None, {1: 2.0}
)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (NOW, datetime),
        (NOW.date(), date),
        (time(1, 2, 3), time),
        (timedelta(seconds=1.5), timedelta),
        (uuid.UUID(int=1), uuid.UUID),
        (Decimal("0.10"), Decimal),
        (b"text", bytes),
        (b"\xff", bytes),
        (Colour.RED, Colour),
        (Point(1, NOW.date()), Point),
        ({"since": NOW}, Options),
        (USER, User),
        (dataclasses.replace(USER, friend=USER), User),
        (Order(id=uuid.UUID(int=2), at=NOW, lines=[("tea", Decimal("2.50"))]), Order),
        ([NOW], list[datetime]),
        ((1, "a", NOW), tuple[int, str, datetime]),
        ((NOW, NOW), tuple[datetime, ...]),
        ({NOW.date()}, set[date]),
        ({1: NOW}, dict[int, datetime]),
        ({True: 1}, dict[bool, int]),
        ({uuid.UUID(int=3): [USER]}, Mapping[uuid.UUID, Sequence[User]]),
        (None, Optional[datetime]),
        (NOW, datetime | None),
        ("text", Union[int, str]),
        (5, int | str),
        (USER, User | str),
        ("a", Literal["a", "b"]),
        (NOW, Annotated[datetime, "when"]),
        ({"a": [1, None, True, 1.5]}, Any),
        ({"a": 1}, dict),
    ],
)
def test_what_was_stored_is_restored_by_its_annotation(value: Any, annotation: Any) -> None:
    restored = restore(to_plain(value), annotation)
    assert restored == value and type(restored) is type(value)


def test_fields_that_are_not_arguments_are_restored_too() -> None:
    user = dataclasses.replace(USER)
    user.seen = 9
    assert restore(to_plain(user), User).seen == 9


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be stored as JSON"):
        to_plain(object())
    with pytest.raises(TypeError, match="key of type"):
        to_plain({(1, 2): 3})


def test_what_is_stored_wrongly_is_refused() -> None:
    for plain, annotation in (("nonsense", datetime), ("x", uuid.UUID), ({"id": 1}, User), ([1], tuple[int, int])):
        with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            restore(plain, annotation)


def test_keys_of_templates() -> None:
    template = KeyTemplate("user:{user_id}:page:{page}")
    assert template.region == "user"
    assert template.expand({"user_id": 7, "page": "a b:{*}%"}) == "user:7:page:a%20b%3A%7B%2A%7D%25"
    assert template.expand({"user_id": True, "page": Colour.RED}) == "user:true:page:red"
    assert KeyTemplate("u:{user.id}").expand({"user": USER}) == f"u:{USER.id}"
    assert KeyTemplate("all").expand({}) == "all"


def test_different_arguments_give_different_keys() -> None:
    template = KeyTemplate("k:{a}:{b}")
    texts = ["", ":", "a", "a:", ":a", "%3A", "%", "{", "*"]
    keys = {template.expand({"a": a, "b": b}) for a in texts for b in texts}
    assert len(keys) == len(texts) ** 2


@pytest.mark.parametrize("text", ["u:{a}{b}", "u:{a}-{b}", "u:{", "u:}", "u:{}", "u:{a b}", "u:{a.}", "u:{{a}}"])
def test_templates_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key template"):
        KeyTemplate(text)


def test_arguments_that_cannot_be_keys() -> None:
    with pytest.raises(TypeError, match="path to one"):
        KeyTemplate("u:{a}").expand({"a": USER})
    with pytest.raises(TypeError, match="needs the argument 'a'"):
        KeyTemplate("u:{a}").expand({})


def test_durations() -> None:
    assert [milliseconds(each) for each in (1, 0.0001, 0, -1, timedelta(minutes=1))] == [1000, 1, 0, -1, 60000]
