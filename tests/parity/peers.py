"""Real PyTorch libraries as references: import them, randomize them, compare."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from jaxseg.bench import pytorch
from jaxseg.weights.translate.convert import convert, flatten, to_torch, translate

torch.set_num_threads(1)  # Waiting threads take time from the other test processes.
SIZES = ((65, 96),)  # An odd and an even side in one program; not for sweeps.
EVEN_AND_ODD = ((64, 64), (65, 97))
default_sizes = EVEN_AND_ODD  # The fixture `peers` chooses it for each test.
TABLE: list[tuple[str, str, float]] = []  # (source, model, largest difference)
# (source, model, largest difference of the outputs, of a parameter's gradient)
TRAINING: list[tuple[str, str, float, float]] = []


def __getattr__(name: str):
    """The libraries as attributes: ``peers.torchvision``, ``.timm``, ``.smp``..."""
    loaders = {
        "torchvision": pytorch.torchvision,
        "timm": pytorch.timm,
        "smp": pytorch.smp,
        "mmseg": pytorch.mmseg,
        "transformers": _transformers,
    }
    if name not in loaders:
        raise AttributeError(name)
    return loaders[name]()


def _transformers():
    """transformers, which imports torchvision; skips where it is not installed."""
    pytorch.torchvision()
    return pytest.importorskip("transformers")


def randomize(model: nn.Module, seed: int = 0, *, size=(64, 64), channels=3, run=None):
    """Random weights, affine parameters and running statistics, in place.

    Statistics are measured on eight random images and then disturbed, so that every
    activation is O(1) and yet no normalization is the identity: a forgotten scale,
    mean or epsilon shows.

    Args:
        run: ``run(model, x)`` for models whose forward is not ``model(x)``.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(_draw(name, parameter.shape, random))
        norms = [m for m in model.modules() if _is_batch_norm(m)]
        _measure(model, norms, torch.randn(8, channels, *size, generator=random), run)
        for norm in norms:
            spread = norm.running_var.sqrt()
            noise = torch.randn(spread.shape, generator=random)
            norm.running_mean.add_(0.2 * spread * noise)
            norm.running_var.mul_(
                0.7 + 0.7 * torch.rand(spread.shape, generator=random)
            )
    return model.eval()


def _draw(name: str, shape, random) -> torch.Tensor:
    """One parameter: fan-in scaled kernels, scales in 0.5..1.5, small biases."""
    normal = torch.randn(shape, generator=random)
    if name.endswith(("pos_embed", "cls_token", "dist_token", "position_embeddings")):
        return 0.1 * normal
    if len(shape) >= 2:
        gain = 2.0 if len(shape) == 4 else 1.0
        return normal * (gain / np.prod(shape[1:])) ** 0.5
    if name.endswith("bias"):
        return 0.1 * normal
    return 0.5 + torch.rand(shape, generator=random)


def _is_batch_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and (
        module.running_mean is not None
    )


