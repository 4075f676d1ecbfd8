"""Trees: capture one, look at one, compare two, restore one. The project's files are only ever reached through here."""

from .capture import capture as capture
from .capture import look as look
from .compare import compare as compare
from .restore import restore as restore
