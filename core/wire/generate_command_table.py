"""Writes command_table_data.inc from what a redis-server says about its commands.

    python3 generate_command_table.py [--server redis-server] [--cli redis-cli] > command_table_data.inc

Run it with the newest server whose commands the core is to know (7.0 or later: key specifications came with it), then
run the tests of tests/wire: they compare the table with the server that is installed.

The server says which commands read, write and block and where their keys are. The lists below say what it does not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

KeySpec = tuple[int, str, bool, int, int, int]  # place, keyword, counted, last, step, limit
Keys = tuple[int, int, int, list[KeySpec]]  # first_key, last_key, key_step
Command = tuple[str, set[str], Keys, bool]  # name, flags, keys, has subcommands


def names(text: str) -> list[str]:
    return text.split()


# Change what later commands on the same connection mean or get. CLIENT and SCRIPT themselves stand for subcommands this
# table does not know.
STATEFUL = names("""
    asking auth discard exec hello monitor multi psubscribe psync punsubscribe quit readonly readwrite replconf reset
    select ssubscribe subscribe sunsubscribe sync unsubscribe unwatch watch
    client client|caching client|no-evict client|no-touch client|reply client|setinfo client|setname client|tracking
    script script|debug
    client|capa client|import-source
""")

# Block (or speak of the connection's own writes) though the server's flags do not say so.
BLOCKING = names("wait waitaof")

# Run what a user wrote.
SCRIPTS = names("eval eval_ro evalsha evalsha_ro fcall fcall_ro")

# Neither read nor write in the server's words, but harmless: they change no data and no setting.
READ_ONLY = names("""
    command command|count command|docs command|getkeys command|getkeysandflags command|info command|list
    acl|cat acl|dryrun acl|genpass acl|getuser acl|list acl|users acl|whoami
    client|getname client|getredir client|id client|info client|list client|trackinginfo
    cluster|count-failure-reports cluster|countkeysinslot cluster|getkeysinslot cluster|info cluster|keyslot
    cluster|links cluster|myid cluster|myshardid cluster|nodes cluster|replicas cluster|shards cluster|slaves
    cluster|slot-stats cluster|slots
    commandlog|get commandlog|len
    config|get
    echo
    function|dump function|list function|stats
    info
    lastsave
    latency|doctor latency|graph latency|histogram latency|history latency|latest
    memory|doctor memory|malloc-stats memory|stats
    module|list
    ping
    pubsub|channels pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub
    role
    script|exists script|show
    slowlog|get slowlog|len
    time
""")

# Changes that may be repeated; command_table.h says by what rule. SET only as far as its options allow.
REPEATABLE = names("hmset mset psetex script|load set setex")

# Commands of servers after Redis 7.0, Valkey's and Redis' vector sets among them: name, flags, keys; used as far as the
# asked server does not know them itself.
ONE_KEY: Keys = (1, 1, 1, [(1, "", False, 0, 1, 0)])
NO_KEY: Keys = (0, 0, 0, [])
LATER: dict[str, tuple[list[str], Keys]] = {
    "waitaof": ([], NO_KEY),
    "client|no-touch": ([], NO_KEY),
    "client|setinfo": ([], NO_KEY),
    "cluster|myshardid": ([], NO_KEY),
    "client|capa": ([], NO_KEY),
    "client|import-source": ([], NO_KEY),
    "cluster|slot-stats": ([], NO_KEY),
    "commandlog": ([], NO_KEY),
    "commandlog|get": (["admin", "dangerous"], NO_KEY),
    "commandlog|help": ([], NO_KEY),
    "commandlog|len": (["admin", "dangerous"], NO_KEY),
    "commandlog|reset": (["admin", "dangerous"], NO_KEY),
    "script|show": ([], NO_KEY),
    "hexpire": (["write"], ONE_KEY),
    "hexpireat": (["write"], ONE_KEY),
    "hexpiretime": (["read_only"], ONE_KEY),
    "hgetdel": (["write"], ONE_KEY),
    "hgetex": (["write"], ONE_KEY),
    "hpersist": (["write"], ONE_KEY),
    "hpexpire": (["write"], ONE_KEY),
    "hpexpireat": (["write"], ONE_KEY),
    "hpexpiretime": (["read_only"], ONE_KEY),
    "hpttl": (["read_only"], ONE_KEY),
    "hsetex": (["write"], ONE_KEY),
    "httl": (["read_only"], ONE_KEY),
    **dict.fromkeys(names("vadd vrem vsetattr"), (["write"], ONE_KEY)),
    **dict.fromkeys(
        names("vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vsim"), (["read_only"], ONE_KEY)
    ),
}

# The server's flag or ACL category, and ours.
FLAGS = {
    "readonly": "read_only",
    "write": "write",
    "blocking": "may_block",
    "pubsub": "pub_sub",
    "admin": "admin",
    "@dangerous": "dangerous",
    "movablekeys": "movable_keys",
}
ORDER = names("read_only write repeatable may_block stateful pub_sub script admin dangerous movable_keys")


def ask(server: str, cli: str) -> tuple[str, list]:
    """The server's version and its reply to COMMAND, from a server of our own without a port or files."""
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory) / "socket"
        arguments = ["--port", "0", "--unixsocket", str(socket), "--dir", directory, "--save", ""]
        with subprocess.Popen([server, *arguments], stdout=subprocess.DEVNULL) as process:
            try:
                while not socket.exists():
                    if process.poll() is not None:
                        sys.exit(f"{server} ended with {process.returncode} before it opened its socket")
                    time.sleep(0.01)
                run = [cli, "-s", str(socket)]
                commands = subprocess.run([*run, "-3", "--json", "COMMAND"], check=True, capture_output=True).stdout
                info = subprocess.run([*run, "INFO", "server"], check=True, capture_output=True, text=True).stdout
            finally:
                process.terminate()
    version = next(line.split(":")[1] for line in info.splitlines() if line.startswith("redis_version"))
    return version, json.loads(commands)


