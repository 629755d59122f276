"""Noise levels of a ``UNet2DModel``, and its way to E[x0 | x_t], under each kind of scheduler of diffusers.

These kinds of diffusers 0.42 are known:

- All schedulers with betas, those of zero terminal SNR too; ``use_karras_sigmas`` and the like leave the
  network as it is.
- EDM: `EDMEulerScheduler`, `EDMDPMSolverMultistepScheduler`, `CosineDPMSolverMultistepScheduler`, and
  `EulerDiscreteScheduler` of continuous time.
- Flow matching: `FlowMatchEulerDiscreteScheduler`, `FlowMatchHeunDiscreteScheduler` and ``use_flow_sigmas``.
  A shift of the levels, even a dynamic one, leaves the network as it is; ``invert_sigmas`` turns its time and
  velocity around.
- Scores of images in [0, 1]: `ScoreSdeVeScheduler`, `KarrasVeScheduler`.
- `IPNDMScheduler`.

These are refused:

- Schedulers of consistency functions: `CMStochasticIterativeScheduler`, `LCMScheduler`, `TCDScheduler`,
  `SCMScheduler` and `FlowMatchLCMScheduler`.
- `ScoreSdeVpScheduler`, which does not say at which time its network is asked.
- Schedulers of tokens, of latents, of video, sound or molecules, and of flow maps: no U-Net of images in
  pixels goes with them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from bench.priors.cards import PriorError
from bench.priors.diffusers_networks import TIMES, Flow, OnCircle, Preconditioned, ScoreInUnitRange, WithBetas
from bench.priors.foreign import table_schedule, valid
from bench.priors.network import Prediction
from bench.schedule import FlowSchedule, KarrasSchedule, Schedule, VPSchedule

PREDICTIONS: dict[str, Prediction] = {
    "epsilon": "eps",
    "v_prediction": "v",
    "sample": "x0",
    "original_sample": "x0",
}
"""The names of predictions in diffusers -> ours."""
CONSISTENCY = (
    "CMStochasticIterativeScheduler",
    "LCMScheduler",
    "TCDScheduler",
    "SCMScheduler",
    "FlowMatchLCMScheduler",
)
KNOWN = (
    "known are those with betas, of EDM, of flow matching, "
    "ScoreSdeVeScheduler, KarrasVeScheduler and IPNDMScheduler"
)


class Kind(NamedTuple):
    """The use of a network as a prior."""

    network: nn.Module
    schedule: Schedule
    predicts: Prediction = "x0"
    about: dict[str, Any] = {}  # noqa: RUF012 - never changed
    """Settings that change results besides levels and prediction; they are part of the identity."""


def interpret(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """Finds out how a network is used under a scheduler of diffusers.

    Args:
        unet: the network.
        scheduler: made from the configuration of a pipeline.
        source: the pipeline; starts the messages of errors.

    Raises:
        PriorError: under the scheduler, the network is not a denoiser that is known here.

    """
    name = type(scheduler).__name__
    if name in CONSISTENCY:
        raise PriorError(f"{source}: {name}: its network is a consistency function, not E[x0 | x_t]")
    if name == "ScoreSdeVpScheduler":
        raise PriorError(f"{source}: {name} does not say at which time its network is asked; {KNOWN}")
    if name in BY_NAME:
        return BY_NAME[name](unet, scheduler, source)
    return _by_settings(unet, scheduler, source)


def _by_settings(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """The kind of a scheduler whose settings, not its name, say what its network is."""
    name, config = type(scheduler).__name__, scheduler.config
    continuous = name == "EulerDiscreteScheduler" and config.timestep_type == "continuous"
    if continuous and config.prediction_type == "v_prediction":
        return _preconditioned(unet, scheduler, 1.0, "log", source)
    if config.get("use_flow_sigmas") and "flow_shift" in config:
        if config.prediction_type != "flow_prediction":
            raise PriorError(f"{source}: {name}: use_flow_sigmas needs prediction_type flow_prediction")
        return _flow(unet, scheduler, config.flow_shift, source)
    if hasattr(scheduler, "betas"):
        return _betas(unet, scheduler, source)
    raise PriorError(f"{source}: {name} is no scheduler under which a UNet2DModel is a denoiser; {KNOWN}")


def _edm(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """EDM as in its paper."""
    return _preconditioned(unet, scheduler, scheduler.config.sigma_data, "log", source)


def _cosine_edm(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """EDM with the angle as its time."""
    return _preconditioned(unet, scheduler, scheduler.config.sigma_data, "angle", source)


def _flow_matching(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """Flow matching by its own schedulers."""
    return _flow(unet, scheduler, scheduler.config.shift, source)


def _circle(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """Levels at even angles between data and noise."""
    angles = _even(scheduler.config.num_train_timesteps) * np.pi / 2
    schedule = table_schedule(np.cos(angles) ** 2, source)
    return Kind(OnCircle(unet, schedule), schedule, about={"kind": "angle"})


def _betas(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """A network of the variance-preserving process; the scheduler has betas."""
    config = scheduler.config
    if (predicts := PREDICTIONS.get(config.get("prediction_type", "epsilon"))) is None:
        raise PriorError(f"{source}: prediction_type '{config.prediction_type}' is not noise, v or x0")
    return Kind(WithBetas(unet), _betas_schedule(scheduler, source), predicts)


def _betas_schedule(scheduler: Any, source: str) -> Schedule:
    """Linear betas in double precision, as ours are; other levels from the scheduler's own table.

    A last level of pure noise (zero terminal SNR), at which x0 does not follow from eps, is left out.
    """
    config = scheduler.config
    shifted, zero = "snr_shift_scale" in config, config.get("rescale_betas_zero_snr")
    linear = config.get("beta_schedule") == "linear" and config.get("trained_betas") is None
    if linear and not shifted and not zero:
        return VPSchedule(config.num_train_timesteps, config.beta_start, config.beta_end)
    if shifted:
        abar = scheduler.alphas_cumprod.double().numpy()
    else:
        abar = np.cumprod(1 - scheduler.betas.double().numpy())
    return table_schedule(abar[:-1] if zero else abar, source)


def _preconditioned(unet: nn.Module, scheduler: Any, sigma_data: float, time: str, source: str) -> Kind:
    """A network of EDM; its levels are those of the scheduler's sampler of ``num_train_timesteps`` steps."""
    prediction = scheduler.config.prediction_type
    if (sign := {"epsilon": 1, "v_prediction": -1}.get(prediction)) is None:
        raise PriorError(
            f"{source}: {type(scheduler).__name__} has no preconditioning for prediction_type '{prediction}'"
        )
    scheduler.set_timesteps(scheduler.config.num_train_timesteps)
    sigmas = np.unique(scheduler.sigmas[:-1].double().numpy())
    schedule = valid(KarrasSchedule, sigmas, source)
    about = {"kind": "edm", "sigma_data": sigma_data, "sign": sign, "time": time}
    return Kind(Preconditioned(unet, schedule, sigma_data, sign, TIMES[time]), schedule, about=about)


