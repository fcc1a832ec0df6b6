"""Types, style, and that the stubs are what the core describes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
CACHE = str(Path(sys.prefix) / "mypy")  # types of the libraries are read once
BINDING = TESTS.parent.parent / "bindings" / "python"


def check(*command: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=BINDING,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types() -> None:
    check("-m", "mypy", "--cache-dir", CACHE, "-p", "cachecore", MYPYPATH=str(BINDING))


def test_a_program_is_typed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import cachecore\n"
        "from cachecore import cached\n"
        "client = cachecore.Client()\n"
        'reveal_type(client.kv.set("key", "value", ttl_ms=5))\n'
        "@cached('user:{user_id}', expire=60)\n"
        "def load(user_id: int) -> dict[str, int]: return {}\n"
        "reveal_type(load(1))\n"
        'load("one")\n'
        'client.kv.set("key", "value", ttl="soon")\n'
        "async def main(client: cachecore.AsyncClient) -> None:\n"
        '    reveal_type(await client.kv.exists("key"))\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", CACHE, str(program)],
        env={**os.environ, "MYPYPATH": str(BINDING)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout
    assert said.count('Revealed type is "bool"') + said.count('Revealed type is "builtins.bool"') == 2, said
    assert "dict[" in said and "error" in said, said
    assert "program.py:8" in said and "program.py:9" in said, said


def test_style() -> None:
    config = str(BINDING / "pyproject.toml")
    check("-m", "ruff", "check", "--no-cache", "--config", config, ".", str(TESTS))
    check("-m", "ruff", "format", "--no-cache", "--check", "--config", config, ".", str(TESTS))


def test_stubs_are_fresh() -> None:
    check("tools/stubs.py", "--check")
