"""Means of blocks and of channels against torch's pooling."""

from torch.nn.functional import avg_pool2d, interpolate

from bench.operators import make_operator
from tests.operators.samples import SHAPE, close, images


def test_means():
    x = images()
    for r in (2, 4):
        A = make_operator(f"sr_average{r}", SHAPE, [0, 1])
        close(A(x), avg_pool2d(x, r))
        close(A.pinv(A(x)), interpolate(avg_pool2d(x, r), scale_factor=r, mode="nearest"))
        assert set(A.s.unique().tolist()) == {0, 1 / r}
    close(make_operator("grey", SHAPE, [0, 1])(x)[:, 0], x.numpy().mean(1))
