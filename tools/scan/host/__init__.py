"""The probes of the host side: one file per kind, each reads a few places and gives a piece of the equipment."""
