"""How the helper begins on the other machine, before anything of EnvSync is there: text for its shell and its Python."""

from __future__ import annotations

import base64
import secrets

MAGIC = b"envsync-helper-"
"""What stands before a nonce on the first line that is ours; a login shell may have printed anything before it."""
OLDEST = (3, 9)

_PYTHON = """
import sys
if sys.version_info < {oldest}:
    sys.exit(98)
try:
    import asyncio, ctypes, dataclasses, hashlib, importlib.util, io, json, marshal, os, pwd, tempfile, zipfile, zlib
except ImportError:
    sys.exit(98)
nonce, digest, keep = sys.argv[1:4]
if sys.argv[4:] == [""]:
    os.environ.pop("LC_CTYPE", None)  # Python put it there itself; what commands see is the machine's own


def say(word):
    os.write(1, ("\\n{magic}%s %s\\n" % (nonce, word)).encode())


def take(count):
    taken = bytearray()
    while len(taken) < count:
        piece = os.read(0, count - len(taken))
        if not piece:
            os._exit(0)
        taken += piece
    return bytes(taken)


def stored(file):
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as found:
            content = found.read(1 << 26)
            info = os.fstat(handle)
            mine = info.st_uid == os.getuid() and not info.st_mode & 0o022
    except OSError:
        return b""
    return content if mine else b""


def store(file, content):
    folder = os.path.dirname(file)
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".helper-")
        try:
            with os.fdopen(handle, "wb") as made:
                made.write(content)
            os.replace(name, file)
        except BaseException:
            os.unlink(name)
            raise
        for other in os.listdir(folder):
            if other.startswith("helper-") and not other.startswith("helper-" + digest[:16]):
                os.unlink(os.path.join(folder, other))
    except OSError:
        pass  # read-only, full or not ours: the helper then lives in memory alone


cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
file = os.path.join(cache, "envsync", "helper-" + digest[:16] + ".pyz")
content = stored(file)
if content and hashlib.sha256(content).hexdigest() == digest:
    say("have")
else:
    say("need")
    content = take(int.from_bytes(take(8), "big"))
    if hashlib.sha256(content).hexdigest() != digest:
        os._exit(97)
    if keep == "1":
        store(file, content)
archive = zipfile.ZipFile(io.BytesIO(content))
names = frozenset(archive.namelist())


# What Python made of the modules, kept beside them: compiling them takes longer than all else that starting does.
compiled = "%s%s-%s.codes" % (file[:-3], sys.implementation.cache_tag, sys.version.split()[0])
codes = {}
found = stored(compiled) if keep == "1" else b""
if found[:64] == hashlib.sha256(found[64:]).hexdigest().encode():
    try:
        codes = marshal.loads(found[64:])
    except (ValueError, EOFError, TypeError):
        pass
before = len(codes)


def remember():
    if keep == "1" and len(codes) > before and os.path.exists(file):
        body = marshal.dumps(codes)
        store(compiled, hashlib.sha256(body).hexdigest().encode() + body)


class Loader:
    change = None

    def __init__(self, file):
        self.file = file

    def create_module(self, spec):
        return None

    def get_source(self, name):
        return archive.read(self.file).decode()

    def exec_module(self, module):
        code = codes.get(self.file)
        if code is None:
            made = archive.read(self.file)
            made = type(self).change(made) if self.change else made
            code = codes[self.file] = compile(made, "helper/" + self.file, "exec", dont_inherit=True)
        exec(code, module.__dict__)


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        base = name.replace(".", "/")
        for file, package in ((base + "/__init__.py", True), (base + ".py", False)):
            if file in names:
                return importlib.util.spec_from_loader(name, Loader(file), origin="helper/" + file, is_package=package)
        return None


sys.meta_path.append(Finder)
sys.argv[1:] = []
from envsync.tools.hosts.helper.serve import main
main(remember)
"""

_SHELL = (
    'tried=; for p in $2 "$0"; do p=$(command -v "$p" 2>/dev/null) || continue; '
    'case " $tried " in *" $p "*) continue;; esac; tried="$tried $p"; '
    'if test "$p" = /usr/bin/python3 && test -x /usr/bin/xcode-select; then xcode-select -p >/dev/null 2>&1 || continue; fi; '
    '"$p" -I -S -X utf8 -c "$1" "$3" "$4" "$5" "${LC_CTYPE-}"; c=$?; case $c in 2|98|126|127) ;; *) exit $c;; esac; '
    'done; echo; echo "{magic}$3 none"'
)
PYTHONS = (
    "/usr/bin/python3 /usr/local/bin/python3 python3 /opt/homebrew/bin/python3 "
    "python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python"
)
"""Where a Python is looked for, the system's own first: those of version managers are slow to start."""


def nonce() -> str:
    """A word that nobody on the other side can know beforehand."""
    return secrets.token_hex(8)


def by_shell(nonce: str, digest: str, *, keep: bool, pythons: str = PYTHONS) -> list[str]:
    """The command that finds a Python there and starts the helper, or says `none`. One line, no quotes of its own kind."""
    shell = _SHELL.replace("{magic}", MAGIC.decode())
    return ["sh", "-c", shell, "python3", _code(), pythons, nonce, digest, "1" if keep else "0"]


def by_python(nonce: str, digest: str, *, keep: bool, pythons: str = "") -> list[str]:
    """Likewise for a machine that has a Python but no shell."""
    return ["python3", "-I", "-S", "-X", "utf8", "-c", _code(), nonce, digest, "1" if keep else "0"]


def by_shell_alone(nonce: str, digest: str = "", *, keep: bool = False, pythons: str = "") -> list[str]:
    """Likewise, for a machine whose Pythons were found and start no more: it always says `none`."""
    return ["sh", "-c", f'echo; echo "{MAGIC.decode()}$1 none"', "sh", nonce]


def _code() -> str:
    """The program as one word without quotes, newlines or backslashes: it passes any login shell unharmed."""
    text = _PYTHON.replace("{oldest}", repr(OLDEST)).replace("{magic}", MAGIC.decode())
    return f"import base64;exec(base64.b64decode({base64.b64encode(text.encode()).decode()!r}))".replace("'", '"')
