"""RabbitMQ."""

from __future__ import annotations

import struct
from contextlib import suppress
from glob import glob

from .kind import Access, Boot, Inside, Kind, Line, Program, Spec, Tools, Unwell, fits

PLACES = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/libexec/sbin",
    "/opt/rabbitmq/sbin",
)
CONFIG = "/etc/rabbitmq/conf.d/90-envsync.conf"


class RabbitMQ(Kind):
    """A broker with one user and a virtual host named after the project; its Erlang talks to nobody but itself."""

    name, port, first, more = "rabbitmq", 5672, 24672, 2
    user, debian, units = "rabbitmq", "rabbitmq-server", ("rabbitmq-server", "epmd")
    image, tag = "rabbitmq", "3"
    starts = 120.0
    schemes = ("amqp", "amqps", "pyamqp")

    def find(self, version: str) -> Program | None:
        """See Kind.find: the real program; the one on PATH of Debian wants to be root or `rabbitmq`."""
        for path in (path for pattern in PLACES for path in sorted(glob(f"{pattern}/rabbitmq-server"), reverse=True)):
            number = path.rpartition("rabbitmq_server-")[2].partition("/")[0]
            if fits(version, number):
                return Program(path, number)
        return None

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        tools.put(spec.run / "rabbitmq.conf", f"listeners.tcp.local = 127.0.0.1:{spec.port}\n{_common(access)}")
        tools.put(spec.run / "plugins", "[].\n")
        between, register = spec.more
        env = {
            "HOME": str(spec.data),  # the cookie that its own tools know it by
            "RABBITMQ_NODENAME": f"{spec.name}@localhost",
            "RABBITMQ_NODE_PORT": str(spec.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(between),
            "RABBITMQ_MNESIA_BASE": str(spec.data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(spec.run / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(spec.run / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(spec.run / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(spec.run / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(spec.run / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(spec.run / "env.conf"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(spec.run / "config"),
            "RABBITMQ_PID_FILE": str(spec.data / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(register),
        }
        return Boot([program.path], env)

    def stopped(self, spec: Spec) -> None:
        """See Kind.stopped: Erlang's register of names is a daemon of its own, which ends when it is asked to."""
        with suppress(OSError, Unwell), Line(spec.more[1]) as line:
            line.send(b"\0\x01k")
            line.take(2)

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet: AMQP 0-9-1 up to the server's Tune, which only comes after a good login."""
        with Line(port) as line:
            line.send(b"AMQP\0\0\x09\x01")
            _frame(line, (10, 10))
            word = f"\0{access.user}\0{access.password}".encode()
            answer = struct.pack("!HHI", 10, 11, 0) + b"\x05PLAIN" + struct.pack("!I", len(word)) + word + b"\x05en_US"
            line.send(struct.pack("!BHI", 1, 0, len(answer)) + answer + b"\xce")
            _frame(line, (10, 30))

    def inside(self, access: Access) -> Inside:
        """See Kind.inside."""
        return Inside({}, (), {CONFIG: _common(access)})


def _common(access: Access) -> str:
    lines = [f"default_user = {access.user}", f"default_pass = {access.password}", f"default_vhost = {access.database}"]
    lines += [f"default_permissions.{each} = .*" for each in ("configure", "read", "write")]
    return "\n".join([*lines, "default_user_tags.administrator = true", "loopback_users = none", ""])


def _frame(line: Line, wanted: tuple[int, int]) -> None:
    kind, _, size = struct.unpack("!BHI", line.take(7))
    body = line.take(size + 1)
    if kind != 1 or struct.unpack("!HH", body[:4]) != wanted:
        raise Unwell("it refuses the login")
