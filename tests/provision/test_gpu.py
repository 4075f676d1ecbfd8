"""Builds for GPUs and for CPUs: real uv over an index of our own, and GPUs that answer as drivers really do (recorded)."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.equipment import Equipment
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Risk
from envsync.tools.provision.builds import for_gpu, libraries, major, slim, without_gpu
from envsync.tools.provision.links import Source, looking, sources
from envsync.tools.provision.providers.pysteps import mapping, strings
from envsync.tools.scan.host import graphics

from .test_sizes import UV

World = Any
Index = Any
pytestmark = pytest.mark.skipif(UV is None, reason="uv is not installed")

# Recorded: nvidia-smi with the query of the scan, the answer of libcuda.so.1, and of libamdhip64.so.
SMI = "NVIDIA H200, 570.86.15, 143771, 9.0\n"
H200 = {"version": "12.8", "devices": [["NVIDIA H200", "9.0", 150754820096]]}
KERNEL = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  x\n"
AMD = {
    "opt/rocm/.info/version": "7.0.1-42\n",
    "sys/module/amdgpu/version": "6.14.14\n",
    "dev/kfd": "",
    "sys/class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 64\ngfx_target_version 0\n",
    "sys/class/kfd/kfd/topology/nodes/1/properties": "cpu_cores_count 0\ngfx_target_version 90402\n",
    "sys/class/kfd/kfd/topology/nodes/1/mem_banks/0/properties": "heap_type 1\nsize_in_bytes 206141652992\n",
}
GB = 10**9


async def with_gpu(world: World, files: dict[str, str], commands: dict[tuple[str, ...], tuple[int, str]]) -> None:
    """What the scan finds of a machine that answers like this is what the project's machine has."""
    root = world.path.parent / "machine"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    context = replace(world.context, host=FakeHost(root, commands))
    found = await graphics.look(context, str(root))
    world.equipment = Equipment(graphics=found["graphics"])
    world.host = LocalHost()  # what was seen of a host holds for a minute


async def with_cuda(world: World, version: str = "12.8") -> None:
    answer = json.dumps({**H200, "version": version})
    await with_gpu(
        world, {"proc/driver/nvidia/version": KERNEL}, {("nvidia-smi",): (0, SMI), ("python3",): (0, answer)}
    )


async def with_rocm(world: World) -> None:
    await with_gpu(world, AMD, {("python3",): (0, '{"devices": 1}')})


def stock(index: Index, *packages: tuple[str, str, Sequence[str], int]) -> None:
    """Packages as (name, version, needs, size), with sizes as the index says them."""
    index.json = True
    for name, version, needs, size in packages:
        index.wheel(name, version, needs)
        index.sizes[f"{name.replace('-', '_')}-{version}-py3-none-any.whl"] = size


