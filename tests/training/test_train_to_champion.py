"""From a dataset to a served bundle, through the command line, on the real encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from data.errors import BadInputError, BundleError, GateError
from data.taxonomy import load_taxonomy
from eval.bundle import load_bundle, verify
from eval.registry import Registry, champion_id


def bundle_of(home, trained) -> Path:
    """The challenger's files, copied out of MLflow."""
    registry = Registry(f"sqlite:///{home.path / 'mlflow.db'}")
    room = home.path / "fetched"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    return registry.fetch(registry.find(trained["bundle"]), room)


def test_training_registers_a_challenger_that_beats_guessing(home, trained):
    assert trained["version"] == 1
    assert trained["metrics"]["issue_type_accuracy"]["value"] > 0.6  # 8 of 72 labels occur; guessing: 0.125
    assert trained["metrics"]["issue_type_accuracy"]["n"] == trained["metrics"]["families"] == 40
    listed = home.run("bundles")
    assert [v["aliases"] for v in listed] == [["challenger"]]
    assert listed[0]["bundle"] == trained["bundle"]


def test_the_bundle_is_complete_and_fits_its_taxonomy(home, trained):
    bundle = load_bundle(bundle_of(home, trained), taxonomy=load_taxonomy())
    assert bundle.manifest.facts.dataset == home.dataset
    assert bundle.manifest.facts.max_tokens == 32
    assert len(bundle.evidence["issue_type"].scores) == 80  # both audited sides, one row per family
    assert set(bundle.temperatures) == {"issue_type", "priority"}
    text = (bundle.path / "card.md").read_text(encoding="utf-8")
    assert "Not for" in text and home.dataset in text
    config = json.loads((bundle.path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert not Path(config["base_model_name_or_path"]).is_absolute()
    assert str(home.path) not in "".join(
        p.read_text(encoding="utf-8") for p in bundle.path.rglob("*.json") if p.stat().st_size < 1e6
    )


def test_the_engine_gives_what_the_merged_encoder_gives(home, trained):
    from sentence_transformers import SentenceTransformer

    from eval.encoding import encode

    path = bundle_of(home, trained)
    texts = ["My payslip is missing", "Reset my password please, I am locked out since this morning"]
    ours = encode(path / "engine.onnx", path / "encoder" / "tokenizer.json", texts, max_tokens=32)
    theirs = SentenceTransformer(str(path / "encoder"), device="cpu").encode(texts, normalize_embeddings=True)
    quantised = json.loads((path / "metrics.json").read_text(encoding="utf-8"))["engine"]["engine"] == "int8"
    assert np.abs((ours * theirs).sum(axis=1) - 1).max() < (0.05 if quantised else 1e-4)


def test_mlflow_has_parameters_input_curves_pictures_and_table(home, trained):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home.path / 'mlflow.db'}")
    run = client.get_run(trained["run"])
    assert run.info.status == "FINISHED"
    assert run.data.params["lora.rank"] == "4"
    assert run.inputs.dataset_inputs[0].dataset.digest == home.dataset
    assert len(client.get_metric_history(trained["run"], "validation/issue_type_accuracy")) >= 1
    pictures = {Path(a.path).name for a in client.list_artifacts(trained["run"], "pictures")}
    assert pictures == {"confusion_by_category.png", "reliability.png", "risk_coverage.png"}
    assert "issue_types.json" in {a.path for a in client.list_artifacts(trained["run"])}
    assert run.data.metrics["resources/peak_rss_mib"] > 100


def test_no_half_made_files_are_left(home, trained):
    assert list((home.path / "training").iterdir()) == []


def test_promotion_refusal_promotion_and_evaluation(home, trained, tmp_path):
    with pytest.raises(GateError) as refused:
        home.run("promote", "challenger")  # the shipped gate wants 100 audited texts, here are 40
    assert "40 audited texts" in refused.value.message
    assert champion_id(home.path / "bundles") is None

    done = home.run("promote", "challenger", "--gate", str(home.gate))
    assert done["bundle"] == trained["bundle"] == champion_id(home.path / "bundles")
    verify(home.path / "bundles" / trained["bundle"])
    assert home.run("bundles")[0]["aliases"] == ["challenger", "champion"]

    measured = home.run("eval")
    assert measured["bundle"] == trained["bundle"]
    # What was logged at training is what the served file shows again.
    assert measured["issue_type_accuracy"] == trained["metrics"]["issue_type_accuracy"]
    # Its calibration was measured with the other side's temperature, the bundle serves with both sides'.
    assert measured["ece"] == pytest.approx(trained["metrics"]["ece"], abs=0.05)

    engine = home.path / "bundles" / trained["bundle"] / "engine.onnx"
    content = engine.read_bytes()
    engine.write_bytes(content[:-1] + b"\x00")
    with pytest.raises(BundleError, match=r"engine\.onnx"):
        home.run("eval")
    home.run("promote", "challenger", "--gate", str(home.gate))  # promoting again repairs the copy
    assert engine.read_bytes() == content
    leftovers = [p.name for p in (home.path / "bundles").iterdir() if p.name.startswith(".")]
    assert leftovers == []


def test_same_seed_and_one_thread_give_the_same_heads(home, trained, tmp_path):
    again = home.run("train", str(home.recipe))
    first = load_file(bundle_of(home, trained) / "heads.safetensors")
    second = load_file(bundle_of(home, again) / "heads.safetensors")
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_unknown_version_and_unknown_dataset_say_what_there_is(home, trained):
    with pytest.raises(BundleError, match="'99'"):
        home.run("promote", "99")
    with pytest.raises(BadInputError, match="does not exist"):
        home.run("eval", "--dataset", "feedface")


def test_three_mistakes_in_a_recipe_stop_before_anything_is_computed(home, tmp_path):
    from data.errors import SettingsError

    raw = yaml.safe_load(home.recipe.read_text(encoding="utf-8"))
    raw["lora"]["rank"] = 0
    raw["optimization"]["batch_size"] = "many"
    raw["colour"] = "blue"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(SettingsError) as found:
        home.run("train", str(wrong))
    for key in ("lora.rank", "optimization.batch_size", "colour"):
        assert key in found.value.message
