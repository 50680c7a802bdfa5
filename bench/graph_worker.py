"""Jobs of the suite graphs that need NumPy; prints one JSON object.

usage: python -P graph_worker.py karate GRAPH LABELS | random FILE NODES EDGES | walks FILE
"""

import json
import sys
import time

import numpy as np


def wrong_of_two_means(rows: np.ndarray, labels: np.ndarray) -> int:
    """Members of the wrong cluster, best of 10 starts of k-means on unit rows."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    best, found = np.inf, None
    for start in range(10):
        centres = rows[np.random.default_rng(start).choice(len(rows), 2, replace=False)]
        for _ in range(100):
            distances = ((rows[:, None] - centres) ** 2).sum(axis=2)
            mine = distances.argmin(axis=1)
            if min(mine.sum(), len(rows) - mine.sum()) == 0:
                break
            centres = np.stack([rows[mine == k].mean(axis=0) for k in (0, 1)])
        if distances.min(axis=1).sum() < best:
            best, found = distances.min(axis=1).sum(), mine
    wrong = int((found != labels).sum())
    return min(wrong, len(rows) - wrong)


def karate(graph: str, labels_path: str) -> dict:
    from wordvec import node2vec
    from wordvec.evaluate.nodes import read_labels

    found = read_labels(labels_path).labels
    first = min(label for labels in found.values() for label in labels)
    labels = np.array([labels[0] != first for labels in found.values()], int)
    wrong = []
    for seed in range(1, 6):
        vectors = node2vec(graph, seed=seed, workers=1, epochs=5)
        wrong.append(wrong_of_two_means(np.array([vectors[name] for name in found]), labels))
    return {"wrong": wrong}


def random_graph(path: str, n_nodes: str, n_edges: str) -> dict:
    """An edge list with busy and quiet nodes, as real ones have."""
    random = np.random.default_rng(1)
    left = int(n_edges)
    with open(path, "w") as file:
        while left:
            n = min(left, 1 << 18)
            ends = (int(n_nodes) * random.random((n, 2)) ** 2).astype(int)
            file.write("".join(f"{a}\t{b}\n" for a, b in ends.tolist()))
            left -= n
    return {}


def walks(path: str) -> dict:
    """Read a graph and walk over all of it, as training does; the peak beside the arrays."""
    from wordvec import read_graph
    from wordvec.graphoptions import graph_options
    from wordvec.walks import WalkSource

    start = time.process_time()
    graph = read_graph(path, n_threads=1)
    read = time.process_time() - start
    source = WalkSource(graph, graph_options(p=0.5, q=2, num_walks=1, walk_length=80))
    source.count(1)
    arrays = (graph.starts, graph.neighbours, graph.weights, graph.aliases())
    return {
        "n_nodes": graph.n_nodes, "n_stored": graph.n_stored, "read_s": read,
        "walk_s": time.process_time() - start - read, "n_steps": int(source.counts.sum()),
        "array_bytes": sum(array.nbytes for array in arrays if array is not None),
    }  # fmt: skip


JOBS = {"karate": karate, "random": random_graph, "walks": walks}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])))
