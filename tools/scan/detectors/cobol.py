"""COBOL: programs without any manifest, compiled by GnuCOBOL as far as their source shows that this is all they need."""

from __future__ import annotations

from ..draft import Draft, words
from .base import Detector

MOST = 8
"""Called programs that are linked along; with more there is a build of its own somewhere."""
_CASES = ("PROGRAM-ID", "program-id", "Program-Id")
PATTERNS = (
    *(("cobol-program", case, r"(?i)\bPROGRAM-ID\.?[ \t]+[\"']?([A-Z0-9][A-Z0-9_-]{0,60})") for case in _CASES),
    # In fixed format, which the compiler takes for granted, the first seven columns are no code.
    *(("cobol-free", case, r"(?i)^[ \t]{0,6}(PROGRAM-ID)\b") for case in _CASES),
    *(("cobol-told", case, r"(?i)(SOURCE[ \t]+(?:FORMAT[ \t]+)?(?:IS[ \t]+)?FREE)\b") for case in ("FREE", "free")),
    *(("cobol-called", case, r"(?i)(PROCEDURE[ \t]+DIVISION[ \t]+USING)\b") for case in ("USING", "using", "Using")),
    *(("cobol-host", case, r"(?i)\bEXEC[ \t]+(SQL|CICS|DLI)\b") for case in ("EXEC", "exec", "Exec")),
    ("env", "ENVIRONMENT", r"\bFROM[ \t]+ENVIRONMENT[ \t]+[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "environment", r"\bfrom[ \t]+environment[ \t]+[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
)
SUFFIXES = (".cob", ".cbl", ".COB", ".CBL")


def detect(draft: Draft) -> None:
    """Say how the one main program is compiled; where a host, a preprocessor or a makefile is needed, say nothing."""
    if not draft.languages or draft.languages[0].value != "COBOL" or draft.manifests:
        return
    draft.role("job", 0.5)
    programs = sorted({hit.path for hit in draft.hits("cobol-program")}, key=lambda path: (path.count("/"), path))
    called = {hit.path for hit in draft.hits("cobol-called")}
    mains = [path for path in programs if path not in called]
    if len(mains) != 1 or draft.hits("cobol-host") or len(called) > MOST:
        return
    if {"makefile", "gnumakefile", "justfile"} & {name.lower() for name in draft.beside}:
        return
    main = draft.inner(mains[0])
    free = {hit.path for hit in draft.hits("cobol-free")} - {hit.path for hit in draft.hits("cobol-told")}
    folders = sorted({draft.inner(path).rpartition("/")[0] for path in draft.files if path.lower().endswith(".cpy")})
    copies = [part for folder in folders if folder != main.rpartition("/")[0] for part in ("-I", folder or ".")]
    name = main.rpartition("/")[2].rpartition(".")[0]
    sources = [main, *(draft.inner(path) for path in programs if path in called)]
    argv = ["cobc", "-x", *(["-free"] if free else []), *copies, "-o", name, *sources]
    draft.tool("cobc", mains[0], "PROGRAM-ID")
    draft.command("build", words(*argv), mains[0], "PROGRAM-ID", 0.6)
    draft.command("start", words(f"./{name}"), mains[0], "PROGRAM-ID", 0.6)


DETECTOR = Detector(
    name="cobol",
    manifests=(),
    detect=detect,
    languages=("COBOL",),
    patterns=dict.fromkeys(SUFFIXES, PATTERNS),
)
