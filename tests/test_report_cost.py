"""The cost section of a report: plain sums, and sentences about them."""

import json
import math

import pytest

from eval.report.cost import Cost


def test_the_cost_worked_by_hand():
    cost = Cost({"poses": 0.04, "generator": 0.06}, 30.0, 20.0, 6.0, 10.0, 2.0, 1.3)
    assert cost.seconds_per_minute == pytest.approx(180)  # 0.1 s x 30 x 60
    assert cost.per_minute == pytest.approx(0.3)  # 180 / 3600 x 6
    assert cost.training == pytest.approx(2.0)  # 20 / 60 x 6
    assert cost.per_month == pytest.approx(6.0)  # 0.3 x 10 x 2
    assert cost.break_even == 1  # 2.0 / ((1.3 - 0.3) x 2) = 1 exactly
    assert Cost.from_dict({**cost.to_dict(), "stages": cost.stages, "training_minutes": 21.0}).break_even == 2
    assert Cost.from_dict(json.loads(json.dumps(cost.to_dict()))) == cost


def test_the_cost_says_nothing_of_money_without_a_price():
    told = " ".join(Cost({"all": 0.1}, 30.0, 20.0, None, 10.0, 2.0, 1.3).sentences())
    assert "3 min of work" in told and "20 min, once" in told and "cost" not in told and "paid" not in told
    assert Cost().sentences() == []


@pytest.mark.parametrize(
    ("alternative", "words"),
    [
        (1.3, "paid for itself after 1 video of 2 min (in the first month), at 1.30 a minute otherwise"),
        (0.31, "after 100 videos of 2 min (10 months)"),
        (0.3, "never pays for itself"),
        (0.1, "never pays for itself"),
    ],
)
def test_the_cost_says_when_training_pays(alternative, words):
    assert words in Cost({"all": 0.1}, 30.0, 20.0, 6.0, 10.0, 2.0, alternative).sentences()[-1]


@pytest.mark.parametrize("wrong", [{"price_per_hour": -1.0}, {"fps": 0.0}, {"stages": {"a": math.nan}}])
def test_impossible_costs_are_refused(wrong):
    with pytest.raises(ValueError, match="finite and not negative"):
        Cost(**wrong)
