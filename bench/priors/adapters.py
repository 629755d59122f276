"""Networks of other libraries as priors: ``diffusers:FOLDER`` and ``azula:NAME``.

Neither library states a hash of what it loads; the identity of such a prior is the sha256 over its tensors,
and its configuration. Nothing here knows class labels that are not a plain embedding, nor latent spaces.
"""

from collections.abc import Callable

from bench.priors.azula_priors import load_azula
from bench.priors.diffusers_priors import load_diffusers
from bench.priors.network import NetworkPrior

ADAPTERS: dict[str, Callable[..., NetworkPrior]] = {"diffusers": load_diffusers, "azula": load_azula}