def _measure(model, norms, x, run) -> None:
    """Fills the running statistics from one batch (a cumulative average of one)."""
    model.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    (run or forward)(model, x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def state_dict(model: nn.Module) -> dict[str, np.ndarray]:
    """The state dict as numpy arrays."""
    return {k: v.detach().cpu().numpy() for k, v in model.state_dict().items()}


def forward(model: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Runs a model; names its outputs as jaxseg does (``logits``, ``aux``)."""
    outputs = model(x)
    if isinstance(outputs, torch.Tensor):
        return {"logits": outputs}
    return {("logits" if k == "out" else k): v for k, v in outputs.items()}


def mmseg_forward(model: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Whole-image inference of an mmseg ``EncoderDecoder``, auxiliary heads included.

    The outputs are resized to the input as ``predict`` does, with the model's own
    ``align_corners``.
    """
    features = model.extract_feat(x)
    outputs = {"logits": _decode(model, features)}
    heads = getattr(model, "auxiliary_head", None) or []
    heads = list(heads) if isinstance(heads, nn.ModuleList) else [heads]
    for number, head in enumerate(heads, start=1):
        name = "aux" if len(heads) == 1 else f"aux_{number}"
        outputs[name] = head(features)
    return {
        name: torch.nn.functional.interpolate(
            value, x.shape[2:], mode="bilinear", align_corners=model.align_corners
        )
        for name, value in outputs.items()
    }


def _decode(model: nn.Module, features) -> torch.Tensor:
    """The decode head, or a cascade of them where each sees the previous result."""
    if not isinstance(model.decode_head, nn.ModuleList):
        return model.decode_head(features)
    result = model.decode_head[0](features)
    for head in list(model.decode_head)[1:]:
        result = head(features, result)
    return result


def compare(
    model,
    torch_model: nn.Module,
    rules,
    *,
    sizes=None,
    run=forward,
    names=None,
    label="",
    rtol=1e-4,
    **options,
) -> float:
    """Converts, runs both models and asserts that every common output agrees.

    Args:
        model: a jaxseg module (or backbone) with outputs NHWC by name.
        torch_model: the reference, already randomized.
        rules: the import table.
        sizes: image sizes (H, W); each compiles a program. None takes `default_sizes`.
        run: ``run(torch_model, x) -> {name: NCHW tensor}``.
        names: outputs to compare; default: all that the reference gives.
        label: ``"source: model"`` for the printed table.
        rtol: allowed difference relative to the largest magnitude of the reference.
        options: ``channels`` (3), ``seed`` (0), and ``allow_missing``,
            ``allow_unused`` of ``convert``.

    Returns:
        The largest relative difference over sizes and outputs.
    """
    channels, seed = options.pop("channels", 3), options.pop("seed", 0)
    sizes = sizes or default_sizes
    variables = import_from(torch_model, model, rules, sizes[0], channels, **options)
    apply = jax.jit(lambda v, x: model.apply(v, x, train=False))
    largest = 0.0
    for size in sizes:
        random = np.random.default_rng(seed)
        image = random.normal(size=(1, *size, channels)).astype(np.float32)
        want = _reference(torch_model, image, run)
        got = jax.device_get(apply(variables, jnp.asarray(image)))
        for name in names or want:
            largest = max(largest, _difference(got, want, name, size, rtol))
    source, _, kind = (label or type(torch_model).__module__).partition(": ")
    TABLE.append((source, kind or type(torch_model).__name__, largest))
    return largest


def import_from(torch_model, model, rules, size=(64, 64), channels=3, **options):
    """The converted variables of ``torch_model`` for ``model``; and back again."""
    image = jax.ShapeDtypeStruct((1, *size, channels), jnp.float32)
    init = functools.partial(model.init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), image)
    state = state_dict(torch_model)
    variables = convert(state, rules, shapes, **options)
    _check_way_back(variables, state, rules)
    return variables


def _check_way_back(variables, state, rules) -> None:
    """The variables, written under PyTorch's names, are the state dict they came from."""
    back = to_torch(variables, rules)
    for key, array in back.items():
        assert key in state, f"{key} is written, the library has no such key"
        assert np.array_equal(array, state[key]), f"{key} comes back changed"
    taken = {key for key in state if translate(key, rules)[1] != "drop"}
    lost = [key for key in taken - back.keys() if not _left_out(key, rules, variables)]
    assert not lost, f"not written back: {sorted(lost)[:5]}"


def _left_out(key, rules, variables) -> bool:
    """Whether ``allow_missing`` or ``allow_unused`` kept a key out of the variables."""
    return translate(key, rules)[0] not in flatten(variables)


def _reference(torch_model, image, run) -> dict[str, np.ndarray]:
    torch_model.eval()
    with torch.no_grad():
        outputs = run(torch_model, torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    return {
        k: v.numpy().transpose(0, 2, 3, 1) if v.ndim == 4 else v.numpy()
        for k, v in outputs.items()
    }


def _difference(got, want, name, size, rtol) -> float:
    """Largest |got - want| over largest |want|; asserts shape, finiteness and rtol."""
    assert name in got, f"output {name!r} is not among {sorted(got)}"
    assert got[name].shape == want[name].shape, (name, size)
    assert np.isfinite(want[name]).all(), f"reference {name} at {size} is not finite"
    assert want[name].std() > 0, f"reference {name} at {size} is constant"
    difference = np.abs(got[name] - want[name]).max() / np.abs(want[name]).max()
    assert difference <= rtol, f"{name} at {size}: {difference:.2e} > {rtol:.0e}"
    return float(difference)
