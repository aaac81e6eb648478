"""WarmupCosine: the learning rate of each step compared with that by hand."""

import io
import math

import pytest
import torch
from hydra.utils import instantiate
from torch.optim import SGD

import mlplab
from mlplab.learner.schedulers import WarmupCosine


def optimizer(lr: float = 0.4) -> SGD:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def lrs(scheduler: WarmupCosine, steps: int) -> list[float]:
    seen = []
    for _ in range(steps):
        seen.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return seen


def half_cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def test_the_lr_rises_to_that_of_the_optimizer_and_falls_to_zero() -> None:
    # ten steps, two of warm-up: then eight from 1 to 0
    expected = [0.5, 1.0, *(half_cosine(done / 8) for done in range(8)), 0.0]
    assert lrs(WarmupCosine(optimizer(), 10, warmup_fraction=0.2), 11) == pytest.approx([0.4 * e for e in expected])


def test_half_way_down_the_lr_is_half() -> None:
    seen = lrs(WarmupCosine(optimizer(), 10, warmup_fraction=0.2), 10)
    assert seen[6] == pytest.approx(0.2)


def test_it_stays_at_zero_beyond_its_length() -> None:
    assert lrs(WarmupCosine(optimizer(), 4, warmup_fraction=0.25), 9)[4:] == pytest.approx([0.0] * 5, abs=1e-12)


def test_a_short_training_has_one_step_of_warm_up_at_the_full_lr() -> None:
    # a tenth of three steps rounds to none, and a warm-up has one at least
    expected = [1.0, half_cosine(0), half_cosine(1 / 2)]
    assert lrs(WarmupCosine(optimizer(1.0), 3), 3) == pytest.approx(expected)


def test_the_first_step_of_a_long_warm_up_is_not_zero() -> None:
    assert lrs(WarmupCosine(optimizer(1.0), 100, warmup_fraction=0.5), 3) == pytest.approx([0.02, 0.04, 0.06])


def test_each_parameter_group_has_its_own_peak() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    scheduler = WarmupCosine(SGD(groups), 10, warmup_fraction=0.4)
    assert scheduler.get_last_lr() == pytest.approx([0.25, 0.025])


def test_it_resumes_from_its_state_dict() -> None:
    whole = lrs(WarmupCosine(optimizer(), 10, warmup_fraction=0.2), 10)
    first = WarmupCosine(optimizer(), 10, warmup_fraction=0.2)
    lrs(first, 4)
    saved = io.BytesIO()
    torch.save([first.state_dict(), first.optimizer.state_dict()], saved)
    saved.seek(0)
    state, optimizer_state = torch.load(saved, weights_only=True)
    second = WarmupCosine(optimizer(), 10, warmup_fraction=0.2)
    second.optimizer.load_state_dict(optimizer_state)
    second.load_state_dict(state)
    assert lrs(second, 6) == pytest.approx(whole[4:])


def test_the_configured_scheduler_takes_the_optimizer_and_total_steps() -> None:
    config = mlplab.configure("scheduler=warmup_cosine", "scheduler.warmup_fraction=0.5").scheduler
    scheduler = instantiate(config)(optimizer(1.0), total_steps=4)
    assert lrs(scheduler, 4) == pytest.approx([0.5, 1.0, half_cosine(0), half_cosine(1 / 2)])
