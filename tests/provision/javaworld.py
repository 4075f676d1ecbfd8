"""A Maven repository on loopback that serves Debian's own artifacts, and small real projects that need them."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .loopback import Handler, listening

DEBIAN = Path("/usr/share/maven-repo")


class Repository:
    """What it serves besides Debian's folder, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""
        self.down = False

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def answer(self, path: str) -> bytes | None:
        """A file's content; `.sha1` is made of the file beside it."""
        if path.endswith(".sha1"):
            whole = self.answer(path.removesuffix(".sha1"))
            return None if whole is None else hashlib.sha1(whole).hexdigest().encode()
        if path in self.files:
            return self.files[path]
        file = DEBIAN / path.lstrip("/")
        return file.read_bytes() if ".." not in path and file.is_file() else None


@contextmanager
def serving() -> Iterator[Repository]:
    """A repository that answers until the block ends."""
    made = Repository()

    class Answers(Handler):
        def do_GET(self) -> None:
            made.asked.append(f"{self.command} {self.path}")
            found = None if made.down else made.answer(self.path)
            self.send_response(503 if made.down else 404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found or b"")

        do_HEAD = do_GET

    with listening(Answers) as made.url:
        yield made


def settings(home: Path, url: str) -> None:
    """The user's own settings: one mirror for everything."""
    (home / ".m2").mkdir(parents=True, exist_ok=True)
    mirror = f"<mirror><id>m</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror>"
    (home / ".m2/settings.xml").write_text(f"<settings><mirrors>{mirror}</mirrors></settings>")


def zipped(source: Path, top: str) -> bytes:
    """A distribution: a folder with its links resolved, below one top folder, programs executable."""
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for folder, _, names in os.walk(source, followlinks=True):
            archive.writestr(f"{top}/{Path(folder).relative_to(source)}/".replace("/./", "/"), b"")
            for name in names:
                file = Path(folder, name)
                if not file.is_file():
                    continue
                rel = file.relative_to(source)
                info = zipfile.ZipInfo(f"{top}/{rel}")
                info.external_attr = (0o755 if rel.parts[0] == "bin" else 0o644) << 16
                archive.writestr(info, file.read_bytes())
    return packed.getvalue()


def pom(artifact: str = "app", body: str = "", packaging: str = "jar") -> str:
    """A pom of org.example with a version that Debian's compiler can build."""
    return f"""<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>{artifact}</artifactId><version>1.0</version><packaging>{packaging}</packaging>
<properties><maven.compiler.release>11</maven.compiler.release><lang>3.12.0</lang>
<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
{body}</project>"""


def dependency(name: str, scope: str = "compile") -> str:
    """`group:artifact:version` as a pom has it."""
    group, artifact, version = name.split(":")
    inner = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
    return f"<dependency>{inner}<scope>{scope}</scope></dependency>"


USES = """package x;
public class Uses { public static String up(String s) { return org.apache.commons.lang3.StringUtils.capitalize(s); } }
"""
TESTS = """package x;
public class UsesTest { @org.junit.Test public void up() { org.junit.Assert.assertEquals("A", Uses.up("a")); } }
"""


def tree(folder: Path) -> set[str]:
    """All files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def lacking(*programs: str) -> str:
    """Why tests that need these programs and Debian's repository cannot run; empty when they can."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    needed = ("org/apache/commons/commons-lang3", "junit/junit", "org/apache/maven/plugins/maven-surefire-plugin")
    absent = [name for name in needed if not (DEBIAN / name).is_dir()]
    return f"Debian's Maven repository lacks {', '.join(absent)}" if absent else ""
