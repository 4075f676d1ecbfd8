"""Which ecosystems the scan knows; adding one is one file and one line here."""

from __future__ import annotations

from . import deno, go, java, node, php, python, ruby, rust
from .base import Detector

DETECTORS: tuple[Detector, ...] = (
    python.DETECTOR,
    node.DETECTOR,
    deno.DETECTOR,
    go.DETECTOR,
    rust.DETECTOR,
    java.DETECTOR,
    ruby.DETECTOR,
    php.DETECTOR,
)
