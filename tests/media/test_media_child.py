from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bot.media.child import WORKER, ChildBroken, ChildDied, ChildLimits, Children, resident_by_ps, resident_bytes
from bot.media.limits import Rule

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = ChildLimits(wall_seconds=20.0)
READ = "import json, os, sys, time; request = json.load(sys.stdin);"


def children(code: str, *, at_once: int = 2) -> Children:
    return Children(at_once=at_once, program=(sys.executable, "-I", "-c", READ + code))


async def _appears(path: Path) -> int:
    while not (path.exists() and path.read_text()):  # noqa: ASYNC110 -- a few bytes, from another process
        await asyncio.sleep(0.01)
    return int(path.read_text())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_works_in_its_folder_without_environment_descriptors_or_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "canary")
    tell = "import contextlib\nhave = []\n"
    tell += "for number in range(64):\n with contextlib.suppress(OSError): os.fstat(number); have.append(number)\n"
    tell += "print(json.dumps([os.getcwd(), list(os.environ), have, os.getsid(0) == os.getpid(), sys.path]))"
    code = f"exec({tell!r}.replace('[os.getcwd()', '{{\"all\": [os.getcwd()').replace('sys.path]', 'sys.path]}}'))"
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        folder, environment, descriptors, own_session, search = (
            await children(code).run({}, folder=tmp_path, limits=LIMITS)
        )["all"]
    finally:
        os.close(reader)
        os.close(writer)
    assert folder == str(tmp_path.resolve())
    assert set(environment) <= {"LC_CTYPE", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "__CF_USER_TEXT_ENCODING"}
    assert descriptors == [0, 1, 2]
    assert own_session
    assert "" not in search
    assert str(tmp_path) not in search


async def test_the_answer_comes_back_and_the_limits_go_along(tmp_path: Path) -> None:
    answer = await children("print(json.dumps(request))").run({"a": 1}, folder=tmp_path, limits=ChildLimits())
    assert answer["a"] == 1
    assert answer["limits"]["memory_bytes"] == ChildLimits().memory_bytes


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("time.sleep(60)", Rule.TIMEOUT),
        ("print('x' * 10**6, flush=True); time.sleep(60)", Rule.CORRUPT),
        ("held = bytearray(os.urandom(1) * (200 << 20)); time.sleep(60)", Rule.MEMORY),
        ("import signal; os.kill(os.getpid(), signal.SIGSEGV)", Rule.CORRUPT),
        ("import signal; os.kill(os.getpid(), signal.SIGABRT)", Rule.CORRUPT),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", Rule.MEMORY),
        ("import signal; os.kill(os.getpid(), signal.SIGXCPU)", Rule.TIMEOUT),
        ("print('no json')", Rule.CORRUPT),
        ("print('[1, 2]')", Rule.CORRUPT),
        ("", Rule.CORRUPT),
    ],
)
async def test_what_kills_a_child_or_silences_it_is_told_as_a_rule(code: str, rule: Rule, tmp_path: Path) -> None:
    limits = ChildLimits(wall_seconds=2.0 if rule is Rule.TIMEOUT else 20.0, memory_bytes=100 << 20)
    with pytest.raises(ChildDied) as caught:
        await children(code).run({}, folder=tmp_path, limits=limits)
    assert caught.value.rule == rule


async def test_a_child_confined_by_the_worker_cannot_use_more_time_than_it_has(tmp_path: Path) -> None:
    code = "from bot.media.worker import confine; confine(request['limits'])\nwhile True: pass"
    with pytest.raises(ChildDied) as caught:
        await children(code).run({}, folder=tmp_path, limits=ChildLimits(wall_seconds=20.0, cpu_seconds=1))
    assert caught.value.rule == Rule.TIMEOUT
    assert "signal" in str(caught.value)


async def test_a_child_confined_by_the_worker_writes_no_file(tmp_path: Path) -> None:
    code = "from bot.media.worker import confine; confine(request['limits'])\n"
    code += "try: open('a', 'wb', 0).write(b'x')\nexcept OSError: print(json.dumps({'refused': True}))"
    assert await children(code).run({}, folder=tmp_path, limits=LIMITS) == {"refused": True}


