"""`envsync scan --write`: previewed, asked for where a file is replaced, carried out as a transaction, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from envsync.tools import registry as tools
from envsync.tools.contract import Context
from envsync.tools.errors import Failed, Usage
from envsync.tools.journal import Journal
from envsync.tools.plan import Plan, Risk
from envsync.tools.redact import Redactor
from envsync.tools.scan.tool import SCAN, ScanArgs, Scanned, Written
from envsync.tools.scan.write.difference import difference
from envsync.tools.scan.write.registry import WRITERS
from envsync.tools.snapshot.take import capture, restore
from envsync.tools.transaction import Transactions

from .conftest import fill
from .writing import SHOP

KEY = "gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z99"


async def planned(context: Context, kind: str = "compose", **more: Any) -> Plan:
    assert SCAN.plan
    return await SCAN.plan(ScanArgs(write=kind, **more), context)  # type: ignore[arg-type]


async def act(context: Context, tool: str = "scan", **args: Any) -> Any:
    """Plan, approve, carry out, and make the result. Raises what failed."""
    found = tools.find(tool)
    parsed = found.args.model_validate(args)
    assert found.plan and found.finish
    plan = await found.plan(parsed, context)
    if plan.empty:
        assert found.nothing
        return await found.nothing(parsed, plan, context)
    transactions = Transactions(Journal(context.state, Redactor(context.environ)), tools.kinds(), capture, restore)
    outcome = await transactions.apply(plan.digest, lambda: found.plan(parsed, context), context)  # type: ignore[arg-type, return-value]
    if outcome.state != "committed":
        raise Failed(outcome.error, outcome.hint, outcome=outcome)
    return await found.finish(parsed, plan, outcome, context)


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() if path.is_file() else "" for path in root.rglob("*")}


@pytest.fixture
def shop(context: Context, project: Path) -> Context:
    """The small shop, as a tool sees it."""
    fill(project, SHOP)
    return context


def test_every_kind_that_can_be_asked_for_has_a_writer() -> None:
    kinds = get_args(get_args(ScanArgs.model_fields["write"].annotation)[0])
    assert kinds == tuple(writer.name for writer in WRITERS)


async def test_scan_itself_only_looks(shop: Context, project: Path) -> None:
    before = tree(project)
    assert SCAN.read and SCAN.risk is Risk.R0
    assert (
        not SCAN.planned(ScanArgs())
        and not SCAN.planned(ScanArgs(mermaid=True))
        and SCAN.planned(ScanArgs(write="mise"))
    )
    await SCAN.read(ScanArgs(), shop)
    await planned(shop)
    assert tree(project) == before


# -- New files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [writer.name for writer in WRITERS])
async def test_new_files_are_local_previewed_whole_and_taken_back_to_the_byte(
    kind: str, shop: Context, project: Path
) -> None:
    before = tree(project)
    plan = await planned(shop, kind)
    assert (
        plan.risk is Risk.R1
        and plan.undoable
        and not plan.captures
        and plan.tool == "scan"
        and plan.args == {"write": kind}
    )
    assert plan.digest == (await planned(shop, kind)).digest, "it is made again before it is carried out"
    result: Written = await act(shop, write=kind)
    after = tree(project)
    assert set(result.files) == {path for path in after if path not in before and (project / path).is_file()}
    for path in result.files:
        lines = after[path].splitlines()
        shown = [line[1:] for line in plan.differences]
        assert all(line in shown for line in lines[:300]), path
    assert result.undo and result.summary.startswith("write ")
    await act(shop, "rewind", to="last")
    assert tree(project) == before
    await act(shop, "rewind", to="last")
    assert tree(project) == after


async def test_what_is_there_already_is_nothing_to_do(shop: Context, project: Path) -> None:
    await act(shop, write="compose")
    before = tree(project)
    plan = await planned(shop)
    assert plan.empty and "nothing to write" in plan.summary
    assert (await act(shop, write="compose")).undo == "" and tree(project) == before


async def test_undo_leaves_what_was_edited_since(shop: Context, project: Path) -> None:
    await act(shop, write="devcontainer")
    mine = project / ".devcontainer" / "devcontainer.json"
    mine.write_text("{}")
    with pytest.raises(Failed):
        await act(shop, "rewind", to="last")
    assert mine.read_text() == "{}"


async def test_undo_leaves_a_folder_that_holds_something_else_by_now(shop: Context, project: Path) -> None:
    await act(shop, write="devcontainer")
    (project / ".devcontainer" / "mine").write_text("x")
    await act(shop, "rewind", to="last")
    assert [path.name for path in (project / ".devcontainer").iterdir()] == ["mine"]


async def test_an_ignore_file_and_a_dockerfile_of_ones_own_are_kept(shop: Context, project: Path) -> None:
    fill(project, {"api/Dockerfile": "FROM scratch\n", "api/.dockerignore": "mine\n"})
    result = await act(shop, write="compose")
    assert not {"api/Dockerfile", "api/.dockerignore"} & set(result.files)
    plan = await planned(shop, "dockerfile")
    assert [step.args["path"] for step in plan.steps] == ["api/Dockerfile"], "the web's is there as it would be written"


# -- Replacing ------------------------------------------------------------------------------------------------------------


async def test_replacing_shows_the_difference_without_secrets_and_takes_a_snapshot(
    shop: Context, project: Path
) -> None:
    own = f"# mine\nservices:\n  api:\n    image: shop  # {KEY}\n    environment:\n      DB_PASSWORD: hunter2-hunter2\n"
    fill(project, {"docker-compose.yml": own})
    before = tree(project)
    plan = await planned(shop)
    paths = [step.args["path"] for step in plan.steps]
    assert "docker-compose.yml" in paths and "compose.yaml" not in paths, "a second one beside it would be a trap"
    assert plan.risk is Risk.R2 and plan.reason == "it replaces docker-compose.yml" and plan.captures and plan.undoable
    assert "-# mine" in plan.differences and "+services:" not in plan.differences and " services:" in plan.differences
    written = plan.model_dump_json()
    assert KEY not in written and "hunter2" not in written and any("[redacted:" in line for line in plan.differences)
    result: Written = await act(shop, write="compose")
    assert "-# mine" in result.differences and (project / "docker-compose.yml").read_text().startswith("# Services")
    assert not (project / "compose.yaml").exists()
    await act(shop, "rewind", to="last")
    assert tree(project) == before
    journal = b"".join(path.read_bytes() for path in shop.state.glob("journal*"))
    assert KEY.encode() not in journal and b"hunter2" not in journal


async def test_going_back_to_a_snapshot_takes_new_files_along_without_asking_for_each(
    shop: Context, project: Path
) -> None:
    await act(shop, "snapshot", label="base")
    before = tree(project)
    await act(shop, write="mise")
    (project / "mise.toml").write_text("[tools]\n")  # edited since: the step that removes it would refuse
    await act(shop, "rewind", to="base")
    assert tree(project) == before


@pytest.mark.parametrize("through", ["file", "folder"])
async def test_hostile_nothing_is_written_through_a_link(
    through: str, shop: Context, project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    (project / ".devcontainer").symlink_to(outside) if through == "folder" else (project / "mise.toml").symlink_to(
        outside / "x"
    )
    with pytest.raises(Usage, match="link"):
        await planned(shop, "devcontainer" if through == "folder" else "mise")
    assert tree(outside) == {"x": "mine"}


async def test_hostile_a_step_outside_of_the_project_is_refused(shop: Context) -> None:
    plan = await planned(shop, "mise")
    kinds = tools.kinds()
    for path in ("../x", "/etc/x", "a/../../x", "./x"):
        for kind in ("scan-write", "scan-remove"):
            step = plan.steps[0].model_copy(update={"args": {**plan.steps[0].args, "path": path}})
            with pytest.raises(Failed, match="inside the project"):
                await kinds[kind].do(step, shop)


async def test_a_file_that_came_meanwhile_is_left(shop: Context, project: Path) -> None:
    plan = await planned(shop, "mise")
    (project / "mise.toml").write_text("mine")
    with pytest.raises(Failed, match="edited meanwhile"):
        await tools.kinds()["scan-write"].do(plan.steps[0], shop)
    assert (project / "mise.toml").read_text() == "mine"


async def test_hostile_a_command_with_a_secret_gets_into_no_file(context: Context, project: Path) -> None:
    fill(
        project,
        {
            "requirements.txt": "flask\n",
            "app.py": "from flask import Flask\n",
            "Procfile": f"web: serve --token {KEY}\n",
        },
    )
    for kind in ("dockerfile", "mise"):
        try:
            plan = await planned(replace(context, environ={**context.environ}), kind)
        except Failed as error:
            assert "secret" in str(error)
            continue
        assert KEY not in plan.model_dump_json() and any("secret" in warning for warning in plan.warnings)


async def test_where_nothing_is_known_it_fails_with_the_reason(context: Context, project: Path) -> None:
    fill(project, {"README.md": "x"})
    for kind in ("dockerfile", "compose", "mise", "sbom"):
        with pytest.raises(Failed) as error:
            await planned(context, kind)
        assert error.value.hint and kind in error.value.what


@pytest.mark.parametrize("more", [{"mermaid": True}, {"scope": "machine"}])
async def test_what_contradicts_itself_is_refused(more: dict[str, Any], shop: Context) -> None:
    with pytest.raises(Usage, match="do not go together"):
        await planned(shop, "mise", **more)


def test_a_difference_keeps_its_lines_where_a_secret_has_several() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "A" * 40 + "\n-----END PRIVATE KEY-----"
    lines = difference("x", f"a: 1\nkey: |\n{key}\nb: 2\n".encode(), "a: 1\nb: 3\n", Redactor())
    assert "-b: 2" in lines and "+b: 3" in lines and " a: 1" in lines and "A" * 40 not in "\n".join(lines)


def test_a_long_difference_is_counted_and_cut() -> None:
    many = "".join(f"{number}\n" for number in range(30_000))
    lines = difference("x", many.encode(), many.replace("7", "x"), Redactor())
    assert len(lines) < 4_100 and lines[-1].startswith("…") and any(line == "-7" for line in lines)


async def test_mermaid_is_shown_in_a_conversation_too(shop: Context) -> None:
    assert SCAN.read
    result = await SCAN.read(ScanArgs(mermaid=True), shop)
    assert isinstance(result, Scanned) and result.document == result.mermaid
    assert [line for block in result.blocks() for line in block.lines] == result.mermaid.splitlines()  # type: ignore[union-attr]
