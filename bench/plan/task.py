"""Tasks: dataset x operator x noise level, and every random stream of a run, by name.

    stream        is a function of                                      so that
    operator      seed, dataset, image, operator                        noise levels share masks and kernels
    measurement   seed, dataset, image, task                            every solver sees the same y
    init          seed, dataset, image, sample                          comparisons of solvers are paired
    sampler       seed, dataset, image, task, solver, sample            a solver's rows are paired too

None depends on a batch, an order, a device, a worker or a hyper-parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.noise import stream_key
from bench.operators import make_operator
from bench.operators.base import Operator
from bench.system.code.user_code import source_sha256

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
    """An inverse problem on a dataset: y = A(x) + sigma n.

    Attributes:
        operator: the operator's name in tables and streams.
        params: the operator's own parameters, but for those at a neutral value.
        sigma: standard deviation of the noise, for images in [-1, 1].
        seed: root seed of all streams.
        spec: what `make_operator` finds the operator by; its name where empty.

    A field that is added declares a neutral value (`bench.operators.base.neutral`). Away from it, the field
    enters keys and the identity of y.
    """

    name: str
    dataset: str
    operator: str
    sigma: float
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    title: str | None = None
    spec: str = ""

    def operators(self, shape: Sequence[int], images: Sequence[str]) -> Operator:
        """A batch of operators, one per image, float64 on the CPU.

        Raises:
            ValueError: the operator is unknown, or its parameters do not fit it or the shape.
        """
        seeds = [stream_key("operator", self.seed, self.dataset, image, self.operator) for image in images]
        return make_operator(self.spec or self.operator, shape, seeds, **self.params)