async def test_a_bug_of_the_child_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with pytest.raises(ChildBroken, match="ModuleNotFoundError: No module named 'nothing'"):
        await children("import nothing").run({}, folder=tmp_path, limits=LIMITS)


async def test_endless_complaints_neither_block_the_child_nor_fill_memory(tmp_path: Path) -> None:
    code = "[sys.stderr.write('x' * 65536) for _ in range(200)]; print('{}')"
    assert await children(code).run({}, folder=tmp_path, limits=LIMITS) == {}


async def test_a_child_that_does_not_listen_is_no_error(tmp_path: Path) -> None:
    deaf = Children(program=(sys.executable, "-I", "-c", "print('{}')"))
    assert await deaf.run({"long": "x" * 10**6}, folder=tmp_path, limits=LIMITS) == {}


async def test_no_more_than_two_work_at_a_time_and_waiting_costs_no_time(tmp_path: Path) -> None:
    code = "start = time.monotonic(); time.sleep(0.4); print(json.dumps({'start': start, 'end': time.monotonic()}))"
    shared = children(code)
    began = time.monotonic()
    limits = ChildLimits(wall_seconds=20.0)
    spans = await asyncio.gather(*(shared.run({}, folder=tmp_path, limits=limits) for _ in range(6)))
    at_once = [sum(other["start"] <= span["start"] < other["end"] for other in spans) for span in spans]
    assert max(at_once) == 2
    assert time.monotonic() - began >= 1.2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_machine_that_goes_down_blames_no_file(number: signal.Signals, tmp_path: Path) -> None:
    """Platforms send their signal to every process: early it ends the child, later the child does not heed it."""
    # Whoever started the tests may have told them not to heed it, as nohup does, and children inherit that.
    early = f"import signal; signal.signal({int(number)}, signal.SIG_DFL); os.kill(os.getpid(), {int(number)}); "
    with pytest.raises(InterruptedError, match="from outside"):
        await children(f"{early}time.sleep(60)").run({}, folder=tmp_path, limits=ChildLimits())
    code = "import os, bot.media.worker as worker\n"
    code += f"worker.ACTIONS = {{'tell': lambda request: os.kill(os.getpid(), {int(number)}) or {{'lives': True}}}}\n"
    program = (sys.executable, "-I", "-c", f"{code}worker.main()")
    answer = await Children(program=program).run({"action": "tell"}, folder=tmp_path, limits=ChildLimits())
    assert answer == {"lives": True}


async def test_cancelling_leaves_no_child_and_frees_its_turn(tmp_path: Path) -> None:
    code = "open(request['path'], 'w').write(str(os.getpid())); time.sleep(60)"
    one = children(code, at_once=1)
    for number in range(2):
        path = tmp_path / str(number)
        task = asyncio.create_task(one.run({"path": str(path)}, folder=tmp_path, limits=LIMITS))
        pid = await _appears(path)
        assert _lives(pid)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not _lives(pid)


async def test_cancelling_at_any_moment_leaves_no_child(tmp_path: Path) -> None:
    many = children("time.sleep(60)", at_once=50)
    tasks = []
    for number in range(20):
        task = asyncio.create_task(many.run({}, folder=tmp_path, limits=LIMITS))
        tasks.append(task)
        await asyncio.sleep(0.0005 * number)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # noqa: ASYNC222 -- does not wait


async def test_both_ways_of_asking_for_memory_agree() -> None:
    own, by_ps = await resident_bytes(os.getpid()), await resident_by_ps(os.getpid())
    assert own == pytest.approx(by_ps, rel=0.2)
    assert own > 10 << 20


async def test_a_process_that_is_gone_holds_nothing() -> None:
    process = await asyncio.create_subprocess_exec(*WORKER[:1], "-c", "")
    await process.wait()
    assert await resident_bytes(process.pid) == await resident_by_ps(process.pid) == 0
