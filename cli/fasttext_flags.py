"""The fasttext command's own manner of flags: -name VALUE and switches; the last one wins.

Defaults and ranges come from wordvec.options; the help lines are the original's, to the letter,
for there are programs that read them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wordvec.errors import OptionError
from wordvec.options import (
    AutotuneOptions,
    CheckpointOptions,
    ClassifierOptions,
    FastTextOptions,
    spec_of,
)

from .main import CommandError
from .numerals import read_number

COMMANDS = ("supervised", "skipgram", "cbow", "quantize")
LOSSES = {"ns": "ns", "hs": "hs", "softmax": "softmax", "one-vs-all": "ova", "ova": "ova"}
INT_RANGE = 2**31

# (flag, kind, help line) by section; kind "" is a switch.  The two blanks in -seed are original.
MANDATORY = [
    ("input", "text", "training file path"),
    ("output", "text", "output file path"),
]
BASIC = [("verbose", "int", "verbosity level")]
DICTIONARY = [
    ("minCount", "int", "minimal number of word occurences"),
    ("minCountLabel", "int", "minimal number of label occurences"),
    ("wordNgrams", "int", "max length of word ngram"),
    ("bucket", "int", "number of buckets"),
    ("minn", "int", "min length of char ngram"),
    ("maxn", "int", "max length of char ngram"),
    ("t", "float", "sampling threshold"),
    ("label", "text", "labels prefix"),
]
TRAINING = [
    ("lr", "float", "learning rate"),
    ("lrUpdateRate", "int", "change the rate of updates for the learning rate"),
    ("dim", "int", "size of word vectors"),
    ("ws", "int", "size of the context window"),
    ("epoch", "int", "number of epochs"),
    ("neg", "int", "number of negatives sampled"),
    ("loss", "loss", "loss function {ns, hs, softmax, one-vs-all}"),
    ("thread", "int", "number of threads (set to 1 to ensure reproducible results)"),
    ("pretrainedVectors", "text", "pretrained word vectors for supervised learning"),
    ("saveOutput", "", "whether output params should be saved"),
    ("seed", "int", "random generator seed "),
]
AUTOTUNE = [
    ("autotune-validation", "text", "validation file to be used for evaluation"),
    ("autotune-metric", "text", "metric objective {f1, f1:labelname} [f1]"),
    ("autotune-predictions", "int", "number of predictions used for evaluation  [1]"),
    ("autotune-duration", "int", "maximum duration in seconds [300]"),
    ("autotune-modelsize", "text", "constraint model file size [] (empty = do not quantize)"),
]
QUANTIZATION = [
    ("cutoff", "int", "number of words and ngrams to retain"),
    ("retrain", "", "whether embeddings are finetuned if a cutoff is applied"),
    ("qnorm", "", "whether the norm is quantized separately"),
    ("qout", "", "whether the classifier is quantized"),
    ("dsub", "int", "size of each sub-vector"),
]
SECTIONS = [
    ("The following arguments are mandatory:", MANDATORY, 20),
    ("The following arguments are optional:", BASIC, 20),
    ("The following arguments for the dictionary are optional:", DICTIONARY, 20),
    ("The following arguments for training are optional:", TRAINING, 20),
    ("The following arguments are for autotune:", AUTOTUNE, 32),
    ("The following arguments for quantization are optional:", QUANTIZATION, 20),
]
KINDS = {name: kind for _, lines, _ in SECTIONS for name, kind, _ in lines}
# Ours alone: not in the original's help, told by `wordvec fasttext --help`.
OWN = {"autotune-seed": "int", "autotune-trials": "int", "autotune-log": "text",
       "labelWeights": "text", "lineWeights": "text", "evaluate": "text",
       "checkpoint": "text", "checkpoint-minutes": "float", "checkpoint-tokens": "int",
       "resume": "",
       "validate": "float", "patience": "int", "leastGain": "float", "measure": "text",
       "probe": "text", "log": "text"}  # fmt: skip
# Flags that no options class declares.
PLAIN_DEFAULTS: dict[str, Any] = {
    "input": "", "output": "", "verbose": 2, "pretrainedVectors": "", "saveOutput": False,
    "autotune-validation": "", "cutoff": 0, "retrain": False, "qnorm": False, "qout": False,
    "dsub": 2, "autotune-log": "", "labelWeights": "", "lineWeights": "", "evaluate": "",
    "checkpoint": "",
    "validate": 0.0, "patience": 0, "leastGain": 0.0, "measure": "", "probe": "", "log": "",
}  # fmt: skip


class FlagError(Exception):
    """A mistake in the flags; the original's line, before its help.

    `settings`: what was understood so far, which the help shows as if they were defaults.
    """

    def __init__(self, message: str, settings: Settings) -> None:
        self.settings = settings
        super().__init__(message)


@dataclass
class Settings:
    """Flags with their values, of one command; `given` are those on the command line."""

    command: str
    values: dict[str, Any]
    given: set[str] = field(default_factory=set)

    def __getitem__(self, flag: str) -> Any:
        return self.values[flag]

    def options(self) -> Any:
        """The ClassifierOptions of supervised (and quantize), else the FastTextOptions."""
        if self.command in ("supervised", "quantize"):
            return self._made(ClassifierOptions, {})
        own: dict[str, Any] = {"sg": int(self.command == "skipgram")}
        own["max_sentence"] = spec_of(FastTextOptions, "max_sentence").original
        own["min_alpha"] = spec_of(FastTextOptions, "min_alpha").original
        own["ns_exponent"] = spec_of(FastTextOptions, "ns_exponent").original
        return self._made(FastTextOptions, own)

    def checkpoints(self) -> tuple[str, CheckpointOptions] | None:
        """Where the state of the training is kept, and how often; None: nowhere."""
        how_often: CheckpointOptions = self._checked(CheckpointOptions, {})
        own = {"checkpoint", *field_names(CheckpointOptions)}
        if not any(self.values[flag] for flag in own):
            return None
        return self["checkpoint"] or f"{self['output']}.checkpoint", how_often

    def _made(self, options: type[Any], own: dict[str, Any]) -> Any:
        names = field_names(options)
        values = {name: self.values[flag] for flag, name in names.items() if flag in self.values}
        values["workers"] = max(1, values["workers"])  # the original divides by -thread
        return self._checked(options, values | own)

    def _checked(self, options: type[Any], given: dict[str, Any]) -> Any:
        names = field_names(options)
        values = {name: self.values[flag] for flag, name in names.items() if flag in self.values}
        try:
            return options(**(values | given))
        except OptionError as error:
            flags = {name: flag for flag, name in names.items()}
            flag = flags.get(error.option, error.option)
            raise CommandError(f"-{flag}: expected {error.expected}, found {error.found}") from None


def field_names(options: type[Any]) -> dict[str, str]:
    """Flag, without its dash -> field of an options class."""
    return {
        str(spec_of(options, name).flag)[1:]: name
        for name in options.__dataclass_fields__
        if spec_of(options, name).flag is not None
    }


def defaults(command: str) -> dict[str, Any]:
    """Every flag's value where it is not given."""
    values = dict(PLAIN_DEFAULTS)
    values["minCountLabel"] = ClassifierOptions.__dataclass_fields__["min_count_label"].default
    values["label"] = ClassifierOptions.__dataclass_fields__["label_prefix"].default
    options: type[Any] = ClassifierOptions if command == "supervised" else FastTextOptions
    for own in (AutotuneOptions, CheckpointOptions):
        for flag, name in field_names(own).items():
            values[flag] = own.__dataclass_fields__[name].default
    for flag, name in field_names(options).items():
        spec = spec_of(options, name)
        default = options.__dataclass_fields__[name].default
        values[flag] = default if spec.original is None else spec.original
    return {flag: value for flag, value in values.items() if flag in KINDS or flag in OWN}


