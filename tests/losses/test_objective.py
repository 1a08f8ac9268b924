"""The objective from a LossConfig, and class weights from counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.config import LossConfig
from jaxseg.losses import (
    LOSSES,
    OUTPUT_LOSSES,
    Loss,
    OutputLoss,
    build_objective,
    cross_entropy,
    dice,
    dual_task,
    edge_attention,
    edge_cross_entropy,
    median_frequency,
    presence_cross_entropy,
    top_k_cross_entropy,
    total_loss,
)
from jaxseg.losses.objective import option_names

# SegNet's CamVid training split: share of all pixels (void has the rest).
CAMVID = (0.16845, 0.23259, 0.00983, 0.31658, 0.04486, 0.09724)
CAMVID += (0.01173, 0.01127, 0.05866, 0.00639, 0.00292)


def same(term, pair, coefficient):
    np.testing.assert_array_equal(term[0], pair[0])
    np.testing.assert_array_equal(term[1], pair[1])
    assert term[2] == coefficient


def test_losses_of_gated_scnn_and_ginet_are_named_terms(example):
    logits, label = example
    edge = logits[..., :1] * 9
    presence = logits[:, 0, 0]
    outputs = {"logits": logits, "edge": edge, "extra_presence": presence}
    config = LossConfig(
        "image_weighted_cross_entropy", (("dual_task", 1.0), ("edge_attention", 2.0))
    )
    step = np.int32(3)
    terms, attention, present, sampled = jax.jit(
        lambda: (
            build_objective(config)(outputs, {"label": label, "step": step}),
            edge_attention(logits, label, edge=edge),
            presence_cross_entropy(presence, label),
            dual_task(logits, label, step=step),
        )
    )()
    same(terms["edge_attention"], attention, 2.0)
    same(terms["presence"], present, 0.2)
    same(terms["dual_task"], sampled, 1.0)
    with pytest.raises(ValueError, match="expected a network with an output 'edge'"):
        batch = {"label": label, "step": step}
        jax.eval_shape(build_objective(config), {"logits": logits}, batch)


def test_terms(example):
    logits, label = example
    aux, edge = logits[..., ::-1], logits[..., :1]
    outputs = {"logits": logits, "aux_2": aux, "aux": -aux, "edge": edge}
    config = LossConfig(
        additional=(("dice", 0.5),), options={"dice": {"smooth": 0.0}}, edge_weight=3.0
    )
    terms = build_objective(config)(outputs, {"label": label})
    assert list(terms) == ["cross_entropy", "dice", "aux", "aux_2", "edge"]
    same(terms["cross_entropy"], cross_entropy(logits, label), 1.0)
    same(terms["dice"], dice(logits, label, smooth=0.0), 0.5)
    same(terms["aux"], cross_entropy(-aux, label), 0.4)
    same(terms["aux_2"], cross_entropy(aux, label), 0.4)
    same(terms["edge"], edge_cross_entropy(edge, label), 3.0)
    loss, parts = total_loss(terms)
    expected = parts["cross_entropy"] + 0.5 * parts["dice"] + 3 * parts["edge"]
    expected += 0.4 * (parts["aux"] + parts["aux_2"])
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("median_frequency", (0.5, 1.0, 5.0)),
        ("sqrt_median_frequency", (0.5**0.5, 1.0, 5**0.5)),
    ],
)
def test_class_weights_reach_main_and_aux(example, name, weights):
    logits, label = example
    config = LossConfig(class_weights=name)
    loss_fn = build_objective(config, class_pixels=(100, 50, 10))
    terms = jax.jit(loss_fn)({"logits": logits, "aux": logits}, {"label": label})
    pair = jax.jit(lambda z: cross_entropy(z, label, class_weights=weights))(logits)
    same(terms["cross_entropy"], pair, 1.0)
    same(terms["aux"], pair, 0.4)


def test_step_reaches_annealed_losses(example):
    logits, label = example
    options = {"fraction": 0.2, "anneal_steps": 10}
    config = LossConfig("top_k_cross_entropy", options={"top_k_cross_entropy": options})
    batch = {"label": label, "step": np.int32(5)}
    terms = jax.jit(build_objective(config))({"logits": logits}, batch)
    run = lambda z, step: top_k_cross_entropy(z, label, step=step, **options)
    pair = jax.jit(run)(logits, np.int32(5))
    same(terms["top_k_cross_entropy"], pair, 1.0)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            LossConfig("softmax"),
            r"loss.name='softmax' is invalid: expected one of affinity, boundary",
        ),
        (LossConfig(additional=(("dicce", 1.0),)), "loss.name='dicce' is invalid"),
        (LossConfig(options={"dice": {}}), r"loss.options=\['dice'\] is invalid"),
        (
            LossConfig("dice", options={"dice": {"smoth": 1}}),
            r"loss.options.dice=\['smoth'\] is invalid: expected only the options of this "
            "loss: smooth, ",
        ),
        (LossConfig(class_weights="median_frequency"), "class_pixels=None is invalid"),
        (
            LossConfig(class_weights="inverse"),
            "loss.class_weights='inverse' is invalid",
        ),
    ],
)
def test_wrong_configs_are_named(config, message):
    with pytest.raises(ValueError, match=message):
        build_objective(config)


def test_class_weights_on_a_loss_without_them_are_an_error():
    config = LossConfig("dice", class_weights="median_frequency")
    with pytest.raises(ValueError, match="takes no class weights"):
        build_objective(config, class_pixels=(1, 2))


def test_median_frequency_of_camvid():
    """SegNet's rule on its own training split."""
    expected = [0.2663, 0.1929, 4.5642, 0.1417, 1.0, 0.4614]
    expected += [3.8248, 3.9814, 0.7648, 7.0182, 15.3816]
    np.testing.assert_allclose(median_frequency(CAMVID), expected, rtol=2e-3)


