"""The training loop of the encoders: seeds, schedule, progress, checkpoints, Ctrl-C."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from wordvec.deep.tensorfiles import TensorFile, read_tensors, write_tensors
from wordvec.errors import DivergedError, TrainingError
from wordvec.progress import Progress, Reporter, silent

CLIP = 1.0  # of the gradient's length
REPORT_SECONDS = 0.2
CHECKED_EVERY = 10  # batches between two looks at the held-out loss


@dataclass(frozen=True)
class Schedule:
    """n_steps batches; the rate falls as a cosine to 0, or stays.  weight_decay: AdamW's."""

    n_steps: int
    rate: float
    is_cosine: bool = True
    weight_decay: float = 0.0
    patience: int = (
        0  # looks at the held-out loss without a better one until it ends; 0: to the end
    )


@dataclass
class Checkpoints:
    """Where the state goes, every how many seconds, and what it is the state of.

    identity: all that must be the same for a run to go on from it, as JSON can hold it.
    """

    path: str
    every_seconds: float
    identity: dict[str, Any]


@dataclass
class Learned:
    """What training did: the mean loss of every batch, and of every look at the held-out set."""

    losses: list[float] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)  # (batches before, loss)
    n_steps: int = 0
    interrupted: bool = False
    stopped_early: bool = False


def device_of(name: str) -> torch.device:
    """ "auto" is cuda where there is one."""
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise TrainingError("device cuda: PyTorch finds none here; use cpu")
    return torch.device("cuda" if name != "cpu" and has_cuda else "cpu")


