"""Making a connection: handshake, the machine's key, logging in, jumps on the way; each failure says what to do next."""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import asyncssh

from ..errors import Unreachable
from .ssh_config import Route, Target, as_jump, through
from .ssh_dial import command, dial, end
from .ssh_errors import explained
from .ssh_jump import Hop, enter
from .ssh_keys import KINDS, HostKey, Known, UnknownKey, check, described, known
from .ssh_login import Given, Identities, identities

AT_ONCE = 16
"""Handshakes at a time. Each costs 15 to 25 ms of this process's one core: all of 200 at once would all be late."""
HURRY = 1.0
"""Seconds after which a handshake no longer counts as one of these: a machine that stalls must not delay others."""
LOGIN = 60.0
"""Seconds for logging in once the machine has shown its key; a person may have to touch a security key."""
AGAIN = 0.4
"""Seconds until the one further try when a machine hangs up before it says a word: sshd does that (MaxStartups) when
many connect at once."""
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
"""The fastest first: 100 MB took 0.37 s with the first and 0.54 s with asyncssh's own choice, chacha20."""
BANNER = 4096
"""Bytes kept of what a machine says before the login."""

_gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


class Door(asyncssh.SSHClient):
    """What one connection is told on the way in, and what it answers."""

    def __init__(self, way: Route, said: Known, *, looking: bool = False) -> None:
        self.way, self.said, self.looking = way, said, looking
        self.showed = asyncio.Event()
        self.refused: Unreachable | None = None
        self.key: HostKey | None = None
        self.methods: list[str] = []
        """Ways to log in that the machine offered and that did not lead anywhere, in order."""
        self.banner = ""
        self.greeted = False
        self.lost: Exception | None = None
        self.connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.connection = conn

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        self.greeted = self.greeted or bool(self.connection and self.connection.get_extra_info("server_version"))

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        if not self.way.alias and host.lower() != self.way.host.lower():
            self.way = replace(self.way, host=host)  # CanonicalizeHostname has made another name of it
            self.said = known(self.way)
        self.refused = check(self.way, self.said, key)
        self.key = described(self.way, key)
        self.showed.set()
        return self.refused is None and not self.looking

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.banner = (self.banner + msg)[:BANNER]

    def public_key_auth_requested(self) -> None:
        self.methods.append("publickey")

    def password_auth_requested(self) -> None:
        self.methods.append("password")

    def kbdint_auth_requested(self) -> None:
        self.methods.append("keyboard-interactive")


