"""Which release a project gets: what is pinned, else the line that people would choose and that meets every wish."""

from __future__ import annotations

import pytest

from envsync.tools.scan.write.releases import release

from .writing import wanted


@pytest.mark.parametrize(
    ("name", "specs", "version"),
    [
        ("python", [">=3.11"], "3.13"),
        ("python", [">=3.9,<3.12"], "3.11"),
        ("python", ["3.12.4", ">=3.11"], "3.12.4"),
        ("python", [">=3.12", "3.12"], "3.12"),
        ("python", ["^3.10"], "3.13"),
        ("python", [">=3.14"], "3.14"),
        ("python", [">=3.99"], "3.99"),
        ("python", [""], "3.13"),
        ("node", [">=18"], "24"),
        ("node", ["20.x"], "20"),
        ("node", ["^18 || ^20"], "20"),
        ("node", ["lts/*"], "24"),
        ("node", ["lts/jod"], "22"),
        ("node", ["v20.11.1"], "20.11.1"),
        ("node", ["~20.11.0"], "20.11.0"),
        ("node", [">=18 <21", "20"], "20"),
        ("go", ["1.22.5"], "1.22"),
        ("java", ["17"], "17"),
        ("java", ["1.8"], "8"),
        ("ruby", ["~> 3.2.0"], "3.2"),
        ("php", ["^8.1"], "8.4"),
        ("php", ["8.3.*"], "8.3"),
        ("dotnet", ["net8.0"], "8.0"),
        ("rust", ["stable"], "1"),
        ("elixir", ["~> 1.14"], "1.18"),
        ("brainfuck", [""], ""),
    ],
)
def test_the_release_meets_what_is_asked_for(name: str, specs: list[str], version: str) -> None:
    assert release(name, wanted(name, *specs)) == version


def test_the_oldest_rust_that_compiles_it_is_not_what_it_is_built_with() -> None:
    assert release("rust", wanted("rust", "1.70", path="Cargo.toml")) == "1"
    assert release("rust", wanted("rust", "1.79.0", path="rust-toolchain.toml")) == "1.79.0"


def test_what_only_a_ci_file_names_decides_when_nothing_else_does() -> None:
    hint = wanted("python", "3.12", path=".github/workflows/test.yml", confidence=0.4)
    assert release("python", [*wanted("python", ">=3.10"), *hint]) == "3.13"
    assert release("python", hint) == "3.12"
