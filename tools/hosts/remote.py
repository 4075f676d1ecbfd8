"""A host that is reached over byte pipes: one helper there serves it, or, without a Python over there, its own shell.

A transport is a subclass with three methods: `_connect`, `_spawn` and `_disconnect`. Everything else is made of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from .pipe import Pipe


class RemoteHost:
    """See Host. Connects at the first use, and again at the next use after a connection was lost.

    Transports override the underlined methods. `_forward` and `_terminal` only where the transport can do these without
    a Python over there.
    """

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    async def _connect(self) -> None:
        """Make the connection anew (the last one, if any, was let go by `_disconnect`). Raises Unreachable, with what to do next."""

    async def _disconnect(self) -> None:
        """Let the connection go. Doing it twice, or before connecting, is no error."""

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        """Start one program there, in a session (and so a process group) of its own, without a terminal.

        `argv` must arrive exactly as given: where the transport passes a line through a shell, each word is quoted.
        A missing program is no error here: it ends with 127. Raises Unreachable when the connection is gone.
        """
        raise NotImplementedError