class Trainer:
    """Trains a network on the loss of batches; all randomness is torch's own generator.

    network   on its device; changed
    loss_of   gives the loss of the next batch, which it draws
    held_out  gives the loss of what is held out, in evaluation mode; None: nothing is
    average   a copy that keeps the mean of the weights over all batches, or None
    """

    def __init__(
        self,
        network: nn.Module,
        loss_of: Callable[[], Tensor],
        schedule: Schedule,
        *,
        held_out: Callable[[], float] | None = None,
        average: nn.Module | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.network, self.loss_of, self.schedule = network, loss_of, schedule
        self.held_out, self.average, self.checkpoints = held_out, average, checkpoints
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay
        )
        self.learned = Learned()
        self.best: dict[str, Tensor] | None = None

    def run(self, reporter: Reporter = silent) -> Learned:
        """Train to the end, from the checkpoint if there is one.

        The weights after Ctrl-C are those of the last whole batch or of one that was cut short:
        usable.  DivergedError when the loss is no number; TrainingError for a checkpoint of
        something else.
        """
        if self.checkpoints is not None and os.path.exists(self.checkpoints.path):
            self._resume(self.checkpoints)
        report = _Reports(reporter, self)
        saved = -math.inf  # a file that cannot be written shows with the first batch
        try:
            while self.learned.n_steps < self.schedule.n_steps and not self.learned.stopped_early:
                self._step()
                if self.held_out is not None and self._is_time_to_look():
                    self._look()
                if self.checkpoints is not None:
                    now = time.monotonic()
                    if now - saved >= self.checkpoints.every_seconds:
                        saved = now
                        self._save(self.checkpoints)
                report.tell()
        except KeyboardInterrupt:
            self.learned.interrupted = True
        if self.checkpoints is not None:
            self._save(self.checkpoints)
        if self.best is not None:
            self.network.load_state_dict(self.best)
        elif self.average is not None and self.learned.n_steps:
            self.network.load_state_dict(self.average.state_dict())
        self.network.eval()
        report.tell(always=True)
        return self.learned

    def _step(self) -> None:
        schedule, learned = self.schedule, self.learned
        share = learned.n_steps / schedule.n_steps
        rate = schedule.rate
        if schedule.is_cosine:
            rate *= 0.5 * (1 + math.cos(math.pi * share))
        self.optimiser.param_groups[0]["lr"] = rate
        self.network.train()
        loss = self.loss_of()
        value = float(loss.detach())
        if not math.isfinite(value):
            kept = self.checkpoints.path if self.checkpoints else ""
            has_kept = kept and os.path.exists(kept)
            raise DivergedError(
                f"the loss of batch {learned.n_steps + 1} is {value} at learning rate {rate:g}; "
                f"start lower than {schedule.rate:g}"
                + (f"; the last checkpoint is {kept}" if has_kept else "")
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        if self.average is not None:
            self._add_to_average()
        learned.losses.append(value)
        learned.n_steps += 1

    def _add_to_average(self) -> None:
        assert self.average is not None
        share = 1 / (self.learned.n_steps + 1)
        ours, theirs = self.network.state_dict(), self.average.state_dict()
        for name, mean in theirs.items():
            if mean.is_floating_point():
                mean.lerp_(ours[name], share)
            else:
                mean.copy_(ours[name])

    def _is_time_to_look(self) -> bool:
        n = self.learned.n_steps
        return n % CHECKED_EVERY == 0 or n == self.schedule.n_steps

    def _look(self) -> None:
        """The held-out loss, from the same noise every time; keeps the best weights."""
        assert self.held_out is not None
        state = torch.get_rng_state()
        torch.manual_seed(0)
        self.network.eval()
        with torch.no_grad():
            loss = self.held_out()
        torch.set_rng_state(state)
        looks = self.learned.held_out
        if not looks or loss < min(value for _, value in looks):
            self.best = {name: t.clone() for name, t in self.network.state_dict().items()}
        looks.append((self.learned.n_steps, loss))
        best = min(range(len(looks)), key=lambda k: looks[k][1])
        patience = self.schedule.patience
        self.learned.stopped_early = 0 < patience <= len(looks) - 1 - best

    # -- checkpoints ----------------------------------------------------------------------------

    def _identity(self, checkpoints: Checkpoints) -> dict[str, Any]:
        schedule = dataclasses.asdict(self.schedule)
        return json.loads(json.dumps({**checkpoints.identity, **schedule}))  # type: ignore[no-any-return]

    def _save(self, checkpoints: Checkpoints) -> None:
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        if self.best is not None:
            tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{k}": v for k, v in state.items()}
        tensors["generator"] = torch.get_rng_state()
        learned = dataclasses.asdict(self.learned) | {"interrupted": False}
        entries = {"identity": self._identity(checkpoints), "learned": learned}
        write_tensors(checkpoints.path, TensorFile("checkpoint", tensors, entries))

    def _resume(self, checkpoints: Checkpoints) -> None:
        found = read_tensors(checkpoints.path, "checkpoint")
        ours, theirs = self._identity(checkpoints), found.entries["identity"]
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                raise TrainingError(
                    f"{checkpoints.path} is there, of a training with {name} {theirs.get(name)}, "
                    f"not {ours.get(name)}; delete it or name another file"
                )
        self.network.load_state_dict(found.under("network."))
        if self.average is not None:
            self.average.load_state_dict(found.under("average."))
        self.best = found.under("best.") or None
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in found.under("optimiser.").items():
            number, key = name.split(".")
            states.setdefault(int(number), {})[key] = tensor
        whole = self.optimiser.state_dict()
        self.optimiser.load_state_dict({**whole, "state": states})
        torch.set_rng_state(found.tensors["generator"])
        self.learned = Learned(**found.entries["learned"])
        self.learned.held_out = [(int(n), loss) for n, loss in self.learned.held_out]


class _Reports:
    def __init__(self, reporter: Reporter, trainer: Trainer) -> None:
        self.reporter, self.trainer = reporter, trainer
        self.start, self.cpu = time.perf_counter(), time.process_time()
        self.next = 0.0

    def tell(self, always: bool = False) -> None:
        wall = time.perf_counter() - self.start
        if not always and wall < self.next:
            return
        self.next = wall + REPORT_SECONDS
        learned, last = self.trainer.learned, self.trainer.learned.losses[-20:]
        self.reporter(
            Progress(
                stage="train", unit="batches", n_done=learned.n_steps,
                n_total=self.trainer.schedule.n_steps, wall_seconds=wall,
                cpu_seconds=time.process_time() - self.cpu,
                loss=sum(last) / len(last) if last else None,
                rate=float(self.trainer.optimiser.param_groups[0]["lr"]),
            )
        )  # fmt: skip
