import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.samplers import BasicSampler, DynamicNegativeSampler, build_sampler
from edgedet.runtime.errors import UsageError

from .slow_references import slow_softmax

# Section 9.4.
LOGITS = torch.tensor(
    [
        [0, 2, 0, 0],
        [1, 0, 0.5, 0],
        [3, 0, 0, 0],
        [0, 0, 0, 0.1],
        [2, 1.9, 0, 0],
        [0, 0.3, 0.2, 0],
    ]
)
LABELS = torch.tensor([1, 2, 0, 0, 0, 0])


@st.composite
def batches(draw, classes: int = 3):
    """Logits [M, C] of few distinct values, so that ties occur, and labels [M]."""
    samples = draw(st.integers(1, 24))
    value = st.integers(-4, 4).map(lambda n: n / 2)
    rows = [[draw(value) for _ in range(classes + 1)] for _ in range(samples)]
    labels = [draw(st.sampled_from((0, 0, 0, 1, 2, 3))) for _ in range(samples)]
    return torch.tensor(rows), torch.tensor(labels)


def chosen(sampler, logits, labels, images=1) -> list[int]:
    mask = sampler.select(logits, labels, images=images)
    assert mask.shape == labels.shape
    assert mask.dtype == torch.bool
    return mask.nonzero().squeeze(1).tolist()


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (DynamicNegativeSampler(), [0, 1, 3, 5]),
        (BasicSampler(1), [0, 1, 3, 5]),
        (BasicSampler(1.5), [0, 1, 3, 4, 5]),
        (BasicSampler(3), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_worked_example_9_4(sampler, expected):
    assert chosen(sampler, LOGITS, LABELS) == expected


def test_background_probabilities_of_9_4():
    expected = [0.096255, 0.426933, 0.870049, 0.243595, 0.459663, 0.218758]
    assert LOGITS.softmax(dim=1)[:, 0].tolist() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(batch=batches())
def test_invariant_4_dns_takes_positives_and_mistakes(batch):
    logits, labels = batch
    expected = [
        i
        for i, (row, label) in enumerate(zip(logits.tolist(), labels.tolist(), strict=True))
        if label > 0 or row.index(max(row)) != 0
    ]
    assert chosen(DynamicNegativeSampler(), logits, labels) == (
        expected or list(range(len(labels)))
    )


def test_a_tie_with_background_is_correct():
    logits = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.1, 0.0], [0.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    assert chosen(DynamicNegativeSampler(), logits, torch.tensor([0, 0, 0, 1])) == [1, 3]


def test_dns_falls_back_to_all_negatives():
    logits = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
    assert chosen(DynamicNegativeSampler(), logits, torch.zeros(3).long()) == [0, 1, 2]


@settings(max_examples=80, deadline=None)
@given(batch=batches(), ratio=st.sampled_from((0.5, 1, 2, 3)))
def test_invariant_5_basic_takes_the_hardest(batch, ratio):
    logits, labels = batch
    found = set(chosen(BasicSampler(ratio), logits, labels, images=2))
    positives = {i for i, label in enumerate(labels.tolist()) if label > 0}
    negatives = set(range(len(labels))) - positives
    wanted = int(ratio * len(positives)) if positives else int(max(ratio, 1) * 8) * 2
    assert positives <= found
    assert len(found & negatives) == min(wanted, len(negatives))
    background = [slow_softmax(row)[0] for row in logits.tolist()]
    worst_taken = max((background[i] for i in found & negatives), default=-math.inf)
    assert all(background[i] >= worst_taken - 1e-6 for i in negatives - found)


@pytest.mark.parametrize(
    ("ratio", "images", "expected"), [(3, 1, 24), (3, 2, 48), (1, 2, 16), (0.5, 1, 8), (0, 3, 24)]
)
def test_basic_without_positives_takes_the_hardest_of_each_image(ratio, images, expected):
    torch.manual_seed(0)
    logits, labels = torch.randn(100, 3), torch.zeros(100).long()
    found = chosen(BasicSampler(ratio), logits, labels, images=images)
    order = logits.softmax(dim=1)[:, 0].argsort().tolist()
    assert sorted(order[:expected]) == found


@pytest.mark.parametrize("sampler", [DynamicNegativeSampler(), BasicSampler(3)])
def test_everything_positive_leaves_no_negative(sampler):
    logits = torch.randn(5, 4)
    assert chosen(sampler, logits, torch.tensor([1, 2, 3, 1, 1])) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("sampler", [DynamicNegativeSampler(), BasicSampler(3)])
def test_selection_has_no_gradient(sampler):
    logits = torch.randn(8, 4, requires_grad=True)
    mask = sampler.select(logits, torch.tensor([1, 0, 0, 0, 0, 0, 0, 2]), images=1)
    assert not mask.requires_grad


def test_samplers_by_name():
    assert isinstance(build_sampler("dns", 3), DynamicNegativeSampler)
    basic = build_sampler("basic", 1.5)
    assert isinstance(basic, BasicSampler)
    assert basic.ratio == 1.5
    with pytest.raises(UsageError, match="did you mean 'basic'"):
        build_sampler("basics", 3)
