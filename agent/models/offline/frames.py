"""All readers, and all frames by score. One line per tool."""

from __future__ import annotations

from .readers import (
    deploy,
    destroy,
    drift,
    history,
    logs,
    provision,
    remember,
    rewind,
    rollback,
    run,
    sandbox,
    scan,
    snapshot,
    status,
    switch,
    sync,
    syncs,
)

READERS = {
    "remember": remember.read,
    "run": run.read,
    "rewind": rewind.read,
    "snapshot": snapshot.read,
    "history": history.read,
    "drift": drift.read,
    "logs": logs.read,
    "status": status.read,
    "rollback": rollback.read,
    "switch": switch.read,
    "destroy": destroy.read,
    "syncs": syncs.read,
    "sync": sync.read,
    "sandbox": sandbox.read,
    "deploy": deploy.read,
    "provision": provision.read,
    "scan": scan.read,
}
FRAMES = tuple(
    sorted(
        (
            *remember.FRAMES,
            *run.FRAMES,
            *rewind.FRAMES,
            *snapshot.FRAMES,
            *history.FRAMES,
            *drift.FRAMES,
            *logs.FRAMES,
            *status.FRAMES,
            *rollback.FRAMES,
            *switch.FRAMES,
            *destroy.FRAMES,
            *syncs.FRAMES,
            *sync.FRAMES,
            *sandbox.FRAMES,
            *deploy.FRAMES,
            *provision.FRAMES,
            *scan.FRAMES,
        ),
        key=lambda frame: -frame.score,
    )
)
"""The first frame whose reader takes the clause wins, so order within a score is the order here."""
