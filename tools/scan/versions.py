"""Does a version satisfy what is asked for? Each ecosystem's own syntax: PEP 440, npm's ranges, Ruby's, Go's minimum."""

from __future__ import annotations

import re

Number = tuple[int, int, int]

AT_LEAST = frozenset({"swift", "julia", "perl", "r", "zig", "nim"})
"""A bare version in their manifests is the least that will do."""
LONGEST = 300
"""Characters of a spec that anybody would write; more are not looked at."""
_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.\d+)*(?:[-+.]?([0-9A-Za-z.+-]+))?$")
_PARTIAL = re.compile(
    r"^v?=?v?(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:\.\d+)*(?:-([0-9A-Za-z.-]+))?(?:\+\S*)?$"
)
_SPLIT = re.compile(r"(>=|<=|>|<|=|\^|~>|~)\s+")


def satisfies(name: str, spec: str, version: str) -> bool | None:
    """Whether `version` of runtime `name` meets `spec`; None when either cannot be read."""
    spec = spec.strip()
    if spec in ("", "*", "latest", "any", "system"):
        return True
    if not version or len(spec) > LONGEST or len(version) > LONGEST:
        return None
    if name == "python":
        return _python(spec, version)
    if name in ("go", "rust"):
        return _least(spec, version)
    if name == "java":
        return _java(spec, version)
    if name in AT_LEAST and re.fullmatch(r"v?\d+(\.\d+)*", spec):
        return _least(spec, version)
    if name == "julia" and re.match(r"\d", spec):
        return ranged("^" + spec, version)
    if name in ("elixir", "lua"):
        return any(_all(re.sub(r"\band\b|,", " ", part), version) for part in re.split(r"\bor\b", spec))
    if name == "ruby":
        return _all(spec.replace("ruby-", "").replace("'", ""), version, bare="~")
    return ranged(spec, version)


def _python(spec: str, version: str) -> bool | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        actual = Version(version)
    except InvalidVersion:
        return None
    spec = re.sub(r"^(cpython|python)[-@]?", "", spec)
    if re.fullmatch(r"\d+(\.\d+)?", spec):
        spec = f"=={spec}.*"
    elif re.fullmatch(r"\d[\w.]*", spec):
        spec = f"=={spec}"
    elif "^" in spec or re.search(r"~(?!=)|\|\|", spec):  # poetry's own syntax
        return any(_all(part, version) for part in re.split(r"\|\|?", spec))
    try:
        return SpecifierSet(spec).contains(actual, prereleases=True)
    except InvalidSpecifier:
        return None


def _least(spec: str, version: str) -> bool | None:
    if not re.match(r"[><=^~]?\s*\d", spec):
        return True if spec.startswith(("stable", "nightly", "beta")) else None
    wanted, actual = number(spec.lstrip(">=^~ ")), number(version)
    return actual >= wanted if wanted and actual else None


def _java(spec: str, version: str) -> bool | None:
    wanted, actual = number(spec.removeprefix("1.") if spec.startswith("1.8") else _digits(spec)), number(version)
    if not wanted or not actual:
        return None
    major = actual[1] if actual[0] == 1 else actual[0]
    return major >= wanted[0]


def _digits(spec: str) -> str:
    found = re.search(r"\d+(\.\d+)*", spec)
    return found.group() if found else ""


def number(version: str) -> Number | None:
    """The first three numbers of a version."""
    found = re.search(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    return (int(found[1]), int(found[2] or 0), int(found[3] or 0)) if found and len(found[0]) < 60 else None


def ranged(spec: str, version: str) -> bool | None:
    """npm's and composer's ranges: `^18 || >=20.1 <22`, `1.x`, `1.2 - 2.3`, `~4.1`."""
    spec = spec.strip()
    if len(spec) > LONGEST or len(version) > LONGEST:
        return None
    if spec.startswith("lts"):
        actual = number(version)
        return actual[0] % 2 == 0 if actual else None
    results = [_all(part, version) for part in re.split(r"\|\|?", spec)]
    if True in results:
        return True
    return None if None in results else False


def _all(part: str, version: str, bare: str = "") -> bool | None:
    found = _VERSION.match(version.strip())
    if not found:
        return None
    actual: Number = (int(found[1]), int(found[2] or 0), int(found[3] or 0))
    between = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", part)
    if between:
        part = f">={between[1]} <={between[2]}"
    results: list[bool] = []
    for comparator in _SPLIT.sub(r"\1", part.replace(",", " ")).split():
        bounds = _bounds(comparator, bare)
        if bounds is None:
            return None
        low, high = bounds
        inside = (low is None or actual >= low) and (high is None or actual < high)
        # A pre-release meets a range only when the range itself names one of the same version.
        if inside and found[4] and "-" in version and low == actual and "-" not in comparator:
            inside = False
        results.append(inside)
    return all(results)


def _bounds(comparator: str, bare: str) -> tuple[Number | None, Number | None] | None:
    """[low, high) of one comparator."""
    match = re.match(r"(>=|<=|!=|>|<|=|\^|~>|~)?(.*)$", comparator)
    operator, rest = (match[1] or "", match[2]) if match else ("", comparator)
    found = _PARTIAL.match(rest)
    if not found or len(rest) > 60:
        return None
    parts = [int(p) for p in _fixed(found.group(1, 2, 3))]
    low = _filled(parts)
    if not parts:
        return (None, None) if operator not in ("<", ">") else (None, (0, 0, 0))
    if operator == ">=":
        return low, None
    if operator == ">":
        return (_next(parts) if len(parts) < 3 else (low[0], low[1], low[2] + 1)), None
    if operator == "<":
        return None, low
    if operator == "<=":
        return None, _next(parts)
    if operator == "^":
        first = next((i for i, p in enumerate(parts) if p), len(parts) - 1)
        return low, _next(parts[: first + 1])
    if operator == "~>":
        return low, _next(parts[: max(1, len(parts) - 1)])
    if operator == "~" or (bare == "~" and not operator and len(parts) < 3):
        return low, _next(parts[:2])
    if operator == "!=":
        return None, None
    return low, _next(parts)


def _fixed(groups: tuple[str | None, ...]) -> list[str]:
    result: list[str] = []
    for part in groups:
        if part is None or part in "xX*":
            break
        result.append(part)
    return result


def _filled(parts: list[int]) -> Number:
    return (*parts, 0, 0, 0)[:3]  # type: ignore[return-value]  # three by construction


def _next(parts: list[int]) -> Number:
    return _filled([*parts[:-1], parts[-1] + 1])
