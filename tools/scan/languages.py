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
    "Gleam": ".gleam", "Haskell": ".hs .lhs", "C": ".c", "C++": ".cc .cpp .cxx .hpp .hh .hxx", "Swift": ".swift", "Dart": ".dart",
    "Crystal": ".cr", "Zig": ".zig", "Shell": ".sh .bash .zsh .fish .ksh .bats", "PowerShell": ".ps1", "HTML": ".html .htm",
    "CSS": ".css .scss .sass .less", "Lua": ".lua", "MoonScript": ".moon", "R": ".r .R", "Julia": ".jl", "Perl": ".pl .pm .psgi", "COBOL": ".cob .cbl .cpy .CBL .COB .CPY",
    "Scheme": ".scm .ss", "Racket": ".rkt", "Elm": ".elm", "OCaml": ".ml .mli", "Nim": ".nim", "SQL": ".sql", "HCL": ".tf .hcl",
    "Solidity": ".sol", "Objective-C": ".m .mm", "Fortran": ".f90 .f95 .f", "CUDA": ".cu .cuh", "Assembly": ".asm .s",
    "Jupyter": ".ipynb", "Protocol Buffers": ".proto", "GraphQL": ".graphql .gql", "Nix": ".nix", "V": ".v", "D": ".d",
    "Common Lisp": ".lisp .lsp", "Prolog": ".pro", "Tcl": ".tcl", "Emacs Lisp": ".el",
    "Ada": ".adb .ads .ada", "VHDL": ".vhd .vhdl", "SystemVerilog": ".sv .svh", "Pascal": ".pas .dpr .lpr", "Haxe": ".hx", "CoffeeScript": ".coffee",
    "PureScript": ".purs", "ReScript": ".res .resi", "Reason": ".re .rei", "Lean": ".lean", "Idris": ".idr", "Agda": ".agda", "Raku": ".raku .rakumod .p6",
    "Odin": ".odin", "Mojo": ".mojo", "GDScript": ".gd", "GLSL": ".glsl .vert .frag", "HLSL": ".hlsl", "WGSL": ".wgsl", "Metal": ".metal",
    "Move": ".move", "Cairo": ".cairo", "Vyper": ".vy", "Luau": ".luau", "Starlark": ".bzl .star", "Bicep": ".bicep", "Jsonnet": ".jsonnet .libsonnet",
    "CUE": ".cue", "Dhall": ".dhall", "Pkl": ".pkl", "Rego": ".rego", "Standard ML": ".sml", "Factor": ".factor", "Forth": ".fth .4th", "APL": ".apl .dyalog",
    "ABAP": ".abap", "Ballerina": ".bal", "Hack": ".hack", "Grain": ".gr", 
    "Vala": ".vala .vapi", "Chapel": ".chpl", "WebAssembly": ".wat", "Twig": ".twig", "Liquid": ".liquid", "Handlebars": ".hbs .handlebars",
    "Pug": ".pug", "EJS": ".ejs", "Slim": ".slim", "Haml": ".haml", "Stylus": ".styl", "MDX": ".mdx", "Fennel": ".fnl", "Hy": ".hy", "Janet": ".janet",
    "Clarity": ".clar", "Stan": ".stan", "Oz": ".oz", "Pony": ".pony", "AutoHotkey": ".ahk", "AppleScript": ".applescript",
}  # fmt: skip
LANGUAGE = {suffix: language for language, suffixes in _TABLE.items() for suffix in suffixes.split()} | {".h": "C"}
_MADE = (
    ".min.js",
    ".min.css",
    ".bundle.js",
    "_pb2.py",
    ".pb.go",
    ".d.ts",
    ".pnp.cjs",
    ".pnp.loader.mjs",
    ".gradle.kts",
)
_MARKUP = frozenset({"HTML", "CSS", "Twig", "Liquid", "Handlebars", "Pug", "EJS", "Slim", "Haml", "Stylus", "MDX"})
_DATA = frozenset({"SQL", "GraphQL", "Protocol Buffers"})
"""Both come last: a page's style sheet or a dump may be larger than the program, and says less about what is needed."""
LEAST = 0.01
"""A language with less than this share is an odd file, not what the service is written in."""


def languages(files: Iterable[tuple[str, int]], root: str) -> tuple[Fact, ...]:
    """The languages of (path, bytes), most used first; tests and examples count only where there is nothing else."""
    sources = [source for source in map(_source, files) if source is not None]
    inside = len(root) + 1 if root != "." else 0
    return _weigh([source for source in sources if not is_example(source[0][inside:])]) or _weigh(sources)


def _source(file: tuple[str, int]) -> tuple[str, int, str, str] | None:
    """Path, bytes, suffix and language; None for what is written in none, and for what is made."""
    path, size = file
    suffix = f".{path.rpartition('.')[2]}"
    language = LANGUAGE.get(suffix)
    return (path, size, suffix, language) if language and not path.endswith(_MADE) else None


def _weigh(sources: list[tuple[str, int, str, str]]) -> tuple[Fact, ...]:
    sizes: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {}
    for _, size, suffix, language in sources:
        sizes[language] = sizes.get(language, 0) + size
        by_suffix = counts.setdefault(language, {})
        by_suffix[suffix] = by_suffix.get(suffix, 0) + 1
    if "C" in counts and "C++" in counts and set(counts["C"]) == {".h"}:
        sizes["C++"] += sizes.pop("C")
    total = sum(sizes.values())
    ranked = sorted(sizes.items(), key=lambda item: (item[0] in _MARKUP or item[0] in _DATA, -item[1], item[0]))
    return tuple(
        Fact(
            value=language,
            rule="files",
            evidence=tuple(Evidence(path=f"*{s}", key=f"{n} files") for s, n in sorted(counts[language].items())),
        )
        for language, size in ranked
        if size and size >= LEAST * total
    )
