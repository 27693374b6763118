import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from data.errors import BundleError
from data.tasks.categorize import TASK_VERSION
from data.tasks.priority_cues import CUES, cues
from data.taxonomy import DEFAULT_PATH, PRIORITIES, Taxonomy, load_taxonomy
from eval.bundle import Evidence, Facts, evidence_as_json, load_bundle, verify, write_manifest
from eval.heads import predict
from eval.registry import champion_id, install


def facts(**changes) -> Facts:
    known = {
        "created": "2026-01-01T00:00:00+00:00",
        "dataset": "d" * 12,
        "taxonomy_version": load_taxonomy().version,
        "task_version": TASK_VERSION,
        "base_model": "test",
        "code_revision": "test",
        "kb_version": "none",
        "recipe": "test",
        "engine": "fp32",
        "max_tokens": 64,
    }
    return Facts(**{**known, **changes})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A bundle whose engine is never run: everything else is real."""
    path, rng = tmp_path / "bundle", np.random.default_rng(0)
    labels = len(load_taxonomy().labels)
    (path / "encoder").mkdir(parents=True)
    (path / "engine.onnx").write_bytes(b"graph")
    (path / "encoder" / "tokenizer.json").write_text("{}")
    weight = rng.normal(size=(labels, 384)).astype(np.float32)
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    save_file(
        {
            "issue_type.weight": weight,
            "issue_type.scale": np.asarray([20.0], np.float32),
            "issue_type.bias": np.zeros(labels, np.float32),
            "priority.weight": rng.normal(size=(4, 384 + labels + len(CUES))).astype(np.float32),
            "priority.bias": np.zeros(4, np.float32),
            "centres": weight,
        },
        path / "heads.safetensors",
    )
    evidence = Evidence(np.asarray([0.9]), np.asarray([True]), ("a",), ("a",), ("c",))
    (path / "evidence.json").write_text(evidence_as_json({"issue_type": evidence, "priority": evidence}))
    (path / "calibration.json").write_text('{"issue_type": 0.5, "priority": 2.0}')
    (path / "metrics.json").write_text("{}")
    (path / "taxonomy.yaml").write_bytes(DEFAULT_PATH.read_bytes())
    write_manifest(path, facts())
    return path


def test_a_sound_bundle_loads_and_predicts_distributions(directory):
    bundle = load_bundle(directory, taxonomy=load_taxonomy())
    own = bundle.heads["issue_type.weight"]
    found = predict(bundle, own[:3].copy(), ["a", "b", "c"])
    assert [p.issue_type.best[0] for p in found] == list(load_taxonomy().labels[:3])
    for p in found:
        assert p.issue_type.probabilities.sum() == pytest.approx(1)
        assert p.priority.labels == PRIORITIES and p.priority.probabilities.sum() == pytest.approx(1)
        assert p.familiarity == pytest.approx(1, abs=1e-5)
        assert p.bundle == bundle.id and p.chars == 1
    with pytest.raises(ValueError, match="must be"):
        predict(bundle, own[:2], ["only one"])


@pytest.mark.parametrize(
    "name", ["engine.onnx", "heads.safetensors", "evidence.json", "encoder/tokenizer.json"]
)
def test_one_changed_byte_names_the_file(directory, name):
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(bytes(content))
    with pytest.raises(BundleError) as found:
        load_bundle(directory)
    assert name in found.value.message and "changed" in found.value.message


def test_missing_extra_and_foreign_files_are_all_named(directory):
    (directory / "calibration.json").unlink()
    (directory / "notes.txt").write_text("hello")
    (directory / "encoder" / "model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(BundleError) as found:
        verify(directory)
    for words in (
        "calibration.json is missing",
        "notes.txt is not in the manifest",
        "encoder/model.pkl has a type",
    ):
        assert words in found.value.message


def test_an_edited_manifest_is_noticed(directory):
    raw = json.loads((directory / "manifest.json").read_text())
    raw["task_version"] = "categorize-0"
    (directory / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="id does not follow"):
        verify(directory)


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00", '{"id": 1, "files": 3}'])
def test_an_unreadable_manifest_is_one_message(directory, content):
    (directory / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        verify(directory)


def test_no_bundle_at_all(tmp_path):
    with pytest.raises(BundleError, match="not a bundle"):
        load_bundle(tmp_path)


def test_another_task_version_is_refused_with_a_remedy(directory):
    (directory / "manifest.json").unlink()
    write_manifest(directory, facts(task_version="categorize-0"))
    with pytest.raises(BundleError, match="categorize-0") as found:
        load_bundle(directory)
    assert "firstline train" in found.value.remedy


def test_another_live_taxonomy_is_refused(directory):
    live = load_taxonomy()
    fewer = Taxonomy(live.categories, dict(list(live.issue_types.items())[:-1]), live.priorities)
    with pytest.raises(BundleError, match=fewer.version):
        load_bundle(directory, taxonomy=fewer)


def test_a_damaged_source_is_not_installed_and_the_champion_stays(directory, tmp_path):
    bundles = tmp_path / "bundles"
    first = install(directory, bundles)
    assert champion_id(bundles) == first.id
    (directory / "engine.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"engine\.onnx"):
        install(directory, bundles)
    assert champion_id(bundles) == first.id
    verify(bundles / first.id)


def test_installing_again_repairs_a_damaged_copy(directory, tmp_path):
    bundles = tmp_path / "bundles"
    made = install(directory, bundles)
    (bundles / made.id / "engine.onnx").write_bytes(b"rot")
    install(directory, bundles)
    verify(bundles / made.id)
    assert sorted(p.name for p in bundles.iterdir()) == sorted([made.id, "champion"])


def test_cues_are_bounded_and_see_what_the_rubric_is_about():
    urgent = dict(zip(CUES, cues("URGENT: 120 employees not paid, pay day is today!!!"), strict=True))
    assert urgent["today"] == urgent["urgent"] == urgent["unpaid"] == urgent["many_people"] == 1.0
    calm = dict(zip(CUES, cues("No rush: how do I change the language?"), strict=True))
    assert calm["no_rush"] == calm["question"] == 1.0 and calm["urgent"] == calm["many_people"] == 0.0
    for text in ("", "\n", "x" * 2000, "999999999 employees", "5,000,000 people"):
        assert len(cues(text)) == len(CUES) and all(0 <= c <= 1 for c in cues(text))