@dataclass
class Connection:
    """An open connection, with what it goes through."""

    ssh: asyncssh.SSHClientConnection
    door: Door
    over: Hop | None = None
    proxy: asyncio.subprocess.Process | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing can be done over it any more."""
        return self.ssh.is_closed()

    async def close(self) -> None:
        """Let it go, and what it went through. Closing twice is no error."""
        self.ssh.close()
        with suppress(Exception):
            # A machine that does not answer does not say goodbye either.
            await asyncio.wait_for(self.ssh.wait_closed(), 1.0)
        self.ssh.abort()
        await end(self.proxy, BANNER)
        over, self.over = self.over, None
        if over is not None:
            await over.leave()


async def connect(way: Route) -> Connection:
    """Connect and log in. Raises Unreachable, UnknownKey among it, and Usage for a configuration that makes no sense."""
    return await _through(way, looking=False)


async def look(way: Route) -> HostKey:
    """The key that a machine shows. Raises as connect does, but for a machine that is only unknown."""
    try:
        connection = await _through(way, looking=True)
    except _Looked as looked:
        return looked.key
    await connection.close()
    raise Unreachable(
        f"{way.target} shows no key of its own", "It is known by an authority: see @cert-authority in known_hosts."
    )


class _Looked(Exception):
    def __init__(self, key: HostKey) -> None:
        self.key = key


async def _through(way: Route, *, looking: bool) -> Connection:
    jumps = await asyncio.to_thread(through, way)
    over = await enter(jumps, _jump) if jumps else None
    try:
        return await _one(way, over, looking=looking)
    except BaseException:
        if over is not None:
            await over.leave()
        raise


async def _jump(wanted: Target, over: Hop | None) -> Connection:
    return await _one(await asyncio.to_thread(as_jump, wanted), over)


async def _one(way: Route, over: Hop | None, *, looking: bool = False) -> Connection:
    """One connection, over another machine where there is one."""
    tunnel = over.connection if over else None
    said = await asyncio.to_thread(known, way)
    if looking:
        said = _plain(said)
    keys = Identities() if looking else await asyncio.to_thread(identities, way)
    tried = 0
    while True:
        tried += 1
        door = Door(way, said, looking=looking)
        proxy: asyncio.subprocess.Process | None = None
        try:
            async with _turn():
                sock: socket.socket | None = None
                if way.command and tunnel is None:
                    proxy, sock = await command(way.command)
                made = await _greeted(_login(way, door, keys, tunnel, sock), way, door)
                return Connection(made, door, over, proxy)
        except BaseException as error:
            complaint = await end(proxy, BANNER)
            if looking and door.key is not None and (door.refused is None or isinstance(door.refused, UnknownKey)):
                raise _Looked(door.key) from None
            if door.refused is not None:
                raise door.refused from None
            silent = isinstance(error, asyncssh.ConnectionLost | ConnectionResetError) and not door.greeted
            if silent and tried == 1 and proxy is None:
                await asyncio.sleep(AGAIN)
                continue
            if (
                isinstance(error, asyncssh.HostKeyNotVerifiable)
                and "CA key is not" in error.reason
                and said.authorities
            ):
                # Signed by somebody else: then its key by itself counts, as it does with ssh.
                said = _plain(said)
                continue
            reason = explained(
                error, way, keys, door.methods, door.banner, tunnel.door.way if tunnel else None, complaint
            )
            if reason is None:
                raise
            raise reason from error


def _plain(said: Known) -> Known:
    """What is known, without those who may sign: keys alone count."""
    return replace(said, authorities=(), kinds=tuple(kind for kind in said.kinds if kind in KINDS))


async def _login(
    way: Route, door: Door, keys: Identities, tunnel: Connection | None, sock: socket.socket | None
) -> asyncssh.SSHClientConnection:
    said = door.said

    def trusted(_host: str, _address: str, _port: int | None) -> tuple[object, ...]:
        # With authorities there may be certificates, which asyncssh checks; keys by themselves are the door's.
        return (), said.authorities, said.revoked if said.authorities else ()

    if sock is None and tunnel is None and not way.chosen & {"BindAddress", "CanonicalizeHostname"}:
        sock = await dial(way.host, way.port, way.family)
    ours: dict[str, object] = {}
    if "Ciphers" not in way.chosen:
        ours["encryption_algs"] = CIPHERS
    if "Compression" not in way.chosen:
        ours["compression_algs"] = ("none", "zlib@openssh.com")
    if "HostKeyAlgorithms" not in way.chosen or door.looking:
        ours["server_host_key_algs"] = said.kinds
    try:
        return await asyncssh.connect(
            way.target.host,
            way.port,
            config=[str(path) for path in way.files] or None,
            tunnel=tunnel.ssh if tunnel else None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # None: no ProxyJump of its own
            sock=sock,
            proxy_command=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # see ssh_dial
            username=way.user,
            client_factory=lambda: door,
            # No key is trusted before the door has looked at it, so that we can say what is wrong with it.
            known_hosts=trusted,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # its annotations know names of files alone
            client_keys=Given(keys.pairs),
            agent_path=keys.agent,
            agent_identities=keys.allowed or None,
            password_auth=True,
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=way.alive,
            keepalive_count_max=way.misses,
            **ours,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        )
    except BaseException:
        if sock is not None and door.connection is None:
            sock.close()  # it never came to a connection, which would have taken it over
        raise


async def _greeted(
    making: Awaitable[asyncssh.SSHClientConnection], way: Route, door: Door
) -> asyncssh.SSHClientConnection:
    """Wait for a connection: so long for the machine to show its key, then so long for the login."""
    task, shown = asyncio.ensure_future(making), asyncio.ensure_future(door.showed.wait())
    try:
        await asyncio.wait({task, shown}, timeout=way.connect, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and shown.done():
            await asyncio.wait({task}, timeout=LOGIN)
        if not task.done():
            raise TimeoutError("log in" if shown.done() else "answer")
        return task.result()
    finally:
        shown.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is None:
                task.result().abort()  # it got there in this very moment, and nobody wants it any more


@asynccontextmanager
async def _turn() -> AsyncGenerator[None]:
    """One of the handshakes that go on at a time."""
    loop = asyncio.get_running_loop()
    gate = _gates.setdefault(loop, asyncio.Semaphore(AT_ONCE))
    await gate.acquire()
    held = [gate]

    def give() -> None:
        if held:
            held.pop().release()

    timer = loop.call_later(HURRY, give)
    try:
        yield
    finally:
        timer.cancel()
        give()
