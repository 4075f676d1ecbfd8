"""What Gemfiles and gemspecs declare. They are Ruby code: only their plain declarations are read, and nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 5_000
"""Lines of a Gemfile that are looked at."""
_GEM = re.compile(r"[ \t]*gem[ \t]*\(?[ \t]*[\"']([\w.-]{1,100})[\"']([^\n]{0,500})")
_GROUP = re.compile(r"[ \t]*group[ \t(]+([^\n]{0,200}?)\)?[ \t]+do\b")
_OPENS = re.compile(r"[ \t]*(?:if|unless|case|begin|def|while|until)\b|.{0,500}\bdo[ \t]*(?:\|[^|\n]{0,60}\|)?[ \t]*$")
_ASKED = re.compile(r"[ \t]*(?:if|unless)\b[^\n]{0,200}\bENV\b")
"""What only holds when somebody asks for it is not what the application usually has."""
_INLINE = re.compile(r"(?::groups?[ \t]*=>|\bgroups?:)[ \t]*(\[[^\]\n]{0,100}\]|:\w{1,30}|%i\[[^\]\n]{0,100}\])")
_ADDED = re.compile(r"\.add_(?:runtime_)?dependency[ \t]*\(?[ \t]*(?:%q[<({]|[\"'])([\w.-]{1,100})")
_ASIDE = frozenset({"test", "ci", "lint", "rubocop", "doc", "optional"})


@dataclass(frozen=True)
class Gem:
    """A gem that a Gemfile names."""

    name: str
    groups: frozenset[str] = frozenset()
    """Empty: in all of them."""

    @property
    def runs(self) -> bool:
        """Whether the application itself has it, somewhere: not only its tests."""
        return not self.groups or not self.groups <= _ASIDE

    @property
    def live(self) -> bool:
        """Whether it is there when the application is deployed."""
        return not self.groups or not self.groups <= _ASIDE | {"development"}


def gems(text: str) -> list[Gem]:
    """The gems of a Gemfile, each with the groups of the blocks around it."""
    return list({gem.name: gem for gem in reversed(list(_gems(text)))}.values())[::-1]


def _gems(text: str) -> Iterator[Gem]:
    open_blocks: list[frozenset[str]] = []
    for line in _lines(text):
        if found := _GEM.match(line):
            inline = _INLINE.search(found[2])
            groups = _names(inline[1]) if inline else frozenset[str]()
            outer = [block for block in open_blocks if block]
            yield Gem(found[1], groups or (outer[-1] if outer else frozenset()))
        elif group := _GROUP.match(line):
            open_blocks.append(_names(group[1]))
        elif re.match(r"[ \t]*end\b", line):
            del open_blocks[-1:]
        elif re.match(r"[ \t]*else\b", line):
            open_blocks[-1:] = [frozenset()]
        elif _OPENS.match(line):
            open_blocks.append(frozenset({"optional"}) if _ASKED.match(line) else frozenset())


def _lines(text: str) -> Iterator[str]:
    """Lines of code; those between `=begin` and `=end` are a comment."""
    comment = False
    for line in text.splitlines()[:MOST]:
        if line.startswith(("=begin", "=end")):
            comment = line.startswith("=begin")
        elif not comment and not line.lstrip().startswith("#"):
            yield line


def _names(text: str) -> frozenset[str]:
    names = frozenset(re.findall(r"\w{1,30}", text.replace("%i", "")))
    return frozenset({"optional"}) if names >= {"optional", "true"} else names


def ruby_version(text: str) -> str:
    """What `ruby "…"` asks for, all of its conditions."""
    for line in _lines(text):
        if found := re.match(r"[ \t]*ruby[ \t(]+((?:[\"'][^\"'\n]{1,40}[\"'][ \t]*,?[ \t]*){1,4})", line):
            return ", ".join(re.findall(r"[\"']([^\"']{1,40})[\"']", found[1]))
    return ""


@dataclass(frozen=True)
class Spec:
    """What a gemspec says."""

    ruby: str = ""
    needs: tuple[str, ...] = ()
    """Gems that it brings along, those for development left out."""
    commands: tuple[str, ...] = ()


def gemspec(text: str) -> Spec:
    """The plain assignments of a gemspec."""
    code = "\n".join(_lines(text))
    version = re.search(r"required_ruby_version[ \t]*=[ \t]*(?:Gem::Requirement\.new\(?)?[ \t]*\[?((?:[\"'][^\"'\n]{1,40}[\"'][ \t]*,?[ \t]*){1,4})", code)  # fmt: skip
    ruby = ", ".join(re.findall(r"[\"']([^\"']{1,40})[\"']", version[1])) if version else ""
    listed = re.search(r"\.executables?[ \t]*(?:=|<<)[ \t]*(%w[\[({][^\])}\n]{0,200}|\[[^\]\n]{0,200}\]|[\"'][\w.-]{1,60}[\"'])", code)  # fmt: skip
    commands = re.findall(r"[\w.-]{1,60}", listed[1].removeprefix("%w")) if listed else []
    return Spec(ruby, tuple(dict.fromkeys(_ADDED.findall(code))), tuple(commands))
