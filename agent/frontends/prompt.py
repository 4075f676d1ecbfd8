"""The input line: history, keys, completion and the bar below; the home of prompt_toolkit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from ..config import state_directory
from .completer import complete
from .text import safe

if TYPE_CHECKING:
    from .repl import Repl

_ROOM = 32
"""Cells of the bar that a path may take before only its name is shown."""
_STYLE = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "bottom-toolbar": "noreverse ansibrightblack",
        "auto-suggestion": "ansibrightblack",
        "completion-menu.completion": "bg:default fg:default noreverse",
        "completion-menu.completion.current": "bg:default fg:ansicyan bold noreverse",
        "completion-menu.meta.completion": "bg:default fg:ansibrightblack noreverse",
        "completion-menu.meta.completion.current": "bg:default fg:ansibrightblack noreverse",
        "scrollbar.background": "bg:default",
        "scrollbar.button": "bg:ansibrightblack",
    }
)
_PLAIN = Style.from_dict({"bottom-toolbar": "noreverse"})


class Prompt:
    """Reads one request at a time."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        self._session: PromptSession[str] = PromptSession(
            history=_History(state_directory(repl.settings) / "history", repl),
            auto_suggest=AutoSuggestFromHistory(),
            completer=_Completer(repl),
            complete_while_typing=Condition(self._completes),
            complete_in_thread=True,
            key_bindings=_keys(),
            multiline=True,
            prompt_continuation="  ",
            bottom_toolbar=self._bar if repl.screen.rich else None,
            editing_mode=EditingMode.VI if repl.settings.vi else EditingMode.EMACS,
            enable_open_in_editor=True,
            style=_STYLE if repl.screen.rich else _PLAIN,
            mouse_support=False,
            reserve_space_for_menu=6,
        )

    async def read(self, draft: str) -> str | None:
        """The next request; None at the end (Ctrl-D). Ctrl-C empties the line."""
        while True:
            try:
                return (await self._session.prompt_async([("class:prompt", "› ")], default=draft)).strip()
            except KeyboardInterrupt:
                draft = ""
            except EOFError:
                return None

    def refresh(self) -> None:
        """Draw the bar anew: the model is there now."""
        self._session.app.invalidate()

    def _completes(self) -> bool:
        """Only where a menu helps: plain words are typed in peace."""
        before = self._session.default_buffer.document.text_before_cursor
        return before.startswith("/") or before.rpartition(" ")[2].startswith("@")

    def _bar(self) -> StyleAndTextTuples:
        return [("", "  " + " · ".join(bar(self._repl)))]


def bar(repl: Repl) -> list[str]:
    """Host, project, model, conversation, cost."""
    session, chosen = repl.talking.session, repl.settings
    parts = [chosen.on, _short(chosen.path), session.model if session else "starting …"]
    if chosen.plan:
        parts.append("plan only")
    if session is not None and session.title:
        parts.append(session.title if len(session.title) <= 40 else session.title[:39] + "…")
    if session is not None and session.cost is not None:
        parts.append(f"${session.cost:.4f}")
    return parts


def _short(path: Path) -> str:
    shown = str(path)
    with suppress(ValueError, RuntimeError):
        shown = f"~/{path.relative_to(Path.home())}".removesuffix("/.")
    return safe(shown if len(shown) <= _ROOM else f"…/{path.name}")


class _History(FileHistory):
    """The user's requests, without the secrets in them, readable by the user alone."""

    def __init__(self, file: Path, repl: Repl) -> None:
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        super().__init__(str(file))
        self._repl = repl

    def append_string(self, string: str) -> None:
        from ...tools.redact import Redactor

        # Also the copy in memory: Ctrl-R must not bring it back.
        super().append_string(Redactor(self._repl.settings.environ)(string))

    def store_string(self, string: str) -> None:
        with suppress(OSError):  # a full disk is no reason not to answer
            super().store_string(string)


class _Completer(Completer):
    def __init__(self, repl: Repl) -> None:
        self._repl = repl

    def get_completions(self, document: Document, complete_event: Any) -> Iterable[Completion]:
        for found in complete(document.text_before_cursor, self._repl):
            yield Completion(found.text, start_position=-found.replaces, display_meta=found.meta)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    typing = has_focus(DEFAULT_BUFFER)  # Enter in a search ends the search

    @keys.add("enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif buffer.document.current_line_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
