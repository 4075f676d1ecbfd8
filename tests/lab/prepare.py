"""Make the lab's images before the tests ask for them: `make lab`. Needs the standard library only."""

from __future__ import annotations

import subprocess
import time

from .engine import Engine, lacking
from .images import IMAGES


def main() -> int:
    """Say what was made and how long it took; 1 when something is lacking."""
    reason = lacking()
    if reason:
        print(f"no images: {reason}")
        return 1
    engine = Engine()
    try:
        engine.enter()
        for make in IMAGES.values():
            since = time.monotonic()
            print(f"{make(engine.address)} ({time.monotonic() - since:.1f} s)", flush=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print("\n".join([str(error), *getattr(error, "__notes__", [])]))
        return 1
    finally:
        engine.leave()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
