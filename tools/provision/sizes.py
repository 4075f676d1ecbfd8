"""How much a plan fetches: what an index told, what it is asked within a short time, and what is remembered of that."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import re
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from blake3 import blake3

from ..contract import Context
from ..hosts.here import helped, here
from ..plan import Step
from .names import plain
from .part import Fetch, Part

if TYPE_CHECKING:
    import ssl

BUDGET = 3.0
"""Seconds that asking for sizes may take in all."""
MOST = 300
"""Files that are asked for in one plan."""
AGAIN = 900.0
"""Seconds until a file whose size nobody told is asked for again: the plan that is made anew under the lock knows then
just what the one that a person saw did, and costs nothing."""
BIGGEST = 10**12
"""Bytes; what claims to be larger was not measured by anybody."""
LARGE = 500_000_000
"""Bytes from which on a plan says in its warnings how much it fetches."""
_AT_ONCE = 16
_PATIENCE = 0.5
_KEPT = 5000


NOTHING = frozenset({
    "python-venv", "go-files", "grown", "provision-template", "check",
    "service-quiet", "service-make", "service-start", "service-env",
})  # fmt: skip
"""Kinds of steps that fetch nothing."""


def known(steps: Sequence[Step]) -> list[Step]:
    """The steps, with 0 as the download of those that fetch nothing."""
    return [step.model_copy(update={"download": 0}) if step.kind in NOTHING else step for step in steps]


@dataclass(frozen=True)
class File:
    """A file that an installer would fetch. `size` is what the index or lock says; `here` that a cache has it."""

    name: str
    url: str = ""
    size: int | None = None
    here: bool = False


def sane(value: object) -> int | None:
    """A size as an index or lockfile gives it; None for what is none: negative, absurdly large, or no whole number."""
    return value if type(value) is int and 0 <= value <= BIGGEST else None


def amount(count: float) -> str:
    """Bytes as people say them, in powers of 1000: `12 kB`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 9.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


async def settled(context: Context, files: Sequence[File], user: str = "", base: str = "") -> list[File]:
    """The files with the sizes that could be learned: those of this machine's memory, then what their servers say.

    `user` is `NAME:PASSWORD` for addresses on the same server as `base`, the index. Never raises, and never takes much
    longer than BUDGET.
    """
    store = context.state / "cache" / "sizes.json"
    unknown = [file for file in files if file.size is None and not file.here and file.url.startswith("http")]
    if not unknown:
        return list(files)
    memory, now = await here(_load, store), time.time()
    known = {file.url: memory[key] for file in unknown if (key := _key(file.url)) in memory}
    told = {url: size for url, (size, _) in known.items() if size is not None}
    asked = [
        file.url
        for file in unknown
        if file.url not in told and not (file.url in known and now - known[file.url][1] < AGAIN and known[file.url][1] <= now)
    ][:MOST]  # fmt: skip
    if asked:
        server = urlsplit(base).netloc
        with_user = {url: user for url in asked if user and urlsplit(url).netloc == server}
        answers = await _ask(context, asked, with_user)
        told.update({url: size for url, size in answers.items() if size is not None})
        await here(_save, store, {_key(url): (answers.get(url), now) for url in asked})
    return [replace(file, size=told.get(file.url)) if file in unknown else file for file in files]


async def _ask(context: Context, urls: list[str], users: dict[str, str]) -> dict[str, int | None]:
    """From where the packages will be fetched; from here where there is no Python to do it."""
    try:
        if await helped(context.host):
            return await asyncio.wait_for(context.host.call(ask, urls, users, BUDGET), BUDGET * 2)
        return await here(ask, urls, users, BUDGET)
    except (OSError, TimeoutError):
        return {}


def ask(urls: list[str], users: dict[str, str], budget: float) -> dict[str, int | None]:
    """The size of what is at each address, by asking for the headers alone; None for what does not tell in time."""
    import ssl as tls  # as in index.fetch

    found: dict[str, int | None] = {}
    end = time.monotonic() + budget
    trust = tls.create_default_context()
    first: queue.SimpleQueue[str] = queue.SimpleQueue()
    second: queue.SimpleQueue[str] = queue.SimpleQueue()
    for url in urls:
        first.put(url)
        second.put(url)

    def serve() -> None:
        while time.monotonic() < end and len(found) < len(urls):
            last = first.empty()
            if last:
                # One lost packet of a name's lookup costs five seconds: what has not answered by now is asked again.
                time.sleep(_PATIENCE)
            try:
                url = (second if last else first).get_nowait()
            except queue.Empty:
                if last:
                    return
                continue
            try:
                if url not in found:
                    found[url] = _length(url, users.get(url, ""), end, trust)
            except (OSError, ValueError):
                if last:
                    found.setdefault(url, None)

    for _ in range(min(_AT_ONCE, 2 * len(urls))):
        # Daemons, since a server that sends a byte a second would hold a pool's thread for ever.
        threading.Thread(target=serve, daemon=True).start()
    while time.monotonic() < end and len(found) < len(urls):
        time.sleep(0.01)
    return {url: found.get(url) for url in urls}


