"""Which Python packages are builds for a GPU, what their builds for the CPU are called, and which files are GPU libraries.

As the projects' own installation guides have it (PyTorch, TensorFlow, JAX, ONNX Runtime, CuPy, PaddlePaddle, Faiss, XGBoost,
RAPIDS, MXNet, DGL), each name checked against what the public index had in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .names import normal


@dataclass(frozen=True)
class Family:
    """One package and its builds. Names are requirements without a version; `{major}` is CUDA's or ROCm's."""

    plain: str
    """What people ask for without a thought of GPUs."""
    cpu: str = ""
    """The build that brings nothing for a GPU; empty when the project has none."""
    gpu: str = ""
    """A pattern for all names of builds that are of no use without a GPU."""
    cuda: Mapping[int, str] | str = ""
    """The build for CUDA, by CUDA's major version where its name has that."""
    rocm: Mapping[int, str] | str = ""


FAMILIES = (
    # Its wheel for Linux has both in one, and its libraries come with the extra; tensorflow-cpu leaves the GPU's half out.
    Family("tensorflow", "tensorflow-cpu", r"tensorflow\[and-cuda\]|tensorflow-gpu|tensorflow-rocm", {12: "tensorflow[and-cuda]", 13: "tensorflow[and-cuda]"}, "tensorflow-rocm"),
    Family("jax", "jax", r"jax\[cuda[\w-]*\]|jax\[rocm[\w-]*\]|jax-(?:cuda|rocm)\d+-(?:plugin|pjrt)", {12: "jax[cuda12]", 13: "jax[cuda13]"}, {7: "jax[rocm7-local]"}),
    Family("onnxruntime", "onnxruntime", r"onnxruntime-(?:gpu|rocm|migraphx)(?:\[[\w,-]+\])?", "onnxruntime-gpu[cuda,cudnn]", "onnxruntime-rocm"),
    Family("cupy", "", r"cupy-(?:cuda\d+x|rocm-\d+-\d+)(?:\[\w+\])?", {11: "cupy-cuda11x", 12: "cupy-cuda12x", 13: "cupy-cuda13x"}, {5: "cupy-rocm-5-0", 7: "cupy-rocm-7-0"}),
    Family("paddlepaddle", "paddlepaddle", r"paddlepaddle-gpu", "paddlepaddle-gpu"),
    Family("faiss-cpu", "faiss-cpu", r"faiss-gpu(?:-cu\d+)?", {11: "faiss-gpu-cu11", 12: "faiss-gpu-cu12"}),
    # Its wheel for Linux has both in one and asks for NVIDIA's library for several GPUs.
    Family("xgboost", "xgboost-cpu", r"(?!)", "xgboost"),
    Family("cudf", "", r"(?:cudf|cuml|cugraph|cuxfilter|cucim|cuvs|dask-cudf|pylibraft|rmm)-cu\d+", {12: "cudf-cu12", 13: "cudf-cu13"}),
    Family("mxnet", "mxnet", r"mxnet-cu\d+", {11: "mxnet-cu112"}),
    Family("dgl", "dgl", r"dgl-cu\d+"),
)  # fmt: skip
"""LightGBM, CatBoost and torch have one name for all builds: the first two bring no GPU libraries, torch tells its builds
apart by a local version (`+cpu`, `+cu128`, `+rocm6.4`)."""

LOCAL = ("torch", "torchvision", "torchaudio")
"""Packages whose builds differ by their local version; those of one set must be of one kind to load each other."""

_LIBRARY = re.compile(
    r"nvidia-(?!ml-py|smi|htop)[a-z0-9-]+|cuda-(?:toolkit|bindings|python|core)|(?:pytorch-)?triton(?:-rocm)?"
    r"|jax-(?:cuda|rocm)\d+-(?:plugin|pjrt)|cupy-(?:cuda\d+x|rocm-[\d-]+)|[a-z0-9-]+-cu1\d|numba-cuda|libc(?:uml|udf|ugraph)-cu\d+"
)
_ALIGNED = frozenset({
    "cuda-toolkit", "cuda-bindings", "nvidia-cublas", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "nvidia-cuda-cupti",
    "nvidia-nvjitlink", "nvidia-nvtx", "nvidia-cuda-nvcc",
})  # fmt: skip
"""Libraries whose own version begins with that of their CUDA; of others, e.g. cuFFT, it does not."""


def libraries(names: Iterable[str]) -> list[str]:
    """Those of these normalised names that are of use on a GPU alone, by what NVIDIA, AMD and the frameworks call them."""
    return sorted(name for name in names if _LIBRARY.fullmatch(name))


def useless(names: Iterable[str], platform: str) -> list[str]:
    """Those of them that a machine with this GPU platform (empty: none) has no use for."""
    found = libraries(names)
    if platform == "CUDA":
        return [name for name in found if "rocm" in name]
    return [name for name in found if "rocm" not in name and name != "triton"] if platform == "ROCm" else found


def major(name: str, version: str) -> int:
    """The CUDA that a library is of; 0 when neither its name nor its version says so."""
    named = re.search(r"-cu(1\d)\d?$|cuda(1\d)\d?x?(?:-|$)", name)
    if named:
        return int(named[1] or named[2])
    first = version.partition(".")[0]
    return int(first) if name in _ALIGNED and first.isdigit() and len(first) < 4 else 0


def without_gpu(name: str) -> str | None:
    """What `name` (with extras) is called as a build for the CPU: empty when there is none, None when it is no GPU build."""
    for family in FAMILIES:
        if re.fullmatch(family.gpu, _spelled(name)):
            return family.cpu
    return None


def slim(name: str) -> str:
    """Of a package that runs on both, the build without the GPU's half; empty when it has none of that kind."""
    return next((f.cpu for f in FAMILIES if f.plain == _spelled(name) and f.cpu not in ("", f.plain)), "")


def for_gpu(name: str, platform: str, version: str) -> str:
    """What `name` is called as a build for this GPU platform; empty when it has none, or is itself for all."""
    number = int(match[0]) if (match := re.match(r"\d{1,3}", version)) else 0
    for family in FAMILIES:
        if _spelled(name) in (family.plain, family.cpu):
            builds = family.cuda if platform == "CUDA" else family.rocm if platform == "ROCm" else ""
            if isinstance(builds, str):
                return builds
            # A driver runs what is built for an older CUDA, and never what is built for a newer one.
            fitting = [each for each in builds if each <= number]
            return builds[max(fitting)] if fitting else ""
    return ""


def _spelled(name: str) -> str:
    bare, bracket, extras = name.partition("[")
    return normal(bare) + (bracket + extras.lower().replace(" ", "").replace("_", "-") if bracket else "")
