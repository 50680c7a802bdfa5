"""Train gensim once and print what train() alone cost, as one JSON object.

usage: python -P gensim_worker.py '{"text": ..., "vocabulary": ..., "size": ..., "epochs": ...}'
The vocabulary comes from a file, so that a cut text is trained with the whole text's words.
"""

import json
import sys
import time
from pathlib import Path

import gensim
from gensim.models import Word2Vec


def main() -> None:
    job = json.loads(sys.argv[1])
    lines = (line.split() for line in Path(job["vocabulary"]).read_text("utf-8").splitlines())
    counts = {word: int(count) for word, count in lines if word != "</s>"}
    model = Word2Vec(
        vector_size=job["size"], window=5, min_count=5, sample=1e-4, sg=1, hs=0, negative=5,
        alpha=0.025, min_alpha=0.025 * 1e-4, workers=1, seed=1, epochs=job["epochs"],
    )  # fmt: skip
    model.build_vocab_from_freq(counts)
    cpu, wall = time.process_time(), time.perf_counter()
    model.train(
        corpus_file=job["text"],
        total_words=job["words"],
        total_examples=job["lines"],
        epochs=job["epochs"],
    )
    used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps({**used, "version": gensim.__version__}))


if __name__ == "__main__":
    main()
