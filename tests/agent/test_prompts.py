"""What a model reads: its size, its places, and that data stays data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.agent.models.base import Request
from envsync.agent.models.wire import compact, messages, tool_schemas
from envsync.prompts.render import render
from envsync.tools import registry

MOST = 6 * 1024
"""Bytes of system prompt and all tool schemas together."""


def test_system_prompt_and_schemas_are_at_most_6_kilobytes():
    sent = json.dumps(tool_schemas(), ensure_ascii=False, separators=(",", ":"))
    system, tools = len(render("system").encode()), len(sent.encode())
    print(
        f"system prompt {system} bytes, {len(tool_schemas())} tools {tools} bytes, together {system + tools} of {MOST}"
    )
    assert system + tools <= MOST


def test_every_tool_is_described_to_the_model_with_all_its_arguments():
    for tool, entry in zip(tool_schemas(), registry.TOOLS, strict=True):
        function = tool["function"]
        assert function["name"] == entry.name
        assert function["description"].startswith(entry.summary)
        fields = registry.find(entry.name).args.model_fields
        typed = {name for name, field in fields.items() if field.json_schema_extra == {"brief": None}}
        assert set(function["parameters"]["properties"]) == set(fields) - typed
        assert all("brief" not in field for field in function["parameters"]["properties"].values())
        assert "additionalProperties" not in function["parameters"]
        assert "$ref" not in json.dumps(function)


def test_a_schema_loses_only_what_a_model_does_not_need():
    field = {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None, "description": "d"}
    whole = {"type": "object", "properties": {"default": field}, "additionalProperties": False, "required": ["default"]}
    assert compact(whole) == {**whole, "properties": {"default": {"type": "string", "description": "d"}}}
    either = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert compact(either) == either


def test_a_prompt_with_a_missing_or_unknown_value_is_an_error():
    with pytest.raises(KeyError, match="request"):
        render("request", request="x")
    with pytest.raises(KeyError, match="colour"):
        render("request", request="x", data="", colour="red")


def test_a_value_is_never_looked_at_again():
    assert render("request", request="{{data}}", data="{{request}}") == "{{data}}\n\ndata:\n{{request}}"


@given(st.text())
def test_piped_text_cannot_leave_its_line(text: str):
    last = messages(Request("look", text))[-1]["content"]
    lines = last.split("data:\n", 1)[1].split("\n")
    assert all(json.loads(line)["origin"] for line in lines)
    assert not text or json.loads(lines[-1])["text"] == text
