"""Cards of priors: architecture, noise levels, and where the files come from and what they hash to."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, ValidationError

from bench.names import nearest
from bench.system.gate import conform, read_toml, reason

FOLDER = Path(__file__).parent

Size = Annotated[int, Field(ge=1, le=65_536)]
"""A part of a network, small enough to be built."""
Beta = Annotated[float, Field(gt=0, lt=1)]
Url = Annotated[str, Field(pattern="^https?://")]


class Network(BaseModel):
    """Settings that the U-Net and the classifier share; ``attention_resolutions`` are in pixels."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image_size: Size
    channels: Literal[1, 3]
    num_channels: Size
    channel_mult: Annotated[list[Size], Field(min_length=1)]
    num_res_blocks: Size
    attention_resolutions: list[Size]
    num_heads: Size = 1
    num_head_channels: int = -1
    use_scale_shift_norm: bool = False
    resblock_updown: bool = False
    use_new_attention_order: bool = False


class Architecture(Network):
    """Arguments of `bench.priors.unet.build_unet`."""

    learn_sigma: bool
    num_classes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ClassifierArchitecture(Network):
    """Arguments of `bench.priors.unet.build_classifier`."""

    num_classes: Annotated[int, Field(ge=1, le=1_000_000)]


class ScheduleTable(BaseModel):
    """Noise levels by linear betas, as in `bench.schedule.VPSchedule`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    T: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    beta_min: Beta = 1e-4
    beta_max: Beta = 2e-2


class Weights(BaseModel):
    """A file of weights.

    Attributes:
        file: its name, beside the card or in the cache.
        sha256: of the file, where known. Without it, `fetch` notes the hash of what it got, and every run
            records the hash of what it used.
        size: in bytes, where known; a file of another size is refused.
        size_about: an estimate in bytes, where the size is not known; shown before a download, never checked.
        urls: addresses of the file, the best first.
        by_hand: instructions for getting it otherwise.

    """

    file: Annotated[str, Field(pattern=r"^[^/\\]+\.(safetensors|pt|pth)$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    size: PositiveInt | None = None
    size_about: PositiveInt | None = None
    urls: list[Url] = []
    by_hand: str = ""


class ClassifierWeights(Weights):
    """The classifier that guides a conditional prior, and the scale of its gradient."""

    architecture: ClassifierArchitecture
    scale: NonNegativeFloat = 1.0


class PriorCard(Weights):
    """Entries that a card must have; further ones are for the reader."""

    name: str
    architecture: Architecture
    schedule: ScheduleTable
    classifier: ClassifierWeights | None = None

    @property
    def weights(self) -> "list[NetworkWeights]":
        """Every file that the prior needs."""
        return [self] if self.classifier is None else [self, self.classifier]


NetworkWeights = PriorCard | ClassifierWeights
"""A file of weights, and the architecture that it is for."""


class PriorError(ValueError):
    """A prior that cannot be had: unknown name, missing file, wrong hash or wrong architecture."""


def list_priors() -> list[str]:
    """Names of the priors that have a card here."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_card(name: str) -> tuple[PriorCard, Path]:
    """Reads the card of a prior.

    Args:
        name: of a card in this folder, or the path of a ``.toml`` of the user's own.

    Returns:
        The card and its path.

    Raises:
        PriorError: no such card, not valid TOML, or an entry that is missing, unknown or wrong.

    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if name.endswith(".toml") and not path.exists():
        raise PriorError(f"unknown prior '{name}': no such file")
    if not path.is_file():
        kinds = "the path of a card (.toml), diffusers:FOLDER, azula:NAME or file.py:function"
        raise PriorError(f"unknown prior '{name}'{nearest(name, list_priors())}, {kinds}")
    try:
        return conform(PriorCard, read_toml(path.read_bytes())), path
    except ValidationError as error:
        entry = ".".join(str(part) for part in error.errors()[0]["loc"])
        example = FOLDER / "fashion32.toml"
        raise PriorError(f"{path}: '{entry}': {reason(error)}; {example} shows a card") from None
    except ValueError as error:
        raise PriorError(f"{path}: not a valid card: {error}") from None
