"""Languages by file suffix, weighed by bytes."""

from __future__ import annotations

from collections.abc import Iterable

from ..fingerprint import Evidence, Fact
from .ignore import is_example

_TABLE = {
    "Python": ".py .pyi .pyx", "JavaScript": ".js .mjs .cjs .jsx", "TypeScript": ".ts .mts .cts .tsx", "Vue": ".vue",
    "Svelte": ".svelte", "Astro": ".astro", "Go": ".go", "Rust": ".rs", "Java": ".java", "Kotlin": ".kt .kts",
    "Scala": ".scala .sc", "Clojure": ".clj .cljs .cljc", "Groovy": ".groovy", "Ruby": ".rb .erb .rake", "PHP": ".php",
    "C#": ".cs .cshtml .razor", "F#": ".fs .fsx", "Visual Basic": ".vb", "Elixir": ".ex .exs .heex", "Erlang": ".erl .hrl",
    "Gleam": ".gleam", "Haskell": ".hs", "C": ".c", "C++": ".cc .cpp .cxx .hpp .hh .hxx", "Swift": ".swift", "Dart": ".dart",
    "Crystal": ".cr", "Zig": ".zig", "Shell": ".sh .bash .zsh .fish", "PowerShell": ".ps1", "HTML": ".html .htm",
    "CSS": ".css .scss .sass .less", "Lua": ".lua", "R": ".r .R", "Julia": ".jl", "Perl": ".pl .pm", "COBOL": ".cob .cbl .cpy",
    "Scheme": ".scm .ss", "Racket": ".rkt", "Elm": ".elm", "OCaml": ".ml .mli", "Nim": ".nim", "SQL": ".sql", "HCL": ".tf .hcl",
    "Solidity": ".sol", "Objective-C": ".m .mm", "Fortran": ".f90 .f95 .f", "CUDA": ".cu .cuh", "Assembly": ".asm .s",
    "Jupyter": ".ipynb", "Protocol Buffers": ".proto", "GraphQL": ".graphql .gql", "Nix": ".nix", "V": ".v", "D": ".d",
    "Common Lisp": ".lisp .lsp", "Prolog": ".pro", "Tcl": ".tcl", "Emacs Lisp": ".el",
}  # fmt: skip
LANGUAGE = {suffix: language for language, suffixes in _TABLE.items() for suffix in suffixes.split()} | {".h": "C"}
_MADE = (".min.js", ".min.css", ".bundle.js", "_pb2.py", ".pb.go", ".d.ts")
_MARKUP = frozenset({"HTML", "CSS"})
"""They come last: a page's style sheet may be larger than the program, and says less about what is needed."""
LEAST = 0.01
"""A language with less than this share is an odd file, not what the service is written in."""


def languages(files: Iterable[tuple[str, int]], root: str) -> tuple[Fact, ...]:
    """The languages of (path, bytes), most used first; tests and examples count only where there is nothing else."""
    pairs = list(files)
    inside = len(root) + 1 if root != "." else 0
    return _weigh([p for p in pairs if not is_example(p[0][inside:])]) or _weigh(pairs)


def _weigh(pairs: list[tuple[str, int]]) -> tuple[Fact, ...]:
    sizes: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {}
    for path, size in pairs:
        suffix = f".{path.rpartition('.')[2]}"
        language = LANGUAGE.get(suffix)
        if language and not path.endswith(_MADE):
            sizes[language] = sizes.get(language, 0) + size
            by_suffix = counts.setdefault(language, {})
            by_suffix[suffix] = by_suffix.get(suffix, 0) + 1
    if "C" in counts and "C++" in counts and set(counts["C"]) == {".h"}:
        sizes["C++"] += sizes.pop("C")
    total = sum(sizes.values())
    ranked = sorted(sizes.items(), key=lambda item: (item[0] in _MARKUP, -item[1], item[0]))
    return tuple(
        Fact(
            value=language,
            rule="files",
            evidence=tuple(Evidence(path=f"*{s}", key=f"{n} files") for s, n in sorted(counts[language].items())),
        )
        for language, size in ranked
        if size and size >= LEAST * total
    )
