"""Restoring on a host what a portable fingerprint holds: runtimes, packages, extensions, aliases, dotfiles."""
