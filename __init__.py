"""EnvSync: words in, a previewed and undoable change to a development environment out."""

__version__ = "0.1.0"
