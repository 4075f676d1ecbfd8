"""Thin adapters: input into text, events into output."""
