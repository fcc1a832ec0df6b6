"""Blocking clients: calls, results, errors, interrupts, closing, forks, exits."""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import cachecore
from cachecore import (
    ClosedError,
    InvalidArgumentError,
    MethodNotFoundError,
    OperationTimeoutError,
    RedisOperationError,
    RejectedError,
    UnavailableError,
    UncertainError,
)


def run_program(program: str, *arguments: str, timeout: int = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


# ---- calls and results ----


def test_values_come_back_as_they_were(client: cachecore.Client) -> None:
    assert client.kv.set("key", "größe") is True
    assert client.kv.get("key") == "größe"
    client.kv.set("key", b"\xff\x00")
    assert client.kv.get("key") == b"\xff\x00"
    client.kv.set("key", bytearray(b"abc"))
    assert client.kv.get("key") == "abc"
    client.kv.set("key", memoryview(b"def")[1:])
    assert client.kv.get("key") == "ef"
    client.kv.set_json("json", {"a": [1, 2**62, 1.5, None, True], "b": {"c": "d"}})
    assert client.kv.get_json("json") == {"a": [1, 2**62, 1.5, None, True], "b": {"c": "d"}}
    assert client.kv.get("nothing") is None


def test_decode_false_gives_bytes_but_names_as_text(url: str, client: cachecore.Client) -> None:
    raw = client.using(decode=False)
    client.kv.hash_set_many("hash", {"name": "Ada"})
    assert raw.kv.hash_get_all("hash") == {"name": b"Ada"}
    assert client.kv.hash_get_all("hash") == {"name": "Ada"}


def test_decode_follows_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_DECODE_RESPONSES", "false")
    with cachecore.Client(url) as client:
        client.kv.set("decode", "text")
        assert client.kv.get("decode") == b"text"


def test_durations_may_be_timedeltas_and_times_datetimes(client: cachecore.Client) -> None:
    client.kv.set("key", "value", ttl_ms=timedelta(minutes=1))
    assert 59_000 < client.kv.ttl("key") <= 60_000
    assert client.kv.expire("key", timedelta(seconds=5)) is True
    assert 4_000 < client.kv.ttl("key") <= 5_000
    client.kv.set_json("at", datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC))
    with pytest.raises(TypeError, match="time zone"):
        client.redis.command(["SET", "key", datetime(2026, 1, 1)])


def test_options_are_keywords(client: cachecore.Client) -> None:
    assert client.kv.set("key", "1", if_="absent") is True
    assert client.kv.set("key", "2", options={"if": "absent"}) is False
    assert client.kv.set("key", "3", options={"if": "present"}, keep_ttl=True) is True
    with pytest.raises(TypeError, match=r"kv\.set has no parameter 'iff'"):
        client.kv.set("key", "4", iff="absent")


def test_shapes_that_the_binding_adds(client: cachecore.Client) -> None:
    client.kv.set_dict("dict", {"a": 1})
    client.kv.set_list("list", [1, 2])
    assert client.kv.get_dict("dict") == {"a": 1}
    assert client.kv.get_list_value("list") == [1, 2]
    assert client.kv.get_dict("nothing") is None
    with pytest.raises(cachecore.CorruptError):
        client.kv.get_dict("list")
    with pytest.raises(TypeError, match="set_dict"):
        client.kv.set_dict("dict", [1])  # type: ignore[arg-type]


def test_a_pipeline_holds_errors_among_its_answers(client: cachecore.Client) -> None:
    answers = client.redis.pipeline([["SET", "text", "a"], ["LPUSH", "text", "b"], ["GET", "text"]])
    assert answers[0] == "OK" and answers[2] == "a"
    assert isinstance(answers[1], RejectedError)


def test_points_move_between_users_at_once(client: cachecore.Client) -> None:
    client.redis.pipeline([["SET", "points:{a}", "10"], ["SET", "points:{a}:b", "0"]])
    client.redis.transaction([["DECRBY", "points:{a}", 3], ["INCRBY", "points:{a}:b", 3]], expect={"points:{a}": "10"})
    assert client.kv.get_many(["points:{a}", "points:{a}:b"]) == ["7", "3"]
    with pytest.raises(cachecore.ConflictError):
        client.redis.transaction([["DECRBY", "points:{a}", 3]], expect={"points:{a}": "10"})
    moved = client.redis.script(
        "redis.call('DECRBY', KEYS[1], ARGV[1]) return redis.call('INCRBY', KEYS[2], ARGV[1])",
        ["points:{a}", "points:{a}:b"],
        ["2"],
    )
    assert moved == 5


def test_methods_document_themselves(client: cachecore.Client) -> None:
    import inspect

    assert str(inspect.signature(client.kv.set)) == "(key, value, ttl_ms=None, options=None, *, timeout_ms=0)"
    assert "Writes a value." in (client.kv.set.__doc__ or "")
    assert "set_json" in dir(client.kv) and "kv" in dir(client)


