"""Recipes: the sheet's values, monotone rules, budgets that give up one thing after another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordvec.errors import OptionError
from wordvec.options import FastTextOptions
from wordvec.recipes import (
    PRESETS,
    Facts,
    cheaper,
    choose,
    epochs_for,
    ngram_range,
    rate_for,
)

sizes = st.floats(1, 1e12)


@pytest.mark.parametrize(
    "n_tokens, preset, epochs, alpha, dim, negative",
    [
        (16_470_000, "fast", 6, 0.035, 96, 5),
        (1_000_000, "fast", 20, 0.025, 96, 5),
        (16_470_000, "default", 5, 0.05, 200, 10),
        (16_470_000, "best", 10, 0.0354, 200, 10),
        (6_000_000, "default", 14, 0.0357, 200, 10),
        (2_000_000, "default", 20, 0.025, 200, 10),
        (2_000_000, "best", 20, 0.025, 200, 10),
        (10**9, "default", 3, 0.028, 200, 10),
    ],
)
def test_presets(n_tokens, preset, epochs, alpha, dim, negative):
    part = choose(Facts(n_tokens, 70_000, {"Latin": 1.0}), preset).parts[0]
    assert (part.epochs, part.alpha, part.vector_size) == (epochs, alpha, dim)
    assert part.negative == negative and part.sg == 1 and part.min_alpha == 0
    assert isinstance(part, FastTextOptions) == (preset != "fast")
    assert part.spread == (preset == "fast") and part.negatives == "recycled"


def test_semantic_has_two_models():
    recipe = choose(Facts(16_470_000, 70_000), "semantic")
    assert recipe.dim == 400 and isinstance(recipe.parts[0], FastTextOptions)
    assert not isinstance(recipe.parts[1], FastTextOptions)


@given(sizes, sizes)
def test_more_text_means_fewer_passes_and_lower_rates(a, b):
    small, large = sorted((a, b))
    assert 3 <= epochs_for(large) <= epochs_for(small) <= 20
    assert 0 < rate_for(large, 5) <= rate_for(small, 5) <= 0.05


@given(sizes, st.floats(1, 100), st.floats(1, 100))
def test_more_passes_mean_lower_rates(n_tokens, a, b):
    few, many = sorted((a, b))
    assert rate_for(n_tokens, many) <= rate_for(n_tokens, few)


@given(st.integers(1, 10**12), st.integers(1, 10**8), st.floats(1, 1e6), st.sampled_from(PRESETS))
def test_any_corpus_has_a_recipe_in_range(n_tokens, n_words, n_copies, preset):
    recipe = choose(Facts(n_tokens, n_words, {}, n_copies), preset)  # ranges: the options check
    assert all(0 < part.alpha <= 0.05 and 1 <= part.epochs <= 20 for part in recipe.parts)
    assert all(setting.reason for setting in recipe.settings)


@pytest.mark.parametrize(
    "scripts, expected",
    [
        ({"Latin": 1.0}, (4, 6)),
        ({"Hangul": 0.95, "Latin": 0.05}, (2, 4)),
        ({"Han": 0.6, "Kana": 0.4}, (1, 3)),
        ({"Cyrillic": 1.0}, (3, 6)),
        ({"Hangul": 0.5, "Latin": 0.5}, (2, 6)),
        ({}, (4, 6)),
    ],
)
def test_ngrams_by_script(scripts, expected):
    assert ngram_range(scripts)[:2] == expected


def test_given_settings_win_in_all_presets_and_rungs():
    facts = Facts(16_470_000, 70_000)
    given_settings = {"epochs": 7, "vector_size": 60, "max_vocab": 9, "min_n": 2}
    for preset in PRESETS:
        for recipe, _ in cheaper(facts, preset, given_settings):
            for part in recipe.parts:
                assert (part.epochs, part.vector_size, part.max_vocab) == (7, 60, 9)
            assert {s.reason for s in recipe.settings if s.name == "epochs"} == {"as given"}
    with pytest.raises(OptionError):
        choose(facts, "default", {"dimm": 1})
    with pytest.raises(OptionError):
        choose(facts, "slow")
    with pytest.raises(OptionError):
        choose(facts, "default", {"epochs": 0})


@pytest.mark.parametrize("preset", PRESETS)
def test_each_rung_is_cheaper_and_says_what_it_lacks(preset):
    rungs = list(cheaper(Facts(16_470_000, 70_000, {"Latin": 1.0}), preset))
    costs = [
        sum(fewest * p.vector_size * (p.negative + 1) * (1 + 2 * isinstance(p, FastTextOptions))
            for p in r.parts)
        for r, fewest in rungs
    ]  # fmt: skip
    assert costs == sorted(costs, reverse=True)
    assert not rungs[0][0].given_up and rungs[-1][0].given_up


def test_reasons_go_with_what_is_trained():
    facts = Facts(16_470_000, 70_000, {"Latin": 1.0})

    def reasons(**given_settings):
        chosen = choose(facts, "default", given_settings).settings
        return {s.name: (s.value, s.reason) for s in chosen}

    plain = reasons()
    assert "measured" in plain["min_n"][1] and "skip-gram with subwords" in plain["algorithm"]
    assert reasons(max_n=3)["min_n"] == (3, "the usual one, or max_n where that is less")
    assert reasons(min_n=8)["max_n"][0] == 8 and "measured" not in reasons(min_n=5)["max_n"][1]
    assert reasons(min_n=4) == plain | {"min_n": (4, "as given")}
    assert reasons(max_n=0)["algorithm"][0] == "skip-gram on whole words"
    cbow = reasons(sg=0, window=9)
    assert "CBOW" in cbow["algorithm"][0] and cbow["window"] == (9, "as given")
    assert "not measured for CBOW" in cbow["negative"][1]
    assert "negatives" in plain and "negatives" not in reasons(negative=0, hs=1)
