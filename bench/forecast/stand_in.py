"""Data and priors that cost nothing to have: a suite can be resolved before anything is downloaded."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.data.images import Images
from bench.exact.problems import ExactImages, exact_prior, is_exact
from bench.forecast.counts import FreePrior
from bench.forecast.probe import architecture_of
from bench.forecast.work import NetworkWork, count
from bench.plan.loading import DataAndPrior, Loader, once
from bench.prior import Prior
from bench.priors import PriorError, empty_prior, load_prior, read_card
from bench.priors.adapters import ADAPTERS
from bench.priors.network import NetworkPrior
from bench.suites.suite import Suite, TaskRow
from bench.system.code.user_code import is_user_code

COARSE = 8


class StandIn(FreePrior):
    """A prior that costs nothing in place of a network, whose work it knows.

    Args:
        network: on any device; it is counted on the meta device and never run.
        device: of the stand-in.

    Raises:
        PriorError: the network does not run on the meta device.
    """

    def __init__(self, network: NetworkPrior, device: torch.device) -> None:
        self.classes, self.guided = network.classes, network.guide is not None
        self.architecture = architecture_of(network)
        try:
            self.work: NetworkWork = count(network)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise PriorError(
                f"prior '{network.name}' cannot be counted without running it: {reason}"
            ) from error
        super().__init__(network, device, self.work.learned)

    def condition(self, labels: Sequence[int]) -> "StandIn":
        return self


class DrawnImages:
    """So many smooth random images in place of a data set, with the class 0 each."""

    def __init__(self, name: str, shape: tuple[int, ...], n: int) -> None:
        self.name, self.shape = name, shape
        self.ids = [f"{i:05d}" for i in range(n)]

    @cached_property
    def labels(self) -> dict[str, int]:
        """The class of each image."""
        return dict.fromkeys(self.ids, 0)

    def image(self, image: str) -> Tensor:
        """(C, H, W) in [-1, 1]."""
        generator = torch.Generator().manual_seed(int(image))
        coarse = torch.rand(1, self.shape[0], COARSE, COARSE, generator=generator)
        return interpolate(2 * coarse - 1, size=self.shape[1:], mode="bilinear")[0]

    def image_sha256(self, image: str) -> str:
        """Hash of what the image is drawn from."""
        return hashlib.sha256(f"{self.shape} {image}".encode()).hexdigest()


def make_stand_ins(suite: Suite, device: torch.device, recompute: bool = False) -> Loader:
    """Makes what gives each task its stand-ins, each made once; closed forms stand for themselves.

    Args:
        device: of the priors.
        recompute: whether networks compute activations again in backward passes.
    """

    @once
    def prior(name: str) -> Prior:
        if is_exact(name):
            return exact_prior(name, torch.float32, device)
        network = network_of(name)
        network.recompute(recompute)
        return StandIn(network, device)

    @once
    def data(name: str, shape: tuple[int, ...]) -> Images:
        return ExactImages(name) if is_exact(name) else DrawnImages(name, shape, suite.most_images)

    def load(row: TaskRow) -> DataAndPrior:
        known = prior(row.prior or suite.prior)
        return DataAndPrior(data(row.dataset or suite.dataset, tuple(known.shape)), known)

    return load


def network_of(name: str) -> NetworkPrior:
    """The network of a name, from its card alone where it has one.

    Raises:
        PriorError: unknown, no network, or one that would have to be downloaded.
    """
    kind, _, rest = name.partition(":")
    if kind in ADAPTERS and kind != "azula":
        return _network(load_prior(name), name)
    if kind == "azula" and ":" not in rest:
        raise PriorError(
            f"prior '{name}': its architecture is not known before it is downloaded; `run --dry-run` plans it"
        )
    if kind == "azula" or is_user_code(name):
        return _network(load_prior(name), name)
    read_card(name)
    return empty_prior(name)


def _network(prior: Prior, name: str) -> NetworkPrior:
    if not isinstance(prior, NetworkPrior):
        raise PriorError(f"prior '{name}' is no network that can be counted; `run --dry-run` plans it")
    return prior
