"""Train Word2Vec from a file or from lists of tokens, and print what that cost as a JSON object.

usage: python -P iterables_worker.py TEXT file|lists WORKERS EPOCHS
"""

import json
import sys
import time
from pathlib import Path

from wordvec import Word2Vec

# Enough arithmetic that a thread cannot keep up with it by starving: the default, and cheap.
OPTIONS = {"sg": 1, "vector_size": 100, "sample": 1e-4, "min_count": 5, "seed": 1}


def main() -> None:
    path, kind, workers, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    source: dict[str, object] = {"corpus_file": path}
    if kind == "lists":
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        source = {"sentences": [line.split() for line in lines]}
    wall, cpu = time.perf_counter(), time.process_time()
    model = Word2Vec(**source, workers=workers, epochs=epochs, **OPTIONS)  # type: ignore[arg-type]
    used = {"call_wall_s": time.perf_counter() - wall, "call_cpu_s": time.process_time() - cpu}
    outcome = model.outcome
    assert outcome is not None
    print(json.dumps({
        **used, "wall_s": outcome.wall_seconds, "cpu_s": outcome.cpu_seconds,
        "n_tokens": outcome.n_tokens_trained, "n_words": len(model.wv),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
