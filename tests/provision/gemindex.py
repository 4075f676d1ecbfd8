"""An index of gems over HTTP on loopback that speaks RubyGems' compact protocol, and gems made by the test."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.plan import Plan

from .loopback import Handler, listening

World = Any
NATIVE = {
    "lib/native.rb": "require 'native/native'\n",
    "ext/native/extconf.rb": "require 'mkmf'\nFile.write(ENV.fetch('RAN'), '1') if ENV['RAN']\ncreate_makefile('native/native')\n",
    "ext/native/native.c": "#include <ruby.h>\nstatic VALUE answer(VALUE self) { return INT2FIX(42); }\n"
    'void Init_native(void) { rb_define_singleton_method(rb_define_module("Native"), "answer", answer, 0); }\n',
}
"""The files of a gem with a real extension in C."""


class GemIndex:
    """Gems by name and version; `asked` has the paths that were asked for."""

    def __init__(self) -> None:
        self.gems: dict[str, dict[str, tuple[bytes, Sequence[tuple[str, str]]]]] = {}
        self.asked: list[str] = []
        self.ranges = True
        self.url = ""
        self.stalled = ""
        """A path that is answered only when this is empty again."""

    def put(
        self,
        name: str,
        version: str,
        files: Mapping[str, str] | None = None,
        requires: Sequence[tuple[str, str]] = (),
        extensions: Sequence[str] = (),
        platform: str = "ruby",
    ) -> None:
        """Publish a gem; `requires` has (`inner`, `~> 1.0`), `extensions` the files that build it."""
        files = files or {f"lib/{name}.rb": f"module {name.capitalize()}; VERSION = {version!r}; end\n"}
        built = _gem(name, version, files, requires, extensions, platform)
        full = version if platform == "ruby" else f"{version}-{platform}"
        self.gems.setdefault(name, {})[full] = (built, requires)

    def answer(self, path: str) -> bytes | None:
        if path == "/versions":
            lines = (f"{n} {','.join(v)} {hashlib.md5(self._info(n)).hexdigest()}\n" for n, v in self.gems.items())
            return ("created_at: 2020-01-01T00:00:00Z\n---\n" + "".join(lines)).encode()
        if path.startswith("/info/") and path[6:] in self.gems:
            return self._info(path[6:])
        for name, versions in self.gems.items():
            for version, (content, _) in versions.items():
                if path == f"/gems/{name}-{version}.gem":
                    return content
        return None

    def _info(self, name: str) -> bytes:
        lines = ["---"]
        for version, (content, requires) in self.gems[name].items():
            needs = ",".join(f"{need}:{wanted}" for need, wanted in requires)
            lines.append(f"{version} {needs}|checksum:{hashlib.sha256(content).hexdigest()}")
        return ("\n".join(lines) + "\n").encode()


def _gem(
    name: str, version: str, files: Mapping[str, str], requires: Sequence[tuple[str, str]], extensions: Sequence[str], platform: str
) -> bytes:  # fmt: skip
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            _add(archive, path, content.encode())
    parts = {
        "metadata.gz": gzip.compress(_metadata(name, version, files, requires, extensions, platform).encode(), mtime=0),
        "data.tar.gz": gzip.compress(data.getvalue(), mtime=0),
    }
    sums = "".join(f"  {part}: {hashlib.sha256(content).hexdigest()}\n" for part, content in parts.items())
    parts["checksums.yaml.gz"] = gzip.compress(f"---\nSHA256:\n{sums}".encode(), mtime=0)
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for part, content in parts.items():
            _add(archive, part, content)
    return whole.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))


def _requirement(key: str, wanted: str, indent: str) -> str:
    sign, _, version = wanted.partition(" ")
    return (
        f'{indent}{key}: !ruby/object:Gem::Requirement\n{indent}  requirements:\n{indent}  - - "{sign}"\n'
        f"{indent}    - !ruby/object:Gem::Version\n{indent}      version: '{version}'\n"
    )


def _listed(key: str, items: Sequence[str]) -> str:
    return f"{key}:\n" + "".join(f"- {item}\n" for item in items) if items else f"{key}: []\n"


def _metadata(
    name: str, version: str, files: Mapping[str, str], requires: Sequence[tuple[str, str]], extensions: Sequence[str], platform: str
) -> str:  # fmt: skip
    needs = "".join(
        f"- !ruby/object:Gem::Dependency\n  name: {need}\n{_requirement('requirement', wanted, '  ')}"
        f"  type: :runtime\n  prerelease: false\n{_requirement('version_requirements', wanted, '  ')}"
        for need, wanted in requires
    )
    return (
        f"--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  version: {version}\n"
        f"platform: {platform}\nauthors:\n- Test\nbindir: bin\ncert_chain: []\ndate: 2020-01-02 00:00:00.000000000 Z\n"
        f"dependencies:{' []' if not needs else ''}\n{needs}description: About {name}\nemail:\nexecutables: []\n"
        f"{_listed('extensions', extensions)}extra_rdoc_files: []\n{_listed('files', list(files))}"
        "homepage: http://gems.example/\nlicenses: []\nmetadata: {}\nrdoc_options: []\nrequire_paths:\n- lib\n"
        f"{_requirement('required_ruby_version', '>= 0', '')}{_requirement('required_rubygems_version', '>= 0', '')}"
        f"requirements: []\nrubygems_version: 3.3.15\nsigning_key:\nspecification_version: 4\nsummary: About {name}\ntest_files: []\n"
    )


@contextmanager
def serving(made: GemIndex) -> Iterator[GemIndex]:
    """Serve an index until the block ends."""

    class Answers(Handler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            while made.stalled and self.path == made.stalled:
                time.sleep(0.02)
            body = made.answer(self.path)
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            part = wanted if made.ranges and body is not None and self.path.startswith("/gems/") else None
            whole = body or b"no"
            sent = whole[int(part[1]) : int(part[2]) + 1] if part else whole
            self.send_response(404 if body is None else 206 if part else 200)
            self.send_header("ETag", f'"{hashlib.md5(whole).hexdigest()}"')
            if part:
                self.send_header("Content-Range", f"bytes {part[1]}-{int(part[1]) + len(sent) - 1}/{len(whole)}")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    with listening(Answers) as made.url:
        yield made


@pytest.fixture
def gems(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[GemIndex]:
    """inner <- outer, and native, from the user's own source of gems."""
    for name in [name for name in os.environ if name.startswith(("BUNDLE", "GEM_", "RUBY"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(GemIndex()) as made:
        made.put("inner", "1.0.0")
        made.put("inner", "1.1.0")
        made.put("inner", "2.0.0")
        made.put("outer", "1.0.0", requires=[("inner", "~> 1.0")])
        made.put("native", "0.1.0", NATIVE, extensions=["ext/native/extconf.rb"])
        made.put("hidden", "1.0.0", requires=[("native", ">= 0")])
        (Path(os.environ["HOME"]) / ".gemrc").write_text(f":sources:\n- {made.url}/\n")
        yield made


def gemfile(world: World, gems: GemIndex, *lines: str, folder: str = "") -> None:
    world.put(f"{folder}Gemfile", "\n".join([f'source "{gems.url}"', *lines, ""]))


def lock(world: World, folder: str = ".") -> None:
    subprocess.run(["bundle", "lock"], cwd=world.path / folder, check=True, capture_output=True)


def ruby(world: World, code: str, folder: str = ".") -> str:
    argv = ["bundle", "exec", "ruby", "-e", code]
    done = subprocess.run(argv, cwd=world.path / folder, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def told(plan: Plan) -> str:
    return "\n".join((*plan.details, *plan.warnings, plan.reason))


def lacking() -> str:
    """Why these tests cannot run here; empty when they can."""
    headers = list(Path("/usr/include").glob("ruby-*/ruby.h"))
    if all(map(shutil.which, ("ruby", "bundle", "make", "gcc"))) and headers:
        return ""
    return "ruby, bundler and what compiles extensions are needed (on Debian: apt-get install ruby ruby-dev ruby-bundler gcc make libc6-dev)"
