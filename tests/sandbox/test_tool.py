"""The tools `sandbox` and `destroy` on a real engine: made, seen, extended, taken back, removed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from envsync.tests.lab.containers import Container
from envsync.tests.lab.engine import docker
from envsync.tests.sandbox.conftest import carry_out, reaper, take_back, until
from envsync.tools.contract import Context
from envsync.tools.destroy.tool import DESTROY, DestroyArgs
from envsync.tools.errors import Refused, Stale, Unreachable, Usage
from envsync.tools.journal import Journal
from envsync.tools.made import containers
from envsync.tools.made.ledger import Ledger
from envsync.tools.made.owner import LEASE, NAME, OWNER, owner
from envsync.tools.plan import Risk
from envsync.tools.sandbox.tool import SANDBOX, SandboxArgs

IMAGE = "envsync-lab:debian"


async def planned(context: Context, **args: object):
    assert SANDBOX.plan is not None
    return await SANDBOX.plan(SandboxArgs.model_validate(args), context)


@pytest.fixture
def image(lab_image: Callable[[str], str]) -> str:
    return lab_image("debian")


def known(name: str) -> list[str]:
    return [line for line in docker("ps", "--all", "--format", "{{.Names}}").split() if line == name]


async def test_a_sandbox_is_in_the_ledger_and_labelled_before_anybody_uses_it(
    bench: Context, image: str, name: str
) -> None:
    plan, outcome = await carry_out("sandbox", bench, image=image, name=name, hours=0.5)
    assert outcome.state == "committed", outcome
    assert plan.risk is Risk.R2 and plan.undoable
    assert "30 minutes" in plan.summary and f"image {image}, which is here" in plan.details
    (made,) = Ledger(bench.state).living()
    (there,) = containers.ours(made, bench.state)
    assert (made.state, there.state, there.name) == ("made", "running", name)
    assert (there.labels[OWNER], there.labels[NAME]) == (owner(bench.state), name)
    assert there.labels[LEASE].startswith("20") and 1700 < (made.until or 0) - time.time() < 1801
    until(lambda: reaper(bench.state) is not None)
    assert SANDBOX.finish is not None
    result = await SANDBOX.finish(SandboxArgs(image=image, name=name, hours=0.5), plan, outcome, bench)
    assert f"docker:{name} is there until" in result.summary


async def test_the_lease_is_written_before_the_machine_is_made(bench: Context, image: str, name: str) -> None:
    plan = await planned(bench, image=image, name=name)
    kinds = [step.kind for step in plan.steps]
    assert kinds == ["sandbox-lease", "sandbox-make"]
    # A crash between the two leaves a line that the reaper strikes off, and never a machine without a line.
    broken, outcome = await carry_out("sandbox", bench, image="envsync-lab:nothing-of-that-name", name=name)
    assert outcome.state == "compensated" and known(name) == [] and Ledger(bench.state).living() == []
    assert broken.steps[0].kind == "sandbox-image"


async def test_undo_removes_it_and_undoing_that_makes_it_again(bench: Context, image: str, name: str) -> None:
    _, outcome = await carry_out("sandbox", bench, image=image, name=name)
    journal = Journal(bench.state)
    back = await take_back(bench, journal.get(outcome.transaction))
    assert back.state == "committed" and known(name) == [] and Ledger(bench.state).living() == []
    again = await take_back(bench, journal.get(back.transaction))
    assert again.state == "committed", again
    assert known(name) == [name] and len(Ledger(bench.state).living()) == 1


async def test_asking_again_extends_the_lease_and_undo_gives_the_old_one(bench: Context, image: str, name: str) -> None:
    await carry_out("sandbox", bench, image=image, name=name)
    (before,) = Ledger(bench.state).living()
    plan, outcome = await carry_out("sandbox", bench, name=name, hours=5.0)
    (after,) = Ledger(bench.state).living()
    assert outcome.state == "committed" and [step.kind for step in plan.steps] == ["sandbox-lease"]
    assert after.id == before.id and (after.until or 0) - (before.until or 0) > 3.9 * 3600
    await take_back(bench, Journal(bench.state).get(outcome.transaction))
    (last,) = Ledger(bench.state).living()
    assert last.until == before.until and known(name) == [name]


async def test_a_sandbox_ends_with_its_lease(
    bench: Context, image: str, name: str, seen: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
) -> None:
    await carry_out("sandbox", bench, image=image, name=name, hours=2 / 3600)

    async def gone() -> bool:
        return known(name) == [] and Ledger(bench.state).living() == []

    await seen(gone)


async def test_names_are_given_in_order_and_a_stranger_keeps_its_own(
    bench: Context, image: str, make_container: Callable[..., Container]
) -> None:
    stranger = make_container("busybox")
    with pytest.raises(Usage, match="was not made by EnvSync"):
        await planned(bench, image=image, name=stranger.name)
    for bad in ("../up", "-rf", "Größe", "a" * 49, "x; rm -rf ~"):
        with pytest.raises(Usage, match="cannot be the name"):
            await planned(bench, image=image, name=bad)


async def test_what_is_no_image_runtime_or_package_is_refused_before_anything_is_done(
    bench: Context, image: str
) -> None:
    for args in (
        {"image": "--privileged"},
        {"image": "a b"},
        {"image": image, "runtimes": ["cobol"]},
        {"image": image, "services": ["$(reboot)"]},
        {"image": image, "packages": ["git+https://example.org/x"]},
        {"image": image, "packages": ["--index-url=http://evil"]},
        {"image": image, "runtimes": ["python@3.11", "python@3.13"]},
        {"image": "debian:13", "runtimes": ["python@3.11"]},
        {"image": "debian", "runtimes": ["python@2.7"]},
    ):
        with pytest.raises(Usage):
            await planned(bench, **args)
    for hours in (0.0, -1.0, 10_000.0, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            SandboxArgs(hours=hours)
    assert Ledger(bench.state).living() == []


async def test_an_engine_that_is_off_is_said_before_anything_is_written(
    bench: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Unreachable) as caught:
        await planned(bench)
    assert caught.value.exit == 6 and caught.value.hint and Ledger(bench.state).living() == []


async def test_an_image_without_a_shell_leaves_nothing(
    bench: Context, name: str, lab_image: Callable[[str], str]
) -> None:
    _, outcome = await carry_out("sandbox", bench, image=lab_image("hollow"), name=name)
    assert outcome.state == "compensated" and known(name) == [] and Ledger(bench.state).living() == []


# -- destroy ------------------------------------------------------------------------------------------------------


async def destruction(context: Context, name: str):
    assert DESTROY.plan is not None
    return await DESTROY.plan(DestroyArgs(name=name), context)


async def test_destroy_removes_what_was_made_and_cannot_be_taken_back(bench: Context, image: str, name: str) -> None:
    await carry_out("sandbox", bench, image=image, name=name)
    plan = await destruction(bench, f"docker:{name}")
    assert plan.risk is Risk.R3 and not plan.undoable and plan.details == ("now: running",)
    _, outcome = await carry_out("destroy", bench, name=name)
    assert outcome.state == "committed" and known(name) == [] and Ledger(bench.state).living() == []


async def test_destroy_refuses_what_envsync_did_not_make(
    bench: Context, make_container: Callable[..., Container]
) -> None:
    stranger = make_container("busybox")
    for name in (stranger.name, stranger.host):
        with pytest.raises(Refused, match="was not made by EnvSync"):
            await destruction(bench, name)
    assert known(stranger.name) == [stranger.name]


async def test_destroy_names_near_misses_and_takes_none(bench: Context, image: str, name: str) -> None:
    await carry_out("sandbox", bench, image=image, name=name)
    with pytest.raises(Usage) as caught:
        await destruction(bench, f"{name}x")
    assert name in caught.value.hint and known(name) == [name]
    for hostile in ("", "*", "all", "-rf", "docker:", f"{name} ", f"{name}\u200b"):
        with pytest.raises(Usage):
            await destruction(bench, hostile)


async def test_hostile_30_a_plan_to_destroy_is_void_when_another_thing_has_the_name_by_then(
    bench: Context, image: str, name: str
) -> None:
    from envsync.tests.sandbox.conftest import transactions

    await carry_out("sandbox", bench, image=image, name=name)
    shown = await destruction(bench, name)
    await carry_out("destroy", bench, name=name)
    await carry_out("sandbox", bench, image=image, name=name)
    with pytest.raises(Stale):
        await transactions(bench).apply(shown.digest, lambda: destruction(bench, name), bench)
    assert known(name) == [name]


async def test_a_container_removed_by_hand_is_only_struck_off(bench: Context, image: str, name: str) -> None:
    await carry_out("sandbox", bench, image=image, name=name)
    docker("rm", "--force", name)
    assert "does not exist any more" in (await destruction(bench, name)).details[0]
    _, outcome = await carry_out("destroy", bench, name=name)
    assert outcome.state == "committed" and Ledger(bench.state).living() == []


# -- with what was asked for in it -------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_debian_with_python_and_redis_for_an_hour(bench: Context, docker_engine: str, name: str) -> None:
    plan, outcome = await carry_out(
        "sandbox", bench, name=name, runtimes=["python"], services=["redis"], packages=["pip:six@1.16.0", "jq"]
    )
    assert outcome.state == "committed", outcome
    assert SANDBOX.finish is not None
    result = await SANDBOX.finish(SandboxArgs(name=name), plan, outcome, bench)
    assert set(result.model_dump()["ports"]) == {"redis"} and set(result.model_dump()["versions"]) == {
        "python",
        "redis",
    }
    host = bench.open(f"docker:{name}")
    assert (await host.run(["redis-cli", "ping"])).text.strip() == "PONG"
    assert (await host.run(["python", "-c", "import six; print(six.__version__)"])).text.strip() == "1.16.0"
    assert (await host.run(["jq", "--version"])).code == 0
    # It comes back with its services after it was stopped, as after a reboot of this machine.
    docker("restart", name)
    until(lambda: "PONG" in docker("exec", name, "sh", "-c", "redis-cli ping || true"))


@pytest.mark.slow
async def test_what_cannot_be_installed_leaves_nothing(bench: Context, image: str, name: str) -> None:
    _, outcome = await carry_out("sandbox", bench, image=image, name=name, packages=["no-such-package-anywhere"])
    assert outcome.state == "compensated" and "no-such-package-anywhere" in outcome.error
    assert known(name) == [] and Ledger(bench.state).living() == []


@pytest.mark.slow
async def test_a_virtual_machine_is_a_sandbox_as_well(
    bench: Context, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from envsync.tests.lab.require import require
    from envsync.tests.lab.vms import share_images
    from envsync.tools.hosts import vm_machine

    require("vm")
    share_images()
    monkeypatch.setenv("ENVSYNC_STATE", str(bench.state))
    # Nothing in it: apt takes two minutes under emulation, and does there what it does in a container.
    _, outcome = await carry_out("sandbox", bench, name=name, kind="vm")
    assert outcome.state == "committed", outcome
    host = bench.open(f"vm:{name}")
    assert (await host.run(["hostname"])).text.strip() == name
    await host.close()
    await carry_out("destroy", bench, name=f"vm:{name}")
    assert vm_machine.find(name) is None and Ledger(bench.state).living() == []
