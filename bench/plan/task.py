"""Tasks: dataset x operator x noise level, and every random stream of a run, by name.

    stream        is a function of                                      so that
    operator      seed, dataset, image, operator                        noise levels share masks and kernels
    measurement   seed, dataset, image, task                            every solver sees the same y
    init          seed, dataset, image, sample                          comparisons of solvers are paired
    sampler       seed, dataset, image, task, solver, sample            a solver's rows are paired too

A task may take the measurement and sampler streams of another one (``draws_of``): with the same operator and
noise it has the same y, and what changes in a row is due to what its solver is told.

None depends on a batch, an order, a device, a worker or a hyper-parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from bench.likelihood import Gaussian, NoiseModel, make_noise
from bench.noise import stream_key
from bench.operators import make_operator
from bench.operators.base import Neutral, Operator
from bench.system.code.user_code import source_sha256

NOT_MEASURED = frozenset({"told_sigma", "told", "draws_of"})
"""Fields of a task that do not change what is measured."""
SAMPLES_SCHEME = "rows-1"
"""How the samples of a problem share one stream; part of the keys of records about several samples."""


def supplied(A: Operator) -> dict[str, dict[str, str]]:
    """The entry of a key for what a user supplied: files, or the operator's own code; else {}."""
    given = dict(A.supplied())
    if code := source_sha256(type(A)):
        given["source"] = code
    return {"supplied": given} if given else {}


@dataclass(frozen=True)
class Task:
    """An inverse problem on a dataset: y scatters around A(x).

    Attributes:
        operator: the operator's name in tables and streams.
        params: the operator's own parameters, but for those at a neutral value.
        sigma: standard deviation of Gaussian noise, for images in [-1, 1]; None where it is another.
        seed: root seed of all streams.
        spec: what `make_operator` finds the operator by; its name where empty.
        noise: the words of `make_noise` where the noise is not Gaussian.
        told_sigma: the standard deviation of the Gaussian noise that solvers are told of, instead of the true
            noise.
        told: parameters in which the operator that solvers are given differs from the one that measures.
        draws_of: the task whose measurement and sampler streams it takes; its own where empty.

    A field that is added declares a neutral value (`bench.operators.base.neutral`). Away from it, the field
    enters keys and, unless it is in `NOT_MEASURED`, the identity of y.
    """

    name: str
    dataset: str
    operator: str
    sigma: float | None
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    title: str | None = None
    spec: str = ""
    noise: Annotated[Mapping[str, Any], Neutral({})] = field(default_factory=dict)
    told_sigma: Annotated[float | None, Neutral(None)] = None
    told: Annotated[Mapping[str, Any], Neutral({})] = field(default_factory=dict)
    draws_of: Annotated[str, Neutral("")] = ""

    def operators(self, shape: Sequence[int], images: Sequence[str]) -> Operator:
        """A batch of the operators that measure, one per image, float64 on the CPU.

        Raises:
            ValueError: the operator is unknown, or its parameters do not fit it or the shape.
        """
        return self._operators(shape, images, self.params)

    def told_operators(self, shape: Sequence[int], images: Sequence[str]) -> Operator:
        """A batch of the operators that solvers are given, from the same seeds.

        Raises:
            ValueError: as `operators`.
        """
        return self._operators(shape, images, {**self.params, **self.told})

    def _operators(self, shape: Sequence[int], images: Sequence[str], params: Mapping[str, Any]) -> Operator:
        seeds = [stream_key("operator", self.seed, self.dataset, image, self.operator) for image in images]
        return make_operator(self.spec or self.operator, shape, seeds, **params)

    @property
    def likelihood(self) -> NoiseModel:
        """The noise that measures."""
        return make_noise(**self.noise) if self.noise else Gaussian(self.sigma or 0.0)

    @property
    def told_likelihood(self) -> NoiseModel:
        """The noise that solvers are told of."""
        return self.likelihood if self.told_sigma is None else Gaussian(self.told_sigma)

    @property
    def misspecified(self) -> dict[str, Any]:
        """What solvers are told that is not so, by name; mostly empty."""
        sigma = {} if self.told_sigma is None else {"sigma": self.told_sigma}
        return sigma | dict(self.told)

    def measurement_stream(self, image: str) -> int:
        """The key of the stream that an image's noise is drawn from."""
        return stream_key("measurement", self.seed, self.dataset, image, self.draws)

    @property
    def draws(self) -> str:
        """The name of the task in its streams of measurements and samplers."""
        return self.draws_of or self.name