def parse(command: str, arguments: Sequence[str]) -> Settings:
    """The settings.  FlagError with the original's messages."""
    settings = Settings(command, defaults(command))
    rest = iter(arguments)
    try:
        for argument in rest:
            _read_flag(argument, rest, settings)
    except ValueError as error:
        raise FlagError(str(error), settings) from None
    if not settings["input"] or not settings["output"]:
        raise FlagError("Empty input or output path.", settings)
    return settings


def _read_flag(argument: str, rest: Iterator[str], settings: Settings) -> None:
    """ValueError with the original's message."""
    if not argument.startswith("-"):
        raise ValueError("Provided argument without a dash! Usage:")
    if argument == "-h":
        raise ValueError("Here is the help! Usage:")
    flag = argument[1:]
    kind = KINDS.get(flag, OWN.get(flag))
    if kind is None:
        raise ValueError(f"Unknown argument: {argument}")
    settings.given.add(flag)
    if kind == "":
        settings.values[flag] = True
        return
    text = next(rest, None)
    if text is None:
        raise ValueError(f"{argument} is missing an argument")
    settings.values[flag] = _value(argument, kind, text)


def _value(flag: str, kind: str, text: str) -> Any:
    if kind == "text":
        return text
    if kind == "loss":
        if text not in LOSSES:
            raise ValueError(f"Unknown loss: {text}")
        return LOSSES[text]
    number = read_number(text)
    if number is None:  # the original aborts here
        expected = "a whole number" if kind == "int" else "a number"
        raise CommandError(f"{flag}: expected {expected}, found {text!r}")
    if kind == "int":
        # 3.7 means 3, as in the original; out of its range it says this:
        if not -INT_RANGE <= number < INT_RANGE:
            raise ValueError(f"{flag} is missing an argument")
        return int(number)
    if abs(number) > np.finfo(np.float32).max:
        raise ValueError(f"{flag} is missing an argument")
    # Given numbers are float32 in the original, its defaults float64; files show the difference.
    return float(np.float32(number))


def help_text(command: str, shown: Settings | None = None) -> str:
    """The original's help, with the defaults of a command."""
    values = shown.values if shown is not None else defaults(command)
    lines = []
    for title, flags, width in SECTIONS:
        lines += ["", title]
        for name, kind, text in flags:
            value = values[name]
            if flags not in (MANDATORY, AUTOTUNE):
                text = f"{text} [{_shown(value) if kind != '' else str(value).lower()}]"
            lines.append(f"  -{name}".ljust(width + 2) + text)
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if value == "ova":
        return "one-vs-all"
    return f"{value:g}" if isinstance(value, float) else str(value)


def complain_with_help(error: FlagError) -> int:
    print(error, file=sys.stderr)
    sys.stderr.write(help_text(error.settings.command, error.settings))
    sys.stderr.flush()
    return 1
