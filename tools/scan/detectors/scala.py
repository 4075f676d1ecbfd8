"""Scala: sbt and Mill builds, and scala-cli's files that carry their build in comments."""

from __future__ import annotations

from ..draft import Draft
from . import mill, sbt
from .base import Detector
from .jvm import PATTERNS as JVM
from .jvm import Needed, conclude
from .jvm_settings import settings

_APPS = (
    r"(?:App|(?:IOApp|ResourceApp|OxApp)(?:\.\w{1,20})?|CommandIOApp|ZIOApp|ZIOAppDefault|KyoApp"
    r"|TwitterServer|HttpServer|MainRoutes)"
)
PATTERNS = (
    *(pattern for pattern in JVM if pattern[0] == "env" or pattern[1] in ("InetSocketAddress(", "forPort(")),
    ("env", "sys.env", r"sys\.env(?:\.get|\.getOrElse|\.contains|\.apply)?\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "Or", r"\benvOr(?:Else|None|Some)\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "env(", r"\benv\(\s*\"([A-Z][A-Z0-9_]{1,63})\"\s*\)"),
    ("scala-main", "object ", rf"^[ \t]*object (\w+)[^{{}}]{{0,80}}?\bextends\s{{1,20}}(?:\w{{1,40}}\.){{0,5}}{_APPS}\b"),
    ("scala-main", "def main(", r"\bdef (main)\(\s*\w+\s*:\s*Array\[String\]"),
    ("scala-main", "@main", r"^[ \t]*@main\b[^\n=]{0,40}?\bdef[ \t]+(\w+)"),
    ("jvm-port", 'port"', r"\bport\"(\d{2,5})\""),
    ("jvm-port", "newServerAt(", r"\bnewServerAt\(\s*\"[^\"\n]{0,80}\",\s*(?:port\s*=\s*)?(\d{2,5})\b"),
    ("jvm-port", "bindHttp(", r"\bbindHttp\(\s*(?:port\s*=\s*)?(\d{2,5})\b"),
    ("jvm-port", "bindAndHandle(", r"\bbindAndHandle\([^()\n]{0,80},\s*(\d{2,5})\b"),
    ("jvm-port", "defaultWithPort(", r"\bdefaultWithPort\(\s*(\d{2,5})\b"),
    ("jvm-port", "override ", r"\boverride (?:lazy )?(?:def|val) port(?:\s*:\s*Int)?\s*=\s*(\d{2,5})\b"),
    ("jvm-port", "defaultHttpPort", r"\bdefaultHttpPort[^=\n]{0,20}=\s*\":(\d{2,5})\""),
    ("jvm-port", ".port(", r"\.port\(\s*(\d{2,5})\s*\)"),
    ("scala-cli", "//> using", r"^//> (using) "),
    ("scala-cli-dep", "//> using", r"^//> using (?:dep|lib)s?[ \t]+\"?([\w.-]{1,100}:{1,3}[\w.-]{1,100})"),
    ("scala-cli-scala", "//> using", r"^//> using scala(?:Version)?[ \t]+\"?(\d[\w.-]{0,30})"),
    ("scala-cli-jvm", "//> using", r"^//> using jvm[ \t]+\"?(?:[a-z-]{1,30}:)?(\d[\d.]{0,20})"),
)  # fmt: skip


def detect(draft: Draft) -> None:
    """Add what the build says; of a folder without any, what scala-cli would make of it."""
    sbt.detect(draft)
    mill.detect(draft)
    if not draft.manifests and not draft.managers and draft.root == ".":
        _scala_cli(draft)


def _scala_cli(draft: Draft) -> None:
    using = draft.hits("scala-cli")
    main = draft.hits("scala-main") or [hit for hit in using if hit.path.endswith(".sc")]
    if not using or not main:
        return
    versions = {
        runtime: draft.hits(rule) for runtime, rule in (("java", "scala-cli-jvm"), ("scala", "scala-cli-scala"))
    }
    draft.runtime("java", "", using[0].path, "using")
    for runtime, hits in versions.items():
        for hit in hits[:1]:
            draft.runtime(runtime, hit.value, hit.path, f"line {hit.line}")
    coordinates = [(hit.value.partition(":"), hit.path) for hit in draft.hits("scala-cli-dep")]
    needed = [Needed(f"{group}:{artifact.lstrip(':')}", f"/{path}") for (group, _, artifact), path in coordinates]
    conclude(draft, using[0].path, needed, settings(draft), runs=True)
    draft.tool("scala-cli", using[0].path, "using")
    draft.command("start", "scala-cli run .", main[0].path, "", 0.8)
    draft.command("test", "scala-cli test .", using[0].path, "", 0.5)


DETECTOR = Detector(
    name="scala",
    manifests=("build.sbt", *mill.BUILD),
    detect=detect,
    reads=sbt.READS,
    lockfiles=("build.sbt.lock",),
    languages=("Scala",),
    patterns={".scala": PATTERNS, ".sc": PATTERNS},
)
