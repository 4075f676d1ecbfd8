"""A real terminal of this machine, joined to a program on a host."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

THERE = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
signal.signal(signal.SIGWINCH, lambda *_: print("size", *os.get_terminal_size(), flush=True))
print("begun", *os.get_terminal_size(), os.getcwd(), flush=True)
for line in sys.stdin:
    print("got", line.strip(), flush=True)
sys.exit(7)
"""
HERE = """
import asyncio, os, sys
from pathlib import Path
from envsync.tests.core.places import PipeHost
from envsync.tools.hosts.local import LocalHost

async def main():
    env = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"]}
    host = LocalHost() if sys.argv[1] == "local" else PipeHost("test:far", env)
    print("ended", await host.terminal([sys.executable, "-c", sys.argv[3]], cwd=Path(sys.argv[2])))
    await host.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_keys_sizes_and_the_exit_code_go_through(kind: str, tmp_path: Path) -> None:
    argv = ["-c", HERE, kind, str(tmp_path), THERE]
    child = pexpect.spawn(sys.executable, argv, dimensions=(33, 77), timeout=60)
    child.expect_exact(f"begun 77 33 {tmp_path}")
    child.sendline("hello")
    child.expect_exact("got hello")
    child.setwinsize(44, 88)
    child.expect_exact("size 88 44")
    child.sendintr()
    child.expect_exact("interrupted")
    child.sendline("still here")
    child.expect_exact("got still here")
    child.sendeof()
    child.expect_exact("ended 7")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
