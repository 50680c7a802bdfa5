"""One job of the suite `use` in a process of its own; prints what it cost as one JSON object.

usage: python -P use_worker.py '{"tool": "wordvec", "job": "read", "file": ..., ...}'
       python -P use_worker.py exec N COMMAND...     run COMMAND on N cores

Only the work itself is timed: imports, and the loading before a query, are outside.  The process
may use `n_threads` cores and no more (sched_setaffinity), so `one thread` needs no word from the
library.  `check` is what both programs must agree on.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Task = dict[str, Any]
MAX_DATA_BYTES = 4 << 30


def allow_cores(n_cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_cores])


def timed(work: Callable[[], Any], n_repeats: int = 1) -> tuple[Any, dict[str, float]]:
    """The last result of `work` and its least cost: CPU-seconds (user + system) and wall clock."""
    gc.collect()
    costs = []
    result = None
    for _ in range(n_repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    return result, {"cpu_s": min(c for c, _ in costs), "wall_s": min(w for _, w in costs)}


def digest(words: Iterable[str], matrix: Any) -> str:
    total = hashlib.sha256("\n".join(words).encode("utf-8", "surrogateescape"))
    for start in range(0, len(matrix), 10_000):
        total.update(matrix[start : start + 10_000].tobytes())
    return total.hexdigest()


def file_digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def questions_right(sections: list[dict[str, Any]]) -> dict[str, int]:
    """gensim's sections, the last of which is the sum of all."""
    total = sections[-1]
    return {"right": len(total["correct"]), "seen": len(total["correct"]) + len(total["incorrect"])}


# --- wordvec ---------------------------------------------------------------------------------


def choose_scan(vectors: Any, method: str | None) -> None:
    """Have queries answered by a float32 or an int8 scan where the job names one."""
    has_plane = getattr(vectors, "plane", None) is not None
    if method == "int8" and not has_plane:
        if not hasattr(vectors, "build_plane"):
            raise SystemExit("these vectors cannot have an int8 plane")
        vectors.build_plane()
    elif method == "float32":
        vectors.plane = None
        vectors.keep_plane = False  # many queries would build one by themselves


def ours_make(task: Task) -> dict[str, Any]:
    """Write the files of the suite: random words and rows, `n` x `dim`, in the layout `kind`."""
    import numpy as np

    import wordvec

    path = task["file"]
    if task["kind"] == "own":
        vectors = wordvec.load(task["source"])
        wordvec.save(vectors, path, format="wordvec", plane=task["plane"])
        return {}
    n, dim = task["n"], task["dim"]
    rng = np.random.default_rng(1)
    if task["kind"] == "text":
        matrix = rng.standard_normal((n, dim), dtype=np.float32)
        keyed = wordvec.KeyedVectors(dim)
        keyed.add_vectors([f"word{row}" for row in range(n)], matrix)
        keyed.save_word2vec_format(path)
        return {}
    with open(path, "wb") as file:
        file.write(b"%d %d\n" % (n, dim))
        for start in range(0, n, 10_000):
            rows = rng.standard_normal((min(10_000, n - start), dim), dtype=np.float32)
            records = (b"word%d %b\n" % (start + k, row.tobytes()) for k, row in enumerate(rows))
            file.write(b"".join(records))
    return {}


def ours_read(task: Task) -> dict[str, Any]:
    from wordvec import load  # here, so that what it imports is not timed

    def read() -> Any:
        vectors = load(task["file"])
        if task.get("index"):
            vectors.index_of(f"word{len(vectors) // 2}")
        return vectors

    vectors, cost = timed(read)
    return {**cost, "check": digest(vectors.words, vectors.matrix)}


def ours_write(task: Task) -> dict[str, Any]:
    import wordvec

    if task["digits"] == "shortest":
        keyed = wordvec.KeyedVectors.load_word2vec_format(task["file"])
        _, cost = timed(lambda: keyed.save_word2vec_format(task["output"]))
        return {**cost, "check": file_digest(task["output"])}
    vectors = wordvec.load(task["file"])
    _, cost = timed(lambda: wordvec.save(vectors, task["output"], format="word2vec-text"))
    return cost


