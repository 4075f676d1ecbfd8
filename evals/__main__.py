"""python -m evals predict --model NAME < requests.jsonl > answers.jsonl
python -m evals score CASES.jsonl… [--model NAME] [--wrong]
python -m evals examples"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from envsync.agent.config import load
from envsync.agent.models.base import Model
from envsync.agent.models.registry import open_model
from envsync.tools.errors import EnvSyncError

from . import predict, score


def main(argv: list[str] | None = None) -> int:
    """Exit codes as in the contract: 2 for wrong usage, 6 when the model cannot be reached."""
    parser = argparse.ArgumentParser(
        prog="python -m evals", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("predict", help="requests from stdin, one JSON object a line; answers to stdout")
    one.add_argument("--model", default="offline")
    two = commands.add_parser("score", help="strict call accuracy per category")
    two.add_argument("cases", nargs="+")
    two.add_argument("--model", default="offline")
    two.add_argument("--wrong", action="store_true", help="show every case that is not right")
    commands.add_parser("examples", help="write the offline model's examples from the development cases")
    args = parser.parse_args(argv)
    try:
        if args.command == "examples":
            from . import examples

            examples.write()
            return 0
        model = _model(args.model)
        if args.command == "predict":
            return asyncio.run(predict.stream(model, sys.stdin.buffer, sys.stdout))
        return asyncio.run(score.report(model, args.cases, sys.stdout, wrong=args.wrong))
    except EnvSyncError as error:
        print(error, file=sys.stderr)
        return error.exit
    except BrokenPipeError:
        return 0


def _model(name: str) -> Model:
    """A model by name. The offline one is taken whole: here a call counts even where this version has no such tool."""
    if name == "offline":
        from envsync.agent.models.offline.model import OfflineModel

        return OfflineModel()
    return open_model(load({"model": name}, os.environ))


if __name__ == "__main__":
    sys.exit(main())
