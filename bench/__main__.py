"""The one entry point: `python -m bench SUITE`; README.md beside this file explains each."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import (
    deterministic,
    fasttext,
    fasttext_files,
    fasttext_quality,
    fasttext_rows,
    glove,
    glove_training,
    graphs,
    images,
    iterables,
    plans,
    quality,
    recipes,
    report,
    rivals,
    series,
    speed,
    texts,
    use,
    use_rows,
)
from bench.measure import BenchError

ROOT = Path(__file__).resolve().parent.parent
GLOVE_ROWS = (*glove.ROWS, *glove_training.ROWS)
GLOVE_QUALITY = "glove-quality"  # takes hours, nearly all of them Stanford's: only when named
NAMES = {
    "train": tuple(rivals.ALGORITHMS),
    "quality": tuple(rivals.ALGORITHMS),
    "deterministic": tuple(rivals.ALGORITHMS),
    "use": use_rows.NAMES,
    "fasttext": fasttext_rows.NAMES,
    "fasttext-quality": fasttext_quality.ALGORITHMS,
    "glove": (*(row.name for row in GLOVE_ROWS), GLOVE_QUALITY),
    "recipes": recipes.NAMES,
    "series": series.NAMES,
    "images": images.NAMES,
    "plan": plans.NAMES,
    "iterables": iterables.NAMES,
    "graphs": graphs.NAMES,
}
SUITES = ("rivals", "ids", "memory", *NAMES, "table")


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
    add("--rounds", type=at_least(1), default=3, help="train, ids, use, glove: interleaved rounds")
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
        type=lambda text: text.split(","),
        metavar="NAME",
        help="; ".join(f"{suite}: some of {', '.join(names)}" for suite, names in NAMES.items()),
    )
    add("--lines", type=at_least(100), default=1_000_000, help="fasttext: lines of the large text")
    add(
        "--simd",
        nargs="+",
        default=["default"],
        choices=["default", *fasttext.INSTRUCTION_SETS],
        help="fasttext: instruction sets of ours, a column each",
    )
    add(
        "--threads",
        type=int,
        default=1,
        choices=[1, 2],
        help="fasttext: 2 adds rows of two threads against one",
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
    add("--pecanpy", metavar="PROGRAM", help="graphs: PecanPy, to be measured too")
    add(
        "--graphs",
        type=Path,
        default=data / "graphs",
        metavar="FOLDER",
        help="graphs: NAME.edges and NAME.labels of ppi, blogcatalog and karate",
    )
    add("--fasttext", metavar="PROGRAM", help="recipes: the original (default: fasttext)")
    add(
        "--glove-source",
        type=Path,
        default=os.environ.get("GLOVE_SOURCE"),
        metavar="FOLDER",
        help="glove: a checkout of Stanford's GloVe (default: the variable GLOVE_SOURCE)",
    )
    add(
        "--json", type=Path, help="where the JSON lines go (default bench/results/SUITE-TIME.jsonl)"
    )
    return parser.parse_args(arguments)  # fmt: skip


def run_graphs(
    options: argparse.Namespace, results: report.Results, work: Path, names: list[str]
) -> None:
    folder = options.graphs.resolve()
    ours = rivals.wordvec_command(options.wordvec)
    results.add(report.machine("graphs", folder))
    bench = graphs.Bench(folder, work, ours, options.seeds, options.pecanpy)
    graphs.graphs_suite(results, bench, names)


def run_suite(options: argparse.Namespace, results: report.Results, work: Path) -> None:
    if options.suite == "graphs":
        only = [name for part in options.only or () for name in part] or list(graphs.NAMES)
        if unknown := set(only) - set(graphs.NAMES):
            raise BenchError(f"graphs has no {', '.join(sorted(unknown))}")
        run_graphs(options, results, work, only)
        return
    text = texts.plain_text(options.corpus, texts.cache_folder())
    names = NAMES.get(options.suite, ())
    options.only = [name for part in options.only or () for name in part] or None
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
    elif options.suite.startswith("fasttext"):
        run_fasttext(options, results, text, work, [*ours, "fasttext"])
    elif options.suite == "glove":
        run_glove(options, results, text, work, ours)
    elif options.suite == "plan":
        chosen = options.only or plans.NAMES
        plans.plan_suite(results, chosen, text, texts.shared_data(ROOT), work, ours)
    elif options.suite == "iterables":
        iterables.iterables_suite(
            results, options.only or iterables.NAMES, text, work,
            options.rounds, options.epochs, options.rival_tokens,
        )  # fmt: skip
    elif options.suite == "recipes":
        evaluation = options.evaluation.resolve()
        prepared = recipes.prepare(text, work, evaluation, ours, options.fasttext)
        chosen = options.only or recipes.NAMES
        recipes.recipes_suite(results, chosen, options.seeds, prepared, options.original)
    elif options.suite == "images":
        folder = options.evaluation.resolve().parent / "images"
        chosen = options.only or images.NAMES
        images.images_suite(results, chosen, options.seeds, folder, work, ours)
    elif options.suite == "series":
        chosen = options.only or [name for name in series.NAMES if name != "conv"]
        folder = options.evaluation.resolve().parent / "series"
        series.series_suite(results, chosen, options.seeds, folder, work, ours)
    elif options.suite == "memory":
        speed.memory_suite(results, text, work, ours, options.epochs)
    elif options.suite == "deterministic":
        todo = deterministic.Plan(
            options.only or [name for name in rivals.ALGORITHMS if name != "sgns-d300"],
            options.rounds, options.epochs, options.rival_tokens,
        )  # fmt: skip
        evaluation = options.evaluation.resolve()
        deterministic.deterministic_suite(results, todo, text, work, evaluation, ours)
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


def run_glove(
    options: argparse.Namespace,
    results: report.Results,
    text: Path,
    work: Path,
    ours: list[str],
) -> None:
    if options.glove_source is None:
        raise BenchError(
            "name a clone of github.com/stanfordnlp/GloVe: --glove-source or GLOVE_SOURCE"
        )
    tools = rivals.build_glove(options.glove_source, texts.cache_folder())
    rows = [row for row in GLOVE_ROWS if options.only is None or row.name in options.only]
    bench = glove.Bench(text=text, work=work, ours=ours, stanford=tools)
    glove.glove_suite(bench, rows, options.rounds, results)
    if GLOVE_QUALITY in (options.only or ()):
        known = quality.known_trials(
            options.original, glove_training.QUALITY_ITERATIONS, text.stat().st_size
        )
        evaluation = options.evaluation.resolve()
        glove_training.glove_quality(bench, results, options.seeds, evaluation, known)


def run_fasttext(
    options: argparse.Namespace, results: report.Results, text: Path, work: Path, ours: list[str]
) -> None:
    evaluation = options.evaluation.resolve()
    if options.suite == "fasttext-quality":
        plan = quality.Plan(
            algorithms=options.only or list(fasttext_quality.ALGORITHMS),
            variants=[""],
            n_seeds=options.seeds,
            n_epochs=options.epochs,
            n_jobs=options.jobs,
        )
        fasttext_quality.suite(results, plan, text, work, evaluation, ours, options.original)
        return
    rows = [row for row in fasttext_rows.ROWS if row.name in (options.only or fasttext_rows.NAMES)]
    has_peer = any(fasttext.needs_original(row) for row in rows)
    data = texts.shared_data(ROOT)
    files = fasttext_files.Files(text, data, ours, work, options.rival_tokens, options.lines)
    todo = fasttext.Plan(
        rows=rows,
        n_rounds=options.rounds,
        columns=options.simd,
        with_two_threads=options.threads == 2,
        original=rivals.find_fasttext(texts.cache_folder()) if has_peer else None,
        ours=ours,
        evaluation=evaluation,
        has_gensim=speed.has_gensim(),
    )
    fasttext.fasttext_suite(todo, results, files)


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