def ours_look_up(task: Task) -> dict[str, Any]:
    """Open the own format and fetch ten rows by word; again and again in a running process."""
    from wordvec import load

    words = task["words"]

    def look_up() -> Any:
        vectors = load(task["file"])
        return [vectors[word].sum() for word in words]

    return timed(look_up, n_repeats=50)[1]


def ours_open_and_query(task: Task) -> dict[str, Any]:
    import wordvec

    def query() -> Any:
        vectors = wordvec.load(task["file"])
        choose_scan(vectors, task.get("method"))
        return vectors.similar(task["words"], 10)

    return timed(query, n_repeats=5)[1]


def ours_queries(task: Task) -> dict[str, Any]:
    import wordvec

    vectors = wordvec.load(task["file"])
    choose_scan(vectors, task.get("method"))
    words = task["words"]
    vectors.similar(words[:1], 10)  # norms are computed once
    found, cost = timed(lambda: vectors.similar(words, 10))
    return {
        **cost,
        "n_queries": len(words),
        "neighbours": [sorted(word for word, _ in near) for near in found[: task["n_compared"]]],
        "matrix_bytes": vectors.matrix.nbytes,
    }


def ours_analogies(task: Task) -> dict[str, Any]:
    import wordvec

    keyed = wordvec.KeyedVectors.load_word2vec_format(task["file"], binary=True)
    choose_scan(keyed, task.get("method"))
    (_, sections), cost = timed(lambda: keyed.evaluate_word_analogies(task["questions"]))
    return {**cost, "check": questions_right(sections)}


def ours_open_unseen(task: Task) -> dict[str, Any]:
    """Open a fastText model and make the vector of one word that it has never seen."""
    from wordvec import load

    def first_vector() -> Any:
        return load(task["file"])["zzunseenzz"]

    vector, cost = timed(first_vector)
    return {**cost, "check": hashlib.sha256(vector.tobytes()).hexdigest()}


def ours_ngram_ids(task: Task) -> dict[str, Any]:
    """Buckets of the n-grams of many words at once; best of 20 passes."""
    import numpy as np

    from wordvec.subwords import NgramRules, ngrams_of_words

    words = read_words(task["words"]) * 10
    arena = np.frombuffer(b"".join(words), np.uint8)
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    n_threads = task.get("n_threads", 1)
    (_, buckets), cost = timed(
        lambda: ngrams_of_words(arena, starts, NgramRules(), n_threads), n_repeats=20
    )
    check = hashlib.sha256(buckets.tobytes()).hexdigest()
    return {**cost, "n_words": len(words), "n_ngrams": len(buckets), "check": check}


def ours_unseen(task: Task) -> dict[str, Any]:
    """Vectors of many unseen words at once; best of 5 passes, so pages are mapped."""
    import wordvec

    words = [word.decode() for word in read_words(task["words"])]
    subwords = wordvec.load(task["file"]).subwords
    n_threads = task.get("n_threads", 1)
    rows, cost = timed(lambda: subwords.rows_of(words, n_threads), n_repeats=5)
    return {**cost, "n_words": len(words), "check": hashlib.sha256(rows.tobytes()).hexdigest()}


def ours_quantized_error(task: Task) -> dict[str, Any]:
    """The sum of the squared differences of all input rows, a quantised model against the whole."""
    import numpy as np

    from wordvec.formats import fasttext_bin

    small = fasttext_bin.read_model(task["file"]).input
    whole = fasttext_bin.read_model(task["whole"]).input
    error = 0.0
    for start in range(0, whole.n_rows, 10_000):
        end = min(start + 10_000, whole.n_rows)
        difference = small.block(start, end).astype(np.float64) - whole.block(start, end)
        error += float((difference**2).sum())
    return {"error": error}