def test_a_class_without_pixels_has_weight_zero():
    np.testing.assert_allclose(median_frequency([4, 0, 2, 1]), [0.5, 0, 1, 2])
    with pytest.raises(ValueError, match="at least one class with pixels"):
        median_frequency([0, 0])
    with pytest.raises(ValueError, match="finite counts"):
        median_frequency([1, -1])


def mean_logit(logits, label, *, void=255):
    """A loss of one's own that couples examples but cannot sum over devices."""
    del label, void
    return (logits - logits.mean()).sum(-1) ** 2, jnp.ones(logits.shape[:3])


def test_a_loss_states_whether_it_couples_examples(monkeypatch, example):
    """A new loss that says so is accumulated exactly, and refused under pmap."""
    monkeypatch.setitem(LOSSES, "mine", Loss(mean_logit, couples_examples=True))
    assert not build_objective(LossConfig("mine")).additive({})
    with pytest.raises(ValueError, match=r"loss.name='mine' is invalid under pmap"):
        build_objective(LossConfig("mine"), axis_name="batch")
    with pytest.raises(TypeError, match="couples_examples"):
        Loss(mean_logit)
    with pytest.raises(ValueError, match=r"takes=.'weights'. is invalid"):
        Loss(mean_logit, couples_examples=True, takes=("weights",))


def test_a_coupled_loss_of_an_output_is_refused_under_pmap(monkeypatch, example):
    """The refusal names the output; without the output the loss does not matter."""
    record = OutputLoss("map", Loss(mean_logit, couples_examples=True), coefficient=1.0)
    monkeypatch.setitem(OUTPUT_LOSSES, "mine", record)
    objective = build_objective(LossConfig(), axis_name="batch")
    logits, label = example
    terms = jax.eval_shape(objective, {"logits": logits}, {"label": label})
    assert list(terms) == ["cross_entropy"]
    with pytest.raises(
        ValueError, match="network's output 'map' is invalid under pmap"
    ):
        jax.eval_shape(objective, {"logits": logits, "map": logits}, {"label": label})
    with pytest.raises(
        ValueError, match=r"takes=\['edge'\] is invalid for the loss of"
    ):
        OutputLoss("map", LOSSES["edge_attention"], coefficient=1.0)


COUPLINGS = [(name, {}) for name in sorted(LOSSES)] + [
    (name, {"per_image": per_image})
    for name in sorted(LOSSES)
    for per_image in (False, True)
    if "per_image" in option_names(LOSSES[name])
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), COUPLINGS)
def test_records_tell_the_truth_about_coupling(name, options, example):
    """The loss of the first image is the same without the others, or it couples."""
    loss = LOSSES[name]
    if name == "ohem_cross_entropy":
        options = {"min_kept": 2, "threshold": 0.1}
    if name == "mask_classification":
        options = {"points": 40}
    inputs = {"step": np.int32(3)} if "step" in loss.takes else {}
    logits, label = example
    outputs = {
        "edge": 4 * logits[..., :1],
        "query_classes": logits[:, None, :, :, 0],
        "query_masks": logits[:, None],
    }

    @jax.jit
    def sums(logits, label, outputs):
        given = {k: outputs[k] for k in loss.requires}
        value, weight = loss.function(logits, label, **options, **inputs, **given)
        return jnp.stack([(value * weight).sum(), weight.sum()])

    images = slice(0, 1), slice(1, 2), slice(None)  # Two images, and both at once.
    one, rest, whole = (
        np.array(sums(*jax.tree.map(lambda x, s=s: x[s], (logits, label, outputs))))
        for s in images
    )
    gap = np.abs(one + rest - whole).max() / np.abs(whole).max()
    assert (gap > 1e-4) == loss.couples(options), gap
