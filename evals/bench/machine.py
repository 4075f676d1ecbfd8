"""How long the scan of the machine takes, probe by probe, and how large its portable fingerprint is.

    python evals/bench/machine.py [--rounds 5]

Twice: this machine as it is, and a home directory made up for the purpose with what a developer's usual machine has (three
editors with 120 extensions, 300 aliases and functions, 15 runtimes held by managers, 200 global packages, 30 dotfiles, 25
SSH hosts, 1,500 Debian packages of which 350 were asked for). `cold` is the first look of a new state directory: each
program on PATH that no file tells the version of is asked; `warm` the best of the rounds after it. Each probe is also run
by itself, in milliseconds, best of the rounds. The file is what `envsync fingerprint export` writes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from envsync.tools.contract import Context
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import canonical
from envsync.tools.portable import export
from envsync.tools.portable.file import dump
from envsync.tools.scan import machine, packages, private, programs
from envsync.tools.scan.host import held, look
from envsync.tools.scan.host.base import Place
from envsync.tools.scan.observe import observe


def made_up(root: Path) -> Path:
    """A home directory and the system's files beside it."""
    home = root / "home"
    files: dict[str, str] = {}
    for editor in (".vscode", ".cursor", ".vscode-server"):
        for number in range(40):
            about = {"publisher": f"pub{number}", "name": f"ext-{number}", "version": f"1.{number}.0", "x": "y" * 8000}
            files[f"home/{editor}/extensions/pub{number}.ext-{number}-1.{number}.0/package.json"] = json.dumps(about)
    rc = "".join(f"alias a{n}='git log --oneline -n {n} | head -{n}'\n" for n in range(200))
    rc += "".join(f'f{n}() {{ local x="$1"; echo "${{x:-{n}}}" | sed "s/a/b/"; }}\n' for n in range(100))
    files["home/.bashrc"] = rc
    files["home/.ssh/config"] = "".join(f"Host box{n}\n  HostName 10.0.0.{n}\n  User me\n" for n in range(25))
    files["home/.gitconfig"] = "[user]\n\tname = A Person\n\temail = a@person.example\n"
    for name in private.DOTFILES[:30]:
        files.setdefault(f"home/{name}", f"# {name}\n" + "setting = value\n" * 40)
    for number in range(5):
        files[f"home/.pyenv/versions/3.{8 + number}.1/x"] = ""
        files[f"home/.nvm/versions/node/v{16 + number}.1.0/x"] = ""
        files[f"home/.rbenv/versions/3.{number}.0/x"] = ""
        for package in range(30):
            base = f"home/.pyenv/versions/3.{8 + number}.1/lib/python3.{8 + number}/site-packages/pkg_{package}-1.0.dist-info"
            files[f"{base}/METADATA"] = f"Name: pkg-{package}\nVersion: 1.0\n\n" + "x" * 3000
            if package < 8:
                files[f"{base}/REQUESTED"] = ""
    for number in range(60):
        files[f"home/.nvm/versions/node/v20.1.0/lib/node_modules/tool-{number}/package.json"] = (
            f'{{"version": "2.{number}.0"}}'
        )
    index = "(registry+https://example.org/crates.io-index)"
    files["home/.cargo/.crates2.json"] = json.dumps({"installs": {f"crate-{n} 0.{n}.0 {index}": {} for n in range(40)}})
    status = "".join(
        f"Package: package-{n}\nStatus: install ok installed\nPriority: optional\nSection: x\nDepends: {'libc6, ' * 20}y\nVersion: 1.{n}-1\n"
        f"Description: a package\n {'words ' * 60}\n\n" for n in range(1500)
    )  # fmt: skip
    auto = "".join(f"Package: package-{n}\nAuto-Installed: 1\n\n" for n in range(350, 1500))
    files |= {"var/lib/dpkg/status": status, "var/lib/apt/extended_states": auto}
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return home


async def measured(title: str, home: Path, root: str, rounds: int) -> None:
    """Scan it, and print what that took."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "work")
        folder.mkdir()

        async def seen(context: Context, scope: str = "machine") -> Fingerprint:
            if root == "/":
                return await observe(context, "machine")
            # Everything that the tool does, with the system's files from below the root.
            key = private.salt(context.state)
            facts, gpus, found, there, dotfiles, equipment, _ = await asyncio.gather(
                context.host.call(machine.facts, str(context.path)), machine.gpus(context), programs.installed(context),
                context.host.call(held.held, str(context.home), {}), asyncio.to_thread(private.dotfiles, str(context.home), key),
                look.equipment(context, key, root), context.host.call(packages.of_system, f"{root}/var/lib/dpkg/status"),
            )  # fmt: skip
            return Fingerprint(
                at=context.now(), facts=facts.model_copy(update={"gpus": gpus}), runtimes=tuple(there), tools=tuple(found),
                variables=private.variables(context.environ, key), dotfiles=dotfiles, equipment=look.with_versions(equipment, found),
            )  # fmt: skip

        context = Context(
            host=LocalHost(), path=folder, state=Path(place, "state"), notes=None, observe=seen,  # type: ignore[arg-type]  # no memory
            home=home, environ={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        began = time.perf_counter()
        await seen(context)
        cold = time.perf_counter() - began
        warm = min([await _timed(context) for _ in range(rounds)])
        print(f"\n{title}: cold {cold:.2f} s, warm {warm:.2f} s")
        probes = Place.of(str(home), b"k" * 32, {} if root != "/" else os.environ, root)
        each = {probe.name: min(_once(probe.work, probes) for _ in range(rounds)) for probe in look.PROBES}
        each["versions held"] = min(
            _once(lambda p: {"x": held.held(p.home, dict(p.environ))}, probes) for _ in range(rounds)
        )
        each["programs, found"] = min(
            _once(lambda _: {"x": programs.find(programs.PROGRAMS, None, "/nowhere")}, probes) for _ in range(rounds)
        )
        for name, seconds in sorted(each.items(), key=lambda item: -item[1]):
            print(f"  {seconds * 1000:7.1f} ms  {name}")
        portable = await export.make(replace(context), ())
        whole, packed = canonical(portable.model_dump(mode="json")), dump(portable)
        kept = portable.fingerprint.equipment
        held_there = sum(len(k.packages) for k in kept.packages) if kept else 0
        extensions = sum(len(e.extensions) for e in kept.editors) if kept else 0
        print(
            f"  the file: {len(packed):,} bytes with zstd ({len(whole):,} as JSON): {held_there} packages, {extensions} extensions, "
            f"{len(portable.aliases)} aliases, {len(kept.definitions) if kept else 0} definitions, {len(portable.fingerprint.variables)} variables"
        )
        for late in kept.unfinished if kept else ():
            print(f"  unfinished: {late.probe}: {late.why}")


async def _timed(context: Context) -> float:
    began = time.perf_counter()
    await context.observe(context, "machine")
    return time.perf_counter() - began


def _once(work: object, place: Place) -> float:
    began = time.perf_counter()
    work(place)  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {given.rounds} rounds")
    asyncio.run(measured("this machine", Path.home(), "/", given.rounds))
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measured("a usual developer's home", made_up(Path(place)), place, given.rounds))


if __name__ == "__main__":
    main()
