import random
from collections import Counter

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInputError, SettingsError
from data.taxonomy import load_taxonomy
from eval.report import Row
from training.augment import augmented
from training.encoder import Encoder, Tokens, locate
from training.fit import Epoch, accuracies, fit, restore, weights_of
from training.recipe import SHIPPED, Recipe, main, read_recipe
from training.rows import agreed, definitions, sides
from training.steps import Example, Heads, Steps, buckets


def row(ticket_id: str, family: str, issue_type: str = "password_reset", priority: str = "normal") -> Row:
    return Row(ticket_id, "c", f"text {family}", issue_type, priority, family)


def test_shipped_recipes_are_sound():
    assert main([]) == 0
    assert read_recipe(SHIPPED / "categorize.yaml").task == "categorize"


def test_every_mistake_in_a_recipe_is_reported_at_once(tmp_path, capsys):
    raw = yaml.safe_load((SHIPPED / "categorize.yaml").read_text(encoding="utf-8"))
    raw["lora"]["targets"] = ["quary"]
    raw["texts"]["max_tokens"] = 4
    del raw["seed"]
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(SettingsError) as found:
        read_recipe(path)
    assert "3 problem(s)" in found.value.message
    for key in ("lora.targets.0", "texts.max_tokens", "seed"):
        assert key in found.value.message
    assert main([str(path)]) == 1 and "lora.targets" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["- a", "a: [", "", "\x00"])
def test_what_is_no_recipe_is_one_message(tmp_path, content):
    path = tmp_path / "r.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError):
        read_recipe(path)
    with pytest.raises(SettingsError, match="no recipe"):
        read_recipe(tmp_path / "absent.yaml")


@given(st.lists(st.integers(1, 200), max_size=300), st.integers(2, 40), st.integers(0, 5))
def test_buckets_hold_every_position_once(lengths, size, seed):
    batches = buckets(lengths, size, random.Random(seed))
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    assert all(0 < len(b) <= size for b in batches)


def test_buckets_pad_less_than_random_batches():
    lengths = [random.Random(i).randint(5, 120) for i in range(1000)]
    padded = sum(max(lengths[i] for i in b) * len(b) for b in buckets(lengths, 16, random.Random(0)))
    order = list(range(1000))
    random.Random(0).shuffle(order)
    plain = sum(
        max(lengths[i] for i in order[s : s + 16]) * len(order[s : s + 16]) for s in range(0, 1000, 16)
    )
    assert padded < 0.75 * plain


@given(st.text(max_size=300), st.integers(0, 50))
def test_a_variation_is_never_empty_and_zero_share_changes_nothing(text, seed):
    assert augmented(text, 0.0, random.Random(seed)) == text
    assert bool(augmented(text, 1.0, random.Random(seed))) == bool(text)


def test_most_copies_decide_the_label():
    copies = [row("1", "f", "payslip_missing"), row("2", "f"), row("3", "f"), row("4", "g", priority="major")]
    groups = agreed(copies)
    assert [[r.ticket_id for r in g] for g in groups] == [["1", "2", "3"], ["4"]]
    assert {r.issue_type for r in groups[0]} == {"password_reset"}
    assert groups[1][0].priority == "major"


def columns(rows, split, audited):
    names = ("ticket_id", "client", "text", "issue_type", "priority", "family")
    table = {n: [getattr(r, n) for r in rows] for n in names}
    return {**table, "split": split, "audited": audited}


def test_validation_takes_whole_families_from_train_only():
    rows = [row(str(i), f"f{i // 3}") for i in range(600)]
    split = ["train"] * 400 + ["calibration"] * 100 + ["test"] * 100
    made = sides(columns(rows, split, [s != "train" for s in split]), load_taxonomy(), 0.2)
    held = {r.family for r in made.validation}
    assert held and not held & {r.family for r in made.train}
    assert 0.1 < len(made.validation) / 400 < 0.3
    assert Counter(map(len, (made.calibration, made.test))) == {100: 2}


def test_everything_that_is_missing_is_named():
    rows = [row("1", "f"), row("2", "g", "no_such_type")]
    with pytest.raises(BadInputError) as found:
        sides(columns(rows, ["train", "test"], [False, True]), load_taxonomy(), 0.1)
    for words in ("to train on", "calibration", "test", "no_such_type"):
        assert words in found.value.message


def test_definitions_cover_the_taxonomy():
    taxonomy = load_taxonomy()
    assert [key for _, key in definitions(taxonomy)] == list(taxonomy.issue_types)


@pytest.fixture
def quick() -> Recipe:
    """The shipped recipe with adapters that learn in a second."""
    shipped = read_recipe(SHIPPED / "categorize.yaml")
    lora = shipped.lora.model_copy(update={"rank": 4, "alpha": 8, "top_layers": 1})
    moves = {"epochs": 6, "patience": 2, "learning_rate": 0.01, "head_learning_rate": 0.01}
    return shipped.model_copy(
        update={"lora": lora, "optimization": shipped.optimization.model_copy(update=moves)}
    )


def ready(quick: Recipe) -> tuple[Encoder, Heads, Tokens]:
    source = locate("packaged")
    torch.manual_seed(0)
    encoder, tokens = Encoder(source, quick.lora), Tokens(source, 16)
    return encoder, Heads(torch.randn(len(load_taxonomy().labels), encoder.width)), tokens


GROUPS = [[Example(f"{word} {n}", label, label)] for n in range(12) for label, word in enumerate("ab")]


def test_the_best_epoch_is_kept_and_training_stops_without_a_better_one(quick: Recipe) -> None:
    """Rates this high are right at first and then get worse, which is what stopping early is for."""
    encoder, heads, tokens = ready(quick)
    logged: list[Epoch] = []
    validation = [group[0] for group in GROUPS]
    fit(encoder, heads, tokens, GROUPS, validation, quick, load_taxonomy(), logged.append)
    scores = [epoch.issue_type_accuracy + epoch.priority_accuracy for epoch in logged]
    assert [epoch.number for epoch in logged] == list(range(len(logged)))
    assert sum(accuracies(encoder, heads, tokens, validation)) == pytest.approx(max(scores))
    assert accuracies(encoder, heads, tokens, validation)[0] > 0.9
    assert len(logged) == quick.optimization.epochs or scores[-1] <= max(scores[:-1])


def test_weights_are_copies_that_can_be_put_back(quick: Recipe) -> None:
    encoder, heads, tokens = ready(quick)
    before = weights_of(encoder, heads)
    Steps(encoder, heads, tokens, GROUPS, quick, load_taxonomy()).epoch(0)
    assert not torch.equal(before["heads.weight"], weights_of(encoder, heads)["heads.weight"])
    restore(encoder, heads, before)
    assert all(torch.equal(before[name], value) for name, value in weights_of(encoder, heads).items())
