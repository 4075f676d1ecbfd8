"""Which tests of the suite over all hosts are for the long run."""

from __future__ import annotations

import pytest

QUICK = {
    "test_info_says_what_the_machine_itself_says",
    "test_a_command_gives_its_output_and_its_code",
    "test_hostile_04_arguments_are_never_read_by_a_shell",
    "test_write_is_atomic_and_keeps_the_mode",
    "test_a_function_runs_next_to_the_files",
}
"""What runs on a virtual machine in every `make test`. Each test makes a connection of its own, and an emulated
processor takes seconds for that: the rest of the suite is for `make story`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the rest as slow."""
    for item in items:
        if isinstance(item, pytest.Function) and "[vm" in item.name and item.originalname not in QUICK:
            item.add_marker("slow")
