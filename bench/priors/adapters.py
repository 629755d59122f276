"""Networks of other libraries as priors: ``diffusers:FOLDER`` and ``azula:NAME``.

Neither library states a hash of what it loads. The identity of such a prior is the sha256 of its tensors
together with its configuration. Class labels other than a plain embedding, and latent spaces, are not
supported.
"""

from collections.abc import Callable

from bench.priors.azula_priors import load_azula
from bench.priors.diffusers_priors import load_diffusers
from bench.priors.network import NetworkPrior

ADAPTERS: dict[str, Callable[..., NetworkPrior]] = {"diffusers": load_diffusers, "azula": load_azula}
