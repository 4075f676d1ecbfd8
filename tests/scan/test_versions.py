"""Version ranges, each as its ecosystem means it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.scan.versions import ranged, satisfies

NODE = [
    ("^18.2.0", "18.2.0", True), ("^18.2.0", "18.1.9", False), ("^18.2.0", "19.0.0", False), ("^0.2.3", "0.2.9", True),
    ("^0.2.3", "0.3.0", False), ("^0.0.3", "0.0.4", False), ("^0", "0.9.1", True), ("~1.2.3", "1.2.9", True), ("~1.2", "1.3.0", False),
    ("~1", "1.9.0", True), ("1.x", "1.9.9", True), ("1.2.*", "1.3.0", False), ("*", "5.0.0", True), ("", "5.0.0", True),
    (">=18", "20.1.0", True), (">=18 <20", "20.0.0", False), (">= 18 < 20", "19.9.0", True), (">18", "18.5.0", False),
    (">18", "19.0.0", True), ("<=18", "18.9.0", True), ("^16 || ^18 || >=20", "18.3.0", True), ("^16||^18", "17.0.0", False),
    ("1.2 - 1.4", "1.4.9", True), ("1.2.0 - 1.4.0", "1.4.1", False), ("20", "20.11.0", True), ("v20.1", "20.1.3", True),
    ("=1.2.3", "1.2.3", True), ("1.2.3", "1.2.4", False), ("lts/*", "20.1.0", True), ("lts/iron", "21.0.0", False),
    ("^1.0.0", "1.0.0-beta.1", False), ("^1.0.0-beta.1", "1.0.0-beta.1", True), ("latest", "1.0.0", True), ("what?", "1.0.0", None),
    ("^1.0.0", "nonsense", None), ("||", "1.0.0", True),
]  # fmt: skip
OTHERS = [
    ("python", ">=3.9,<3.13", "3.12.1", True), ("python", "3.11", "3.11.9", True), ("python", "3.11", "3.12.0", False),
    ("python", "3.11.4", "3.11.5", False), ("python", "^3.9", "3.12.0", True), ("python", "^3.9", "4.0.0", False),
    ("python", "~3.9", "3.10.0", False), ("python", "~=3.9", "3.12.0", True), ("python", "3", "3.12.0", True),
    ("python", ">=3.8,!=3.9.*", "3.9.1", False), ("python", "garbage", "3.9", None), ("python", "^3.9 || ^4.0", "4.1.0", True),
    ("go", "1.22", "1.22.3", True), ("go", "1.23.1", "1.22.3", False), ("rust", "1.75", "1.78.0", True), ("rust", "stable", "1.1.0", True),
    ("java", "17", "21.0.1", True), ("java", "21", "17.0.1", False), ("java", "1.8", "1.8.0_392", True), ("java", "11", "1.8.0", False),
    ("ruby", "~> 3.1", "3.3.0", True), ("ruby", "~> 3.1.2", "3.2.0", False), ("ruby", ">= 3.0", "3.3.1", True), ("ruby", "3.3.1", "3.3.1", True),
    ("ruby", "3.3.1", "3.3.2", False), ("php", "^8.1", "8.3.6", True), ("php", ">=7.4 <8", "8.0.0", False), ("php", "^7.4|^8.0", "8.2.1", True),
    ("php", "8.2.*", "8.3.0", False),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "version", "fits"), NODE)
def test_npm_ranges(spec: str, version: str, fits: bool | None) -> None:
    assert satisfies("node", spec, version) is fits


@pytest.mark.parametrize(("name", "spec", "version", "fits"), OTHERS)
def test_other_ecosystems(name: str, spec: str, version: str, fits: bool | None) -> None:
    assert satisfies(name, spec, version) is fits


@given(
    st.sampled_from(["python", "node", "go", "rust", "java", "ruby", "php", "bun"]),
    st.text(max_size=80),
    st.text(max_size=30),
)
def test_any_text_gives_a_verdict_and_no_error(name: str, spec: str, version: str) -> None:
    assert satisfies(name, spec, version) in (True, False, None)


@given(st.tuples(*[st.integers(0, 40)] * 3), st.tuples(*[st.integers(0, 40)] * 3))
def test_caret_is_between_its_bound_and_the_next_breaking_version(
    low: tuple[int, int, int], actual: tuple[int, int, int]
) -> None:
    first = next((i for i, part in enumerate(low) if part), 2)
    expected = actual >= low and actual[: first + 1] == low[: first + 1]
    assert ranged("^{}.{}.{}".format(*low), "{}.{}.{}".format(*actual)) is expected
