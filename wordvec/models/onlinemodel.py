"""Training in steps: gensim's constructor, `train`, callbacks, saving and loading."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wordvec.corpus import EncodedCorpus, read_corpus
from wordvec.errors import DivergedError, FormatError
from wordvec.formats import format_to_write, word2vec_text
from wordvec.formats.gensim_model import SavedModel, is_saved_model, read_saved_model
from wordvec.keyedvectors import KeyedVectors
from wordvec.models import memoryuse, restoring, scoring, updating
from wordvec.models.checkpoints import KIND as KIND_OF_CHECKPOINT
from wordvec.models.checkpoints import Checkpoints, refuse_both
from wordvec.models.growing import GrowingModel, one_source
from wordvec.models.modelstate import ModelState, Path, is_state, read_state, write_state
from wordvec.models.network import Network, kept_tokens, untrained_loss
from wordvec.models.updating import UpdateReport
from wordvec.models.validating import StopTraining, Validation, Validator
from wordvec.models.watching import EpochWatcher, TrainingJob, spread_locks
from wordvec.trainer import Outcome
from wordvec.traininglog import EpochRecord
from wordvec.wordchoice import TrimRule

logger = logging.getLogger(__name__)

BATCH_WORDS = 10000
_GOLDEN = (3 + math.sqrt(5)) / 2
# Arguments of the constructors that are no options of training.
_SURFACE = (
    "max_vocab_size", "max_final_vocab", "sorted_vocab", "null_word", "hashfxn", "batch_words",
    "compute_loss", "comment",
)  # fmt: skip
_SAVED = ("max_vocab_size", "max_final_vocab", "sorted_vocab", "null_word", "comment")
_COUNTERS = (
    "corpus_count", "corpus_total_words", "effective_min_count", "train_count",
    "total_train_time", "min_alpha_yet_reached", "running_training_loss", "n_epochs_trained",
    "loss_history",
)  # fmt: skip


class OnlineModel(GrowingModel):
    """What Word2Vec and FastText share: gensim 4's way of training, in one call or in steps.

        model = Word2Vec(sentences)                    # or:
        model = Word2Vec(min_count=1)
        model.build_vocab(sentences)
        model.train(sentences, total_examples=model.corpus_count, epochs=model.epochs)

    A corpus is read once in a call, whatever the number of epochs, so a generator will do; reading
    from LineSentence and its like, or a file, takes no Python per word.  An exception of an
    iterator ends the call.  Each `train` goes on with the weights that are there, and does not
    repeat the random choices of the last one.

    Ctrl-C in training ends it cleanly, with `outcome.interrupted` true; a second one raises
    KeyboardInterrupt.  A rate that diverges is a DivergedError; the weights are then the
    last good ones from the end of an epoch (`error.model` is the model, also for a constructor).

    checkpoints, of the constructor and of `train`: a file, or models.checkpoints.Checkpoints, that
    keeps the state of the training every ten minutes; when it is there, the same call goes on from
    it, and ends with the same bytes as without a break when one thread trains, or `deterministic`.
    It holds the last state when training is over; delete it when the model is saved.
    CheckpointError when it is of another training.  (on_epoch_begin is called again for the epoch
    that is gone on with.)

    Arguments of gensim that change nothing here: batch_words, hashfxn (but for seeded_vector),
    max_vocab_size (all words are counted, `memory` bounds what that takes), queue_factor and
    report_delay (give a `reporter`), compute_loss (it costs nothing and is always done).

    outcome                 what the last run did
    validation_records      of the last run with a Validation: a traininglog.EpochRecord per epoch
    loss_history            float64 mean loss per example of each epoch so far
    running_training_loss   sum of the losses of all examples since the last call of `train`, as in
                            gensim, but without its rounding; may be set
    train_count, total_train_time, min_alpha_yet_reached: as in gensim
    """

    alpha: float
    min_alpha: float
    outcome: Outcome | None
    n_epochs_trained: int
    loss_history: list[float]
    running_training_loss: float
    train_count: int
    total_train_time: float
    min_alpha_yet_reached: float

    def _train_network(self, job: TrainingJob) -> Outcome:
        """Train `network` on."""
        raise NotImplementedError

    # -- beginning ------------------------------------------------------------------------------

    def _begin(self, arguments: dict[str, Any]) -> None:
        """The constructor; `arguments` are all of the subclass's, by name."""
        given = {k: v for k, v in arguments.items() if k not in ("self", "__class__")}
        for name in given.pop("unknown"):
            known = sorted({*given, *self.OPTIONS.__dataclass_fields__})
            raise TypeError(
                f"{type(self).__name__} has no option {name!r}; there are {', '.join(known)}"
            )
        fields = self.OPTIONS.__dataclass_fields__
        self.options = self.OPTIONS(**{k: v for k, v in given.items() if k in fields})
        for name in _SURFACE:
            self.__dict__[name] = given.get(name)
        self._rules, self._memory = given["rules"], given["memory"]
        self._ids_path, self._reporter = given["ids_path"], given["reporter"]
        checkpoints = Checkpoints.of(given["checkpoints"])
        self._reset()
        source = None
        if given["sentences"] is not None or given["corpus_file"] is not None:
            source = one_source(given["sentences"], given["corpus_file"])
            self._begin_with(
                source, given["trim_rule"], given["callbacks"], given["validation"], checkpoints
            )
        elif given["trim_rule"] is not None or given["callbacks"] or given["validation"]:
            logger.warning(
                "trim_rule, callbacks and validation are not kept: give them to build_vocab and "
                "train"
            )
        self.add_lifecycle_event("created", params=str(self))

    def _reset(self) -> None:
        """A model without a vocabulary."""
        self.network, self.outcome = None, None
        self.wv = KeyedVectors(self.vector_size)
        self.wv.vectors_lockf = np.ones(1, np.float32)
        self.raw_vocab: dict[str, int] = {}
        self.effective_min_count = self.min_count
        self.train_count, self.total_train_time = 0, 0.0
        self.n_epochs_trained, self.loss_history = 0, []
        self.validation_records: list[EpochRecord] = []
        self.running_training_loss, self.min_alpha_yet_reached = 0.0, float(self.alpha)

    def _begin_with(
        self,
        source: Any,
        trim_rule: Any,
        callbacks: Sequence[Any],
        validation: Validation | None,
        checkpoints: Checkpoints | None,
    ) -> None:
        """Vocabulary and training from one reading of the corpus."""
        self._need_something_to_train()
        corpus = self._read_corpus(source, trim_rule)
        self.corpus_count = corpus.n_sentences_read
        self.corpus_total_words = corpus.n_tokens_read
        self._take_vocab(corpus.vocab, corpus.n_tokens_read)
        assert self.network is not None
        corpus = dataclasses.replace(corpus, vocab=self.network.vocab)
        self._run(corpus, callbacks, validation, checkpoints)

    def _read_corpus(self, source: Any, trim_rule: TrimRule | None) -> EncodedCorpus:
        """The corpus of a constructor as ids, with the vocabulary that the settings choose."""
        if isinstance(source, EncodedCorpus):
            return source
        choice = self._choice(trim_rule)
        is_plain = trim_rule is None and self.max_final_vocab is None and self.sorted_vocab
        corpus = read_corpus(
            source,
            rules=self._rules,
            min_count=self.min_count,
            max_vocab=self.max_vocab,
            choice=None if is_plain else choice,
            n_threads=self.workers,
            memory=self._memory,
            ids_path=self._ids_path,
            reporter=self._reporter,
        )
        self.effective_min_count = choice.effective_min_count or self.min_count
        return corpus

    # -- training -------------------------------------------------------------------------------

    def train(  # type: ignore[override]
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Sequence[Any] = (),
        validation: Validation | None = None,
        checkpoints: Checkpoints | Path | None = None,
        **ignored: Any,
    ) -> tuple[int, int]:
        """Train on, and return the numbers of words (trained after subsampling, read), over all
        epochs.

        The learning rate falls from start_alpha to end_alpha (which become alpha and min_alpha)
        over what the corpus really holds; total_examples or total_words must be given, as in
        gensim, and a warning says when they are wrong.  `validation` is ours: what to measure after
        each epoch, and when to stop (models.validating.Validation).  Raises RuntimeError without a
        vocabulary, ValueError without epochs or totals, TypeError without a corpus, CorpusError,
        DivergedError.
        """
        self.alpha = start_alpha or self.alpha
        self.min_alpha = end_alpha or self.min_alpha
        self._need_something_to_train()
        self._need_network("training")
        if total_examples is None and total_words is None:
            raise ValueError(
                "give total_examples or total_words; after build_vocab on the same corpus "
                "total_examples=model.corpus_count is right"
            )
        if epochs is None or epochs <= 0:
            raise ValueError("give a number of epochs; usually epochs=model.epochs")
        self.epochs = epochs
        source = one_source(corpus_iterable, corpus_file)
        self._synchronise()
        assert self.network is not None
        corpus = source
        if not isinstance(source, EncodedCorpus):
            corpus = read_corpus(
                source,
                rules=self._rules,
                vocab=self.network.vocab,
                n_threads=self.workers,
                memory=self._memory,
                reporter=self._reporter,
            )
        for given, found, what in (
            (total_examples, corpus.n_sentences_read, "sentences"),
            (total_words, corpus.n_tokens_read, "words"),
        ):
            if given and given != found:
                message = "%d %s were announced, the corpus has %d; the rate falls over these"
                logger.warning(message, given, what, found)
        self.compute_loss = compute_loss
        outcome = self._run(corpus, callbacks, validation, Checkpoints.of(checkpoints))
        share = outcome.n_tokens_trained / max(len(corpus.ids), 1)
        return outcome.n_tokens_kept, round(share * corpus.n_tokens_read)

    def update(
        self,
        more_text: Any,
        *,
        epochs: int | None = None,
        alpha: float | None = None,
        min_alpha: float | None = None,
        anchor: float = 0.5,
        min_count: int | None = None,
        trim_rule: TrimRule | None = None,
        callbacks: Sequence[Any] = (),
        validation: Validation | None = None,
        n_shown: int = 20,
    ) -> UpdateReport:
        """Take up more text: its new words join, all counts grow, and training goes on over it
        alone, with a schedule of its own; says how far old words moved.

        more_text   as `sentences` or `corpus_file` of the constructor; read once
        epochs, alpha, min_alpha   of this text; by default the model's own, as at its beginning
        anchor      0: old words move as freely as new ones; 1: they, and the n-grams they have,
                    stay to the last bit; between, their steps are as much shorter.  Output rows,
                    which no query sees, always move
        min_count   for new words, counted in this text; by default the model's
        n_shown     how many of the most moved words the report names

        Raises RuntimeError without a vocabulary, OptionError, CorpusError, DivergedError.
        """
        return updating.update(
            self, more_text, epochs=epochs, alpha=alpha, min_alpha=min_alpha, anchor=anchor,
            min_count=min_count, trim_rule=trim_rule, callbacks=callbacks, validation=validation,
            n_shown=n_shown,
        )  # fmt: skip

    def _need_something_to_train(self) -> None:
        options = self.options
        if not options.hs and not options.negative:
            raise ValueError("either hs or negative must be positive: else nothing is trained")
        if options.hs and options.n_noise:
            logger.warning("hierarchical softmax and negative sampling at once: a mistake?")

    def _run(
        self,
        corpus: EncodedCorpus,
        callbacks: Iterable[Any],
        validation: Validation | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Outcome:
        """Train on a corpus of ids of the network's vocabulary."""
        refuse_both(validation, checkpoints)
        network = self._need_network("training")
        options = self._options_of_run(network)
        callbacks = list(callbacks)
        validator = None
        if validation is not None:
            validator = Validator(validation, corpus, options, self.n_epochs_trained)
            corpus, self.validation_records = validator.corpus, validator.records
        self.running_training_loss = 0.0
        self.add_lifecycle_event("train", msg=f"training {self!r} on {len(corpus.ids):,} words")
        for callback in callbacks:
            callback.on_train_begin(self)
        watcher = EpochWatcher(self, callbacks, options.alpha, self._untrained_loss(), validator)
        job = TrainingJob(
            corpus, options, self._reporter, watcher if watcher.is_needed else None,
            self.n_epochs_trained, self._locks(), checkpoints,
        )  # fmt: skip
        try:
            outcome = self._train_network(job)
        except StopTraining as stop:
            outcome = stop.outcome
            outcome.n_tokens_kept = kept_tokens(network, outcome.n_tokens_trained, options.sample)
        except DivergedError as error:
            watcher.restore()
            error.model = self
            raise
        finally:
            if validator is not None:
                validator.finish()
            self._show_rows()
        watcher.note(outcome)
        self.outcome = outcome
        self.train_count += 1
        self.total_train_time += outcome.wall_seconds
        self.min_alpha_yet_reached = float(options.min_alpha)
        for callback in callbacks:
            callback.on_train_end(self)
        return outcome

    def _untrained_loss(self) -> float:
        """Mean loss per example of weights that know nothing."""
        options, network = self.options, self._need_network("training")
        return untrained_loss(len(network.vocab), options.n_noise, options.hs)

    def _options_of_run(self, network: Network) -> Any:
        """`options`, with gensim's meaning of a `sample` of 1 or more: words with higher counts are
        thinned out."""
        options = self.options
        if options.sample < 1:
            return options
        is_fasttext = network.inputs is not None
        n_tokens = network.n_text_tokens if is_fasttext else network.vocab.n_tokens
        return dataclasses.replace(options, sample=int(self.sample * _GOLDEN) / max(n_tokens, 1))

    def _locks(self) -> NDArray[np.float32] | None:
        """float32[n_input_rows] from `wv.vectors_lockf`; None when nothing is locked."""
        network = self._need_network("training")
        return spread_locks(self.wv.__dict__.get("vectors_lockf"), len(network.vocab))

    def get_latest_training_loss(self) -> float:
        """Sum of the losses of all examples since the last `train` began; see the class's text.

        An example is a pair of words (skip-gram) or a word with its context (CBOW).  The means of
        the epochs are in `loss_history`.
        """
        return self.running_training_loss

    # -- asking ---------------------------------------------------------------------------------

    def predict_output_word(
        self, context_words_list: Sequence[str | int], topn: int = 10
    ) -> list[tuple[str, float]] | None:
        """The words most probable between these, with their probabilities; see
        models.scoring.predict_output_word."""
        return scoring.predict_output_word(self, context_words_list, topn)

    def score(
        self,
        sentences: Iterable[Sequence[str]],
        total_sentences: int = 1_000_000,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1,
    ) -> NDArray[np.float32]:
        """float32[n]: the log probability of each sentence; see models.scoring.score."""
        return scoring.score(self, sentences, total_sentences)

    def estimate_memory(
        self, vocab_size: int | None = None, report: dict[str, int] | None = None
    ) -> dict[str, int]:
        """Bytes that the model takes while it is trained; see models.memoryuse."""
        return memoryuse.estimate(self, vocab_size, report)

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.wv.vector_size}, "
            f"alpha={self.alpha}>"
        )

    __repr__ = __str__

    # -- files ----------------------------------------------------------------------------------

    def save(self, path: Path, *_: Any, **__: Any) -> None:
        """Write the whole model to one file, from which `load` can train on: vocabulary, weights,
        options, history of losses.

        The format is ours whatever the suffix, and every reader of vectors here takes the file;
        `model.wv.save(path)` writes vectors alone, in the format of the suffix.  gensim's further
        arguments are taken and not needed.  Callbacks, rules and reporters are not kept.
        OutputError.
        """
        name = os.fspath(path)
        format_of_suffix = format_to_write(name)
        if format_of_suffix.NAME not in ("wordvec", word2vec_text.NAME):
            logger.warning(
                "%s holds the whole model in wordvec's own format; model.wv.save writes %s",
                name, format_of_suffix.NAME,
            )  # fmt: skip
        if self.network is not None:
            self._synchronise()
        write_state(self._state(), name)
        self.add_lifecycle_event("saved", fname=name)

    @classmethod
    def load(cls, path: Path, mmap: str | None = None, rethrow: bool = False) -> Self:
        """Read a model that `save` here, or gensim's, has written, ready to be trained on.

        gensim's files are read by an unpickler that can make a few harmless classes and nothing
        else.  mmap and rethrow are gensim's and not needed.  FormatError for a damaged file, for
        vectors without a model, for a model of another class.
        """
        name = os.fspath(path)
        if is_state(name):
            model = cls._of_parts(read_state(name), name)
        elif is_saved_model(name):
            model = cls._of_parts(read_saved_model(name), name)
        else:
            hint = "KeyedVectors.load reads vectors alone"
            os.stat(name)
            raise FormatError(name, 0, "a model of wordvec or gensim", "something else", hint)
        model.add_lifecycle_event("loaded", fname=name)
        return model

    def _state(self) -> ModelState:
        """Everything that goes into a file; `_arrays` are the subclass's."""
        settings = {
            "options": dataclasses.asdict(self.options),
            "surface": {name: self.__dict__[name] for name in _SAVED},
            "counters": {name: getattr(self, name) for name in _COUNTERS},
        }
        arrays: dict[str, NDArray[Any]] = {}
        words, counts = self.wv.words, np.zeros(0, np.int64)
        if self.network is not None:
            settings["network"] = {
                "n_text_tokens": self.network.n_text_tokens,
                "is_sorted": self.network.is_sorted,
            }
            counts = self.network.vocab.counts
            arrays = self._arrays(self.network)
        return ModelState(
            type(self).__name__, settings, words, counts, self.wv.matrix, arrays, self.wv.subwords
        )

    def _arrays(self, network: Network) -> dict[str, NDArray[Any]]:
        """The weights besides what `wv` holds, by name."""
        return restoring.output_arrays(self)

    def _network_of_state(self, state: ModelState) -> Network:
        """What `_arrays` took apart.  KeyError, TypeError, ValueError for parts that do not fit."""
        raise NotImplementedError

    def _network_of_gensim(self, saved: SavedModel) -> Network:
        """The network of one of gensim's models; errors as above."""
        raise NotImplementedError

    @classmethod
    def _of_parts(cls, parts: ModelState | SavedModel, name: str) -> Self:
        """A model from what a file holds."""
        if parts.kind != cls.__name__:
            hint = f"load it with {parts.kind}.load"
            if parts.kind == KIND_OF_CHECKPOINT:
                hint = "give it as checkpoints= to the training that it is of"
            raise FormatError(name, None, f"a {cls.__name__}", f"a {parts.kind}", hint)
        model = cls()
        restoring.restore(model, parts, name)
        return model
