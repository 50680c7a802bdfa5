"""The files of the suite `fasttext` by role: data sets, cut and made texts, models."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import texts
from bench.measure import BenchError, run_program
from bench.report import say

WORDS_A_LINE = 16
N_LABELS = 14
VALID_SHARE = 25  # one line of so many is held out
REPEATS = 40  # of the validation questions, for prediction
MAX_UNSEEN = 70_000
BITS_OPTIONS = "-epoch 1 -dim 300 -minn 3 -maxn 6 -thread 1 -verbose 0"
MODELS = {  # made by wordvec; both sides read them
    "lines.bin": "supervised -input @lines -epoch 1 -wordNgrams 2 -dim 100 -lr 0.5 -thread 1",
    "cooking.bin": "supervised -input @cooking.train -epoch 25 -lr 1 -wordNgrams 2 -dim 50 "
    "-bucket 200000 -thread 1",
    "large.bin": f"skipgram -input @head {BITS_OPTIONS}",
}


@dataclass(slots=True)
class Files:
    """Each file is found or made when a row first needs it; BenchError when it cannot be."""

    corpus: Path  # plain text
    data: Path  # the folder of data sets
    ours: list[str]  # the command `wordvec fasttext`
    work: Path
    n_tokens: int  # of the corpus, for training word vectors; 0: all
    n_lines: int
    paths: dict[str, Path] = field(default_factory=dict)

    def path(self, role: str) -> Path:
        if role not in self.paths:
            self.paths[role] = self._make(role)
        return self.paths[role]

    def fill(self, command: str, output: str = "") -> list[str]:
        """The words of a command, `@role` replaced by the file and `@output` by `output`."""
        names = {"@output": output}
        return [
            names.get(part) or str(self.path(part[1:])) if part.startswith("@") else part
            for part in shlex.split(command)
        ]

    def need_disk(self, gigabytes: float) -> None:
        free = shutil.disk_usage(self.work).free / 1e9
        if free < gigabytes:
            raise BenchError(f"{free:.1f} GB are free in {self.work}, this row needs "
                             f"{gigabytes:g} GB; TMPDIR names another disk")  # fmt: skip

    def _make(self, role: str) -> Path:
        if role == "corpus":
            return self.corpus
        if role == "korean":
            text = self.data / "corpora" / "kowiki1m.txt.xz"
            return texts.plain_text(self._found(text), texts.cache_folder())
        if role.split(".")[0] in ("cooking", "trec", "sst2") and not role.endswith(".bin"):
            return self._found(self.data / "classify" / role)
        path = self.work / role
        if role in MODELS:
            say(f"making {role}")
            words = [*self.ours, *self.fill(MODELS[role]), "-output", str(path.with_suffix(""))]
            run_program(words, self.work)
            path.with_suffix(".vec").unlink()
            return path
        if role in ("lines", "lines.valid", "lines.words"):
            self._write_lines()
            return path
        return self._makers()[role](path)

    def _makers(self) -> dict[str, Callable[[Path], Path]]:
        return {"head": self._write_head, "questions": self._write_questions,
                "words": self._write_words, "unseen": self._write_unseen}  # fmt: skip

    def _found(self, path: Path) -> Path:
        if not path.is_file():
            raise BenchError(f"no {path}: name the folder of data sets in WORDVEC_DATA")
        return path.resolve()

    def _write_head(self, path: Path) -> Path:
        if self.n_tokens == 0:
            return self.corpus
        return texts.write_head(self.corpus, path, self.n_tokens)

    def _write_lines(self) -> None:
        """Lines of 16 words of the corpus; the label follows from the longest of them by a rule."""
        names = ("lines", "lines.valid", "lines.words")
        words = itertools.chain.from_iterable(map(bytes.split, texts.token_chunks(self.corpus)))
        with (
            (self.work / names[0]).open("wb") as train,
            (self.work / names[1]).open("wb") as valid,
            (self.work / names[2]).open("wb") as bare,
        ):
            for number in range(self.n_lines + self.n_lines // VALID_SHARE):
                line = list(itertools.islice(words, WORDS_A_LINE))
                if len(line) < WORDS_A_LINE:
                    break
                longest = max(line, key=len)
                label = (longest[0] * 7 + len(longest)) % N_LABELS
                text = b" ".join(line) + b"\n"
                is_held_out = number % (VALID_SHARE + 1) == VALID_SHARE
                (valid if is_held_out else train).write(b"__label__%d %b" % (label, text))
                if not is_held_out:
                    bare.write(text)

    def _write_questions(self, path: Path) -> Path:
        lines = self.path("cooking.valid").read_bytes().splitlines(keepends=True)
        bare = [b" ".join(w for w in line.split() if not w.startswith(b"__label__")) + b"\n"
                for line in lines]  # fmt: skip
        path.write_bytes(b"".join(bare) * REPEATS)
        return path

    def _distinct(self) -> Iterator[bytes]:
        """The distinct words of the cut text in order."""
        seen: set[bytes] = set()
        for chunk in texts.token_chunks(self.path("head")):
            for word in chunk.split():
                if word not in seen:
                    seen.add(word)
                    yield word

    def _write_words(self, path: Path) -> Path:
        path.write_bytes(b"\n".join(itertools.islice(self._distinct(), MAX_UNSEEN)) + b"\n")
        return path

    def _write_unseen(self, path: Path) -> Path:
        """Words written backwards that are no words of the text."""
        known = set(self._distinct())
        turned = (word[::-1] for word in sorted(known) if word.isascii())
        some = itertools.islice((word for word in turned if word not in known), MAX_UNSEEN)
        path.write_bytes(b"\n".join(some) + b"\n")
        return path


def named_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
