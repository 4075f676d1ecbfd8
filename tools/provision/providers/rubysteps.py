"""The step of the Ruby provider: settle the lock, see that nothing unnamed is built, install what the lock says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from .. import defaults
from ..index import text
from ..names import plain
from ..part import Site, digest
from .folders import links
from .pysteps import mapping, place, strings
from .rubyfiles import Declared, read, settings
from .rubyplace import installed
from .rubytools import QUIET, Looked, Ruby, bundler, fulls, look, ruby
from .rubyversions import satisfies
from .toolchain import carried

CONFIG = ".bundle/config"
HINTS = (
    (r"frozen|deployment mode|lockfile.*(?:can't be updated|out of date)|not in your lockfile|You have (?:added|deleted|changed)",
     "The Gemfile and its lock disagree: run `bundle lock` to settle it, look at the difference, then ask again."),
    (r"only supports platforms", "Run `bundle lock --add-platform` with this host's platform, then ask again."),
    (r"Your Ruby (?:version|patchlevel|engine)", "The Gemfile asks for another Ruby: envsync provision --runtimes ruby@VERSION."),
    (r"mkmf|extconf|native extension",
     "A gem that is compiled here did not build: its message names what is missing (often a lib…-dev package of Debian)."),
    (r"Could not find gem|could not find compatible versions",
     "No version of that gem meets all requirements: correct the Gemfile, then ask again."),
    (r"There was an error (?:parsing|while loading)|Gemfile.*syntax error", "Correct the Gemfile at that line, then ask again."),
)  # fmt: skip


class BundleStep:
    """`bundle`: root, manifest, path (where gems go, as bundler reads it), configure (whether to write that down), verb
    (frozen, open, update, add), files (digests by name), adds (requirements by name), names (to update), builds (full
    names that may build code of their own), any (whether all may), expect (full names by gem), changes."""

    name = "bundle"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root = place(step, "root", context)
        verb, path = str(step.args["verb"]), str(step.args["path"])
        if not Path(path).is_absolute():
            parts = [] if ".." in Path(path).parts else list(Path(path).parts)
            blocked = await context.host.call(links, str(root), parts)
            blocked = blocked or await context.host.call(links, str(root), [".bundle"])
            if blocked:
                raise Failed(f"{blocked} is no directory of the project", "What lies there could not be taken back.")
        await self._unchanged(step, root, verb, context)
        if step.args.get("configure"):
            await _configure(root, path, context)
        version = await bundler(context)
        if not version:
            raise Failed("bundler is not there", "Install it (Debian: ruby-bundler; else `gem install bundler`).")
        # In the environment as well, for bundlers that BUNDLE_APP_CONFIG sends elsewhere for their settings.
        env = {**environment(root / str(step.args["manifest"]), version), "BUNDLE_PATH": path}
        if verb != "frozen":
            await self._settle(step, root, env, context)
        site = await _site(root, str(step.args["root"]), context)
        declared = await read(context.host, site)
        if not declared.lock:
            raise Failed("bundler wrote no lock", "Run `bundle lock` to see why, then ask again.")
        for name, lines in _adds(step).items():
            chosen = [version for version, _ in declared.specs.get(name, [])]
            if not any(satisfies(version, lines) for version in chosen):
                raise Failed(
                    f"{name} {', '.join(lines)} is wanted, and bundler chose {plain(', '.join(chosen) or 'none')}",
                    f"Change the line of {name} in {step.args['manifest']} to that version, then ask again.",
                )
        await self._nothing_unnamed(step, site, declared, context)
        before = await missing(site, declared, context)
        env = {**env, "BUNDLE_FROZEN": "true"}
        done = await carried(["bundle", "install"], step, context, cwd=root, env=env, hints=HINTS)
        lacking = await missing(site, declared, context)
        if lacking:
            await _left_out(site, declared, lacking, env, context)
        new = {name: cast(JsonValue, ["", declared.specs[name][0][0]]) for name in before if name not in lacking}
        return {**done, "bundler": version} if verb == "frozen" else {**done, "installed": new, "bundler": version}

    async def _unchanged(self, step: Step, root: Path, verb: str, context: Context) -> None:
        """Raise Failed when manifest or lock are not what the plan was made from, nor what a killed run made of them."""
        for name, wanted in mapping(step.args.get("files", {})).items():
            now = await text(context.host, root / name)
            begun = verb != "frozen" and name != step.args["manifest"]
            begun = begun or (verb == "add" and any(f'gem "{each}"' in now for each in _adds(step)))
            if digest(now) != wanted and not begun:
                raise Failed(f"{name} changed after the plan was made", "Nothing was changed. Ask again.")

    async def _settle(self, step: Step, root: Path, env: dict[str, str], context: Context) -> None:
        """Bring manifest and lock to what is wanted, installing nothing."""
        manifest = await text(context.host, root / str(step.args["manifest"]))
        names = strings(step.args.get("names", []))
        for name, lines in _adds(step).items():
            if name in names or re.search(rf"^\s*gem[ (]+[\"']{re.escape(name)}[\"']", manifest, re.MULTILINE):
                continue  # added before a kill
            argv = ["bundle", "add", name, "--skip-install", *([f"--version={', '.join(lines)}"] if lines else [])]
            await carried(argv, step, context, cwd=root, env=env, hints=HINTS)
        more = ["--conservative", "--update", *names] if names else []
        await carried(["bundle", "lock", *more], step, context, cwd=root, env=env, hints=HINTS)

    async def _nothing_unnamed(self, step: Step, site: Site, declared: Declared, context: Context) -> None:
        """Raise Failed when a gem that builds code of its own would be installed and the plan did not name it."""
        if step.args["verb"] == "frozen" or step.args.get("any"):
            return
        own, lacking = await ruby(context), await missing(site, declared, context)
        looked = await looked_at(site, declared, lacking, own, context)
        allowed = {full.rpartition("-")[0] for full in strings(step.args.get("builds", []))}
        unnamed = [full for full in [*looked.builds, *looked.unknown] if full.rpartition("-")[0] not in allowed]
        if unnamed:
            raise Failed(
                f"{plain(', '.join(unnamed))}: bundler chose it, it may run code of its own when it is installed, and the plan "
                f"did not name it",
                "Write the lock yourself (`bundle lock`), then ask again: the plan names it then.",
            )

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        root = place(step, "root", context)
        site = await _site(root, str(step.args["root"]), context)
        for name, wanted in mapping(step.args.get("files", {})).items() if step.args["verb"] == "frozen" else ():
            if digest(await text(context.host, root / name)) != wanted:
                return False
        if str(step.args["manifest"]) not in site.files:
            return False
        declared = await read(context.host, site)
        config = await text(context.host, root / CONFIG)
        if not declared.lock or (step.args.get("configure") and "BUNDLE_PATH" not in config):
            return False
        for name, lines in _adds(step).items():
            if not any(satisfies(version, lines) for version, _ in declared.specs.get(name, [])):
                return False
        return not await missing(site, declared, context)


def environment(manifest: Path, version: str) -> dict[str, str]:
    """What bundler runs with: the installed version of it and no other, no plugins, nothing asked."""
    return {
        **QUIET,
        "BUNDLE_GEMFILE": str(manifest),
        "BUNDLER_VERSION": version,  # without it bundler fetches the version that the lock was written with
        "BUNDLE_VERSION": "system",
        "BUNDLE_PLUGINS": "false",
        "BUNDLE_AUTO_INSTALL": "false",
        "BUNDLE_IGNORE_MESSAGES": "true",
        "BUNDLE_FROZEN": "false",
    }


async def looked_at(site: Site, declared: Declared, lacking: list[str], own: Ruby, context: Context) -> Looked:
    """What can be told of the lacking gems of a lock before they are installed."""
    set_up = await settings(site, context)
    wanted = {
        full[0]: [s for s in declared.origin.get(name, []) if s in own.sources]
        for name, full in fulls(declared, own.platform).items()
        if name in lacking and full
    }
    return await look(context, site.root, home(site, set_up.path, own), wanted, set_up)


def home(site: Site, path: str, own: Ruby) -> Path:
    """The folder that holds `gems` and `specifications`."""
    return site.root / (path or "vendor/bundle") / own.engine / own.api


async def missing(site: Site, declared: Declared, context: Context) -> list[str]:
    """The names of locked gems that are not there, and that bundler is not known to leave out here."""
    own, set_up = await ruby(context), await settings(site, context)
    return await missing_in(site, declared, own, str(home(site, set_up.path, own)), [], context)


async def missing_in(
    site: Site, declared: Declared, own: Ruby, place: str, others: list[str], context: Context
) -> list[str]:
    """Likewise, in a given folder of gems and in others."""
    wanted = fulls(declared, own.platform)
    names = [full for each in wanted.values() for full in each]
    there = set(await context.host.call(installed, place, own.defaults, others, names))
    left = (await defaults.remembered(context, await _key(site, declared, context))).split()
    return [name for name, each in wanted.items() if not there.intersection(each) and name not in left]


async def _left_out(site: Site, declared: Declared, lacking: list[str], env: dict[str, str], context: Context) -> None:
    """Keep which gems of the lock bundler itself does not want here: those of other platforms and left-out groups."""
    done = await context.host.run(["bundle", "list", "--name-only"], cwd=site.root, env=env, timeout=60)
    listed = set(done.text.split())
    if done.code == 0 and not listed.intersection(lacking):
        await defaults.remember(context, await _key(site, declared, context), " ".join(sorted(lacking)))


async def _key(site: Site, declared: Declared, context: Context) -> str:
    groups = (await settings(site, context)).groups
    return "bundle " + digest("\n".join([str(site.root), groups, *map(str, sorted(declared.files.items()))]))


async def _configure(root: Path, path: str, context: Context) -> None:
    kept = await text(context.host, root / CONFIG)
    lines = [line for line in kept.splitlines() if line != "---" and not line.startswith("BUNDLE_PATH:")]
    await context.host.write(root / CONFIG, "\n".join(["---", *lines, f'BUNDLE_PATH: "{path}"', ""]).encode())


async def _site(root: Path, rel: str, context: Context) -> Site:
    from ...fingerprint import Service

    names = frozenset(entry.path.name for entry in await context.host.list(root))
    return Site(root, rel, Service(name=rel), names)


def _adds(step: Step) -> dict[str, list[str]]:
    value = step.args.get("adds")
    found = cast(dict[str, JsonValue], value) if isinstance(value, dict) else {}
    return {name: strings(lines) for name, lines in found.items()}