def read_words(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        return file.read().split()


def sentences_of(path: str) -> list[list[str]]:
    """Fresh strings, so that what Python keeps with a string is not there yet."""
    with open(path, encoding="utf-8") as text:
        return [line.split() for line in text]


def ours_lists(task: Task) -> dict[str, Any]:
    from wordvec.corpus import read_corpus

    sentences = sentences_of(task["file"])
    corpus, cost = timed(lambda: read_corpus(sentences, min_count=5, n_threads=1))
    counts = corpus.vocab.counts
    return {**cost, "n_tokens": corpus.n_tokens_read, "check": [len(counts), int(counts.sum())]}


# --- gensim ----------------------------------------------------------------------------------


def gensim_read(task: Task) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    keyed, cost = timed(
        lambda: KeyedVectors.load_word2vec_format(task["file"], binary=task["binary"])
    )
    return {**cost, "check": digest(keyed.index_to_key, keyed.vectors)}


def gensim_write(task: Task) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    keyed = KeyedVectors.load_word2vec_format(task["file"])
    _, cost = timed(lambda: keyed.save_word2vec_format(task["output"]))
    return {**cost, "check": file_digest(task["output"])}


def gensim_queries(task: Task) -> dict[str, Any]:
    """A loop of most_similar over some of the queries; the runner scales it to all."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors.load_word2vec_format(task["file"], binary=True)
    words = task["words"][: task["n_compared"]]
    keyed.most_similar(words[0])
    found, cost = timed(lambda: [keyed.most_similar(word, topn=10) for word in words])
    return {
        **cost,
        "n_queries": len(words),
        "neighbours": [sorted(word for word, _ in near) for near in found],
    }


def gensim_analogies(task: Task) -> dict[str, Any]:
    from gensim.models import KeyedVectors

    keyed = KeyedVectors.load_word2vec_format(task["file"], binary=True)
    (_, sections), cost = timed(lambda: keyed.evaluate_word_analogies(task["questions"]))
    return {**cost, "check": questions_right(sections)}


def gensim_lists(task: Task) -> dict[str, Any]:
    """Counting alone: gensim looks the words up again in every epoch."""
    from gensim.models import Word2Vec

    sentences = sentences_of(task["file"])
    model = Word2Vec(min_count=5, sample=0)
    _, cost = timed(lambda: model.build_vocab(sentences))
    counts = [int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key]
    n_tokens = sum(map(len, sentences))
    return {**cost, "n_tokens": n_tokens, "check": [len(counts), sum(counts)]}


JOBS: dict[tuple[str, str], Callable[[Task], dict[str, Any]]] = {
    ("wordvec", "make"): ours_make,
    ("wordvec", "read"): ours_read,
    ("wordvec", "write"): ours_write,
    ("wordvec", "look-up"): ours_look_up,
    ("wordvec", "open-and-query"): ours_open_and_query,
    ("wordvec", "queries"): ours_queries,
    ("wordvec", "analogies"): ours_analogies,
    ("wordvec", "open-unseen"): ours_open_unseen,
    ("wordvec", "ngram-ids"): ours_ngram_ids,
    ("wordvec", "unseen"): ours_unseen,
    ("wordvec", "quantized-error"): ours_quantized_error,
    ("wordvec", "lists"): ours_lists,
    ("gensim", "lists"): gensim_lists,
    ("gensim", "read"): gensim_read,
    ("gensim", "write"): gensim_write,
    ("gensim", "queries"): gensim_queries,
    ("gensim", "analogies"): gensim_analogies,
}


def main() -> None:
    if sys.argv[1] == "exec":
        allow_cores(int(sys.argv[2]))
        os.execvp(sys.argv[3], sys.argv[3:])
    task: Task = json.loads(sys.argv[1])
    allow_cores(task.get("n_threads", 1))
    # Rather a MemoryError than a machine that swaps; mapped files are not counted.
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
    result = JOBS[task["tool"], task["job"]](task)
    if task["tool"] == "wordvec":
        from wordvec.kernels import simd

        result["simd"] = simd.active()
    else:
        import gensim

        result["version"] = gensim.__version__
    print(json.dumps(result))


if __name__ == "__main__":
    main()