def key_spec(spec: dict) -> KeySpec | None:
    """One key specification; None when it does not tell all keys: for the few commands that have such (SORT, MIGRATE),
    command_table_keys.cpp reads the options as the server does."""
    begin, find = spec["begin_search"], spec["find_keys"]
    if begin["type"] == "unknown" or find["type"] == "unknown" or "incomplete" in spec["flags"]:
        return None
    keyword = begin["type"] == "keyword"
    place = begin["spec"]["startfrom"] if keyword else begin["spec"]["index"]
    name = begin["spec"]["keyword"].lower() if keyword else ""
    if place < 1:
        sys.exit(f"a key specification of a new form: {spec}")
    rule = find["spec"]
    if find["type"] == "keynum":
        if rule["keynumidx"] != 0 or rule["firstkey"] != 1:
            sys.exit(f"a key specification of a new form: {spec}")
        return (place, name, True, 0, rule["keystep"], 0)
    return (place, name, False, rule["lastkey"], rule["keystep"], rule["limit"])


def rows(commands: list) -> Iterator[Command]:
    """Every command and subcommand, with what the server says of it."""
    for name, _, flags, first, last, step, categories, _, specs, subcommands in commands:
        ours = {FLAGS[flag] for flag in flags + categories if flag in FLAGS}
        keys = [spec for spec in map(key_spec, specs) if spec is not None]
        # Commands that come with a module are named in capitals.
        yield name.lower(), ours, (first, last, step, keys), bool(subcommands)
        yield from rows(subcommands)


LISTS = {
    "stateful": STATEFUL,
    "may_block": BLOCKING,
    "script": SCRIPTS,
    "read_only": READ_ONLY,
    "repeatable": REPEATABLE,
}


def complete(name: str, flags: set[str]) -> set[str]:
    """Adds what the lists above say."""
    flags = flags | {flag for flag, listed in LISTS.items() if name in listed}
    if name.endswith("|help"):
        flags.add("read_only")
    if "read_only" in flags:
        flags.add("repeatable")
    return flags


def table(commands: list) -> list[Command]:
    """All commands of the table, in order."""
    found = {name: (flags, keys, container) for name, flags, keys, container in rows(commands)}
    for name, (flags, keys) in LATER.items():
        found.setdefault(name, (set(flags), keys, any(other.startswith(name + "|") for other in LATER)))
    strange = {name for listed in LISTS.values() for name in listed} - found.keys()
    if strange:
        sys.exit(f"listed here, but unknown to the server: {sorted(strange)}")
    return [(name, complete(name, flags), keys, container) for name, (flags, keys, container) in sorted(found.items())]


def write(version: str, commands: list[Command], out: TextIO) -> None:
    """The lists of key specifications, each different one once, and the commands, which refer to them."""
    runs: list[KeySpec] = []
    places: dict[tuple[KeySpec, ...], int] = {}
    lines = []
    for name, flags, (first, last, step, keys), container in commands:
        specs = tuple(keys)
        if specs not in places:
            places[specs] = len(runs)
            runs.extend(specs)
        words = " | ".join(f"command_{flag}" for flag in ORDER if flag in flags) or "0"
        place = places[specs] if specs else 0
        yes = "true" if container else "false"
        lines.append(f'    {{"{name}", {words}, {first}, {last}, {step}, {place}, {len(specs)}, {yes}}},')
    out.write(f"// Made by generate_command_table.py from the COMMAND reply of Redis {version}; not to be edited.\n")
    out.write("// clang-format off\n\nconstexpr key_spec key_specs[] = {\n")
    for place, keyword, counted, last, step, limit in runs:
        out.write(f'    {{{place}, "{keyword}", {"true" if counted else "false"}, {last}, {step}, {limit}}},\n')
    out.write("};\n\nconstexpr command_info commands[] = {\n" + "\n".join(lines) + "\n};\n\n// clang-format on\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="redis-server")
    parser.add_argument("--cli", default="redis-cli")
    arguments = parser.parse_args()
    version, commands = ask(arguments.server, arguments.cli)
    write(version, table(commands), sys.stdout)


if __name__ == "__main__":
    main()
