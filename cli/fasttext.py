"""`wordvec fasttext`: the original's commands, flags, output lines and exit codes on our engine."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .fasttext_usage import GENERAL, ON_STDOUT, USAGES
from .main import EXIT_ERROR

# command -> (module, function, smallest and largest number of arguments; None: flags)
COMMANDS: dict[str, tuple[str, str, tuple[int, int] | None]] = {
    "supervised": ("fasttext_train", "train", None),
    "skipgram": ("fasttext_train", "train", None),
    "cbow": ("fasttext_train", "train", None),
    "quantize": ("fasttext_quantize", "quantize", None),
    "test": ("fasttext_labels", "test", (2, 4)),
    "test-label": ("fasttext_labels", "test", (2, 4)),
    "predict": ("fasttext_labels", "predict", (2, 4)),
    "predict-prob": ("fasttext_labels", "predict", (2, 4)),
    "print-word-vectors": ("fasttext_words", "print_word_vectors", (1, 1)),
    "print-sentence-vectors": ("fasttext_words", "print_sentence_vectors", (1, 1)),
    "print-ngrams": ("fasttext_words", "print_ngrams", (2, 2)),
    "nn": ("fasttext_words", "nn", (1, 2)),
    "analogies": ("fasttext_words", "analogies", (1, 2)),
    "dump": ("fasttext_words", "dump", (2, 2)),
    # Ours alone, and not in the original's help.
    "explain": ("fasttext_answers", "explain", (2, 4)),
    "probabilities": ("fasttext_answers", "probabilities", (2, 2)),
}


def fasttext(arguments: tuple[str, ...], /, **_: Any) -> int:
    """Subword vectors and text classifiers: commands, flags and output of the original fastText.

    Commands without arguments print their usage. Ctrl-C during training stops cleanly and writes
    the model reached so far (exit code 130).

    \b
    Beyond the original:
      explain MODEL FILE [N] [LABEL]  the N words and n-grams that made each line's
                                      label win, or that speak for LABEL
      probabilities MODEL FILE        every label's probability, a line of JSON each
      supervised -labelWeights FILE   `LABEL WEIGHT` a line; or the word balanced
      supervised -lineWeights FILE    a weight for each line of -input
      skipgram -checkpoint-minutes N  keep the state in OUTPUT.checkpoint (-checkpoint FILE) every
                                      N minutes (-checkpoint-tokens N), and go on from it when it
                                      is there (-resume: it must be); also cbow
      quantize                        takes word vectors too, and says what that costs
      quantize -evaluate PATHS        their scores before and after, on analogies and
                                      word similarity: files or folders, : between them
      skipgram, cbow -validate SHARE  of the lines is held out: its loss after each epoch
      ... -probe PATHS                evaluation sets to score on, : between them
      ... -patience N                 stop after N epochs without progress (-measure
                                      NAME, -leastGain X), and keep the best
      ... -log FILE                   JSON lines for wordvec plot
      supervised -autotune-seed N     seed of the search
      supervised -autotune-trials N   so many trials and no more: with one -thread the
                                      result depends on the seeds alone
      supervised -autotune-log FILE   trials as JSON lines

    \b
    Examples:
      wordvec fasttext skipgram -input text.txt -output model
      wordvec fasttext supervised -input train.txt -output model -lr 0.5 -wordNgrams 2
      wordvec fasttext predict model.bin - 3
    """
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(GENERAL)
        return EXIT_ERROR
    name, *rest = arguments
    module, function, limits = COMMANDS[name]
    if limits is not None and not limits[0] <= len(rest) <= limits[1]:
        (sys.stdout if name in ON_STDOUT else sys.stderr).write(USAGES[name])
        return EXIT_ERROR
    run = getattr(importlib.import_module(f".{module}", __package__), function)
    code: int = run(name, rest)
    return code
