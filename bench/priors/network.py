"""A pretrained network as a prior."""

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor, nn

from bench.batch import Images
from bench.prior import Prior, Pullback
from bench.priors.fast.probe import Fast, probe
from bench.priors.unet import can_recompute, lay_out, recompute_activations
from bench.schedule import Level, Schedule, VPSchedule

Prediction = Literal["eps", "v", "x0"]


class Guide(NamedTuple):
    """A classifier that steers a conditional network towards its labels."""

    network: nn.Module
    """Called as ``network(x, index)``; logits, (B, classes)."""
    scale: float
    """Factor of the gradient; 1 samples the posterior of the label, larger values exaggerate it."""
    weights_sha256: str = ""


class NetworkPrior(Prior):
    """A network as a prior; its prediction becomes x0, as in (x - sigma_t eps(x, t)) / alpha_t.

    A guide lowers eps by scale sigma_t grad log p(label | x_t) (Dhariwal & Nichol 2021, arXiv 2105.05233,
    Alg. 2), which raises x0 by scale (sigma_t^2 / alpha_t) grad log p(label | x_t). The vjp is that of the
    sum. It includes the Hessian of the classifier and costs about twice the classifier's gradient. An
    evaluation of a guided prior counts as one.

    Args:
        network: called as ``network(x, index)`` with index (1,), broadcast over the batch, so that the time
            embedding does not depend on the batch size, and with labels, (B,), as a third argument where
            there are classes; returns the prediction, (B, C, H, W), or (B, 2 C, H, W) with a learned variance
            behind it.
        shape: (C, H, W).
        schedule: of the noise levels; by default linear betas, as in DDPM.
        dtype: of the state that solvers see; the network computes in its own parameters' dtype, or under
            ``autocast``.
        autocast: lower precision for the network, or None. The guide is not under it: its gradients would
            vanish.
        predicts: the noise ``eps``, ``v = alpha eps - sigma x0`` (Salimans & Ho 2022, arXiv 2202.00512) or
            ``x0``.
        classes: number of classes that the network distinguishes; 0 for an unconditional one.
        guide: for a prior with classes.

    Raises:
        TypeError: a network is no module.
        ValueError: ``predicts`` is none of its words, or the network has no tensors, which say its device.
    """

    def __init__(
        self,
        network: nn.Module,
        shape: tuple[int, ...],
        schedule: Schedule | None = None,
        dtype: torch.dtype = torch.float32,
        autocast: torch.dtype | None = None,
        predicts: Prediction = "eps",
        classes: int = 0,
        guide: Guide | None = None,
    ) -> None:
        _refuse_unknown(predicts)
        self.network = laid_out(network)
        self.shape, self.schedule = tuple(shape), schedule or VPSchedule()
        self.dtype, self.autocast = dtype, autocast
        self.predicts, self.classes, self.guide = predicts, classes, guide
        self.labels: Tensor | None = None
        self.device = _device(network)
        self._recomputes = self._compiled = False
        self._fast: Fast | None = None
        if guide is not None:
            laid_out(guide.network)

    @property
    def guidance(self) -> dict[str, Any] | None:
        if self.guide is None:
            return None
        return {"classifier": self.guide.weights_sha256, "scale": self.guide.scale}

    @property
    def switches(self) -> tuple[str, ...]:
        states = {"compiled": self._compiled, "recomputed": self._recomputes}
        words = tuple(name for name, on in states.items() if on)
        return words if self._fast is None else words + self._fast.words

    def recompute(self, on: bool = True) -> bool:
        changed = on != self._recomputes and can_recompute(self.network)
        if changed:
            recompute_activations(self.network, on)
            self._recomputes = on
            self._fast = None  # its graphs and compiled code keep activations
        return changed

    def compile(self, backend: str = "inductor") -> None:
        """Has torch.compile translate the network, by one of its backends, when it is first called."""
        self.network.compile(backend=backend)
        self._compiled = True

    def speed_up(self, batch: int, compiled: bool = True) -> tuple[str, ...]:
        if self._fast is None:
            generator = torch.Generator().manual_seed(0)
            x = torch.randn(batch, *self.shape, generator=generator).to(self.device, self.dtype)
            given: tuple[Tensor, ...] = (x, torch.full((1,), self.schedule.T / 2, device=self.device))
            if self.classes:
                given = (*given, torch.zeros(batch, dtype=torch.long, device=self.device))
            lower = str(self.autocast or "").removeprefix("torch.")
            self._fast = probe(self.network, given, lower, compiled)
        return tuple(str(found) for found in self._fast.found)

    def __getitem__(self, images: Images) -> Self:
        some = copy.copy(self)
        some.labels = None if self.labels is None else self.labels[images]
        return some

    def condition(self, labels: Sequence[int]) -> Self:
        if bad := [label for label in labels if not 0 <= label < self.classes]:
            known = f"its classes are 0 .. {self.classes - 1}"
            if not self.classes:
                known = "its network is unconditional"
            raise ValueError(f"prior '{self.name}' knows no class {bad[0]}: {known}")
        conditioned = copy.copy(self)
        conditioned.labels, conditioned.privileged = torch.as_tensor(labels, device=self.device), True
        return conditioned

    def _labels(self, n: int) -> Tensor | None:
        """One label per image; a solver may fold particles into the batch, image by image."""
        if not self.classes:
            return None
        if self.labels is None:
            raise ValueError(f"prior '{self.name}' needs the class of every image: prior.condition(labels)")
        if n % len(self.labels):
            raise ValueError(f"prior '{self.name}' was told {len(self.labels)} labels and given {n} images")
        return self.labels.repeat_interleave(n // len(self.labels))

    def _denoise(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        index = _index(t, x)
        labels = self._labels(len(x))
        out = self._predict(*((x, index) if labels is None else (x, index, labels)))
        self._refuse_other_shapes(out, x)
        out, v = out.to(x.dtype), None
        if out.shape[1] != x.shape[1]:
            out, v = out.chunk(2, dim=1)
        x0 = self._clean(x, out, t)
        if self.guide is not None:
            assert labels is not None, "a guide needs classes"
            score = _label_score(self.guide.network, x, index, labels)
            x0 = x0 + self.guide.scale * (t.sigma**2 / t.alpha) * score
        return x0, v

    def _predict(self, *given: Tensor) -> Tensor:
        """The network's output, (B, C, H, W) or (B, 2 C, H, W)."""
        call = "vjp" if torch.is_grad_enabled() and given[0].requires_grad else "evaluation"
        if self._fast is not None and call in self._fast.calls:
            return self._fast.calls[call](*given)
        if self.autocast is None:
            return self.network(*given)
        with torch.autocast(given[0].device.type, self.autocast):
            return self.network(*given)

    def _refuse_other_shapes(self, out: Any, x: Tensor) -> None:
        """Refuses an output that is neither a prediction for x nor one with a learned variance behind it."""
        n, channels, *size = x.shape
        plain, learned = (n, channels, *size), (n, 2 * channels, *size)
        found = tuple(out.shape) if isinstance(out, Tensor) else f"a {type(out).__name__}"
        if found not in {plain, learned}:
            raise ValueError(
                f"prior '{self.name}': its network returned {found} for an input of {plain}; it must return "
                f"{plain}, or {learned} with a learned variance"
            )

    def _clean(self, x: Tensor, out: Tensor, t: Level) -> Tensor:
        """The x0 that the network's output states; all (B, *shape)."""
        if self.predicts == "eps":
            return (x - t.sigma * out) / t.alpha
        if self.predicts == "v":
            return (t.alpha * x - t.sigma * out) / (t.alpha**2 + t.sigma**2)
        return out

    def moments(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None]:
        with torch.no_grad():
            return self._denoise(x, t)

    def moments_vjp(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        return self._moments_vjp(x, t, once=False)

    def moments_vjp_once(self, x: Tensor, t: Level) -> tuple[Tensor, Tensor | None, Pullback]:
        return self._moments_vjp(x, t, once=True)

    def _moments_vjp(self, x: Tensor, t: Level, once: bool) -> tuple[Tensor, Tensor | None, Pullback]:
        """`moments_vjp`, whose pullback frees the graph as it goes where it comes once."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            x0, v = self._denoise(x, t)

        def pull(u: Tensor) -> Tensor:
            if torch.float16 not in {self.autocast, self._fast and self._fast.lower}:
                return torch.autograd.grad(x0, x, u, retain_graph=not once)[0]
            scale = _power_of_two(u * (t.sigma / t.alpha))
            return torch.autograd.grad(x0, x, u / scale, retain_graph=not once)[0] * scale

        return x0.detach(), None if v is None else v.detach(), pull


def laid_out(network: nn.Module) -> nn.Module:
    """The network for evaluation without gradients of its weights, in the layout that is fastest.

    That is the contiguous one: on CPUs with AVX2 and AVX-512 and on an H100, kernels in channels_last order
    made evaluations up to 1.1 and pullbacks up to 1.23 times slower.

    Raises:
        TypeError: it is no module.
    """
    if not isinstance(network, nn.Module):
        given = f"not {network.__name__}" if isinstance(network, type) else f"not a {type(network).__name__}"
        raise TypeError(f"network must be a torch.nn.Module, called as network(x, index), {given}")
    return lay_out(network.eval().requires_grad_(False), torch.contiguous_format)


def _refuse_unknown(predicts: str) -> None:
    """Refuses a word for a prediction that is none of ours, such as that of another library."""
    if predicts not in (known := get_args(Prediction)):
        raise ValueError(f"predicts='{predicts}' is unknown; a network predicts {', '.join(known)}")


def _device(network: nn.Module) -> torch.device:
    """Where a network's tensors are; a closed form may have buffers only."""
    for tensor in chain(network.parameters(), network.buffers()):
        return tensor.device
    what = f"network {type(network).__name__} has no parameter and no buffer, which would say its device"
    raise ValueError(f"{what}; register a buffer, or derive from bench.prior.Prior instead")


def _index(t: Level, x: Tensor) -> Tensor:
    """The level's index, (1,) or (B,), where x is; a number goes there without waiting for the device."""
    if isinstance(t.index, Tensor):
        return t.index.to(x.device, torch.float32).reshape(-1)
    return torch.full((1,), t.index, dtype=torch.float32, device=x.device)


def _label_score(classifier: nn.Module, x: Tensor, index: Tensor, labels: Tensor) -> Tensor:
    """Gradient of log p(label | x_t), (B, *shape); differentiable where x is."""
    with torch.enable_grad():
        point = x if x.requires_grad else x.detach().requires_grad_()
        log_p = classifier(point, index).log_softmax(1).gather(1, labels[:, None]).sum()
        return torch.autograd.grad(log_p, point, create_graph=x.requires_grad)[0]


def _power_of_two(u: Tensor) -> Tensor:
    """A power of two near the largest magnitude of each image, (B, 1, ...).

    Dividing by it is exact, and keeps float16 gradients in range.
    """
    largest = u.abs().flatten(1).amax(1).clamp_min(torch.finfo(u.dtype).tiny)
    return torch.exp2(largest.log2().floor()).view(-1, *(1,) * (u.ndim - 1))
