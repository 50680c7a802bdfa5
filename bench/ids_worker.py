"""Turn a text into token ids once, with one thread, and print what that cost as a JSON object.

usage: python -P ids_worker.py TEXT
"""

import json
import sys
import time

from wordvec.corpus import read_corpus


def main() -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    corpus = read_corpus(sys.argv[1], min_count=5, n_threads=1)
    used = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps({**used, "n_ids": len(corpus.ids)}))


if __name__ == "__main__":
    main()
