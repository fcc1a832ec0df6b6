"""Builds plugins/example_c as a stranger would, from an installed tree, and runs example_c_test.c on it.

example_c_test.py MESON BUILD_DIRECTORY SOURCE_ROOT C_COMPILER

Installs the build into a temporary directory, makes the plugin with its own Makefile and the test program with pkg-config, both of which see nothing
of the source tree, then starts a redis-server for it. The installed cachectl calls
the plugin too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE_S = 30


def only(paths: list[Path], what: str) -> Path:
    if len(paths) != 1:
        sys.exit(f"expected one {what}, found {paths}")
    return paths[0]


def start_server(directory: Path) -> tuple[subprocess.Popen[bytes], Path]:
    socket = directory / "redis.sock"
    command = [
        os.environ.get("CACHECORE_TEST_REDIS_SERVER", "redis-server"),
        *("--port", "0", "--unixsocket", str(socket), "--dir", str(directory), "--save", "", "--appendonly", "no"),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            sys.exit("redis-server did not start")
        time.sleep(0.01)
    return server, socket


def check_command_line(cachectl: Path, environment: dict[str, str]) -> None:
    command = [str(cachectl), "--plugin", "example_c", "--json", "call", "example_c.add", "2", "3"]
    answer = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if answer.returncode != 0 or answer.stdout.strip() != "5":
        sys.exit(f"{command} answered {answer}")


def main() -> None:
    meson, build, source, compiler = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4].split()
    with tempfile.TemporaryDirectory(prefix="cc-", dir="/tmp") as temporary:
        here = Path(temporary)
        root = here / "root"
        install = [*meson.split(), "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(root)]
        # Tests must not depend on each other's output of the install log.
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)

        pc_file = only(list(root.rglob("cachecore.pc")), "cachecore.pc")
        prefix = next(
            line.removeprefix("prefix=") for line in pc_file.read_text().splitlines() if line.startswith("prefix=")
        )
        # The tree was moved: the prefix is where it is now.
        pkg_config = f"pkg-config --define-variable=prefix={root}{prefix}"
        environment = dict(os.environ, PKG_CONFIG_PATH=str(pc_file.parent), PKG_CONFIG=pkg_config, CC=" ".join(compiler))
        for name in ("CACHECORE_PLUGIN_PATH", "CACHECORE_SUPERVISOR", "CFLAGS", "LDFLAGS", "DESTDIR"):
            environment.pop(name, None)

        plugin = here / "example_c"
        shutil.copytree(source / "plugins" / "example_c", plugin)
        subprocess.run(["make", "-s", "-C", str(plugin), "install"], check=True, env=environment)

        flags = subprocess.run(
            [*pkg_config.split(), "--cflags", "--libs", "cachecore"], check=True, env=environment, capture_output=True, text=True
        ).stdout.split()
        program = here / "example_c_test"
        test_source = source / "tests" / "plugins" / "example_c_test.c"
        strict = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Werror"]
        subprocess.run(
            [*compiler, *strict, str(test_source), "-o", str(program), *flags, "-lcmocka"], check=True, env=environment, cwd=here
        )

        library = only(list(root.rglob("libcachecore.so")), "libcachecore.so")
        server, socket = start_server(here)
        try:
            environment["LD_LIBRARY_PATH"] = str(library.parent)
            environment["CACHECORE_URL"] = f"unix://{socket}"
            outcome = subprocess.run([str(program)], env=environment, check=False)
            for cachectl in root.rglob("cachectl"):
                check_command_line(cachectl, environment)
        finally:
            server.terminate()
            server.wait()
        sys.exit(outcome.returncode)


main()