def _length(url: str, user: str, end: float, trust: ssl.SSLContext) -> int | None:
    """By HEAD, or where a server has none (405, 501, or 403 from a signed address) by the first byte's Content-Range.

    None when it has no such file, or does not tell. Raises OSError and ValueError when there was no answer.
    """
    import urllib.error
    import urllib.request

    for method in ("HEAD", "GET"):
        left = end - time.monotonic()
        if left <= 0 or urlsplit(url).scheme not in ("http", "https"):
            return None
        # Uncompressed: what counts is the file's own length.
        headers = {"User-Agent": "envsync", "Accept-Encoding": "identity"}
        headers |= {"Range": "bytes=0-0"} if method == "GET" else {}
        request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 (scheme checked above)
        if user:
            request.add_unredirected_header("Authorization", "Basic " + b64encode(user.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=left, context=trust) as answer:  # noqa: S310 (the same)
                if method == "HEAD":
                    length = str(answer.headers.get("Content-Length") or "")
                else:
                    length = str(answer.headers.get("Content-Range") or "").rpartition("/")[2]
        except urllib.error.HTTPError as error:
            if method == "HEAD" and error.code in (403, 405, 501):
                continue
            return None
        return sane(int(length)) if re.fullmatch(r"[0-9]{1,15}", length) else None
    return None


def _key(url: str) -> str:
    """Addresses may hold a signature: only their hash is kept."""
    return blake3(url.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _load(store: Path) -> dict[str, tuple[int | None, float]]:
    """Size (None: not told) and time by hash."""
    try:
        content = json.loads(store.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    found: dict[str, tuple[int | None, float]] = {}
    for key, value in cast(dict[str, object], content).items() if isinstance(content, dict) else ():
        pair = cast(list[object], value) if isinstance(value, list) else []
        if len(pair) == 2 and isinstance(pair[1], int | float):
            found[key] = (sane(pair[0]), float(pair[1]))
    return found


def _save(store: Path, new: Mapping[str, tuple[int | None, float]]) -> None:
    with suppress(OSError):  # a cache: what cannot be kept is asked again next time
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = store.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(dict([*_load(store).items(), *new.items()][-_KEPT:])), encoding="utf-8")
        os.replace(temporary, store)


# -- Into steps and plans ----------------------------------------------------------------------------------------


def weighed(step: Step, files: Sequence[File], *, looked: bool = True) -> Step:
    """The step with what these files take to fetch. `looked` is false when nobody could see what a cache has."""
    sizes = [0 if file.here else file.size for file in files]
    if files and all(size is None for size in sizes):
        return step
    bound = "at least" if None in sizes else "" if looked else "up to"
    return step.model_copy(update={"download": sum(size or 0 for size in sizes), "bound": bound})


def fetches(files: Sequence[File]) -> list[Fetch]:
    """What is left to fetch."""
    return [Fetch(file.name, file.size) for file in files if not file.here]


async def figures(part: Part, context: Context) -> tuple[str, ...]:
    """What a person must know of the size before saying yes: a large download, and a disk that may not hold it."""
    known = [step for step in part.steps if step.download]
    total = sum(step.download or 0 for step in known)
    if not total:
        return ()
    found: list[str] = []
    about = "at least " if any(step.bound == "at least" for step in known) else ""
    if total > LARGE:
        largest = sorted((f for f in part.fetches if f.size), key=lambda fetch: (-(fetch.size or 0), fetch.name))[:4]
        names = ", ".join(f"{plain(fetch.name, 60)} {amount(fetch.size or 0)}" for fetch in largest)
        found.append(f"this downloads {about}{amount(total)}" + (f": the largest are {names}" if names else ""))
    places: dict[str, int] = {}
    for step in known:
        place = "/var/cache/apt/archives" if step.kind == "apt" else str(context.path)
        places[place] = places.get(place, 0) + (step.download or 0)
    return (*found, *await _cramped(places, context))


async def _cramped(places: Mapping[str, int], context: Context) -> list[str]:
    """Warnings for file systems with less than twice the download free: it is kept packed, and then unpacked."""
    free: dict[str, tuple[str, int]] = {}
    needed: dict[str, int] = {}
    for place, bytes in places.items():
        done = await context.host.run(["df", "-Pk", "--", place], cwd=Path("/"), env={"LC_ALL": "C"}, timeout=10)
        row = re.search(r"\s(\d+)\s+\d+\s+(\d+)\s+\d+%\s+(/.*)$", done.text)
        if done.code == 0 and row:
            mount = row[3].strip()
            free[mount] = (mount, int(row[2]) * 1024)
            needed[mount] = needed.get(mount, 0) + bytes
    return [
        f"there may not be enough space: {plain(mount)} has {amount(left)} free, and this fetches "
        f"{amount(needed[mount])}, which takes about twice as much while it is unpacked"
        for mount, left in free.values()
        if left < 2 * needed[mount]
    ]
