"""Small labelled texts for tests of the fastText commands and module."""

import random

LABELS = {"animal": ["cat", "dog", "horse"], "plant": ["oak", "rose", "fern"], "rock": ["basalt"]}


def labelled_lines(n: int, seed: int = 1) -> list[str]:
    """Lines whose words tell the label, with common words among them."""
    rng = random.Random(seed)
    lines = []
    for _ in range(n):
        label = rng.choice(list(LABELS))
        words = [rng.choice(LABELS[label]), *rng.choices(["the", "a", "big", "über"], k=4)]
        rng.shuffle(words)
        lines.append(f"__label__{label} " + " ".join(words))
    return lines
