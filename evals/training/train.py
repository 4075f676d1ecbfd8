"""The training itself: batches, the loss, the steps."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from envsync.agent.models.offline.encoder import Cutter
from envsync.agent.models.offline.labels import ACTS, FLAGS
from envsync.agent.models.offline.words import SHAPES, shape

from .grow import Example, Grower, spans
from .net import Net, base, parted

IGNORE = -100
RARE = torch.tensor(2.0)
"""How much a raised flag weighs: most parts raise none, and would teach to raise none."""


class Batch:
    """Padded tensors of some examples."""

    def __init__(self, examples: Sequence[Example], cutter: Cutter, blind: random.Random | None) -> None:
        cut = []
        for one in examples:
            shapes = [shape(word, {}) for word in one.words]
            if blind:
                shapes = _varied(one, shapes, blind)
            cut.append(cutter.cut(one.words, shapes, one.before))
        pieces, words = max(len(c.ids) for c in cut), max(len(c.first) for c in cut)
        size = len(examples)
        self.ids, self.shapes, self.mask = (torch.zeros(size, pieces, dtype=torch.long) for _ in range(3))
        self.first = torch.zeros(size, words, dtype=torch.long)
        self.slots = torch.full((size, words), IGNORE)
        self.cuts = torch.full((size, words), -1.0)
        parts: list[tuple[int, int, int]] = []
        acts: list[int] = []
        flags: list[list[float]] = []
        for n, (one, c) in enumerate(zip(examples, cut, strict=True)):
            count = len(c.first)
            self.ids[n, : len(c.ids)] = torch.tensor(c.ids)
            self.shapes[n, : len(c.ids)] = torch.tensor(c.shapes)
            self.mask[n, : len(c.ids)] = 1
            self.first[n, :count] = torch.tensor(c.first)
            self.slots[n, :count] = torch.tensor(one.slots[:count])
            for at in range(1, count):
                self.cuts[n, at] = float(one.part[at] != one.part[at - 1])
            for number, act in enumerate(one.acts):
                inside = [at for at in range(count) if one.part[at] == number]
                if inside:
                    parts.append((n, inside[0], inside[-1] + 1))
                    acts.append(ACTS.index(act) if act else IGNORE)
                    flags.append([float(flag in one.flags[number]) for flag in FLAGS])
        self.parts = parts
        self.acts = torch.tensor(acts)
        self.flags = torch.tensor(flags)
        member = torch.zeros(len(parts), size, words, dtype=torch.bool)
        for k, (n, begin, end) in enumerate(parts):
            member[k, n, begin:end] = True
        self.member = member.view(len(parts), -1)


_HERE = {"host": "host-here", "name": "service-here", "moment": "snapshot-here", "label": "snapshot-here"}


def _varied(one: Example, shapes: list[int], rng: random.Random) -> list[int]:
    """A name that nobody knows looks like nothing in particular, and one that the session knows is marked; sometimes wrongly."""
    shapes = [0 if rng.random() < 0.06 else kind for kind in shapes]
    for slot, begin, end in spans(one):
        if slot in _HERE and end == begin + 1 and rng.random() < 0.15:
            shapes[begin] = SHAPES.index(_HERE[slot])
    for at, word in enumerate(one.words):
        if len(word) > 2 and rng.random() < 0.004:
            shapes[at] = SHAPES.index(rng.choice(["service-here", "host-here", "snapshot-here"]))
    return shapes


def pooled(out: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
    """Act and flag scores of each part: its words' scores, weighted by how much each says."""
    weight = out["weight"].reshape(1, -1).masked_fill(~batch.member, -1e4).softmax(-1)
    return weight @ out["acts"].reshape(-1, len(ACTS)), weight @ out["flags"].reshape(-1, len(FLAGS))


def loss(logits: Tensor, batch: Batch) -> Tensor:
    """Slots, acts, flags and cuts, each as the mean over what it is decided for."""
    out = parted(logits.float())
    acts, flags = pooled(out, batch)
    slots = nn.functional.cross_entropy(out["slots"].flatten(0, 1), batch.slots.flatten(), ignore_index=IGNORE)
    act = nn.functional.cross_entropy(acts, batch.acts, label_smoothing=0.02, ignore_index=IGNORE)
    flag = nn.functional.binary_cross_entropy_with_logits(flags, batch.flags, pos_weight=RARE) * len(FLAGS)
    known = batch.cuts >= 0
    cut = (
        nn.functional.binary_cross_entropy_with_logits(out["cut"].squeeze(-1)[known], batch.cuts[known]) * 4
        if known.any()
        else 0.0
    )
    return slots * 2 + act + flag + cut


def batches(examples: Sequence[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Examples of like length together, the batches in random order."""
    order = sorted(examples, key=lambda one: len(one.words) + rng.random() * 4)
    found = [order[at : at + size] for at in range(0, len(order), size)]
    rng.shuffle(found)
    return found


def train(
    folder: Path, examples: Sequence[Example], epochs: float, seed: int, size: int = 32, rate: float = 2e-4
) -> Net:
    """The trained network. Prints the loss and the time left."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    grower = Grower(examples, seed)
    cutter = Cutter()
    net = Net(base(folder))
    net.train()
    heads = [p for name, p in net.named_parameters() if not name.startswith("encoder.")]
    slow = [
        p
        for name, p in net.named_parameters()
        if name.startswith("encoder.")
        and "word_embeddings" not in name
        and "position" not in name
        and "token_type" not in name
    ]
    # The table of word pieces is half of the network and the base knows it well: left as it is, a step takes a third less time.
    for name, parameter in net.named_parameters():
        if "word_embeddings" in name or "position_embeddings" in name or "token_type" in name:
            parameter.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [{"params": slow, "lr": rate}, {"params": heads, "lr": rate * 6}], weight_decay=0.01, fused=True
    )
    steps = int(epochs * (len(examples) / size))
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, [rate, rate * 6], total_steps=steps + 2, pct_start=0.1)
    done, began, mean = 0, time.monotonic(), 0.0
    while done < steps:
        grown = [grower.grow(one) for one in examples] if done else list(examples)
        for group in batches(grown, size, rng):
            if done >= steps:
                break
            batch = Batch(group, cutter, rng)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = net(batch.ids, batch.shapes, batch.first, batch.mask)
            value = loss(logits, batch)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            plan.step()
            done += 1
            mean = value.item() if not mean else 0.98 * mean + 0.02 * value.item()
            if done % 50 == 0:
                took = time.monotonic() - began
                print(
                    f"{done}/{steps}  loss {mean:.3f}  {took:.0f} s, {took / done * (steps - done):.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )
    return net.eval()
