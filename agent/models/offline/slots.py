"""One slot's words into its value. What is not normalised here goes through byte for byte.

The same functions align the training cases with their text (evals/training): a value that they cannot make from any words of
a request is an error in the case, or here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .found import quoted
from .mend import plain
from .normalise import Text
from .said import LETTERS, said
from .tables import CONTEXTS
from .things import THING_LEAD, named, wanted
from .values import moment, number

Value = str | int | float


def value(slot: str, text: Text) -> Value | None:
    """The value of a slot that covers `text`; None when these words are none."""
    text = text.cut()
    return _MAKE.get(slot, said)(text) if text.low else None


_LEAD = re.compile(r"^(?:(?:the|a|an|my|our|your|this|that|its|their)\s+)+(?=\S)")
_SELF = re.compile(
    r"(?:this|the|my|our|current|here|same|working|local|whole|entire|project|'s|folder|directory|dir|repo|repository|tree|root|checkout|it|cwd| )+"
)
_NOUN = re.compile(r"\s+(?:folder|directory|dir|subfolder|subdirectory|path)$")


def _path(text: Text) -> str | None:
    if _SELF.fullmatch(text.low):
        return "."
    if tail := _NOUN.search(text.low):
        text = text.cut(0, tail.start())
    if (lead := _LEAD.match(text.low)) and " " in text.low:
        text = text.cut(lead.end())
    return said(text)


_DOCKER = re.compile(
    r"(?:the |my |our )?(?:docker )?container (?:called |named )?(\S+)|(?:the |my |our )?(\S+) (?:docker )?container"
)
_VM = re.compile(
    r"(?:the |my |our )?(?:vm|virtual machine) (?:called |named )?(\S+)|(?:the |my |our )?(\S+) (?:vm|virtual machine)"
)
_HOST_NOUN = re.compile(r"\s+(?:machine|server|host|box|instance|node|remote)$")
_HOST_LEAD = re.compile(r"^(?:the |my |our )?(?:(?:host|machine|server|box|sandbox) )?(?:called |named )?(?=\S)")


def _host(text: Text) -> str | None:
    for pattern, kind in ((_DOCKER, "docker:"), (_VM, "vm:")):
        if match := pattern.fullmatch(text.low):
            at = 1 if match[1] else 2
            return kind + text.raw(match.start(at), match.end(at))
    if tail := _HOST_NOUN.search(text.low):
        text = text.cut(0, tail.start())
    if (lead := _HOST_LEAD.match(text.low)) and lead.end() < len(text.low):
        text = text.cut(lead.end())
    return said(text)


_MOMENT_LEAD = re.compile(
    r"^(?:(?:to|at|from|since|as of|as it was|as|on|with|against|of|in|into|for|exactly|back|the way it was|how it was|the state (?:of|from|at)|the (?:snapshot|state|version|one) (?:of|from|called|named|labell?ed))\s+)+(?=\S)"
)
_MOMENT_NOUN = re.compile(r"\s+(?:snapshot|checkpoint|label|tag|restore point)$")
_LAPSE = re.compile(
    r"(?:about |around |roughly |some )?(?:\d+|an?|half an?|one|a couple of|a couple|a few|several|two|three|four|five|six|ten|twelve|fifteen|twenty|thirty) (?:or so )?(?:more )?(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)"
    r"|\d+ ?(?:h|hrs?|m|mins?|d|w|s)(?: ?\d+(?: ?m(?:ins?)?)?)?"
)
_PLAIN = re.compile(
    r"^(?:the |my |our |that )?(?:snapshot |checkpoint |label |state )(?:called |named |labell?ed )?(?=\S)"
)


def _moment(text: Text) -> str | None:
    if (lead := _MOMENT_LEAD.match(text.low)) and lead.end() < len(text.low):
        text = text.cut(lead.end())
    if (lead := _PLAIN.match(text.low)) and re.fullmatch(r"\S+|[\"'].*[\"']", text.low[lead.end() :]):
        text = text.cut(lead.end())
    if (tail := _MOMENT_NOUN.search(text.low)) and re.fullmatch(r"(?:the |my |our )?\S+", text.low[: tail.start()]):
        text = text.cut(0, tail.start())
        if lead := re.match(r"(?:the|my|our) ", text.low):
            text = text.cut(lead.end())
    if (known := CONTEXTS.get(text.low) or _ABROAD.get(text.low)) == "prod":
        return known
    raw = said(text)
    if raw and moment(text.low):
        raw = plain(raw)
    if raw and _LAPSE.fullmatch(text.low.replace("·", " ")):
        return f"{raw} ago"
    return raw


_COUNT_LEAD = re.compile(r"^(?:the )?(?:last |latest |first |final |past |recent )?(?:about |around |some )?(?=\S)")
_SMALL = {"one": 1, "a": 1, "an": 1, "single": 1, "a single": 1, "once": 1, "couple": 2, "a couple": 2, "a couple of": 2, "pair": 2, "a pair of": 2, "twice": 2,
          "both": 2, "a dozen": 12, "dozen": 12, "half a dozen": 6, "a hundred": 100, "a thousand": 1000, "few": 3,
          "eins": 1, "ein": 1, "eine": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "zehn": 10, "zwanzig": 20,
          "fünfzig": 50, "hundert": 100, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "huit": 8, "dix": 10, "vingt": 20, "cinquante": 50,
          "cent": 100, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "ocho": 8, "diez": 10, "veinte": 20, "treinta": 30, "cincuenta": 50, "cien": 100,
          "dois": 2, "duas": 2, "três": 3, "quatro": 4, "oito": 8, "dez": 10, "vinte": 20, "trinta": 30, "cinquenta": 50, "cem": 100,
          "elf": 11, "zwölf": 12, "fünfzehn": 15, "dreißig": 30, "dreissig": 30, "vierzig": 40, "sechzig": 60, "achtzig": 80, "neun": 9, "sept": 7, "neuf": 9, "douze": 12,
          "quinze": 15, "trente": 30, "quarante": 40, "soixante": 60, "cent vingt": 120, "deux cents": 200, "siete": 7, "nueve": 9, "doce": 12, "quince": 15,
          "cuarenta": 40, "sesenta": 60, "ochenta": 80, "doscientas": 200, "doscientos": 200, "seis": 6, "sete": 7, "nove": 9, "doze": 12, "quarenta": 40, "sessenta": 60,
          "oitenta": 80, "duzentas": 200, "zweihundert": 200, "uno": 1, "una": 1, "um": 1, "uma": 1}  # fmt: skip


def _count(text: Text) -> int | None:
    low = _COUNT_LEAD.sub("", text.low, count=1)
    low = re.sub(r"^(\d+)x$|^x(\d+)$", lambda m: m[1] or m[2], low)
    if match := re.fullmatch(r"(\d+)k", low):
        return int(match[1]) * 1000
    return _SMALL[low] if low in _SMALL else number(low)


def _port(text: Text) -> int | None:
    match = re.fullmatch(r"(?:the )?(?:port )?(?:number )?:?(\S+)", text.low)
    found = number(match[1]) if match else None
    return found if found is not None and found < 65_536 else None


_ABROAD = {"produktion": "prod", "producción": "prod", "produccion": "prod", "produção": "prod", "producao": "prod", "entwicklung": "dev", "développement": "dev",
           "desarrollo": "dev", "desenvolvimento": "dev"}  # fmt: skip
_CONTEXT_NOUN = re.compile(r"\s+(?:context|environment|env|cluster|overlay|profile)$")


def _context(text: Text) -> str | None:
    if lead := THING_LEAD.match(text.low):
        text = text.cut(lead.end())
    if tail := _CONTEXT_NOUN.search(text.low):
        text = text.cut(0, tail.start())
    return CONTEXTS.get(text.low) or _ABROAD.get(text.low) or said(text)


_NAME_NOUN = re.compile(
    r"\s+(?:service|deployment|sandbox|container|app|application|stack|instance|release|server|vm)$"
)
_NAME_LEAD = re.compile(
    r"^(?:(?:the|a|my|our|that|this|its)\s+)*(?:(?:service|deployment|sandbox|container|app|stack)\s+)?(?:(?:called|named)\s+)?(?=\S)"
)


def _name(text: Text) -> str | None:
    if " " in text.low and not LETTERS.match(text.low):
        if (lead := _NAME_LEAD.match(text.low)) and lead.end() < len(text.low):
            text = text.cut(lead.end())
        if tail := _NAME_NOUN.search(text.low):
            text = text.cut(0, tail.start())
    return said(text)


_UNITS = {"m": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0, "s": 1.0, "t": 24.0, "j": 24.0, "n": 12.0, "a": 4.0, "e": 4.0}
"""Hours by the unit's first letter, in five languages; a night is twelve, an afternoon four."""
_HOURS = re.compile(
    r"(?:(?:for|für|pendant|por|durante) )?(?:about |around |another |the next |an extra )?(?P<n>\d[\d.]*|an?|half an?|one|a couple of|a few|another|the|couple of|[^\W\d_]+)?\s*(?:more |additional |extra |other )?"
    r"(?P<unit>m|min|mins|minutes?|h|hrs?|hours?|stunden?|heures?|horas?|d|days?|tage?|jours?|d[ií]as?|weeks?|semanas?|wochen?|day|night|afternoon|morning|evening)"
)
_AMOUNT = {
    "": 1.0,
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "another": 1.0,
    "the": 1.0,
    "half a": 0.5,
    "half an": 0.5,
    "a couple of": 2.0,
    "couple of": 2.0,
    "a few": 3.0,
}


