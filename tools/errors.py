"""Every error a person can meet, in one tree; a kind is named by what happens next.

EnvSyncError
├── Usage            exit 2    the words or settings are wrong: correct them
├── NeedsApproval    exit 3    a person must say yes, and nobody did; nothing was changed
│   └── Refused      exit 3    policy says no whoever asks; nothing was changed
├── NotUnderstood    exit 4    no call could be made of the request; nothing was changed
├── Failed           exit 1    a tool failed; what was changed is said
│   ├── Stale        exit 1    the environment moved since the plan was made: plan again
│   ├── Locked       exit 1    somebody else is changing this environment: wait
│   └── Damaged      exit 1    stored data does not verify: do not trust it
├── Unreachable      exit 6    host, model or network did not answer: try later or elsewhere
├── Interrupted      exit 7    stopped half-way; the journal has the state
└── Cancelled        exit 130  the person stopped it
"""

from __future__ import annotations


class EnvSyncError(Exception):
    """An error as data: `what` happened, and the `hint` that says what to do next.

    `exit` is the process's exit code from the contract's table; `code` is the kind as one stable word for scripts.
    """

    exit = 1

    def __init__(self, what: str, hint: str = "", **data: object) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.data = data

    @property
    def code(self) -> str:
        """The kind as one lower-case word, e.g. `stale`."""
        return type(self).__name__.lower()

    def __str__(self) -> str:
        return f"{self.what}\n{self.hint}" if self.hint else self.what


class Usage(EnvSyncError):
    """The words or settings are wrong; nothing was done."""

    exit = 2


class NeedsApproval(EnvSyncError):
    """A person must say yes and nobody did; nothing was changed."""

    exit = 3


class Refused(NeedsApproval):
    """Policy says no, whoever asks; nothing was changed."""


class NotUnderstood(EnvSyncError):
    """No call could be made of the request; nothing was changed."""

    exit = 4


class Failed(EnvSyncError):
    """A tool failed; `data` says what had been changed and whether it was taken back."""

    exit = 1


class Stale(Failed):
    """The environment moved between plan and approval; nothing was changed."""


class Locked(Failed):
    """Another process is changing this environment; nothing was changed."""


class Damaged(Failed):
    """Stored data does not verify against its own digest."""


class Unreachable(EnvSyncError):
    """A host, a model or a network did not answer."""

    exit = 6


class Interrupted(EnvSyncError):
    """Stopped half-way; the journal has the state."""

    exit = 7


class Cancelled(EnvSyncError):
    """The person stopped it."""

    exit = 130
