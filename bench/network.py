"""The guided-diffusion U-Net (Dhariwal & Nichol 2021, arXiv 2105.05233), built through a library.

azula carries the architecture with the original state-dict names, so public checkpoints load by name. What is ours is one
switch: the library's blocks always recompute their activations in the backward pass, which costs a third of a vjp and would
bias every wall-clock comparison against the solvers that need one.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn


def build_unet(image_size: int, channels: int, learn_sigma: bool, **architecture: Any) -> nn.Module:
    """A U-Net with random weights, plain (no activation recomputation), in evaluation mode.

    Args:
        image_size: side of the square images, in pixels.
        channels: image channels C; the network returns C of them, or 2 C with ``learn_sigma``.
        learn_sigma: whether the second half of the output is a learned variance interpolation.
        architecture: ``num_channels``, ``channel_mult``, ``num_res_blocks``, ``attention_resolutions`` (in pixels: 8 puts
            attention on the 8x8 maps), ``num_head_channels``, ``use_scale_shift_norm``, ``resblock_updown``, ...

    """
    from azula.plugins.adm import make_model

    denoiser = make_model(
        image_size=image_size, image_channels=channels, learn_var=learn_sigma, clip_mean=False, **architecture
    )
    # The library embeds the time step in float32, whatever the dtype of the weights.
    denoiser.backbone.time_embed.register_forward_pre_hook(lambda layers, args: (args[0].to(layers[0].weight.dtype),))
    return recompute_activations(denoiser.backbone, False).eval()


def recompute_activations(network: nn.Module, on: bool) -> nn.Module:
    """Switches gradient checkpointing of every block on (less memory, one more forward per vjp) or off.

    A block's plain computation is its ``_forward``; an instance attribute named ``forward`` takes precedence over the
    checkpointing method of its class.
    """
    for block in network.modules():
        if hasattr(block, "_forward"):
            if on:
                block.__dict__.pop("forward", None)
            else:
                block.__dict__["forward"] = block._forward
    return network


def check_state(network: nn.Module, state: Mapping[str, Any], source: str) -> None:
    """Refuses a state dict of another architecture, naming the first entry that differs.

    Raises:
        ValueError: a name is missing, unknown, or has another shape.

    """
    expected = network.state_dict()
    for name, value in expected.items():
        if name not in state:
            raise ValueError(f"{source}: not this architecture: '{name}' is missing")
        if state[name].shape != value.shape:
            raise ValueError(
                f"{source}: not this architecture: '{name}' has shape {tuple(state[name].shape)}, expected {tuple(value.shape)}"
            )
    for name in state:
        if name not in expected:
            raise ValueError(f"{source}: not this architecture: unknown entry '{name}'")
