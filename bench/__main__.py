"""The one entry point: `python -m bench SUITE`; README.md beside this file explains each."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import quality, recipes, report, rivals, speed, texts, use, use_rows
from bench.measure import BenchError

ROOT = Path(__file__).resolve().parent.parent
SUITES = ("rivals", "train", "ids", "memory", "quality", "use", "recipes", "table")


def at_least(low: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected {low} or more, found {value}")
        return value

    return convert


def parse(arguments: list[str] | None) -> argparse.Namespace:
    data = texts.shared_data(ROOT)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("suite", choices=SUITES)
    add("files", nargs="*", type=Path, help="table: JSON-lines files to show again")
    add(
        "--corpus",
        type=Path,
        default=data / "corpora" / "enwiki17m.txt.xz",
        help="plain, .xz, .gz or .bz2 text (default %(default)s)",
    )
    add("--evaluation", type=Path, default=data / "eval", help="folder of the judges' files")
    add("--wordvec", metavar="COMMAND", help="how to call wordvec (default: the installed one)")
    add("--rounds", type=at_least(1), default=3, help="train, ids, use: interleaved rounds")
    add("--peer-rounds", type=at_least(1), default=3, help="use: rounds in which peers run too")
    add(
        "--rows",
        type=at_least(20),
        default=1_000_000,
        help="use: rows of the large matrix; the text has a fifth, a query comes for 1,000",
    )
    add(
        "--vectors",
        type=Path,
        help="use: word2vec binary for the analogies (default: trained on the text)",
    )
    add("--epochs", type=at_least(1), default=3, help="epochs of wordvec (and of all in quality)")
    add(
        "--rival-tokens",
        type=at_least(0),
        default=2_000_000,
        help="train: rivals train one epoch of so many tokens; 0: all that wordvec trains",
    )
    add(
        "--only",
        nargs="+",
        choices=[*rivals.ALGORITHMS, *use_rows.NAMES, *recipes.NAMES],
        metavar="NAME",
        help=f"train, quality: some of {', '.join(rivals.ALGORITHMS)}; "
        f"use: some of {', '.join(use_rows.NAMES)}; recipes: some of {', '.join(recipes.NAMES)}",
    )
    add(
        "--variants",
        nargs="+",
        default=["default"],
        choices=["default", "recycled", "window", "pair"],
        help="quality: kinds of negatives",
    )
    add("--seeds", type=at_least(1), default=3, help="quality: trainings for each mean")
    add("--jobs", type=at_least(1), default=1, help="quality: trainings at the same time")
    add(
        "--original",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="quality: results of the original, instead of training it; "
        "recipes: of any earlier runs on the same text",
    )
    add("--fasttext", metavar="PROGRAM", help="recipes: the original (default: fasttext)")
    add(
        "--json", type=Path, help="where the JSON lines go (default bench/results/SUITE-TIME.jsonl)"
    )
    return parser.parse_args(arguments)  # fmt: skip


def run_suite(options: argparse.Namespace, results: report.Results, work: Path) -> None:
    text = texts.plain_text(options.corpus, texts.cache_folder())
    names: Iterable[str] = rivals.ALGORITHMS
    if options.suite in ("use", "recipes"):
        names = use_rows.NAMES if options.suite == "use" else recipes.NAMES
    if unknown := set(options.only or ()) - set(names):
        raise BenchError(f"{options.suite} has no {', '.join(sorted(unknown))}")
    results.add(report.machine(options.suite, text))
    if options.suite == "ids":
        speed.ids_suite(results, text, work, options.rounds)
        return
    ours = rivals.wordvec_command(options.wordvec)
    if options.suite == "use":
        plan = use.Plan(
            rows=[row for row in use_rows.ROWS if row.name in (options.only or use_rows.NAMES)],
            n_rounds=options.rounds,
            n_peer_rounds=min(options.rounds, options.peer_rounds),
            n_matrix_rows=options.rows,
            corpus=text,
            questions=options.evaluation / "questions-words.txt",
            trained=options.vectors,
            ours=ours,
        )
        use.use_suite(plan, results, work, has_gensim=speed.has_gensim())
    elif options.suite == "recipes":
        evaluation = options.evaluation.resolve()
        prepared = recipes.prepare(text, work, evaluation, ours, options.fasttext)
        chosen = options.only or recipes.NAMES
        recipes.recipes_suite(results, chosen, options.seeds, prepared, options.original)
    elif options.suite == "memory":
        speed.memory_suite(results, text, work, ours, options.epochs)
    elif options.suite == "train":
        groups = options.only or list(speed.GROUPS)
        if unknown := set(groups) - set(speed.GROUPS):
            raise BenchError(f"train has no goals for {', '.join(sorted(unknown))}")
        bench = speed.prepare(results, work, text, ours, options.epochs, options.rival_tokens)
        speed.train_suite(bench, groups, options.rounds)
    else:
        plan = quality.Plan(
            algorithms=options.only or ["sgns-d100", "cbow-d100", "hs-d100"],
            variants=["" if name == "default" else name for name in options.variants],
            n_seeds=options.seeds,
            n_epochs=options.epochs,
            n_jobs=options.jobs,
        )
        evaluation = options.evaluation.resolve()
        quality.quality_suite(results, plan, text, work, evaluation, ours, options.original)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all goals reached; 1: one missed; 2: could not be measured."""
    options = parse(arguments)
    try:
        if options.suite == "rivals":
            print(quality.show_rivals())
            return 0
        if options.suite == "table":
            print(report.markdown(report.read_records(options.files)))
            return 0
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = options.json or ROOT / "bench" / "results" / f"{options.suite}-{stamp}.jsonl"
        results = report.Results(path)
        with tempfile.TemporaryDirectory(prefix="wordvec-bench-") as work:
            run_suite(options, results, Path(work))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted; the JSON lines written so far are kept", file=sys.stderr)
        return 130
    print(report.markdown(results.records))
    report.say(f"JSON lines: {path}")
    return 1 if report.missed(results.records) else 0


if __name__ == "__main__":
    sys.exit(main())