@pytest.fixture
def torch(index: Index) -> Index:
    """torch as the public index has it: the newest with libraries of CUDA 13, an older one with those of CUDA 12."""
    stock(
        index,
        ("torch", "2.15.0", ["nvidia-cudnn-cu13==9.26", "nvidia-cublas==13.4", "triton==3.9", "sympy"], GB // 2),
        ("torch", "2.8.0", ["nvidia-cudnn-cu12==9.10", "sympy"], GB // 2),
        ("nvidia-cudnn-cu13", "9.26", [], 8 * GB // 10),
        ("nvidia-cudnn-cu12", "9.10", [], 7 * GB // 10),
        ("nvidia-cublas", "13.4", [], 6 * GB // 10),
        ("triton", "3.9", [], 3 * GB // 10),
        ("sympy", "1.14", [], 6_000_000),
        ("helper", "1.0", ["torch"], 1000),
    )
    return index


def wheelhouse(folder: Path, *versions: str, name: str = "torch") -> Path:
    """A directory with CPU builds, as a person has it for pip."""
    from .conftest import Index as Files

    made = Files()
    for version in versions:
        made.wheel(name, version, ["sympy"])
    folder.mkdir(exist_ok=True)
    for path, content in made.files.items():
        (folder / path.rpartition("/")[2]).write_bytes(content)
    return folder


@pytest.fixture
def cpu(world: World, torch: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose pip.conf has find-links with CPU builds of torch: uv does not read that."""
    folder = wheelhouse(tmp_path / "wheels", "2.12.0+cpu", "2.13.0+cpu", "2.14.0+cu126", "2.13.5")
    monkeypatch.delenv("PIP_CONFIG_FILE")
    config = Path(world.path.parent / "home/.config/pip/pip.conf")
    config.parent.mkdir(parents=True)
    config.write_text(f"[global]\nfind-links = {folder}\nextra-index-url = file:///nowhere/simple\n")
    return folder


def install(plan: Any) -> dict[str, str]:
    return mapping(plan.steps[-1].args["expect"])


# -- No GPU -----------------------------------------------------------------------------------------------------------


async def test_torch_by_name_ends_in_the_cpu_build_of_pips_find_links(world: World, cpu: Path) -> None:
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert install(plan) == {"torch": "2.13.0+cpu", "sympy": "1.14"} and plan.risk == Risk.R2
    said = (
        f"no GPU here: the CPU build torch 2.13.0+cpu from {cpu} is installed, not torch 2.15.0 with 3 libraries for CUDA; "
        "--on HOST for one with a GPU"
    )
    assert said in plan.warnings
    assert plan.steps[-1].download == 6_000_000 and plan.figures == (), "a file of this machine is not fetched"
    assert (await world.plan(packages=["torch"])).digest == plan.digest
    await world.carry(plan)
    python = world.path / ".venv/bin/python"
    shown = subprocess.run([python, "-c", "import torch; print(torch.VERSION)"], capture_output=True, text=True)
    assert shown.stdout.strip() == "2.13.0+cpu"
    assert (await world.plan(packages=["torch"])).empty
    latest = await world.plan(packages=["torch@latest"])
    assert latest.empty, "there is no newer build for a machine like this"


async def test_a_version_that_was_named_is_kept_to(world: World, cpu: Path, torch: Index) -> None:
    stock(torch, ("torch", "2.12.0", ["nvidia-cublas==13.4", "sympy"], GB // 2))
    world.put("requirements.txt", "")
    assert install(await world.plan(packages=["torch@2.12.0"]))["torch"] == "2.12.0+cpu"
    assert install(await world.plan(packages=["torch@2.12"]))["torch"] == "2.12.0+cpu"
    plan = await world.plan(packages=["helper"])
    assert install(plan)["torch"] == "2.13.0+cpu", "also when another package brings torch along"
    plan = await world.plan(packages=["torch@2.15"])
    assert install(plan)["torch"] == "2.15.0" and plan.risk == Risk.R3, "of this one there is no CPU build"


async def test_wheels_for_other_interpreters_are_no_build_for_this_one(world: World, cpu: Path) -> None:
    world.put("requirements.txt", "")
    for file in cpu.iterdir():
        file.rename(cpu / file.name.replace("py3-none-any", "cp27-cp27m-win_amd64"))
    plan = await world.plan(packages=["torch"])
    assert plan.risk == Risk.R3


async def test_without_a_cpu_build_a_person_is_asked_with_figures(world: World, torch: Index) -> None:
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert install(plan)["torch"] == "2.15.0" and plan.risk == Risk.R3
    assert plan.reason == (
        "1.7 GB of GPU libraries (nvidia-cublas, nvidia-cudnn-cu13, triton) and no GPU here; "
        "--on a host with one, or --gpu to have them all the same"
    )
    assert plan.figures[0].startswith("this downloads 2.2 GB: the largest are nvidia-cudnn-cu13 800 MB")
    assert (await world.plan(packages=["torch"])).digest == plan.digest
    agreed = await world.plan(packages=["torch"], gpu=True)
    assert agreed.risk == Risk.R2 and any("no CPU build to be had; --on HOST" in line for line in agreed.warnings)


async def test_gpu_asked_for_where_there_is_none_gets_the_cpu_build(world: World, cpu: Path) -> None:
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"], gpu=True)
    assert install(plan)["torch"] == "2.13.0+cpu" and plan.risk == Risk.R2
    assert sum("no GPU here" in line for line in plan.warnings) == 1 and "--on HOST" in " ".join(plan.warnings)
    other = await world.plan(packages=["sympy"], gpu=True)
    assert any("no GPU here that can be used: the CPU build is installed" in line for line in other.warnings)


async def test_a_card_that_programs_cannot_use_is_none(world: World, torch: Index) -> None:
    why = '{"why": "its library answers with error 803"}'
    await with_gpu(world, {"dev/nvidiactl": ""}, {("nvidia-smi",): (0, SMI), ("python3",): (0, why)})
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert plan.risk == Risk.R3 and "no GPU here (NVIDIA H200: its library answers with error 803)" in plan.reason


async def test_a_projects_open_requirement_is_met_by_the_cpu_build(world: World, cpu: Path) -> None:
    world.put("requirements.txt", "torch>=2.9\nsympy\n")
    plan = await world.plan()
    assert install(plan)["torch"] == "2.13.0+cpu" and any("CPU build" in line for line in plan.warnings)
    await world.carry(plan)
    assert (await world.plan()).empty
    world.put("requirements.txt", "torch==2.15.0\n")
    fixed = await world.plan()
    assert install(fixed)["torch"] == "2.15.0" and fixed.risk == Risk.R3, "what the project fixes is not changed"


@pytest.mark.parametrize(("size", "risk"), [(8 * GB // 10, Risk.R3), (GB // 100, Risk.R2)])
async def test_a_lock_is_the_persons_own_and_its_download_is_said(
    world: World, torch: Index, cpu: Path, size: int, risk: Risk
) -> None:
    torch.sizes["nvidia_cudnn_cu13-9.26-py3-none-any.whl"] = size
    torch.sizes["nvidia_cublas-13.4-py3-none-any.whl"] = GB // 100
    lines = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["torch"]\n'
    world.put("pyproject.toml", lines)
    assert UV is not None
    subprocess.run([UV, "lock"], cwd=world.path, capture_output=True, check=True)
    plan = await world.plan()
    assert install(plan)["torch"] == "2.15.0" and plan.steps[-1].kind == "python-sync" and plan.risk == risk
    said = plan.reason if risk == Risk.R3 else " ".join(plan.warnings)
    assert f"{'1.1 GB' if risk == Risk.R3 else '320 MB'} of GPU libraries" in said and "no GPU here" in said
    assert (await world.plan()).digest == plan.digest
    assert (await world.plan(gpu=True)).risk == Risk.R2


@pytest.mark.parametrize(
    ("asked", "gets"), [("onnxruntime-gpu", "onnxruntime"), ("jax[cuda12]", "jax"), ("xgboost", "xgboost-cpu")]
)
async def test_builds_for_a_gpu_that_was_named_become_those_for_the_cpu(
    world: World, index: Index, asked: str, gets: str
) -> None:
    stock(
        index,
        ("onnxruntime-gpu", "1.31", [], 255_000_000),
        ("onnxruntime", "1.31", [], 23_000_000),
        ("jax", "0.12", ["jax-cuda12-plugin; extra == 'cuda12'"], 3_000_000),
        ("jax-cuda12-plugin", "0.12", [], 8_000_000),
        ("xgboost", "3.4", ["nvidia-nccl-cu13"], 57_000_000),
        ("nvidia-nccl-cu13", "2.30", [], 216_000_000),
        ("xgboost-cpu", "3.4", [], 5_600_000),
    )
    world.put("requirements.txt", "")
    plan = await world.plan(packages=[f"pip:{asked}"])
    assert list(install(plan)) == [gets] and plan.risk == Risk.R2
    assert any(f"no GPU here: {gets} is installed, the CPU build of {asked}" in line for line in plan.warnings)
    await world.carry(plan)
    assert (await world.plan(packages=[f"pip:{asked}"])).empty


async def test_what_has_no_cpu_build_needs_a_persons_yes(world: World, index: Index) -> None:
    stock(index, ("cupy-cuda12x", "14.2", [], 137_000_000))
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["pip:cupy-cuda12x"])
    assert plan.risk == Risk.R3 and "137 MB of GPU libraries (cupy-cuda12x) and no GPU here" in plan.reason


async def test_what_a_request_in_words_gets_instead_needs_no_second_naming(world: World, index: Index) -> None:
    stock(index, ("onnxruntime-gpu", "1.31", [], 255_000_000), ("onnxruntime", "1.31", [], 23_000_000))
    world.put("requirements.txt", "")
    world.origin, world.words = "words", "install onnxruntime-gpu"
    assert (await world.plan(packages=["pip:onnxruntime-gpu"])).risk == Risk.R2


# -- With a GPU, as its driver really answers --------------------------------------------------------------------------


async def test_with_a_gpu_its_libraries_are_fetched_without_a_question(world: World, cpu: Path) -> None:
    await with_cuda(world, "13.0")
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert install(plan)["torch"] == "2.15.0" and plan.risk == Risk.R2 and not plan.warnings
    assert plan.figures[0].startswith("this downloads 2.2 GB"), "but it is said"
    asked = await world.plan(packages=["torch"], gpu=True)
    assert "GPU: NVIDIA H200, CUDA 13.0 can be used" in asked.warnings


async def test_an_older_driver_gets_what_it_can_run(world: World, torch: Index) -> None:
    await with_cuda(world, "12.8")
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"], gpu=True)
    assert install(plan)["torch"] == "2.8.0" and "nvidia-cudnn-cu12" in install(plan)
    said = "need CUDA 13, and the driver of NVIDIA H200 runs CUDA up to 12.8"
    assert any(line.startswith("older releases are chosen") and said in line for line in plan.warnings)
    assert (await world.plan(packages=["torch"], gpu=True)).digest == plan.digest
    silent = await world.plan(packages=["torch"])
    assert install(silent)["torch"] == "2.15.0" and any("it runs on the CPU until" in line for line in silent.warnings)


@pytest.mark.parametrize(
    ("asked", "cuda", "gets"),
    [("onnxruntime", "12.8", "onnxruntime-gpu"), ("jax", "12.8", "jax-cuda12-plugin"), ("jax", "13.0", "jax-cuda13-plugin")],
)  # fmt: skip
async def test_gpu_asked_for_gets_the_build_for_this_cuda(
    world: World, index: Index, asked: str, cuda: str, gets: str
) -> None:
    needs = ["jax-cuda12-plugin; extra == 'cuda12'", "jax-cuda13-plugin; extra == 'cuda13'"]
    stock(
        index,
        ("onnxruntime-gpu", "1.31", [], 255_000_000),
        ("onnxruntime", "1.31", [], 23_000_000),
        ("jax", "0.12", needs, 3_000_000),
        ("jax-cuda12-plugin", "0.12", [], 8_000_000),
        ("jax-cuda13-plugin", "0.12", [], 8_000_000),
    )
    world.put("requirements.txt", "")
    await with_cuda(world, cuda)
    assert gets not in install(await world.plan(packages=[f"pip:{asked}"])), "only when it is asked for"
    plan = await world.plan(packages=[f"pip:{asked}"], gpu=True)
    assert gets in install(plan) and plan.risk == Risk.R2
    assert any(f"the build of {asked} for CUDA (NVIDIA H200)" in line for line in plan.warnings)


async def test_an_amd_card_gets_builds_for_rocm(world: World, index: Index) -> None:
    stock(index, ("onnxruntime-rocm", "1.22", [], 56_000_000), ("onnxruntime", "1.31", [], 23_000_000))
    await with_rocm(world)
    assert world.equipment.graphics[0].platform == "ROCm"
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["pip:onnxruntime"], gpu=True)
    assert list(install(plan)) == ["onnxruntime-rocm"]
    assert "GPU: AMD gfx942, ROCm 7.0.1 can be used" in plan.warnings


async def test_an_amd_card_has_no_use_for_cuda(world: World, cpu: Path) -> None:
    await with_rocm(world)
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert install(plan)["torch"] == "2.13.0+cpu" and any(line.startswith("no CUDA here") for line in plan.warnings)
    wheelhouse(cpu, "2.13.0+rocm7.0")
    plan = await world.plan(packages=["torch"])
    assert install(plan)["torch"] == "2.13.0+rocm7.0" and "the ROCm build torch" in " ".join(plan.warnings)
    for file in cpu.iterdir():
        file.unlink()
    plan = await world.plan(packages=["torch"])
    assert (
        plan.risk == Risk.R3 and "1.4 GB of GPU libraries (nvidia-cublas, nvidia-cudnn-cu13) and no CUDA" in plan.reason
    )


async def test_a_build_that_the_index_does_not_have_is_said(world: World, index: Index) -> None:
    stock(index, ("onnxruntime", "1.31", [], 23_000_000), ("tensorflow", "2.21", [], 572_000_000))
    world.put("requirements.txt", "")
    smaller = await world.plan(packages=["pip:tensorflow"])
    assert any("there is also tensorflow-cpu" in line for line in smaller.details) and smaller.risk == Risk.R2
    await with_cuda(world)
    plan = await world.plan(packages=["pip:onnxruntime"], gpu=True)
    assert list(install(plan)) == ["onnxruntime"]
    assert any("the index has no onnxruntime-gpu[cuda,cudnn]" in line for line in plan.warnings)


# -- Where else a user's pip looks ------------------------------------------------------------------------------------


async def test_an_index_with_a_password_is_used_and_never_shown(
    world: World, torch: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU builds lie on a page of a further index of pip's, behind a password."""
    folder = wheelhouse(world.path.parent / "w", "2.13.0+cpu")
    torch.files["/files/torch-2.13.0%2Bcpu-py3-none-any.whl"] = next(folder.iterdir()).read_bytes()
    torch.files["/corp/torch/"] = b'<a href="/files/torch-2.13.0%2Bcpu-py3-none-any.whl">torch</a>'
    place = torch.url.replace("//", "//me:hunter2@")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{place}/corp")
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["torch"])
    assert install(plan)["torch"] == "2.13.0+cpu" and "hunter2" not in plan.model_dump_json()
    assert strings(plan.steps[-1].args["links"]) == [f"{torch.url}/corp/torch/"]
    assert (await looking(world.context, [f"{torch.url}/corp/torch/"]))["UV_FIND_LINKS"].startswith(place)
    result = await world.carry(plan)
    assert "hunter2" not in result.model_dump_json()
    stored = (world.path.parent / "state/cache").rglob("*")
    assert not any("hunter2" in file.read_text() for file in stored if file.is_file())
    assert base64.b64encode(b"me:hunter2").decode() not in plan.model_dump_json()


async def test_a_place_that_is_down_is_no_place(
    world: World, cpu: Path, torch: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest CPU build is on a page whose file is gone; the one in the directory is as good."""
    torch.files["/corp/torch/"] = b'<a href="/files/torch-2.14.0%2Bcpu-py3-none-any.whl">torch</a>'
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{torch.url}/corp http://127.0.0.1:9/none")
    world.put("requirements.txt", "")
    assert install(await world.plan(packages=["torch"]))["torch"] == "2.13.0+cpu"


async def test_hostile_47_a_plan_cannot_bring_a_place_along(world: World, torch: Index) -> None:
    assert await looking(world.context, ["http://evil.example/wheels", "/tmp/evil"]) == {}
    world.put("requirements.txt", "--find-links http://evil.example/wheels\ntorch\n")
    world.put("pip.conf", "[global]\nfind-links = http://evil.example/wheels\n")
    assert not any("evil" in source.place for source in await sources(world.context))
    assert "evil" not in json.dumps((await world.plan()).model_dump(mode="json")["steps"])


async def test_sources_are_read_as_pip_and_uv_do(world: World, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    home = world.path.parent / "home"
    (home / ".config/uv").mkdir(parents=True)
    (home / ".config/uv/uv.toml").write_text('find-links = ["/u"]\n[[index]]\nname = "x"\nurl = "https://x.example/"\n')
    (home / ".pip").mkdir()
    (home / ".pip/pip.conf").write_text(
        "[install]\nfind-links =\n  /a\n  /b\n[global]\nextra-index-url=https://y.example\n"
    )
    monkeypatch.setenv("UV_INDEX", "z=https://z.example/simple")
    found = await sources(world.context)
    assert found[0] == Source(f"{index.url}/simple", True) and Source("https://z.example/simple", True) in found
    assert Source("/u") in found and Source("https://x.example/", True) in found
    assert Source("/a") not in found, "PIP_CONFIG_FILE is the null device, which turns all of pip's files off"
    monkeypatch.delenv("PIP_CONFIG_FILE")
    found = await sources(world.context)
    assert {Source("/a"), Source("/b"), Source("https://y.example", True)} <= set(found)
    (home / ".pip/pip.conf").write_text("[global\nfind-links")
    (home / ".config/uv/uv.toml").write_text("find-links = 3\nindex = [1, {url = 2}]\n")
    assert await sources(world.context)


# -- The table --------------------------------------------------------------------------------------------------------


def test_libraries_are_told_by_name() -> None:
    real = [
        "cuda-bindings",
        "cuda-toolkit",
        "nvidia-cublas",
        "nvidia-cublas-cu12",
        "nvidia-cuda-nvrtc-cu11",
        "nvidia-cudnn-cu13",
        "nvidia-cufile",
        "nvidia-nccl-cu13",
        "nvidia-nvshmem-cu13",
        "triton",
        "pytorch-triton-rocm",
        "jax-cuda12-plugin",
        "jax-rocm60-pjrt",
        "cupy-cuda13x",
        "cudf-cu12",
    ]
    assert libraries([*real, "nvidia-ml-py", "torch", "cuda-pathfinder", "jax", "numba", "faiss-cpu"]) == sorted(real)
    assert [major(*pair) for pair in (
        ("nvidia-cublas-cu12", "12.9"), ("nvidia-cudnn-cu13", "9.2"), ("nvidia-cublas", "13.4"), ("nvidia-cufft", "12.2"),
        ("jax-cuda12-plugin", "0.1"), ("cupy-cuda13x", "14.2"), ("triton", "3.9"), ("cuda-toolkit", "x"), ("mxnet-cu112", "1"),
    )] == [12, 13, 13, 0, 12, 13, 0, 0, 11]  # fmt: skip


def test_names_lead_there_and_back() -> None:
    assert without_gpu("TensorFlow[and-cuda]") == "tensorflow-cpu" and without_gpu("jax[cuda13-local]") == "jax"
    assert without_gpu("cudf-cu12") == "" and without_gpu("torch") is None and without_gpu("xgboost") is None
    assert slim("xgboost") == "xgboost-cpu" and slim("jax") == "" and slim("tensorflow") == "tensorflow-cpu"
    assert for_gpu("cupy", "CUDA", "12.8") == "cupy-cuda12x" and for_gpu("cupy", "CUDA", "14.0") == "cupy-cuda13x"
    assert for_gpu("cupy", "CUDA", "10.2") == "" and for_gpu("cupy", "ROCm", "7.0.1") == "cupy-rocm-7-0"
    assert (
        for_gpu("jax", "Metal", "3") == "" and for_gpu("jax", "CUDA", "") == "" and for_gpu("numpy", "CUDA", "12") == ""
    )
    assert for_gpu("faiss-cpu", "CUDA", "13.0") == "faiss-gpu-cu12", "a driver runs what is built for an older CUDA"


@pytest.mark.slow
async def test_the_real_torch_is_never_silent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(world.path.parent / "uv-cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    world.put("requirements.txt", "")
    try:
        plan = await world.plan(packages=["torch"])
    except Exception as error:
        pytest.skip(f"the public index does not have it for this machine: {error}")
    if not libraries(install(plan)):
        pytest.skip("torch has no libraries for a GPU on this platform")
    assert plan.risk == Risk.R3 and "of GPU libraries" in plan.reason and "no GPU here" in plan.reason
    assert plan.figures and "torch" in plan.figures[0]
    assert (await world.plan(packages=["torch"])).digest == plan.digest
