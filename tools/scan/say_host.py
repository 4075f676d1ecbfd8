"""The equipment of a machine as rows of a table: what is there, in a line each."""

from __future__ import annotations

from collections.abc import Sequence

from ..equipment import Disk, Engine, Equipment, Graphics, Virtual
from .text import bytes_text, listed, plural, safe


def rows(found: Equipment) -> list[tuple[str, str]]:
    """Label and text; the text is empty for what is not there."""
    return [
        ("drives", ", ".join(f"{d.name} {bytes_text(d.bytes)} {d.kind}" for d in found.drives[:8])),
        ("disks", listed([_disk(disk) for disk in found.disks], 6)),
        ("virtual", _virtual(found.virtual)),
        ("containers", "; ".join(_engine(engine) for engine in found.engines)),
        ("asked for", ", ".join(f"{len(kept.packages)} {kept.manager}{_of(kept.where)}" for kept in found.packages[:12])),
        ("editors", ", ".join(f"{e.name} ({plural(len(e.extensions), 'extension')})" for e in found.editors)),
        ("shell", _shell(found)),
        ("git", _identity(found)),
        ("SSH hosts", listed([safe(name, 40) for name in found.ssh_hosts], 8)),
        ("runs", listed(list(found.services), 10)),
        ("listens", listed([_port(item.port, item.program, item.everywhere) for item in found.listening], 10)),
        ("unknown", "; ".join(f"{item.probe}: {item.why}" for item in found.unfinished[:4])),
    ]  # fmt: skip


def graphics(found: Sequence[Graphics], named: Sequence[str]) -> str:
    """`NVIDIA H200, 141 GiB, driver 570.1, CUDA 12.8`, or why it cannot be used."""
    if not found:
        return ", ".join(named) or "none that can be used"
    return "; ".join(_card(card) for card in found[:8])


def _card(card: Graphics) -> str:
    parts = [card.name, bytes_text(card.memory) if card.memory else "", f"driver {card.driver}" if card.driver else ""]
    parts += [f"{card.platform} {card.version}".strip(), card.capability]
    return ", ".join(part for part in parts if part) + (f" (cannot be used: {card.why})" if card.why else "")


def _disk(disk: Disk) -> str:
    size = f", {bytes_text(disk.free)} of {bytes_text(disk.bytes)} free" if disk.bytes else ""
    return f"{disk.at} ({disk.kind}{size})"


def _virtual(found: Virtual) -> str:
    inside = [f"in a container ({found.container})"] if found.container else []
    if found.hypervisor:
        maker = "" if found.hypervisor == "unknown" else f" ({found.hypervisor})"
        inside.append(f"in a virtual machine{maker}")
    kvm = {"usable": "KVM can be used", "denied": "KVM is there, and this user may not open it"}
    return "; ".join([*inside, *([kvm[found.kvm]] if found.kvm else [])])


def _engine(engine: Engine) -> str:
    version = engine.version or engine.server
    state = "answers" if engine.reachable else engine.why
    return f"{engine.name} {version}".strip() + f" ({state})"


def _of(where: str) -> str:
    return "" if where in ("user", "system") else f" in {where}"


def _shell(found: Equipment) -> str:
    counts: dict[str, int] = {}
    for definition in found.definitions:
        counts[definition.kind] = counts.get(definition.kind, 0) + 1
    kinds = [
        plural(number, kind) if kind != "alias" or number == 1 else f"{number} aliases"
        for kind, number in counts.items()
    ]
    return ", ".join(part for part in (found.shell, *kinds) if part)


def _identity(found: Equipment) -> str:
    if found.identity is None:
        return ""
    return f"{found.identity.name or 'no name'}, {'an email is set' if found.identity.email else 'no email'}"


def _port(port: int, program: str, everywhere: bool) -> str:
    return f"{port}{f' {program}' if program else ''}{'' if everywhere else ' (this machine only)'}"
