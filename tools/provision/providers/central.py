"""Which Maven repository names are looked up in: the user's own mirror, else the one that the installed tools know."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from ...contract import Context
from ...errors import Failed
from . import jvm

_MODEL = "org/apache/maven/model/pom-4.0.0.xml"
_PLACES = (
    "/usr/share/maven/lib/maven-model-builder-*.jar",
    "{tool}/lib/maven-model-builder-*.jar",
    "{home}/.m2/wrapper/dists/*/*/lib/maven-model-builder-*.jar",
    "{home}/.m2/wrapper/dists/*/*/*/lib/maven-model-builder-*.jar",
    "{home}/.gradle/wrapper/dists/*/*/*/lib/plugins/maven-model-builder-*.jar",
    "{home}/.gradle/wrapper/dists/*/*/*/lib/maven-model-builder-*.jar",
    "/usr/share/java/maven-model-builder-*.jar",
)


async def central(context: Context) -> str:
    """The repository's address, with the user's credentials if settings.xml has it so. Raises Failed when nothing tells."""
    home = await jvm.home(context)
    for one in await jvm.settings(context, home):
        for mirror in one.all("mirrors/mirror"):
            if {"*", "central", "external:*"} & set(mirror.said("mirrorOf").split(",")) and mirror.said("url"):
                return mirror.said("url").rstrip("/")
    done = await context.host.run(["mvn", "--version"], timeout=60, cwd=Path("/"))
    tool = re.search(r"^Maven home: (.+)$", done.text, re.MULTILINE)
    found = await context.host.call(known, str(home), tool[1].strip() if tool else "/usr/share/maven")
    if not found:
        raise Failed(
            "no Maven and no Gradle on this host says which repository it uses", "Install Maven, then ask again."
        )
    return found


def known(home: str, tool: str) -> str:
    """The address in the model that Maven's poms inherit from, out of an installed Maven or Gradle; empty without one."""
    import zipfile  # here, since most plans name no artifact

    for place in _PLACES:
        for path in sorted(glob.glob(place.format(home=glob.escape(home), tool=glob.escape(tool)))):
            try:
                with zipfile.ZipFile(os.path.realpath(path)) as jar:
                    content = jar.read(_MODEL)[:100_000].decode("utf-8", "replace")
            except (OSError, KeyError, zipfile.BadZipFile):
                continue
            match = re.search(r"<repository>.*?<url>(https?://[^<\s]+)</url>", content, re.DOTALL)
            if match:
                return match[1].rstrip("/")
    return ""
