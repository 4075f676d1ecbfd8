"""MySQL and MariaDB: one protocol, two servers."""

from __future__ import annotations

import hashlib
import os
import struct

from ...errors import Failed
from .kind import Access, Boot, Inside, Kind, Line, Program, Spec, Tools, Unwell, fits
from .programs import on_path, version_of

PASSWORD = "/etc/envsync/password"  # noqa: S105  # a path inside the container
_LONG, _DB, _SECURE, _PLUGIN, _P41 = 1, 8, 1 << 15, 1 << 19, 1 << 9


class MySQL(Kind):
    """A server whose user may do everything in it, so that frameworks can make their test databases.

    Where no MySQL is, MariaDB serves for it, as Debian's own `default-mysql-server` has it; a version that only
    MySQL has is never taken from MariaDB.
    """

    name, port, first = "mysql", 3306, 23306
    user, debian, units = "mysql", "default-mysql-server", ("mariadb", "mysql")
    image, tag = "mysql", "8"
    schemes = ("mysql", "mysql2", "mariadb")
    starts = 90.0
    maria_only = False

    def find(self, version: str) -> Program | None:
        """See Kind.find."""
        for path in on_path("mariadbd", "mysqld") if self.maria_only else on_path("mysqld", "mariadbd"):
            said = version_of([path, "--no-defaults", "--version"], r"Ver (\d[\w.+~-]+)")
            if said and fits(version, said) and (not self.maria_only or _maria(said)):
                return Program(path, said.partition("-")[0] + (" (MariaDB)" if _maria(said) else ""))
        return None

    def prepare(self, spec: Spec, access: Access, tools: Tools) -> None:
        """See Kind.prepare."""
        program = self.find(spec.version)
        if program is None:
            raise Failed("the server's program is not there", "Ask again.")
        if "MariaDB" in program.version:
            script = next(iter(on_path("mariadb-install-db", "mysql_install_db")), "")
            if not script:
                raise Failed("mariadb-install-db is not there", "Install Debian's package mariadb-server.")
            argv = [script, "--no-defaults", f"--datadir={spec.data}", "--skip-test-db", "--skip-name-resolve"]
            # The other way makes root again for each name of this machine, and without a password.
            argv += ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={tools.user}"]
            tools.call(argv, "mariadb-install-db")
        else:
            tools.call([program.path, "--no-defaults", "--initialize-insecure", f"--datadir={spec.data}"], "mysqld")
        word = access.password.replace("\\", "\\\\").replace("'", "''")
        user, base = access.user.replace("'", "''"), access.database.replace("`", "``")
        lines = [
            f"CREATE DATABASE IF NOT EXISTS `{base}` CHARACTER SET utf8mb4",
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{word}'",
        ]
        lines += [f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{word}'"]
        lines += [f"GRANT ALL PRIVILEGES ON *.* TO '{user}'@'%' WITH GRANT OPTION"]
        tools.put(spec.run / "first.sql", "".join(f"{line};\n" for line in lines))

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        argv = [
            program.path,
            "--no-defaults",
            f"--datadir={spec.data}",
            f"--port={spec.port}",
            "--bind-address=127.0.0.1",
        ]
        # Relative to the data directory: a long path would be no socket's.
        argv += [
            "--socket=server.sock",
            f"--pid-file={spec.data}/server.pid",
            "--skip-name-resolve",
            "--loose-mysqlx=0",
        ]
        first = spec.run / "first.sql"
        return Boot([*argv, f"--init-file={first}"] if os.path.lexists(first) else argv)

    def settled(self, spec: Spec) -> None:
        """See Kind.settled."""
        (spec.run / "first.sql").unlink(missing_ok=True)

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet. MySQL's newer login is not gone through to its end without TLS: there the server's question counts."""
        with Line(port) as line:
            hello = _packet(line)
            if hello[:1] != b"\x0a":
                raise Unwell(_error(hello))
            at = hello.index(b"\0", 1) + 5
            seed = hello[at : at + 8] + hello[at + 27 : at + 39]
            plugin = hello[at + 40 :].split(b"\0")[0] or b"mysql_native_password"
            _answer(line, access, plugin, seed)
            while True:
                said = _packet(line)
                if said[:1] == b"\xfe" and len(said) > 1:
                    plugin, _, seed = said[1:].partition(b"\0")
                    _send(line, _proof(plugin, access.password, seed[:20]), 3)
                elif said[:1] == b"\0" or said[:1] == b"\x01":
                    return
                else:
                    raise Unwell(_error(said))

    def inside(self, access: Access) -> Inside:
        """See Kind.inside."""
        env = {"MYSQL_ROOT_PASSWORD_FILE": PASSWORD, "MYSQL_DATABASE": access.database}
        if access.user != "root":
            env |= {"MYSQL_USER": access.user, "MYSQL_PASSWORD_FILE": PASSWORD}
        return Inside(env, (), {PASSWORD: access.password})


class MariaDB(MySQL):
    """MariaDB and nothing else."""

    name, first = "mariadb", 23406
    debian = "mariadb-server"
    image, tag = "mariadb", "11"
    schemes = ("mariadb", "mysql")
    maria_only = True


def _maria(version: str) -> bool:
    return "mariadb" in version.lower()


def _answer(line: Line, access: Access, plugin: bytes, seed: bytes) -> None:
    flags = _LONG | _DB | _SECURE | _PLUGIN | _P41
    proof = _proof(plugin, access.password, seed)
    body = struct.pack("<IIB23x", flags, 1 << 24, 45) + access.user.encode() + b"\0" + bytes([len(proof)]) + proof
    _send(line, body + access.database.encode() + b"\0" + plugin + b"\0", 1)


def _proof(plugin: bytes, password: str, seed: bytes) -> bytes:
    word = password.encode()
    if plugin == b"caching_sha2_password":
        once = hashlib.sha256(word).digest()
        mixed = hashlib.sha256(hashlib.sha256(once).digest() + seed).digest()
    else:
        once = hashlib.sha1(word, usedforsecurity=False).digest()
        mixed = hashlib.sha1(seed + hashlib.sha1(once, usedforsecurity=False).digest(), usedforsecurity=False).digest()
    return bytes(a ^ b for a, b in zip(once, mixed))  # noqa: B905  # it travels to Pythons without strict=


def _send(line: Line, body: bytes, number: int) -> None:
    line.send(struct.pack("<I", len(body))[:3] + bytes([number]) + body)


def _packet(line: Line) -> bytes:
    head = line.take(4)
    return line.take(int.from_bytes(head[:3], "little"))


def _error(packet: bytes) -> str:
    return packet[9:200].decode("utf-8", "backslashreplace") if packet[:1] == b"\xff" else "this is not its protocol"
