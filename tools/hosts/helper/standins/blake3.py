"""BLAKE3 in plain Python, for a machine where nothing is installed: the same digests, at some megabytes a second.

All chunks of the input are worked on at once: each of the sixteen words of the state is one large integer with a lane
of 64 bits for each chunk, so that one operation of Python does the work for thousands of chunks.
"""

from __future__ import annotations

# ruff: noqa: B905  # `zip` knows no `strict` before Python 3.10
import array
import struct
import sys

_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_START, _END, _PARENT, _ROOT, _KEYED, _CONTEXT, _MATERIAL = 1, 2, 4, 8, 16, 32, 64
_CHUNK = 1024
"""Bytes."""
_MIX = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


class blake3:
    """See the package blake3: `update`, `digest`, `hexdigest`, with `key` or `derive_key_context`."""

    AUTO = -1
    name = "blake3"
    digest_size = 32
    block_size = 64
    key_size = 32

    def __init__(
        self,
        data: bytes = b"",
        /,
        *,
        key: bytes | None = None,
        derive_key_context: str | None = None,
        max_threads: int = 1,
        usedforsecurity: bool = True,
    ) -> None:
        self._data = bytearray(data)
        self._key = _IV
        self._flags = 0
        if key is not None:
            if len(key) != 32:
                raise ValueError("a key has 32 bytes")
            self._key, self._flags = struct.unpack("<8I", key), _KEYED
        elif derive_key_context is not None:
            made = _digest(derive_key_context.encode(), _IV, _CONTEXT, 32)
            self._key, self._flags = struct.unpack("<8I", made), _MATERIAL

    def update(self, data: bytes, /) -> blake3:
        """Add data."""
        self._data += data
        return self

    def copy(self) -> blake3:
        """Another one with the same data."""
        other = blake3()
        other._data, other._key, other._flags = bytearray(self._data), self._key, self._flags
        return other

    def digest(self, length: int = 32) -> bytes:
        """The hash of all data."""
        return _digest(bytes(self._data), self._key, self._flags, length)

    def hexdigest(self, length: int = 32) -> str:
        """Likewise, in hex."""
        return self.digest(length).hex()


class _Lanes:
    """As many 32-bit numbers as there are chunks, one to each 64 bits of a large integer."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ones = int.from_bytes(struct.pack("<Q", 1) * count, "little")
        self.mask = self.ones * 0xFFFFFFFF

    def pack(self, numbers: array.array[int]) -> int:
        """The integer of these numbers."""
        wide = array.array("Q", numbers)
        if sys.byteorder == "big":
            wide.byteswap()
        return int.from_bytes(wide.tobytes(), "little")

    def unpack(self, lanes: int) -> array.array[int]:
        """The numbers of this integer."""
        wide = array.array("Q", lanes.to_bytes(8 * self.count, "little"))
        if sys.byteorder == "big":
            wide.byteswap()
        return wide

    def compress(self, chain: list[int], words: list[int], counter: int, length: int, flags: int) -> list[int]:
        """The compression function on all lanes; all sixteen words of its result. `counter` is below 2**32."""
        mask = self.mask
        fixed = (*_IV[:4], 0, 0, length, flags)
        state = [*chain, *(word * self.ones for word in fixed)]
        state[12] = counter
        for turn in range(7):
            for place, (a, b, c, d) in enumerate(_MIX):
                w, x, y, z = state[a], state[b], state[c], state[d]
                w = (w + x + words[2 * place]) & mask
                z ^= w
                z = ((z >> 16) | (z << 16)) & mask
                y = (y + z) & mask
                x ^= y
                x = ((x >> 12) | (x << 20)) & mask
                w = (w + x + words[2 * place + 1]) & mask
                z ^= w
                z = ((z >> 8) | (z << 24)) & mask
                y = (y + z) & mask
                x ^= y
                x = ((x >> 7) | (x << 25)) & mask
                state[a], state[b], state[c], state[d] = w, x, y, z
            if turn < 6:
                words = [words[place] for place in _ORDER]
        return [state[i] ^ state[i + 8] for i in range(8)] + [state[i + 8] ^ chain[i] for i in range(8)]


def _leaves(data: bytes, key: tuple[int, ...], flags: int, first: int) -> list[array.array[int]]:
    """The chaining values of whole chunks, word by word; the first one is chunk number `first`."""
    count = len(data) // _CHUNK
    lanes = _Lanes(count)
    words = array.array("I", data)
    if sys.byteorder == "big":
        words.byteswap()
    counter = lanes.pack(array.array("Q", range(first, first + count)))
    chain = [word * lanes.ones for word in key]
    for block in range(16):
        more = (_START if block == 0 else 0) | (_END if block == 15 else 0)
        given = [lanes.pack(words[block * 16 + place :: 256]) for place in range(16)]
        chain = lanes.compress(chain, given, counter, 64, flags | more)[:8]
    return [lanes.unpack(word) for word in chain]


def _parents(values: list[array.array[int]], key: tuple[int, ...], flags: int) -> list[array.array[int]]:
    """The level above: pairs become parents, one that is left over goes up as it is."""
    pairs = len(values[0]) // 2
    lanes = _Lanes(pairs)
    words = [lanes.pack(column[side : 2 * pairs : 2]) for side in (0, 1) for column in values]
    made = lanes.compress([word * lanes.ones for word in key], words, 0, 64, flags | _PARENT)[:8]
    above = [lanes.unpack(word) for word in made]
    for column, below in zip(above, values):
        column.extend(below[2 * pairs :])
    return above


def _block(chain: tuple[int, ...], block: bytes, counter: int, flags: int) -> tuple[int, ...]:
    words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    return tuple(_Lanes(1).compress(list(chain), words, counter, len(block), flags))


def _digest(data: bytes, key: tuple[int, ...], flags: int, length: int) -> bytes:
    whole = max(0, (len(data) - 1) // _CHUNK)  # the last chunk apart: it may be the root
    tail = data[whole * _CHUNK :]
    blocks = [tail[at : at + 64] for at in range(0, len(tail), 64)] or [b""]
    chain, start = key, _START
    for block in blocks[:-1]:
        chain, start = _block(chain, block, whole, flags | start)[:8], 0
    last, more = blocks[-1], flags | start | _END
    if whole:
        values = [array.array("Q") for _ in range(8)]
        for at in range(0, whole, 8192):
            part = _leaves(data[at * _CHUNK : min(whole, at + 8192) * _CHUNK], key, flags, at)
            for column, found in zip(values, part):
                column.extend(found)
        for column, word in zip(values, _block(chain, last, whole, more)):
            column.append(word)
        while len(values[0]) > 2:
            values = _parents(values, key, flags)
        last = struct.pack("<16I", *(column[side] for side in (0, 1) for column in values))
        chain, more = key, flags | _PARENT
    made = b""
    while len(made) < length:
        made += struct.pack("<16I", *_block(chain, last, len(made) // 64, more | _ROOT))
    return made[:length]
