"""A server of the tests' own, and how their results are counted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

import cachecore


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """A private server for this run of pytest. The path is short: it has to fit a socket's name."""
    directory = tempfile.mkdtemp(prefix="cc-")
    yield f"embedded://{directory}/s"
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def client(url: str) -> Iterator[cachecore.Client]:
    with cachecore.Client(url) as made:
        yield made
        made.redis.command(["FLUSHALL"])


def needs(client: Any, plugin: str) -> None:
    """Skips a test of a plugin that this tree does not build."""
    if all(each["name"] != plugin for each in client.describe()["plugins"]):
        pytest.skip(f"the plugin {plugin} is not built in this tree")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """As cmocka says it, which tests/count.py reads."""
    counted = {word: len(terminalreporter.stats.get(word, [])) for word in ("passed", "failed", "error", "skipped")}
    print(f"\n[  PASSED  ] {counted['passed']} test(s).")
    if counted["failed"] + counted["error"]:
        print(f"[  FAILED  ] {counted['failed'] + counted['error']} test(s).")
    if counted["skipped"]:
        print(f"[  SKIPPED ] {counted['skipped']} test(s).")