def _flow(unet: nn.Module, scheduler: Any, shift: float, source: str) -> Kind:
    """A network of flow matching; its levels are even in its own time, then shifted by its scheduler.

    Pure noise, at time T, is left out. A dynamic shift depends on the size of the image and belongs to a
    sampler. It is not in the scheduler's own table, at whose times the network is trained, and not here.
    """
    config = scheduler.config
    T, inverted = config.num_train_timesteps, bool(config.get("invert_sigmas"))
    s = _even(T)
    if not config.get("use_dynamic_shifting"):
        s = shift * s / (1 + (shift - 1) * s)
    schedule = valid(FlowSchedule, s, source)
    about: dict[str, Any] = {"kind": "flow", "T": T}
    if inverted:
        about["inverted"] = True
    return Kind(Flow(unet, schedule, T, inverted), schedule, about=about)


def _score(unet: nn.Module, scheduler: Any, source: str) -> Kind:
    """A network that gives scores, at geometric levels.

    ScoreSdeVe's sigmas are of images in [0, 1], KarrasVe's of images in [-1, 1], as in its pipeline.
    """
    unit = 2 if type(scheduler).__name__ == "ScoreSdeVeScheduler" else 1
    config = scheduler.config
    sigmas = np.geomspace(config.sigma_min, config.sigma_max, config.get("num_train_timesteps", 1000))
    schedule = valid(KarrasSchedule, unit * sigmas, source)
    return Kind(ScoreInUnitRange(unet, schedule), schedule)


def _even(T: int) -> np.ndarray:
    """The numbers 1 / T, 2 / T, ... below 1."""
    return np.arange(1, T) / T


BY_NAME: dict[str, Callable[[nn.Module, Any, str], Kind]] = {
    "EDMEulerScheduler": _edm,
    "EDMDPMSolverMultistepScheduler": _edm,
    "CosineDPMSolverMultistepScheduler": _cosine_edm,
    "FlowMatchEulerDiscreteScheduler": _flow_matching,
    "FlowMatchHeunDiscreteScheduler": _flow_matching,
    "ScoreSdeVeScheduler": _score,
    "KarrasVeScheduler": _score,
    "IPNDMScheduler": _circle,
}
"""Schedulers whose name says what their network is."""
