"""The guided-diffusion U-Net (Dhariwal & Nichol 2021, arXiv 2105.05233), built through a library.

azula carries the architecture with the original state-dict names, so public checkpoints load by name. Three
things are ours:

- A switch for recomputation. The library's blocks always recompute their activations in the backward pass,
  which costs a third of a vjp and would bias every wall-clock comparison against the solvers that need one.
- Attention by torch's fused kernel, which neither stores the (T, T) weights of T pixels nor rounds them. The
  classifier keeps the library's attention, since its gradient is differentiated again, which the fused
  kernels do not support.
- Frequencies of the time embedding that stay on the device. The library sends them there at every call, for
  which a GPU is waited for, and which no graph of its work can hold.
"""

import importlib
import importlib.util
import math
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

FOLDER = "azula.plugins.adm._src"
"""Where the library has the architecture; nothing there imports from elsewhere in it."""


class FusedAttention(nn.Module):
    """Attention of each pixel to all pixels, without parameters.

    Args:
        heads: number of heads, H.
        heads_first: whether the channels are ordered (H, qkv, c), as in the original's first version, or
            (qkv, H, c).

    """

    def __init__(self, heads: int, heads_first: bool) -> None:
        super().__init__()
        self.heads, self.heads_first = heads, heads_first

    def forward(self, qkv: Tensor) -> Tensor:
        """(B, 3 H c, T) -> (B, H c, T)."""
        B, _, T = qkv.shape
        split, axis = ((self.heads, 3), 2) if self.heads_first else ((3, self.heads), 1)
        q, k, v = qkv.reshape(B, *split, -1, T).transpose(-1, -2).unbind(axis)
        return scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(B, -1, T)


class TimeEmbedding:
    """Cosines and sines of times in float32, the library's bits."""

    def __init__(self) -> None:
        self._frequencies: dict[tuple[int, torch.device], Tensor] = {}

    def __call__(self, timesteps: Tensor, dim: int, max_period: float = 10000) -> Tensor:
        """(N,) -> (N, dim) with an even dim; the longest wavelength is near 2 pi max_period."""
        half, kept = dim // 2, self._frequencies
        place = half, timesteps.device
        if place not in kept:
            k = torch.arange(half, dtype=torch.float32, device="cpu")
            kept[place] = torch.exp(-math.log(max_period) * k / half).to(timesteps.device)
        phase = timesteps[:, None].float() * kept[place][None]
        return torch.cat([phase.cos(), phase.sin()], dim=-1)


def build_unet(
    image_size: int,
    channels: int,
    learn_sigma: bool,
    num_channels: int,
    attention_resolutions: Sequence[int],
    **architecture: Any,
) -> nn.Module:
    """Builds a U-Net with random weights, without recomputation, in evaluation mode.

    Args:
        image_size: side of the square images, in pixels.
        channels: image channels C; the network returns C of them, or 2 C with ``learn_sigma``.
        learn_sigma: whether the second half of the output is a learned variance interpolation.
        num_channels: channels of the first level.
        attention_resolutions: in pixels: 8 puts attention on the 8x8 maps.
        architecture: ``channel_mult``, ``num_res_blocks``, ``num_head_channels``, ``use_scale_shift_norm``,
            ``resblock_updown``, and ``num_classes`` for a network that is called with labels, (B,), as its
            third argument.

    """
    # The backbone alone: the library's denoiser computes a schedule, which on the meta device imports the
    # compiler (1.7 s).
    backbone = _library().UNetModel(
        image_size=image_size,
        in_channels=channels,
        model_channels=num_channels,
        out_channels=2 * channels if learn_sigma else channels,
        attention_resolutions={image_size // side for side in attention_resolutions},
        **architecture,
    )
    for block in backbone.modules():
        if type(block).__name__ == "AttentionBlock":
            block.attention = FusedAttention(block.num_heads, "Legacy" in type(block.attention).__name__)
    return _prepared(backbone)


def build_classifier(
    image_size: int,
    channels: int,
    num_classes: int,
    num_channels: int,
    attention_resolutions: Sequence[int],
    **architecture: Any,
) -> nn.Module:
    """Builds the classifier of noisy images: the first half of the U-Net, then attention pooling.

    It has random weights, no recomputation, and is in evaluation mode. It maps (B, C, H, W) and a time index
    to logits, (B, num_classes).

    Args:
        image_size, channels, num_channels, attention_resolutions: as for `build_unet`.
        num_classes: number of logits.
        architecture: ``channel_mult``, ``num_res_blocks``, ``num_head_channels``, ...

    """
    network = _library().EncoderUNetModel(
        image_size=image_size,
        in_channels=channels,
        model_channels=num_channels,
        out_channels=num_classes,
        attention_resolutions={image_size // side for side in attention_resolutions},
        pool="attention",
        **architecture,
    )
    return _prepared(network)


def _library() -> ModuleType:
    """The library's module with the architecture, without the rest of the library.

    The plugin around it imports what downloads models, which takes longer than building one.
    """
    if FOLDER not in sys.modules:
        library = importlib.util.find_spec("azula")
        assert library is not None and library.origin is not None, "it is installed with this package"
        place = Path(library.origin).parent / "plugins" / "adm" / "_src" / "__init__.py"
        spec = importlib.util.spec_from_file_location(FOLDER, place)
        assert spec is not None and spec.loader is not None, "it is a file in Python"
        sys.modules[FOLDER] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[FOLDER])
    return importlib.import_module(f"{FOLDER}.unet")


def _prepared(network: nn.Module) -> nn.Module:
    """Readies a network of the library for any dtype, without recomputation, for evaluation."""
    # The library embeds the time step in float32, whatever the dtype of the weights.
    embedding = network.get_submodule("time_embed")
    forward = type(network).forward
    names = {**forward.__globals__, "timestep_embedding": TimeEmbedding()}
    own = FunctionType(forward.__code__, names, closure=forward.__closure__)
    own.__defaults__, own.__kwdefaults__ = forward.__defaults__, forward.__kwdefaults__
    network.forward = MethodType(own, network)
    embedding.register_forward_pre_hook(lambda layers, args: (args[0].to(layers[0].weight.dtype),))
    return recompute_activations(network, False).eval()


def lay_out(network: nn.Module, layout: torch.memory_format) -> nn.Module:
    """Puts the kernels of a network into a memory order: ``torch.contiguous_format`` or ``channels_last``.

    Their values stay as they are.
    """
    for tensor in chain(network.parameters(), network.buffers()):
        if tensor.ndim == 4:  # others, of volumes or sequences, have no such order
            tensor.data = tensor.data.contiguous(memory_format=layout)
    return network


def can_recompute(network: nn.Module) -> bool:
    """Whether `recompute_activations` knows the network's blocks."""
    return any(hasattr(block, "_forward") for block in network.modules())


def recompute_activations(network: nn.Module, on: bool) -> nn.Module:
    """Switches gradient checkpointing of every block on (less memory, one more forward per vjp) or off.

    A block's plain computation is its ``_forward``; an instance attribute named ``forward`` takes precedence
    over the checkpointing method of its class.
    """
    for block in network.modules():
        if not hasattr(block, "_forward"):
            continue
        if on:
            block.__dict__.pop("forward", None)
        else:
            block.__dict__["forward"] = block._forward
    return network