def test_a_plugin_nobody_heard_of_is_callable(url: str) -> None:
    with cachecore.Client(url, load=[os.environ["CACHECORE_CONFORMANCE_PLUGIN"]]) as client:
        assert client.conformance.echo({"a": [1]}) == {"a": [1]}
        assert client.call("conformance.echo", 1) == 1
        missing = object()
        assert client.method("conformance.not_found", missing=missing)() is missing
        client.load_plugin("kv")
        assert client.kv.exists("nothing") is False


def test_streams_end_when_they_are_closed(client: cachecore.Client) -> None:
    heard: list[Any] = []
    with client.redis.subscribe(["news"]) as news:
        first = next(news)
        assert first["kind"] == "subscribed" or first
        client.redis.publish("news", "hello")
        for item in news:
            heard.append(item)
            if "hello" in str(item):
                break
    assert "hello" in str(heard[-1])
    stream = client.redis.subscribe(["news"])
    threading.Timer(0.2, stream.close).start()
    assert all("hello" not in str(item) for item in stream)


# ---- errors ----


def test_errors_know_the_operation_and_the_key(client: cachecore.Client) -> None:
    client.kv.list_push("list", "a")
    with pytest.raises(RejectedError) as caught:
        client.kv.get("list")
    error = caught.value
    assert (error.operation, error.key, error.server_code, error.status_name) == ("kv.get", "list", "WRONGTYPE", "REJECTED")
    assert "WRONGTYPE" in str(error) and "kv.get" in str(error) and "'list'" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.key) == (RejectedError, str(error), "list")
    assert isinstance(error, RedisOperationError)


def test_wrong_calls_are_named(client: cachecore.Client) -> None:
    with pytest.raises(InvalidArgumentError, match=r"kv\.set: ttl_ms must be > 0, got -5"):
        client.kv.set("key", "value", ttl_ms=-5)
    with pytest.raises(ValueError):
        client.kv.set("key", "value", ttl_ms=-5)
    with pytest.raises(TypeError, match=r"kv\.set: value: .*not <class 'set'>"):
        client.kv.set("key", {1})  # type: ignore[arg-type]
    with pytest.raises(OverflowError, match=r"kv\.increment: by"):
        client.kv.increment("key", 2**63)
    with pytest.raises(ValueError, match=r"kv\.get: key"):
        client.kv.get("\ud800")
    with pytest.raises(TypeError, match="takes 1 arguments"):
        client.kv.get("a", "b")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="given twice"):
        client.kv.get("a", key="b")  # type: ignore[misc]
    with pytest.raises(MethodNotFoundError, match="kv has no method gett"):
        client.kv.gett  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no plugin 'kvv'"):
        client.kvv
    with pytest.raises(ValueError, match="nested"):
        deep: list[Any] = []
        for _ in range(600):
            deep = [deep]
        client.cache.set("region", "key", deep)
    with pytest.raises(InvalidArgumentError, match="max_conections"):
        cachecore.Client("redis://localhost", max_conections=5)


def test_a_method_named_as_attributes_are_is_absent(client: cachecore.Client) -> None:
    assert not hasattr(client.kv, "nonsense") and not hasattr(client, "nonsense")


def test_on_error_default_answers_none_or_false(caplog: pytest.LogCaptureFixture) -> None:
    with cachecore.Client("redis://127.0.0.1:1", on_error="default", timeout_ms=500) as client:
        assert client.kv.get("key") is None
        assert client.kv.set("key", "value") is False
        assert client.kv.exists("key") is False
        assert "kv.get" in caplog.text
        with pytest.raises(InvalidArgumentError):
            client.kv.set("key", "value", ttl_ms=-1)
        with pytest.raises(UnavailableError):
            client.using(on_error="raise").kv.get("key")


def test_a_deadline_ends_a_call(client: cachecore.Client) -> None:
    client.redis.ping()  # connected: so it is sent, and nobody knows what came of it
    with pytest.raises((UncertainError, OperationTimeoutError)):
        client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=50)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        with cachecore.Client(f"redis://127.0.0.1:{deaf.getsockname()[1]}") as waiting:
            with pytest.raises(TimeoutError) as caught:
                waiting.kv.get("key", timeout_ms=50)
    assert isinstance(caught.value, OperationTimeoutError)


# ---- interrupts ----


def test_ctrl_c_ends_a_waiting_call(url: str) -> None:
    program = """
        import os, signal, sys, threading, time, cachecore
        client = cachecore.Client(sys.argv[1])
        client.redis.ping()
        for call in (lambda: client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1),
                     lambda: list(client.redis.subscribe(["nobody publishes here"]))):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            began = time.monotonic()
            try:
                call()
            except KeyboardInterrupt:
                print("interrupted", time.monotonic() - began < 5)
        print(client.kv.set("after", "works"))
    """
    done = run_program(program, url)
    assert done.stdout.split("\n")[:3] == ["interrupted True", "interrupted True", "True"], done