def _hours(text: Text) -> float | None:
    low = text.low.strip()
    if low in ("overnight", "the night"):
        return 12.0
    match = _HOURS.fullmatch(low)
    if match is None:
        return None
    amount = match["n"] or ""
    try:
        n = _AMOUNT[amount] if amount in _AMOUNT else _SMALL[amount] if amount in _SMALL else float(amount)
    except ValueError:
        return None
    return round(n * _UNITS.get(match["unit"][0], 1.0), 4)


_SUITES = {"bookworm": "debian:12", "bullseye": "debian:11", "trixie": "debian:13", "sid": "debian:sid"}


def _image(text: Text) -> str | None:
    low = text.low
    if low in _SUITES:
        return _SUITES[low]
    if match := re.fullmatch(
        r"(debian|ubuntu|alpine|fedora|centos|rocky|almalinux|arch|busybox)(?: (?:linux )?(?:version )?(\d[\d.]*))?",
        low,
    ):
        return f"{match[1]}:{match[2]}" if match[2] else match[1]
    return said(text)


_QUERY_TAIL = re.compile(r"\s*[?!.,;]+$")


def _command(text: Text) -> str | None:
    return said(text, line=True)


def _free(text: Text) -> str | None:
    if tail := _QUERY_TAIL.search(text.low):
        text = text.cut(0, tail.start())
    return quoted(text.raw()) or None


_MAKE: dict[str, Callable[[Text], Value | None]] = {
    "runtime": named("runtime"), "package": named("package"), "service": named("service"), "version": wanted, "path": _path, "host": _host,
    "source": _path, "destination": _path, "moment": _moment, "count": _count, "port": _port, "context": _context, "name": _name,
    "command": _command, "hours": _hours, "image": _image, "fact": _free, "query": _free,
}  # fmt: skip
