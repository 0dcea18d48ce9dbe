"""The networks in JAX: pure functions of a dict of parameters.

XLA on a CPU is many times slower on NCHW images than on NHWC ones, so images are NHWC here and kernels HWIO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from .jax_reversible import reversible
from .parameters import Model, Stem

if TYPE_CHECKING:
    from odebench.contract import OdeInt

Parameters = dict[str, Array]
GROUP = 2
"""Channels in a group of a GroupNorm."""
EPS = 1e-5


def forward(model: Model, stem: Stem, blocks: int, params: Parameters, images: Array, odeint: OdeInt) -> Array:
    """Logits (B, 10) of images (B, 28, 28)."""
    if model == "mlp":
        hidden = images.reshape(len(images), -1) @ params["hidden.weight"].T + params["hidden.bias"]
        return jax.nn.relu(hidden) @ params["output.weight"].T + params["output.bias"]
    params = {k: v.transpose(2, 3, 1, 0) if v.ndim == 4 else v for k, v in params.items()}
    x = _STEMS[stem](params, images[..., None])
    if model == "revnet":
        x = reversible(_branch, x, [(f"block{i + 1}.f", f"block{i + 1}.g") for i in range(blocks)], params)
    else:
        for i in range(blocks):
            x = _block(params, f"block{i + 1}", x)
    if model == "odenet":
        ts = jnp.array([0, 1], x.dtype)
        x = odeint(ode_function, x, ts, {k: v for k, v in params.items() if k.startswith("ode.")})[-1]
    x = jax.nn.relu(_norm(params, "head.norm", x)).mean((1, 2))
    return x @ params["head.linear.weight"].T + params["head.linear.bias"]


def cross_entropy(logits: Array, labels: Array) -> Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def ode_function(t: Array, y: Array, params: Parameters) -> Array:
    """dy/dt of the ODE block, for y (B, H, W, 64)."""
    y = _conv_with_time(params, "ode.conv1", t, jax.nn.relu(_norm(params, "ode.norm1", y)))
    y = _conv_with_time(params, "ode.conv2", t, jax.nn.relu(_norm(params, "ode.norm2", y)))
    return _norm(params, "ode.norm3", y)


def _conv_with_time(params: Parameters, layer: str, t: Array, y: Array) -> Array:
    time = jnp.full((*y.shape[:3], 1), t, y.dtype)
    return _conv3x3(jnp.concatenate([time, y], -1), params[f"{layer}.weight"]) + params[f"{layer}.bias"]


def _plain_conv(x: Array, kernel: Array, stride: int = 1, padding: int = 0) -> Array:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@jax.custom_vjp
def _conv3x3(x: Array, kernel: Array) -> Array:
    """A 3×3 convolution whose gradient is quick inside a loop; it has a reverse mode only.

    On a CPU, autodiff's kernel gradient takes more than ten times as long in a ``while`` or ``scan`` as outside
    (jax-ml/jax#12868): only outside does XLA transpose its operands into the order of the fast routine.
    """
    return _plain_conv(x, kernel, padding=1)


def _conv3x3_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _conv3x3(x, kernel), (x, kernel)


def _conv3x3_backward(saved: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = saved
    dx = _plain_conv(g, jnp.flip(kernel, (0, 1)).swapaxes(2, 3), padding=1)
    return dx, lax.platform_dependent(x, g, cpu=_kernel_gradient, default=_autodiff_kernel_gradient)


def _kernel_gradient(x: Array, g: Array) -> Array:
    """The convolution of x with g, in which batch and channels have changed places."""
    return _plain_conv(x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3), padding=1).transpose(1, 2, 0, 3)


def _autodiff_kernel_gradient(x: Array, g: Array) -> Array:
    kernel = jnp.zeros((3, 3, x.shape[-1], g.shape[-1]), x.dtype)
    _, pull = jax.vjp(lambda kernel: _plain_conv(x, kernel, padding=1), kernel)
    gradient: Array = pull(g)[0]
    return gradient


_conv3x3.defvjp(_conv3x3_forward, _conv3x3_backward)


def _conv_stem(params: Parameters, x: Array) -> Array:
    x = _conv(params, "stem.conv1", x)
    x = _conv(params, "stem.conv2", jax.nn.relu(_norm(params, "stem.norm1", x)), stride=2, padding=1)
    return _conv(params, "stem.conv3", jax.nn.relu(_norm(params, "stem.norm2", x)), stride=2, padding=1)


def _res_stem(params: Parameters, x: Array) -> Array:
    x = _conv(params, "stem.conv1", x)
    return _block(params, "stem.block2", _block(params, "stem.block1", x, stride=2), stride=2)


_STEMS = {"conv": _conv_stem, "res": _res_stem}


def _block(params: Parameters, name: str, x: Array, stride: int = 1) -> Array:
    """A pre-activation residual block; with a stride, its shortcut is a 1×1 convolution of the activation."""
    y = jax.nn.relu(_norm(params, f"{name}.norm1", x))
    skip = _conv(params, f"{name}.shortcut", y, stride) if stride > 1 else x
    y = _conv(params, f"{name}.conv1", y, stride, padding=1)
    return skip + _conv(params, f"{name}.conv2", jax.nn.relu(_norm(params, f"{name}.norm2", y)), padding=1)


def _branch(params: Parameters, name: str, x: Array) -> Array:
    """F or G of a reversible block: what a residual block adds to its input, on half the channels."""
    y = _conv3x3(jax.nn.relu(_norm(params, f"{name}.norm1", x)), params[f"{name}.conv1.weight"])
    return _conv3x3(jax.nn.relu(_norm(params, f"{name}.norm2", y)), params[f"{name}.conv2.weight"])


def _conv(params: Parameters, layer: str, x: Array, stride: int = 1, padding: int = 0) -> Array:
    y = _plain_conv(x, params[f"{layer}.weight"], stride, padding)
    return y + params[f"{layer}.bias"] if f"{layer}.bias" in params else y


def _norm(params: Parameters, layer: str, x: Array) -> Array:
    """Group normalisation of (B, H, W, C).

    Means are taken a channel first and a group after, by a matrix product: five times as quick on a CPU as a
    reduction over the two channels of a group, which XLA does not vectorise.
    """
    average = np.kron(np.eye(x.shape[-1] // GROUP), np.full((GROUP, GROUP), 1 / GROUP)).astype(x.dtype)

    def mean(v: Array) -> Array:
        return jnp.matmul(v.mean((1, 2)), average, precision="highest")[:, None, None]

    x = x - mean(x)
    scale = lax.rsqrt(mean(x * x) + EPS) * params[f"{layer}.weight"]
    return x * scale + params[f"{layer}.bias"]
