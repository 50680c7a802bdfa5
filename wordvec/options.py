"""Every option of every model, declared once.

A field carries its Python name and default (gensim 4's names where gensim has one), its range,
its help line, and the flag and default of the original tool.  The command line, the range
checks and the header of a saved model are derived from here.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from wordvec.errors import OptionError

NEGATIVES = ("recycled", "window", "group", "pair")


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """What is known about one option besides its name and default.

    `flag` is the option of the compatible command; `original` is that tool's own default where
    it differs from ours.  `low` and `high` are inclusive; None means no limit.
    """

    help: str
    flag: str | None = None
    original: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None

    @property
    def expected(self) -> str:
        """The allowed values in words, for error messages."""
        if self.choices is not None:
            return " or ".join(repr(choice) for choice in self.choices)
        if self.low is not None and self.high is not None:
            return f"a number from {_plain(self.low)} to {_plain(self.high)}"
        if self.low is not None:
            return f"a number of at least {_plain(self.low)}"
        return "a number"


def _plain(number: float) -> str:
    """Whole numbers whole: 9223372036854775807, not 9.22337e+18."""
    return str(number) if isinstance(number, int) else f"{number:g}"


def option(default: Any, help: str, **spec: Any) -> Any:
    return field(default=default, metadata={"spec": OptionSpec(help=help, **spec)})


def spec_of(options: type[Any], name: str) -> OptionSpec:
    """The OptionSpec of field `name` of an options class."""
    spec = options.__dataclass_fields__[name].metadata["spec"]
    assert isinstance(spec, OptionSpec)
    return spec


def check_options(options: Any) -> None:
    """Raise OptionError for the first field of a dataclass instance outside its range.

    Whole numbers of another type (10.0, NumPy's) are turned into int in place.
    """
    for item in dataclasses.fields(options):
        check_option(options, item)


def check_option(options: Any, item: dataclasses.Field[Any]) -> None:
    """One field of them."""
    spec: OptionSpec = item.metadata["spec"]
    value = getattr(options, item.name)
    if value is None and item.default is None:
        return
    if spec.choices is not None:
        if value not in spec.choices:
            raise OptionError(item.name, spec.expected, value)
        return
    if isinstance(item.default, str):
        if not isinstance(value, str) or (item.default and not value):
            raise OptionError(item.name, "text", value)
        return
    whole = isinstance(item.default, int) or item.default is None
    if isinstance(value, bool) or not _is_number(value, whole):
        kind = "a whole number" if whole else "a number"
        raise OptionError(item.name, spec.expected.replace("a number", kind), value)
    too_low = spec.low is not None and value < spec.low
    too_high = spec.high is not None and value > spec.high
    if too_low or too_high:
        raise OptionError(item.name, spec.expected, value)
    if whole and type(value) is not int:  # 10.0, or a NumPy integer
        object.__setattr__(options, item.name, int(value))


def _is_number(value: Any, whole: bool) -> bool:
    try:
        as_float = float(value)
    except (TypeError, ValueError):
        return False
    if isinstance(value, str) or not math.isfinite(as_float):
        return False
    return not whole or as_float == int(as_float)


@dataclass(frozen=True, slots=True)
class Word2VecOptions:
    """Hyper-parameters of skip-gram and CBOW.  Defaults are gensim 4's."""

    vector_size: int = option(100, "numbers per word vector", flag="-size", low=1, high=65536)
    window: int = option(
        5, "largest distance between centre and context word", flag="-window", low=1, high=10000
    )
    min_count: int = option(5, "drop words that occur less often", flag="-min-count", low=0)
    max_vocab: int | None = option(
        None, "keep only the N most frequent words", flag="-max-vocab", low=1
    )
    sg: int = option(0, "1: skip-gram, 0: continuous bag of words", flag="-cbow", choices=(0, 1))
    hs: int = option(0, "1: hierarchical softmax", flag="-hs", choices=(0, 1))
    negative: int = option(
        5, "noise words per example; 0 switches negative sampling off", flag="-negative",
        low=0, high=1000,
    )  # fmt: skip
    negatives: str = option(
        "recycled",
        "noise words are drawn once per centre word, from a pool in which each is used 8 times "
        "(recycled) or afresh (window); or afresh for every pair, as in the original (pair)",
        flag="-negatives",
        choices=NEGATIVES,
    )
    ns_exponent: float = option(
        0.75, "noise words are drawn by count to this power", flag="-ns-exponent",
        low=-10, high=10,
    )  # fmt: skip
    sample: float = option(
        1e-3, "words above this share of the text are thinned out; 0: never", flag="-sample", low=0
    )
    alpha: float = option(0.025, "learning rate at the start", flag="-alpha", low=0)
    min_alpha: float = option(1e-4, "learning rate at the end", flag="-min-alpha", low=0)
    epochs: int = option(5, "passes over the text", flag="-iter", low=1)
    workers: int = option(3, "threads", flag="-threads", original=12, low=1, high=4096)
    seed: int = option(1, "seed of all random choices", flag="-seed", low=0, high=2**63 - 1)
    cbow_mean: int = option(
        1, "CBOW: 1: mean of the context vectors, 0: their sum", flag="-cbow-mean", choices=(0, 1)
    )
    shrink_windows: bool = option(
        True, "draw the window's size anew for every word, up to -window", flag="-shrink-windows",
        choices=(True, False),
    )  # fmt: skip
    max_sentence: int = option(
        0, "cut sentences after so many kept words; 0: never", flag="-max-sentence",
        original=1000, low=0,
    )  # fmt: skip
    deterministic: bool = option(
        False, "the same vectors for any number of threads, at about half the speed",
        flag="-deterministic", choices=(True, False),
    )  # fmt: skip
    spread: bool = option(
        False, "take the pieces of the text from all over it in turn, not in its order",
        choices=(True, False),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)
        if self.alpha > 0 and self.min_alpha > self.alpha:
            raise OptionError("min_alpha", f"at most alpha, {self.alpha:g}", self.min_alpha)

    @property
    def n_noise(self) -> int:
        """Noise words of an example; 0 without negative sampling."""
        return self.negative


@dataclass(frozen=True)
class ValidationOptions:
    """What is measured after each epoch of a training; see models.validating.Validation."""

    share: float = option(
        0.01, "this share of the sentences is held out, to measure the loss on", flag="-validate",
        original=0.0, low=0, high=0.9,
    )  # fmt: skip
    measure: str | None = option(
        None, "what tells the best epoch: held_out_loss, or the name of a probe"
    )
    patience: int | None = option(
        None, "stop after N epochs without progress, and keep the best", flag="-patience", low=1
    )
    least_gain: float = option(0.0, "progress is more than this", flag="-least-gain", low=0)

    def __post_init__(self) -> None:
        """Of its own fields alone: a subclass has more."""
        for item in dataclasses.fields(ValidationOptions):
            if item.name == "measure":
                if self.measure is not None and not isinstance(self.measure, str):
                    raise OptionError("measure", "text", self.measure)
                continue
            check_option(self, item)


@dataclass(frozen=True, slots=True)
class CheckpointOptions:
    """How often the state of a training is written to a file, to go on from."""

    minutes: float = option(
        0.0, "minutes between two checkpoints; 0: 10, unless tokens are given",
        flag="-checkpoint-minutes", low=0,
    )  # fmt: skip
    tokens: int = option(
        0, "tokens trained between two checkpoints; 0: by the clock alone",
        flag="-checkpoint-tokens", low=0,
    )  # fmt: skip
    resume: bool = option(
        False, "1: the checkpoint must be there; otherwise one that is there is gone on from, too",
        flag="-resume", choices=(True, False),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def seconds(self) -> float:
        """Between two checkpoints; infinite when tokens alone decide."""
        if self.minutes == 0 and self.tokens:
            return math.inf
        return 60 * (self.minutes or 10.0)


@dataclass(frozen=True, slots=True)
class PhraseOptions:
    """Which two words that follow each other become one.  Defaults are gensim 4's."""

    min_count: int = option(
        5, "words and pairs that occur less often are never joined", flag="-min-count",
        low=0, high=2**31 - 1,
    )  # fmt: skip
    threshold: float = option(
        10.0, "join pairs that score above this; higher means fewer phrases", flag="-threshold",
        original=100.0,
    )  # fmt: skip
    workers: int = option(
        3, "threads; the result is the same for any number", flag="-threads", low=1, high=4096
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class FastTextOptions:
    """Hyper-parameters of skip-gram and CBOW over words and their character n-grams.

    Defaults are those of gensim 4's FastText; `original` is what the fasttext command takes for
    its skipgram and cbow.
    """

    vector_size: int = option(100, "numbers per word vector", flag="-dim", low=1, high=65536)
    window: int = option(
        5, "largest distance between centre and context word", flag="-ws", low=1, high=10000
    )
    min_count: int = option(5, "drop words that occur less often", flag="-minCount", low=0)
    max_vocab: int | None = option(None, "keep only the N most frequent words", low=1)
    sg: int = option(0, "1: skip-gram, 0: continuous bag of words", original=1, choices=(0, 1))
    loss: str | None = option(
        None,
        "ns: negative sampling; hs: hierarchical softmax; softmax; ova: a logistic unit for each "
        "word, all words of the sentence being right; None: what hs and negative say",
        flag="-loss",
        original="ns",
        choices=("ns", "hs", "softmax", "ova"),
    )
    hs: int = option(0, "1: hierarchical softmax, unless loss is given", choices=(0, 1))
    negative: int = option(
        5, "noise words per example; 0 switches negative sampling off", flag="-neg",
        low=0, high=1000,
    )  # fmt: skip
    negatives: str = option(
        "window",
        "noise words are drawn once per centre word, afresh (window) or from a pool in which each "
        "is used 8 times (recycled); or afresh for every pair, as in the original (pair)",
        flag="-negatives",
        choices=NEGATIVES,
    )
    ns_exponent: float = option(
        0.75, "noise words are drawn by count to this power", flag="-nsExponent", original=0.5,
        low=-10, high=10,
    )  # fmt: skip
    sample: float = option(
        1e-3, "words above this share of the text are thinned out; 0: never", flag="-t",
        original=1e-4, low=0,
    )  # fmt: skip
    alpha: float = option(
        0.025, "learning rate at the start", flag="-lr", original=0.05, low=0, high=1e9
    )
    min_alpha: float = option(1e-4, "learning rate at the end", original=0.0, low=0)
    epochs: int = option(5, "passes over the text", flag="-epoch", low=1)
    workers: int = option(3, "threads", flag="-thread", original=12, low=1, high=4096)
    seed: int = option(
        1, "seed of all random choices", flag="-seed", original=0, low=0, high=2**63 - 1
    )
    cbow_mean: int = option(
        1, "CBOW: 1: mean of the rows of the context, 0: their sum", choices=(0, 1)
    )
    position_weights: bool = option(
        False, "CBOW: words count by column with a learnt weight of their place in the window",
        choices=(False, True),
    )  # fmt: skip
    shrink_windows: bool = option(
        True, "draw the window's size anew for every word, up to the largest",
        choices=(True, False),
    )  # fmt: skip
    max_sentence: int = option(
        0, "cut sentences after so many kept words; 0: never", original=1025, low=0
    )
    spread: bool = option(
        False, "take the pieces of the text from all over it in turn, not in its order",
        choices=(True, False),
    )  # fmt: skip
    as_command: bool = option(
        False,
        "pass over the text as the fasttext command: epochs are as long as if unknown words were "
        "known, and the text is spread (many places are read in turn: it has 12 threads)",
        choices=(True, False),
    )
    min_n: int = option(3, "characters of the shortest n-gram", flag="-minn", low=0, high=1000)
    max_n: int = option(
        6, "characters of the longest n-gram; 0: no n-grams", flag="-maxn", low=0, high=1000
    )
    bucket: int = option(
        2_000_000, "buckets that n-grams are hashed into", flag="-bucket", low=0, high=2**31 - 1
    )
    word_ngrams: int = option(
        1, "longest sequence of words used as a feature; only classifiers use more than 1",
        flag="-wordNgrams", low=1, high=1000,
    )  # fmt: skip
    lr_update_rate: int = option(
        100, "kept for files and flags of the original: the rate here changes with every shard",
        flag="-lrUpdateRate", low=1, high=2**31 - 1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)
        if self.alpha > 0 and self.min_alpha > self.alpha:
            raise OptionError("min_alpha", f"at most alpha, {self.alpha:g}", self.min_alpha)
        if not self.negative and (self.loss == "ns" or (self.loss is None and not self.hs)):
            raise OptionError("negative", "at least 1 without hierarchical softmax", 0)
        if self.loss is not None:
            if self.hs and self.loss != "hs":
                raise OptionError("hs", f"0 with loss {self.loss}", self.hs)
            object.__setattr__(self, "hs", int(self.loss == "hs"))

        if self.position_weights and (self.sg or self.loss in ("softmax", "ova")):
            raise OptionError(
                "position_weights", "False but for CBOW with negative sampling or a tree", True
            )

    @property
    def n_noise(self) -> int:
        """Noise words of an example; 0 without negative sampling."""
        return self.negative if self.loss in (None, "ns") else 0

    @property
    def loss_name(self) -> str:
        """The loss that a file names: ns, hs, softmax or ova."""
        return self.loss or ("hs" if self.hs else "ns")


LOSSES = ("softmax", "ova", "hs", "ns")


@dataclass(frozen=True, slots=True)
class ClassifierOptions:
    """Hyper-parameters of the text classifier.

    Defaults are those of the fasttext command's supervised; `original` where they differ.
    """

    vector_size: int = option(100, "numbers per row and label", flag="-dim", low=1, high=65536)
    epochs: int = option(5, "passes over the text", flag="-epoch", low=1)
    alpha: float = option(
        0.1, "learning rate at the start; it falls to 0 linearly", flag="-lr", low=0, high=1e9
    )
    loss: str = option(
        "softmax",
        "softmax over all labels; ova: a logistic unit for each label, for lines with several "
        "labels; hs: hierarchical softmax; ns: negative sampling",
        flag="-loss",
        choices=LOSSES,
    )
    min_count: int = option(1, "drop words that occur less often", flag="-minCount", low=0)
    min_count_label: int = option(
        0, "drop labels that occur less often", flag="-minCountLabel", low=0
    )
    word_ngrams: int = option(
        1, "longest sequence of words used as a feature", flag="-wordNgrams", low=1, high=1000
    )
    min_n: int = option(0, "characters of the shortest n-gram", flag="-minn", low=0, high=1000)
    max_n: int = option(
        0, "characters of the longest n-gram; 0: no n-grams", flag="-maxn", low=0, high=1000
    )
    bucket: int = option(
        2_000_000, "buckets that n-grams are hashed into; none without n-grams", flag="-bucket",
        low=0, high=2**31 - 1,
    )  # fmt: skip
    negative: int = option(5, "labels drawn per line with ns", flag="-neg", low=0, high=1000)
    batch: int = option(
        4, "lines whose gradients are taken at once with softmax and ova over more than 16 labels",
        original=1, low=1, high=8,
    )  # fmt: skip
    workers: int = option(3, "threads", flag="-thread", original=12, low=1, high=4096)
    seed: int = option(
        1, "seed of all random choices", flag="-seed", original=0, low=0, high=2**63 - 1
    )
    label_prefix: str = option("__label__", "what labels begin with", flag="-label")
    window: int = option(5, "kept for files of the original", flag="-ws", low=1, high=10000)
    lr_update_rate: int = option(
        100, "kept for files and flags of the original: the rate here changes with every line",
        flag="-lrUpdateRate", low=1, high=2**31 - 1,
    )  # fmt: skip
    sample: float = option(1e-4, "kept for files of the original", flag="-t", low=0)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def n_buckets(self) -> int:
        """Buckets in use: none when there are no n-grams (fastText's rule)."""
        return 0 if self.word_ngrams <= 1 and self.max_n == 0 else self.bucket


@dataclass(frozen=True, slots=True)
class AutotuneOptions:
    """How the settings of a classifier are searched for; see wordvec.tune."""

    metric: str = option(
        "f1",
        "f1, precisionAtRecall:R or recallAtPrecision:P (percent), each for all labels or, with "
        ":LABEL after it, for one",
        flag="-autotune-metric",
    )
    predictions: int = option(
        1, "labels predicted for a line; -1: all", flag="-autotune-predictions", low=-1,
        high=2**31 - 1,
    )  # fmt: skip
    duration: float = option(300, "seconds the search may take", flag="-autotune-duration", low=0)
    model_size: str = option(
        "", "bytes of the quantised model at most (K, M, G: thousands); empty: not quantised",
        flag="-autotune-modelsize",
    )  # fmt: skip
    seed: int = option(0, "seed of the search", flag="-autotune-seed", low=0, high=2**63 - 1)
    n_trials: int | None = option(
        None,
        "trials at most; then the search depends on nothing but the seed",
        flag="-autotune-trials",
        low=1,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class CooccurOptions:
    """Which pairs of words count, and how much.  Defaults are those of GloVe's cooccur."""

    window: int = option(
        15, "words of the vocabulary on each side", flag="-window-size", low=1, high=4094
    )
    symmetric: bool = option(
        True, "count words on both sides, not only those before", flag="-symmetric",
        choices=(True, False),
    )  # fmt: skip
    distance_weighting: bool = option(
        True, "a pair counts 1 / distance, otherwise 1", flag="-distance-weighting",
        choices=(True, False),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class GloveOptions:
    """Hyper-parameters of GloVe's training.  Defaults are those of Stanford's glove."""

    vector_size: int = option(50, "numbers per word vector", flag="-vector-size", low=1, high=65536)
    epochs: int = option(25, "passes over the records", flag="-iter", low=1)
    eta: float = option(0.05, "learning rate at the start", flag="-eta", low=0)
    alpha: float = option(0.75, "exponent of the weight", flag="-alpha", low=0, high=100)
    x_max: float = option(100.0, "values above it have weight 1", flag="-x-max", low=1e-300)
    grad_clip: float = option(
        100.0, "a gradient's components are cut at this size", flag="-grad-clip", low=0
    )
    workers: int = option(3, "threads", flag="-threads", original=8, low=1, high=4096)
    seed: int = option(1, "seed of the start", flag="-seed", original=0, low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        check_options(self)


def _same_as(options: type[Any], name: str) -> Any:
    """A field declared in another class of options."""
    declared = options.__dataclass_fields__[name]
    return field(default=declared.default, metadata=declared.metadata)


VECTOR_KINDS = ("sum", "word", "context", "both")


@dataclass(frozen=True, slots=True)
class GloveModelOptions(GloveOptions):
    """Those of training and of counting, and which vectors are wanted: the whole of GloVe."""

    window: int = _same_as(CooccurOptions, "window")
    symmetric: bool = _same_as(CooccurOptions, "symmetric")
    distance_weighting: bool = _same_as(CooccurOptions, "distance_weighting")
    min_count: int = option(
        5, "drop words that occur less often", flag="-min-count", original=1, low=0
    )
    max_vocab: int | None = _same_as(Word2VecOptions, "max_vocab")
    vectors: str = option(
        "sum",
        "a word's vector is the sum of its vectors as word and as context, one of them, or both "
        "side by side",
        flag="-vectors",
        choices=VECTOR_KINDS,
    )

    @property
    def counting(self) -> CooccurOptions:
        """Those of them that say which pairs count."""
        return CooccurOptions(self.window, self.symmetric, self.distance_weighting)


GRAPH_METHODS = ("node2vec", "deepwalk", "line")
GRAPH_FORMATS = ("edgelist", "adjlist", "npz", "mat")
LINE_ORDERS = ("1", "2", "both")
ROW_ORDERS = ("visits", "input")


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """Hyper-parameters of node vectors.  Defaults are node2vec's; see graph_options for others."""

    method: str = option(
        "node2vec",
        "node2vec: biased walks; deepwalk: uniform walks and hierarchical softmax; line: edges",
        flag="--method",
        choices=GRAPH_METHODS,
    )
    vector_size: int = option(128, "numbers per node", flag="--dimensions", low=1, high=65536)
    walk_length: int = option(80, "nodes of a walk", flag="--walk-length", low=1, high=2**31 - 1)
    num_walks: int = option(10, "walks from every node", flag="--num-walks", low=1, high=2**31 - 1)
    window: int = option(
        10, "largest distance between centre and context in a walk", flag="--window-size", low=1,
        high=10000,
    )  # fmt: skip
    epochs: int = option(1, "passes over the walks", flag="--epochs", low=1)
    workers: int = option(3, "threads", flag="--workers", low=1, high=4096)
    p: float = option(
        1.0, "the larger, the rarer a walk goes straight back", flag="--p", low=1e-6, high=1e6
    )
    q: float = option(
        1.0, "the larger, the rarer a walk goes further away", flag="--q", low=1e-6, high=1e6
    )
    extend: bool = option(
        False, "node2vec+: what counts as an edge depends on its weight", flag="--extend",
        choices=(False, True),
    )  # fmt: skip
    gamma: float = option(
        0.0, "node2vec+: an edge below mean + gamma deviations of a node's weights is noise",
        flag="--gamma",
    )  # fmt: skip
    hs: int = option(0, "1: hierarchical softmax", flag="--hs", choices=(0, 1))
    negative: int = option(
        5, "noise nodes per example; 0 switches negative sampling off", flag="--negative",
        low=0, high=1000,
    )  # fmt: skip
    negatives: str = option(
        "group",
        "noise nodes are drawn for every 5 context nodes (group), once per centre (window), or "
        "afresh for every pair (pair)",
        choices=("group", "window", "pair"),
    )
    ns_exponent: float = option(
        0.75, "noise nodes are drawn by visits, or degree, to this power", flag="--ns-exponent",
        low=-10, high=10,
    )  # fmt: skip
    alpha: float = option(0.025, "learning rate at the start", flag="--rho", low=0)
    min_alpha: float = option(1e-4, "learning rate at the end of walks", low=0)
    seed: int = option(1, "seed of all random choices", flag="--seed", low=0, high=2**63 - 1)
    order: str = option(
        "2", "line: nodes are near that share an edge (1), or neighbours (2), or both side by side",
        choices=LINE_ORDERS,
    )  # fmt: skip
    samples: float | None = option(
        None, "line: millions of edges drawn (default: 150 for every stored edge)",
        flag="--samples", low=1e-6, high=1e12,
    )  # fmt: skip
    rows: str = option(
        "visits", "rows of the result by falling number of visits, or as the nodes were read",
        choices=ROW_ORDERS,
    )  # fmt: skip

    def __post_init__(self) -> None:
        # None stands for a default that is not a whole number: check_options would want one.
        samples = self.samples
        if samples is not None and not (_is_number(samples, False) and 1e-6 <= samples <= 1e12):
            raise OptionError("samples", "a number of millions above 0", samples)
        object.__setattr__(self, "samples", None)
        check_options(self)
        object.__setattr__(self, "samples", None if samples is None else float(samples))
        if self.alpha > 0 and self.min_alpha > self.alpha:
            raise OptionError("min_alpha", f"at most alpha, {self.alpha:g}", self.min_alpha)
        if not self.negative and (not self.hs or self.method == "line"):
            raise OptionError("negative", "at least 1 without hierarchical softmax", 0)
        if self.method == "line" and self.hs:
            raise OptionError("hs", "0 with line", 1)
        if self.method == "line" and self.order == "both" and self.vector_size % 2:
            raise OptionError("vector_size", "an even number with order both", self.vector_size)
        if self.method != "node2vec" and (self.extend or self.p != 1 or self.q != 1):
            raise OptionError("method", "'node2vec' with p, q or extend", self.method)


_METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    "node2vec": {},
    "deepwalk": {"vector_size": 64, "walk_length": 40, "window": 5, "hs": 1, "negative": 0},
    "line": {"vector_size": 100, "rows": "input"},
}


def graph_options(method: str = "node2vec", **given: Any) -> GraphOptions:
    """GraphOptions with the defaults of node2vec, DeepWalk or LINE where nothing is given.

    DeepWalk has hierarchical softmax unless negative sampling is asked for.
    """
    if method not in GRAPH_METHODS:
        raise OptionError("method", " or ".join(map(repr, GRAPH_METHODS)), method)
    given = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(set(given) - set(GraphOptions.__dataclass_fields__))
    if unknown:
        known = ", ".join(GraphOptions.__dataclass_fields__)
        raise OptionError(unknown[0], f"one of {known}", given[unknown[0]])
    settings = {**_METHOD_DEFAULTS[method], **given}
    if _is_number(given.get("alpha"), False) and "min_alpha" not in given:
        settings["min_alpha"] = min(GraphOptions.__dataclass_fields__["min_alpha"].default,
                                    given["alpha"])  # fmt: skip
    if method == "deepwalk" and given.get("negative") and "hs" not in given:
        settings["hs"] = 0
    return GraphOptions(method=method, **settings)