def test_ctrl_c_ends_a_call_to_a_server_that_is_stopped(url: str) -> None:
    program = """
        import os, signal, socket, threading, cachecore
        deaf = socket.create_server(("127.0.0.1", 0))
        client = cachecore.Client(f"redis://127.0.0.1:{deaf.getsockname()[1]}")
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            client.kv.get("key", timeout_ms=-1)
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run_program(program).stdout == "interrupted\n"


def test_a_handler_that_raises_nothing_lets_the_call_go_on(client: cachecore.Client) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert client.redis.command(["BLPOP", "nothing", "0.4"]) is None
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


# ---- closing ----


def test_closing_again_is_fine_and_using_afterwards_an_error(url: str) -> None:
    client = cachecore.Client(url)
    get = client.kv.get
    client.close()
    client.close()
    assert client.closed and "closed" in repr(client)
    with pytest.raises(ClosedError):
        get("key")


def test_close_in_a_signal_handler_ends_the_call_below_it(url: str) -> None:
    program = """
        import os, signal, sys, threading, cachecore
        client = cachecore.Client(sys.argv[1])
        signal.signal(signal.SIGTERM, lambda *_: client.close())
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        try:
            client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1)
        except cachecore.ClosedError as error:
            print("closed", client.closed)
    """
    assert run_program(program, url).stdout == "closed True\n"


def test_close_ends_calls_of_other_threads(url: str) -> None:
    client = cachecore.Client(url)
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1)
        except RedisOperationError as error:
            ended.append(error)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while "blocked_clients:4" not in client.redis.command(["INFO", "clients"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    client.close()
    for thread in threads:
        thread.join(10)
    assert [type(error) for error in ended] == [ClosedError] * 4


def test_close_while_arguments_are_read(url: str) -> None:
    """Symptom: the handle was freed under a call whose arguments ran Python code."""
    client = cachecore.Client(url)

    class Closing:
        def __index__(self) -> int:
            client.close()
            return 5

    with pytest.raises(ClosedError):
        client.kv.increment("key", Closing())  # type: ignore[arg-type]


def test_closing_and_calling_race(url: str) -> None:
    for _ in range(6):
        client = cachecore.Client(url)
        client.redis.ping()
        stop = threading.Event()

        def call(client: cachecore.Client = client, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                try:
                    client.kv.get("key")
                except ClosedError:
                    return

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        client.close()
        stop.set()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def test_a_client_that_is_garbage_goes(url: str) -> None:
    client = cachecore.Client(url)
    client.redis.ping()
    method = client.kv.get
    del client
    gc.collect()
    assert method("key") is None  # the method keeps what it needs
    del method
    gc.collect()


def test_threads_never_see_each_others_replies(client: cachecore.Client) -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        for turn in range(200):
            key, value = f"own:{number}", f"{number}:{turn}"
            client.kv.set(key, value)
            if client.kv.get(key) != value:
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- processes ----


def test_a_forked_child_starts_afresh_by_itself(client: cachecore.Client) -> None:
    client.kv.set("key", "parent")
    get = client.kv.get
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps([get("key"), client.kv.set("child", "was here")]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    assert json.loads(os.read(reading, 1000)) == ["parent", True]
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0
    assert client.kv.get("child") == "was here"


def test_a_fork_while_threads_are_calling(url: str) -> None:
    program = """
        import os, sys, threading, cachecore
        client = cachecore.Client(sys.argv[1])
        stop = threading.Event()
        def call():
            while not stop.is_set():
                client.kv.set("key", "value")
        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads: thread.start()
        for _ in range(10):
            child = os.fork()
            if child == 0:
                fine = client.kv.get("nothing") is None
                client.close()
                os._exit(0 if fine else 1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads: thread.join()
        print("fine")
    """
    done = run_program(program, url)
    assert done.stdout == "fine\n", done


def test_multiprocessing_workers_share_nothing(url: str) -> None:
    program = """
        import multiprocessing, sys, cachecore
        client = cachecore.Client(sys.argv[1])
        client.kv.set("base", "1")
        def work(number):
            return [client.kv.set(f"m:{number}", str(number)), client.kv.get(f"m:{number}"), client.kv.get("base")]
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(3) as pool:
                print(pool.map(work, range(12)) == [[True, str(n), "1"] for n in range(12)])
    """
    done = run_program(program, url)
    assert done.stdout == "True\n", done


def test_an_exit_with_calls_pending_is_clean(url: str) -> None:
    program = """
        import sys, threading, time, cachecore
        client = cachecore.Client(sys.argv[1])
        client.redis.ping()
        def wait():
            client.redis.command(["BLPOP", "nothing", "0"], timeout_ms=-1)
        for _ in range(3):
            threading.Thread(target=wait, daemon=True).start()
        stream = client.redis.subscribe(["news"])
        next(stream)
        time.sleep(0.1)
        print("leaving")
    """
    done = run_program(program, url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "leaving\n", "")


def test_importing_opens_nothing(tmp_path: Any) -> None:
    program = """
        import os, threading
        import cachecore.shared
        from cachecore import cached
        @cached("user:{user_id}")
        def load(user_id): return user_id
        client = cachecore.Client("redis://127.0.0.1:1")
        print(threading.active_count(), len(os.listdir("/proc/self/task")))
    """
    assert run_program(program).stdout == "1 1\n"
