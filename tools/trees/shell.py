"""A replica on a host without a Python: everything by shell commands, GNU's or BusyBox's. Slower, and in two points weaker
than the worker: an edit in the very instant between the last check and the rename is not seen, and a repository is gone
for the blink between two renames."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TypeVar, cast

from ..errors import Damaged, Failed, Unreachable, Usage
from ..hosts.base import Completed, Host
from . import scripts
from .hashing import digest_of
from .ignore import Rules, ignored
from .model import (
    DIGEST,
    OWN,
    Change,
    Entry,
    Facts,
    Kept,
    Notice,
    Options,
    Outcome,
    Scan,
    Tree,
    Within,
    checked,
    decode,
    encode,
    executable,
    parent,
    parents,
    same,
)
from .replica import Wanted
from .unit import Unit, index_digest, is_lock, is_passing

T = TypeVar("T")

LISTING = 512 << 20
"""Bytes of output that are taken at most."""
ARGUMENTS = 60_000
"""Bytes of arguments in one command; the least that systems allow is 128 KiB with the environment."""
YOUNG = 3
"""Seconds; a file changed since then is read again, since its times tell whole seconds only."""

_KINDS = {0o100000: "file", 0o040000: "directory", 0o120000: "link"}
_Stat = tuple[int, int, int, int, int]


class ShellReplica:
    """See Replica. The algorithm is `sha256`."""

    def __init__(self, host: Host, root: str, id: str, options: Options, private: str = "") -> None:
        self.host = host
        self.name = host.name
        self.root = root
        self.options = options
        self._id = id
        self._wanted = private
        self._real = ""
        self._private = ""
        self._known: dict[str, tuple[_Stat, bytes]] = {}
        self._stamps: dict[bytes, bytes | None] = {}
        self._insides: dict[str, Tree] = {}
        self._filling = asyncio.Lock()
        """Pieces are appended in the order in which they were asked to be."""
        self._last: Scan | None = None
        self._watching: AsyncIterator[frozenset[str]] | None = None

    # -- Looking --------------------------------------------------------------------------------------------------

    async def facts(self) -> Facts:
        """See Replica.facts."""
        done, out = await self._sh(scripts.PLACE, self.root, self._id, self._wanted)
        if out.startswith((b"missing", b"kind")):
            return Facts("missing" if out.startswith(b"missing") else "file", self.root, algorithm="sha256")
        if done.code == 4:
            raise Failed(f"there is no place for private files near {self.root} on {self.name}", "Let it be writable.")
        fields = out.split(b"\0")
        if done.code or len(fields) != 4:
            raise Failed(f"{self.name} has not the commands that are needed: {done.error[-300:]}", _TOOLS)
        numbers = [int(number) for number in fields[3].split()]
        device, inode, writable, case, unicode, links, bit, plain, clock = numbers
        self._real, self._private = decode(fields[1]), decode(fields[2])
        return Facts(
            "directory",
            self._real,
            device,
            inode,
            bool(writable),
            bool(case),
            "folds" if unicode else "exact",
            bool(links),
            bool(bit) and not plain,
            clock=float(clock),
            algorithm="sha256",
            private=self._private,
        )

    async def scan(self, paths: Sequence[str] = (), *, inline: int = 0) -> Scan:
        """See Replica.scan. A part is found by looking at the whole, when files with patterns are among it."""
        await self._ready()
        if self._last is not None:  # a directory that may be a link by now is looked at itself
            tree, left = self._last.tree, Within(self._last.ignored)
            paths = [[path, *[above for above in parents(path) if above not in tree]][-1] for path in paths]
            paths = [path for path in paths if path in self._last.ignored or path not in left] or paths[:1]
        roots = _uppermost(paths, self.options)
        if roots is None or self._last is None:
            scan = await self._look(None)
            self._last = scan
            return scan
        scan = await self._look(roots)
        self._last = scan.onto(self._last)
        return scan

    async def inside(self, path: str) -> Tree:
        """See Replica.inside."""
        if path not in self._insides:
            await self.scan([path])
        return dict(self._insides.get(path, {}))

    async def watch(self) -> None:
        """See Replica.watch: what the host can do, mostly looking now and then."""
        if self._watching is None:
            self._watching = aiter(self.host.watch(Path(self.root)))
            await anext(self._watching)

    async def touched(self) -> frozenset[str]:
        """See Replica.touched."""
        if self._watching is None:
            raise Usage("nothing is watched yet", "Call watch first.")
        try:
            return await anext(self._watching)
        except StopAsyncIteration:
            raise Unreachable(f"{self.root} on {self.name} can no longer be watched", "Scan it now and then.") from None

    async def _look(self, roots: Sequence[str] | None) -> Scan:
        mark = token_hex(12)
        listed: list[bytes] = []
        for group in _groups(roots) if roots is not None else [[]]:
            done, out = await self._sh(scripts.LIST, self.root, mark, *["./" + path for path in group])
            if done.code == 3:
                raise Failed(f"{self.root} on {self.name} is gone", "Make it again, or end what works on it.")
            listed.append(out)
        stats: dict[str, tuple[int, _Stat]] = {}
        targets: dict[str, str] = {}
        clock = 0
        for out in listed:
            clock = _parse(out, mark.encode(), stats, targets) or clock
        scan = Scan({}, None if roots is None else tuple(roots))
        await self._count(scan, stats, targets, clock)
        return scan

    async def _count(
        self, scan: Scan, stats: dict[str, tuple[int, _Stat]], targets: dict[str, str], clock: int
    ) -> None:
        """Which of what was found counts, and what it contains."""
        folders: dict[str, list[str]] = {}
        for path in stats:
            folders.setdefault(parent(path), []).append(path)
        top = [path for path in stats if parent(path) not in stats]
        chains = await self._chains(stats, {parent(path) for path in top})
        notices: list[Notice] = []
        left: list[str] = []
        insides: dict[str, Tree] = {}
        busy: set[str] = set()
        waiting = [(path, "") for path in top]
        wanted: list[tuple[str, str]] = []
        while waiting:
            path, unit = waiting.pop()
            mode, info = stats[path]
            kind = _KINDS.get(mode & 0o170000, "special")
            name = path.rpartition("/")[2]
            inner = path[len(unit) + 1 :] if unit else ""
            if name.startswith(OWN) or (self._private and f"{self._real}/{path}" == self._private):
                continue
            if unit and is_lock(inner):
                busy.add(unit)
                continue
            if unit and (kind == "special" or is_passing(inner)):
                continue
            slash = "/" if kind == "directory" else ""
            begins = not unit and name == ".git" and kind == "directory" and self.options.units
            if not unit and not begins and ignored(path + slash, name, chains[parent(path)]):
                left.append(path)
                continue
            entry = Entry(
                kind, 0 if kind == "link" else mode & 0o7777, info[0] if kind == "file" else 0,
                info[1] * 1_000_000_000, b"", targets.get(path, "") if kind == "link" else "",
            )  # fmt: skip
            if kind == "special":
                notices.append(Notice(path, "neither file, directory nor link: left alone"))
            if begins:
                insides[path] = {}
            if kind == "directory":
                waiting += [(below, path if begins else unit) for below in folders.get(path, [])]
            if kind == "file":
                wanted.append((path, unit))
            if unit:
                insides[unit][inner] = entry
            else:
                scan.tree[path] = entry
        digests = await self._digests([path for path, _ in wanted], stats, clock)
        for path, unit in wanted:
            digest = digests.get(path)
            where, key = (insides[unit], path[len(unit) + 1 :]) if unit else (scan.tree, path)
            if digest is not None:
                where[key] = where[key]._replace(digest=digest)
            elif unit:
                busy.add(unit)
                del where[key]
            else:
                where[key] = Entry("unread")
                notices.append(Notice(path, "not read: it vanished, or may not be read"))
        for path, inside in insides.items():
            scan.tree[path] = await self._unit(path, inside, stats[path][0] & 0o7777)
        self._insides.update(insides)
        scan.notices, scan.ignored, scan.busy = tuple(notices), tuple(sorted(left)), tuple(sorted(busy))

    async def _chains(
        self, stats: dict[str, tuple[int, _Stat]], above: Iterable[str]
    ) -> Mapping[str, tuple[Rules, ...]]:
        """The patterns that count in each directory."""
        first = (Rules("", list(self.options.ignores)),) if self.options.ignores else ()
        folders = {path for path, (mode, _) in stats.items() if mode & 0o170000 == 0o040000} | {""}
        for path in above:
            folders |= {path, *parents(path)} - {""} | {""}
        found = [
            f"{folder}/{name}".lstrip("/")
            for folder in folders
            for name in self.options.honours
            if _is_file(stats, f"{folder}/{name}".lstrip("/"), folder)
        ]
        texts = await self._read([path for path in found if not self._in_unit(path)])
        chains: dict[str, tuple[Rules, ...]] = {}
        for folder in sorted(folders):
            chain = chains.get(parent(folder), first) if folder else first
            for name in self.options.honours:
                text = texts.get(f"{folder}/{name}".lstrip("/"))
                if text is not None:
                    chain = (
                        *chain,
                        Rules(folder + "/" if folder else "", text.decode("utf-8", "replace").splitlines()),
                    )
            chains[folder] = chain
        return chains

    def _in_unit(self, path: str) -> bool:
        return self.options.units and ".git" in path.split("/")[:-1]

    async def _digests(self, paths: Sequence[str], stats: dict[str, tuple[int, _Stat]], clock: int) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        unknown: list[str] = []
        for path in paths:
            known = self._known.get(path)
            if known is not None and known[0] == stats[path][1]:
                found[path] = known[1]
            else:
                unknown.append(path)
        odd = [path for path in unknown if "\n" in path or "\\" in path or "\r" in path]
        plain = sorted(set(unknown) - set(odd))
        if plain:
            listed = b"".join([b"./" + encode(path) + b"\0" for path in plain])
            _, out = await self._sh(scripts.HASH, self.root, stdin=listed)
            for line in out.split(b"\n"):
                if len(line) > 68 and line[66:68] == b"./":
                    with suppress(ValueError):
                        found[decode(line[68:])] = bytes.fromhex(line[:64].decode())[:DIGEST]
        for group in _groups(odd):
            _, out = await self._sh(scripts.HASH_ODD, self.root, *["./" + path for path in group])
            for path, line in zip(group, out.split()):
                if line != b"-":
                    found[path] = bytes.fromhex(line.decode())[:DIGEST]
        for path in unknown:
            info = stats[path][1]
            if path in found and info[2] < clock - YOUNG:
                self._known[path] = (info, found[path])
            else:
                self._known.pop(path, None)
        return found

    async def _unit(self, path: str, inside: Tree, mode: int) -> Entry:
        unit = Unit(inside)
        for inner, entry in inside.items():
            if entry.kind == "file" and inner.rpartition("/")[2] == "index":
                if entry.digest not in self._stamps:
                    raw = (await self._read([f"{path}/{inner}"])).get(f"{path}/{inner}")
                    known = raw is not None and digest_of(raw, "sha256") == entry.digest
                    self._stamps[entry.digest] = index_digest(raw) if known and raw is not None else None
                stamp = self._stamps[entry.digest]
                if stamp is not None:
                    unit.stamps[inner] = stamp
        files = [entry for entry in inside.values() if entry.kind == "file"]
        size, newest = sum([entry.size for entry in files]), max([entry.mtime_ns for entry in files], default=0)
        return Entry("unit", mode, size, newest, unit.digest(self.options.exact))

    # -- Content --------------------------------------------------------------------------------------------------

    async def _read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Whole files, several at a time; one that is not there is left out."""
        found: dict[str, bytes] = {}
        for group in _groups([checked(path) for path in paths]):
            _, out = await self._sh(scripts.PACK, self.root, *["./" + path for path in group])
            with suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(out), mode="r:") as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isreg() else None
                    if stream is not None:
                        found[decode(encode(member.name)).removeprefix("./")] = stream.read()
        return found

    async def fetch(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """See Replica.fetch."""
        whole = [piece for piece in wanted if piece.offset == 0 and (piece.length < 0 or piece.length >= piece.size)]
        contents = await self._read([piece.path for piece in whole])
        found: list[bytes | None] = []
        for piece in wanted:
            if piece in whole:
                content = contents.get(piece.path)
                fine = content is not None and digest_of(content, "sha256") == piece.digest
                found.append(content if fine else None)
                continue
            length = piece.size - piece.offset if piece.length < 0 else piece.length
            done, out = await self._sh(
                scripts.PIECE, self.root, "./" + checked(piece.path), str(piece.offset), str(length)
            )
            found.append(out if done.code == 0 and len(out) == length else None)
        return found

    async def blocks(self, path: str, digest: bytes) -> bytes:
        """See Replica.blocks: none are made here."""
        return b""

    async def missing(self, digests: Mapping[bytes, int]) -> set[bytes]:
        """See Replica.missing."""
        await self._ready()
        left = set(digests)
        for group in _groups([digest.hex() for digest in digests]):
            _, out = await self._sh(scripts.HAVE, self._private, *group)
            left -= {bytes.fromhex(line.decode()) for line in out.split()}
        tree = self._last.tree if self._last is not None else {}
        places = {entry.digest: f"./{path}" for path, entry in tree.items() if entry.kind == "file"}
        for kept in await self.kept() if left else []:
            if kept.entry.digest:
                places.setdefault(kept.entry.digest, f"{self._private}/kept/{kept.name}")
        pairs = [(digest.hex(), places[digest]) for digest in left if digest in places]
        for group in _groups(pairs):
            _, out = await self._sh(
                scripts.BORROW, self.root, self._private, *[part for pair in group for part in pair]
            )
            left -= {bytes.fromhex(line.decode()) for line in out.split()}
        return left

    async def stage(self, contents: Sequence[tuple[bytes, bytes]]) -> None:
        """See Replica.stage."""
        await self._ready()
        for group in _groups([(digest.hex(), content) for digest, content in contents], 400):
            for name, content in group:
                if digest_of(content, "sha256").hex() != name:
                    raise _mismatch()
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
                for name, content in group:
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    member.mode = 0o600
                    archive.addfile(member, io.BytesIO(content))
            names = [name for name, _ in group]
            done, out = await self._sh(scripts.STAGE, self._private, *names, stdin=buffer.getvalue())
            if done.code:
                raise OSError(28, f"content could not be written on {self.name}: {done.error[-200:]}")
            if out.strip():
                raise _mismatch()

    async def begin(self, digest: bytes, size: int, blocks: bytes = b"", base: str = "") -> list[tuple[int, int]]:
        """See Replica.begin."""
        await self._ready()
        await self._sh(scripts.DROP, self._private, "partial", digest.hex())
        return [(0, size)] if size else []

    async def anchor(self, digest: bytes, base: str, anchors: Sequence[tuple[int, bytes]]) -> list[tuple[int, int]]:
        """See Replica.anchor; never called, since no blocks are made here."""
        raise Usage("there are no blocks on a host without Python", "Send the content whole.")

    async def fill(self, digest: bytes, offset: int, data: bytes) -> None:
        """See Replica.fill; pieces come in order."""
        async with self._filling:
            done, _ = await self._sh(scripts.FILL, self._private, digest.hex(), str(offset), stdin=data)
        if done.code:
            raise OSError(28, f"content could not be written on {self.name}: {done.error[-200:]}")

    async def finish(self, digest: bytes) -> None:
        """See Replica.finish."""
        done, _ = await self._sh(scripts.FINISH, self._private, digest.hex())
        if done.code:
            raise _mismatch()

    # -- Changing -------------------------------------------------------------------------------------------------

    async def apply(
        self,
        changes: Sequence[Change],
        *,
        batch: str = "",
        contents: Sequence[tuple[bytes, bytes]] = (),
        units: Mapping[str, Tree] | None = None,
    ) -> list[Outcome]:
        """See Replica.apply."""
        async with self._filling:  # one after the other, in the order in which they are asked
            return await self._apply(changes, batch, contents, units or {})

    async def _apply(
        self, changes: Sequence[Change], batch: str, contents: Sequence[tuple[bytes, bytes]], units: Mapping[str, Tree]
    ) -> list[Outcome]:
        await self._ready()
        for change in changes:
            checked(change.path)
        if contents:
            await self.stage(contents)
        moved = [change for change in changes if change.source and change.new is not None]
        if moved:
            pairs = [(change.new.digest.hex(), f"./{change.source}") for change in moved if change.new is not None]
            for group in _groups(pairs):
                await self._sh(scripts.BORROW, self.root, self._private, *[part for pair in group for part in pair])
        gone = sorted([change for change in changes if change.new is None], key=lambda one: one.path, reverse=True)
        put = sorted(
            [change for change in changes if change.new is not None],
            key=lambda one: (one.new is not None and one.new.kind == "unit", one.path),
        )
        done: dict[str, Outcome] = {}
        rows: list[tuple[str, ...]] = []
        ordered: list[Change] = []
        for change in (*gone, *put):
            row, why = await self._row(change, units or {})
            if why:
                done[change.path] = Outcome(change.path, why)
            else:
                rows.append(row)
                ordered.append(change)
        stamp = f"{time.time_ns():020d}-{token_hex(4)}"
        exact = "1" if self.options.exact else "0"
        at = 0
        for turn, group in enumerate(_groups(rows)):
            args = [part for row in group for part in row]
            finished, out = await self._sh(
                scripts.APPLY, self._real, self._private, batch, exact, f"{stamp}-{turn}", *args
            )
            lines = {int(line.split(b" ", 1)[0]): line.split(b" ", 2)[1:] for line in out.split(b"\n") if line}
            for number, change in enumerate(ordered[at : at + len(group)], 1):
                sign, text = lines.get(number, [b"-", finished.error[-200:].encode() or b"the command ended early"])
                fine = sign == b"+"
                done[change.path] = Outcome(
                    change.path,
                    "" if fine else decode(text),
                    change.new if fine else None,
                    decode(text) if fine else "",
                )
                self._known.pop(change.path, None)
            at += len(group)
        if self._last is not None:
            for change in changes:
                if not done[change.path].why:
                    if change.new is None:
                        self._last.tree.pop(change.path, None)
                    else:
                        self._last.tree[change.path] = change.new
        return [done[change.path] for change in changes]

    async def _row(self, change: Change, units: Mapping[str, Tree]) -> tuple[tuple[str, ...], str]:
        """The arguments that say a change to the script; or why it cannot be made."""
        old, new = change.old, change.new
        kind = old.kind if old is not None else "none"
        value = "" if old is None else old.target if kind == "link" else old.digest.hex()
        if kind == "unit" and old is not None:
            now = await self._look([change.path])
            if change.path in now.busy or not same(now.tree.get(change.path), old, self.options.exact):
                return (), "changed meanwhile"
        wanted, content, mode, when = "none", "", 0o755, 0
        if new is not None:
            wanted = new.kind
            mode = new.mode & (0o7777 if self.options.exact else 0o777)
            when = new.mtime_ns // 1_000_000_000
            content = new.target if wanted == "link" else new.digest.hex()
            if wanted == "file" and old is not None and kind == "file" and old.digest == new.digest:
                wanted = "bit"
                if not self.options.exact:
                    mode = old.mode | (old.mode & 0o444) >> 2 if executable(new) else old.mode & ~0o111
            if change.path.rpartition("/")[2].startswith(OWN):
                return (), "a name of EnvSync's own"
            if wanted == "unit":
                content = f"new-{token_hex(8)}"
                inside = units.get(change.path)
                if inside is None or not await self._assemble(change.path, inside, content):
                    return (), "its content is not here"
            elif wanted not in ("file", "directory", "link", "bit"):
                return (), f"a {wanted} cannot be made"
        note = json.dumps([*old[:4], old.digest.hex(), old.target] if old is not None else [])
        bit = "x" if old is not None and executable(old) else "-"
        # The leading 0 makes the shell read it as octal.
        return (change.path, kind, value, bit, wanted, content, f"0{mode:o}", str(when), note), ""

    async def _assemble(self, path: str, inside: Tree, work: str) -> bool:
        rows = [
            (inner, entry.kind, entry.target if entry.kind == "link" else entry.digest.hex(),
             f"{entry.mode & 0o777:o}", str(entry.mtime_ns // 1_000_000_000))
            for inner, entry in sorted(inside.items())
        ]  # fmt: skip
        for group in _groups(rows) or [[]]:
            args = [part for row in group for part in row]
            done, _ = await self._sh(scripts.UNIT, self._real, self._private, path, work, *args)
            if done.code:
                await self._sh(scripts.DROP, self._private, "work", work)
                return False
        return True

    # -- What was there before ------------------------------------------------------------------------------------

    async def kept(self) -> list[Kept]:
        """See Replica.kept."""
        await self._ready()
        _, out = await self._sh(scripts.KEPT, self._private)
        names, _, log = out.partition(b"\0")
        present = {decode(name) for name in names.split()}
        fields = [decode(field) for field in log.split(b"\0")]
        found: list[Kept] = []
        for name, batch, path, note in zip(fields[0::4], fields[1::4], fields[2::4], fields[3::4]):
            with suppress(ValueError, TypeError):
                kind, mode, size, mtime, digest, target = json.loads(note)
                entry = Entry(kind, mode, size, mtime, bytes.fromhex(digest), target)
                if name in present:
                    found.append(Kept(name, batch, path, entry, int(name[:20]) / 1e9))
        return found

    async def prune(self, *, before: float, limit: int) -> int:
        """See Replica.prune."""
        found = await self.kept()
        total = sum([kept.entry.size for kept in found])
        freed = 0
        names: list[str] = []
        for kept in found:
            if kept.at < before or total > limit:
                total -= kept.entry.size
                freed += kept.entry.size
                names.append(kept.name)
        for group in _groups(names):
            await self._sh(scripts.DROP, self._private, "kept", *group)
        return freed

    async def sweep(self) -> None:
        """See Replica.sweep."""
        await self._ready()
        await self._sh(scripts.SWEEP, self._private)

    async def close(self) -> None:
        """See Replica.close."""
        watching, self._watching = self._watching, None
        if watching is not None and hasattr(watching, "aclose"):
            await watching.aclose()  # type: ignore[attr-defined]

    # -- Within ---------------------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        if not self._private:
            facts = await self.facts()
            if facts.kind != "directory":
                raise Failed(f"{self.root} on {self.name} is {facts.kind}", "Make the directory, or name another one.")

    async def _sh(self, script: str, *args: str, stdin: bytes = b"") -> tuple[Completed, bytes]:
        out = bytearray()

        def took(stream: str, chunk: bytes) -> None:
            nonlocal out
            if stream == "stdout" and len(out) < LISTING:
                out += chunk

        done = await self.host.run(["sh", "-c", script, "sh", *args], stdin=stdin, timeout=None, output=took)
        if done.code in (126, 127) and not out:
            raise Failed(f"{self.name} has not the commands that are needed: {done.error[-300:]}", _TOOLS)
        return done, bytes(out)


_TOOLS = "Install a Python there, or find, stat, xargs, tar and sha256sum (GNU's or BusyBox's)."


def _mismatch() -> Damaged:
    return Damaged("content that was received does not match its digest", "Try again.")


def _uppermost(paths: Sequence[str], options: Options) -> list[str] | None:
    """The roots of a partial look; None when the whole must be looked at."""
    wanted: set[str] = set()
    for path in paths:
        parts = path.split("/")
        if path in ("", ".") or parts[-1] in options.honours:
            return None
        if options.units and ".git" in parts:
            parts = parts[: parts.index(".git") + 1]
        wanted.add("/".join(parts))
    if not wanted:
        return None
    return sorted(path for path in wanted if not any(above in wanted for above in parents(path)))


def _groups(items: Sequence[T], count: int = 2000) -> list[list[T]]:
    """Items in groups whose text fits into the arguments of one command."""
    groups: list[list[T]] = []
    size = 0
    for item in items:
        row = cast("tuple[object, ...]", item if isinstance(item, tuple) else (item,))
        length = sum([3 + len(part.encode("utf-8", "surrogateescape")) for part in row if isinstance(part, str)])
        if not groups or size + length > ARGUMENTS or len(groups[-1]) >= count:
            groups.append([])
            size = 0
        groups[-1].append(cast("T", item))
        size += length
    return groups


def _parse(out: bytes, mark: bytes, stats: dict[str, tuple[int, _Stat]], targets: dict[str, str]) -> int:
    """Take in the output of LIST; the clock over there."""
    head, _, links = out.partition(mark + b" end\n")
    first, *records = head.split(mark + b" ")
    for record in records:
        fields = record[:-1].split(b" ", 5)
        if len(fields) != 6 or not fields[5].startswith(b"./"):
            continue
        try:
            mode, size, mtime, ctime, inode = int(fields[0], 16), *map(int, fields[1:5])
        except ValueError:
            continue
        stats[decode(fields[5][2:])] = (mode, (size, mtime, ctime, inode, mode & 0o7777))
    parts = links.split(b"\0")
    for name, target in zip(parts[0::2], parts[1::2]):
        targets[decode(name[2:])] = decode(target)
    return int(first.strip() or 0)


def _is_file(stats: dict[str, tuple[int, _Stat]], path: str, folder: str) -> bool:
    found = stats.get(path)
    if found is not None:
        return found[0] & 0o170000 == 0o100000
    return folder not in stats  # above what was looked at: ask for it
