"""python -m evals predict --model NAME < requests.jsonl > answers.jsonl
python -m evals score [CASES.jsonl…] [--model NAME | --answers FILE] [--times K] [--wrong] [--json]
python -m evals report [--model NAME@URL]… [--sample N] [--outside PLACE] [--out FILE]
python -m evals check [--json]
python -m evals bench
python -m evals outside PLACE
python -m evals scan [PACKAGE…] [--set held] [--sample N] [--wrong] [--json]

A model is offline, baseline:NAME (decline, frequent, keywords, tfidf, nearest), or what `envsync --model` takes."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
from pathlib import Path

from envsync.tools.errors import EnvSyncError

from . import cases, tables


def main(argv: list[str] | None = None) -> int:
    """Exit codes as in the contract: 2 for wrong usage, 6 when the model cannot be reached; 1 says that something is bad."""
    args = _parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except EnvSyncError as error:
        print(error, file=sys.stderr)
        return error.exit
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("predict", help="requests from stdin, one JSON object a line; answers to stdout")
    one.add_argument("--model", default="offline")
    one = commands.add_parser("score", help="how right a model is, per category; exit 1 when there was a catastrophe")
    one.add_argument("cases", nargs="*", help="default: the frozen test split")
    one.add_argument("--model", default="offline")
    one.add_argument("--answers", help="answers that `predict` or another program wrote, instead of a model")
    one.add_argument("--times", type=_positive, default=1, help="ask each case K times, for models that vary: pass^K")
    one.add_argument("--wrong", action="store_true", help="show every case that is not right")
    one.add_argument("--json", action="store_true", help="one JSON document")
    one = commands.add_parser("report", help="the offline model, all baselines and more over the frozen test split")
    one.add_argument("--model", action="append", default=[], metavar="NAME@URL", help="besides; may be given again")
    one.add_argument("--sample", type=_positive, default=0, help="ask models of an endpoint N cases only")
    one.add_argument(
        "--outside", type=Path, metavar="PLACE", help="with the questions of others, as `outside` takes them"
    )
    one.add_argument("--out", type=Path, help="default: evals/RESULTS.md")
    one = commands.add_parser(
        "check", help="cases that are broken, doubled, or in two splits; exit 1 when there are any"
    )
    one.add_argument("--json", action="store_true", help="one JSON document: rule, id, other, said")
    commands.add_parser("bench", help="how fast and how large the offline model is; exit 1 when it misses a goal")
    one = commands.add_parser("outside", help="questions written by others; exit 1 when one is answered with a change")
    one.add_argument("place", type=Path, help="the bfcl-eval wheel, or the folder it is unpacked in")
    one.add_argument("--wrong", action="store_true", help="show every question that is answered with a call")
    one = commands.add_parser("scan", help="how much of real packages the scan finds, beside other detectors")
    one.add_argument("packages", nargs="*", metavar="PACKAGE", help="part of `registry name version`; default: all")
    one.add_argument(
        "--set", choices=("worked", "held"), default="worked", help="held: those no rule is worked on with"
    )
    one.add_argument("--sample", type=_positive, default=0, help="N packages only, the same in every run")
    one.add_argument("--wrong", action="store_true", help="show everything that is wrong or missing")
    one.add_argument("--json", action="store_true", help="one JSON document, with every detector's mistakes")
    one.add_argument("--cache", type=Path, metavar="DIR", help="where packages and detectors are kept")
    one.add_argument("--out", type=Path, help="default: evals/scan/RESULTS.md, when all packages are scanned")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _predict(args: argparse.Namespace) -> int:
    from . import models, predict

    return asyncio.run(predict.stream(models.open_named(args.model), sys.stdin.buffer, sys.stdout))


def _score(args: argparse.Namespace) -> int:
    from . import asking, models

    wanted = cases.read(args.cases or cases.test())
    if args.answers:
        score = asking.answered(wanted, asking.read(args.answers))
    else:
        score = asyncio.run(asking.ask(models.open_named(args.model), wanted, times=args.times))
    if args.json:
        print(json.dumps({"model": args.answers or args.model, **score.data()}, ensure_ascii=False))
    else:
        print(tables.mistakes(score) if args.wrong else "", end="")
        print(f"{tables.by_category(score)}\n{tables.figures(score)}", end="")
    return 1 if score.catastrophes else 0


def _report(args: argparse.Namespace) -> int:
    from . import report

    command = shlex.join(["python", "-m", "evals", "report", *(x for name in args.model for x in ("--model", name))])
    command += f" --sample {args.sample}" if args.sample else ""
    command += f" --outside {args.outside.name}" if args.outside else ""
    text = asyncio.run(
        report.report(report.names(args.model), cases.read(cases.test()), command, sample=args.sample, say=report.tell)
    )
    if args.outside:
        text += asyncio.run(report.outside(args.outside, say=report.tell))
    (args.out or report.RESULTS).write_text(text, "utf-8")
    return 0


def _check(args: argparse.Namespace) -> int:
    from . import apart

    return apart.check(sys.stdout, as_json=args.json)


def _bench(_: argparse.Namespace) -> int:
    from .bench import understanding

    return understanding.main([])


def _outside(args: argparse.Namespace) -> int:
    from . import outside

    return asyncio.run(outside.main(args.place, sys.stdout, wrong=args.wrong))


def _scan(args: argparse.Namespace) -> int:
    from .scan import command

    return command.main(
        args.packages, which=args.set, sample=args.sample, as_json=args.json, wrong=args.wrong, place=args.cache,
        out=args.out,
    )  # fmt: skip


COMMANDS = {
    "predict": _predict,
    "score": _score,
    "report": _report,
    "check": _check,
    "bench": _bench,
    "outside": _outside,
    "scan": _scan,
}

if __name__ == "__main__":
    sys.exit(main())
