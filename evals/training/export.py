"""The trained network as a file of int8 weights."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from .net import Exported, Net


def optimised(plain: Path, file: Path) -> None:
    """Write the graph as onnxruntime would make it at each load, with what holds on every machine: loading then takes a third of the time."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(file)
    options.log_severity_level = 3
    ort.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])


def export(net: Net, file: Path) -> None:
    """Write the ONNX file: per-channel int8 weights, activations scaled as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.onnx")
        sample = (torch.tensor([101, 2000, 2001, 102]), torch.tensor([0, 1, 1, 0]), torch.tensor([1, 2]))
        torch.onnx.export(
            Exported(net), sample, str(plain), input_names=["ids", "shapes", "first"], output_names=["labels"], opset_version=17,
            dynamic_axes={"ids": {0: "pieces"}, "shapes": {0: "pieces"}, "first": {0: "words"}, "labels": {0: "words"}}, dynamo=False,
        )  # fmt: skip
        small = Path(folder, "small.onnx")
        quantize_dynamic(plain, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=False)
        optimised(small, file)
