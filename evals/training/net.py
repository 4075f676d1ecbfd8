"""The encoder as it is trained: MiniLM, a vector for what each word looks like, and one linear layer of labels on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from envsync.agent.models.offline.labels import ACTS, FLAGS, SLOTS
from envsync.agent.models.offline.words import SHAPES

SIZES = {"slots": 1 + 2 * len(SLOTS), "cut": 1, "weight": 1, "acts": len(ACTS), "flags": len(FLAGS)}
"""The columns of the output, in order."""


def base(folder: Path) -> BertModel:
    """MiniLM with its published weights, from the package that carries them."""
    from safetensors.torch import load_file

    config = BertConfig.from_pretrained(folder)
    config._attn_implementation = "eager"
    model = BertModel(config, add_pooling_layer=False)
    weights = {key.removeprefix("bert."): value for key, value in load_file(folder / "model.safetensors").items()}
    absent, _ = model.load_state_dict(weights, strict=False)
    if [key for key in absent if "position_ids" not in key]:
        raise ValueError(f"the base has no {absent[0]}")
    return model


class Net(nn.Module):
    """Word pieces to labels for whole words: the vector of a word's first piece stands for it."""

    def __init__(self, encoder: BertModel, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        size = encoder.config.hidden_size
        self.shape = nn.Embedding(len(SHAPES), size)
        nn.init.normal_(self.shape.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(size, sum(SIZES.values()))

    def forward(self, ids: Tensor, shapes: Tensor, first: Tensor, mask: Tensor) -> Tensor:
        """(batch, pieces) twice, (batch, words), (batch, pieces) to (batch, words, labels)."""
        embedded = self.encoder.embeddings.word_embeddings(ids) + self.shape(shapes)
        hidden: Any = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        words = torch.gather(hidden, 1, first.unsqueeze(-1).expand(-1, -1, hidden.size(-1)))
        return self.head(self.dropout(words))


class Exported(nn.Module):
    """One request, without padding: what the file computes."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, shapes: Tensor, first: Tensor) -> Tensor:
        """(pieces), (pieces), (words) to (words, labels)."""
        ones = torch.ones_like(ids).unsqueeze(0)
        return self.net(ids.unsqueeze(0), shapes.unsqueeze(0), first.unsqueeze(0), ones)[0]


def parted(logits: Tensor) -> dict[str, Tensor]:
    """The output's columns by name."""
    return dict(zip(SIZES, torch.split(logits, list(SIZES.values()), dim=-1), strict=True))
