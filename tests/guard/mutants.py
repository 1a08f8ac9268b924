"""Deliberately broken lines, each with the tests that must fail because of it.

`mutations.py` runs them. An old text occurs exactly once in its file.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One broken line.

    Attributes:
        file: the file, below `jaxseg/`.
        old: the text that is replaced.
        new: what replaces it.
        tests: the test files of which one must fail, separated by spaces, below
            `tests/`.
    """

    file: str
    old: str
    new: str
    tests: str


OPS = (
    Mutant("ops/pool.py", "count -= 1", "count -= 0", "ops/test_pool.py"),
    Mutant(
        "ops/pool.py", "(-padding[0], size + padding[1])", "(-padding[0], size)",
        "ops/test_pool.py",
    ),
    Mutant("ops/pool.py", "-(-(i + 1) * size // count)", "(i + 1) * size // count",
           "ops/test_pool.py"),
    Mutant("ops/resize.py", "(2 * rows + 1) * source // (2 * target)",
           "rows * source // target", "ops/test_resize.py"),
    Mutant("ops/resize.py", "np.maximum(0, 1 - distance)", "np.maximum(0, 2 - distance)",
           "ops/test_resize.py"),
    Mutant("ops/resize.py",
           "np.clip((rows + 0.5) * (source / target) - 0.5, 0, source - 1)",
           "np.clip((rows + 0.5) * (source / target) - 0.5, -1, source - 1)",
           "ops/test_resize.py"),
    Mutant("ops/lrn.py", "alpha / size * power", "alpha * power", "nn/test_upsample.py"),
    Mutant("ops/shuffle.py", ".transpose(0, 1, 4, 2, 5, 3)", ".transpose(0, 1, 5, 2, 4, 3)",
           "nn/test_upsample.py"),
    Mutant("ops/neighbors.py", "padded, rate + row, rate + row + height",
           "padded, rate - row, rate - row + height", "ops/test_neighbors.py"),
    Mutant("ops/lowering/pool_argmax.py", "in reversed(list(_cells(x, window, stride)))",
           "in list(_cells(x, window, stride))", "ops/test_pool.py"),
    Mutant("ops/kernels.py", "else factor - 0.5", "else factor - 1", "nn/test_upsample.py"),
    Mutant("ops/conv.py", "return total // 2, total - total // 2",
           "return total - total // 2, total // 2", "test_doctests.py"),
    Mutant("ops/conv.py", "1 < w.groups == x.shape[-1]", "1 < w.groups <= x.shape[-1]",
           "ops/test_conv.py"),
    Mutant("ops/preprocess.py", "astype(jnp.float32) / 255", "astype(jnp.float32) / 256",
           "inference/test_images.py training/test_augment.py"),
    Mutant("ops/preprocess.py", "max(1, round(side * scale))", "max(1, int(side * scale))",
           "training/test_evaluate.py ops/test_preprocess.py"),
)  # fmt: skip
NN = (
    Mutant("nn/norm.py", "keep * running.value + (1 - keep) * new",
           "(1 - keep) * running.value + keep * new", "nn/test_norm.py"),
    Mutant("nn/norm.py", "moments = lax.pmean(moments, name)", "pass",
           "parallel/test_backends.py"),
    Mutant("nn/norm.py", "var + epsilon)", "var) + epsilon", "nn/test_norm.py"),
    Mutant("nn/masked_norm.py", "count = share.sum()", "count = jnp.float32(share.size)",
           "nn/test_masked_norm.py"),
    Mutant("nn/layers.py", "(1, 2) if self.channels else ()", "()",
           "nn/test_layers.py models/test_dropout.py"),
    Mutant("nn/layers.py", "active = train or self.has_rng", "active = self.has_rng",
           "nn/test_layers.py models/test_dropout.py inference/test_mc_dropout.py"),
    Mutant("nn/upsample.py", 'depth_to_space(x, self.factor, order="crd")',
           'depth_to_space(x, self.factor, order="dcr")', "nn/test_upsample.py"),
    Mutant("nn/attention.py", "inner**-0.5 if self.use_scale", "inner**-1 if self.use_scale",
           "nn/test_attention.py"),
    Mutant("nn/attention.py", 'gram if variant == "paper" else -gram', "gram",
           "nn/test_attention.py"),
    Mutant("nn/context.py", "0 if self.pool_first else len(branches)", "len(branches)",
           "nn/test_context.py"),
    Mutant("nn/context.py", "[x, *parts] if self.input_first else [*parts, x]",
           "[x, *parts]", "nn/test_context.py"),
)  # fmt: skip
LOSSES = (
    Mutant("losses/_cross_entropy.py", "off = smoothing / logits.shape[-1]",
           "off = smoothing", "losses/test_cross_entropy.py"),
    Mutant("losses/_cross_entropy.py", "jnp.where(label == void, 0.0, cotangent + 0 * lse)",
           "(cotangent + 0 * lse)", "losses/test_cross_entropy.py losses/test_masking.py"),
    Mutant("losses/_focal.py", "miss**gamma", "miss**2.0", "losses/test_cross_entropy.py"),
    Mutant("losses/ohem.py", "min(min_kept * images, ranked.size)",
           "min(min_kept, ranked.size)", "losses/test_hard_pixels.py"),
    Mutant("losses/ohem.py", "share = done * fraction + (1 - done)", "share = fraction",
           "losses/test_hard_pixels.py"),
    Mutant("losses/region.py", "score = (2 * intersection + smooth)",
           "score = (2 * intersection)", "losses/test_region.py"),
    Mutant("losses/region.py", "pred_sum + target_sum - intersection\n    value",
           "pred_sum + target_sum\n    value", "losses/test_region.py"),
    Mutant("losses/lovasz.py", "positives + jnp.cumsum(1.0 - truth)",
           "positives + jnp.cumsum(truth)", "losses/test_region.py"),
    Mutant("losses/class_weights.py", "np.median(frequency)", "np.mean(frequency)",
           "losses/test_objective.py"),
    Mutant("losses/_boundary.py", "1 - distance_to(rest)", "-distance_to(rest)",
           "losses/test_boundary.py"),
    Mutant("losses/reduction.py", "total(weight.sum(), axis_name)", "weight.sum()",
           "parallel/test_losses.py"),
    Mutant("losses/objective.py", "label), config.aux_weight)", "label), 1.0)",
           "losses/test_objective.py"),
    Mutant("losses/edge.py", "jnp.where(edge, 1 - share, share)",
           "jnp.where(edge, share, 1 - share)", "losses/test_dual_task.py losses/test_boundary.py"),
    Mutant("losses/edge.py", "return known & (largest != smallest)",
           "return largest != smallest", "losses/test_dual_task.py losses/test_boundary.py"),
    Mutant("losses/latent.py", "/ jnp.maximum(count, 1.0)", "/ 1.0",
           "losses/test_adversarial.py"),
)  # fmt: skip
METRICS = (
    Mutant("metrics/_confusion.py", "(label != num_classes) | (label == void)", "True",
           "metrics/test_confusion.py"),
    Mutant("metrics/_confusion.py", "legal.all(), counts", "True, counts",
           "metrics/test_confusion.py"),
    Mutant("metrics/score.py", "[truth > 0].sum()", ".sum()", "metrics/test_score.py"),
    Mutant("metrics/score.py", "values[~np.isnan(values)]", "np.nan_to_num(values)",
           "metrics/test_score.py"),
    Mutant("metrics/rand.py", "_squares(cells) + alone", "_squares(cells)",
           "metrics/test_rand.py"),
    Mutant("metrics/rand.py", "both / predicted, both / true", "both / true, both / predicted",
           "metrics/test_rand.py"),
    Mutant("metrics/ged.py", '- means["samples"] -', '-', "metrics/test_ged.py"),
    Mutant("metrics/ged.py", "here @ known_columns.T", "here.sum(1, keepdims=True)",
           "metrics/test_ged.py"),
    Mutant("metrics/photo.py", "span**2 / mse", "span / mse", "metrics/test_photo.py"),
)  # fmt: skip
CHECKPOINTS = (
    Mutant("checkpoints/digest.py", "np.uint64((axis + 1) << 56)", "np.uint64(0)",
           "checkpoints/test_digest.py"),
    Mutant("checkpoints/digest.py", "if shard.replica_id == 0", "if True",
           "checkpoints/test_digest.py"),
    Mutant("checkpoints/digest.py", "[part.start or 0 for part in shard.index]",
           "[0 for part in shard.index]", "checkpoints/test_digest.py"),
    Mutant("checkpoints/steps.py", "return max(ranked,", "return min(ranked,",
           "checkpoints/test_manager.py"),
    Mutant("checkpoints/verification.py", "if all_of_them and not why and",
           "if False and", "checkpoints/test_verification.py"),
    Mutant("checkpoints/verification.py", "(META, METRICS):\n", "(META,):\n",
           "checkpoints/test_verification.py"),
    Mutant("checkpoints/manager.py", "policies.LatestN(max_to_keep)", "policies.LatestN(1)",
           "checkpoints/test_manager.py"),
    Mutant("checkpoints/finite.py", "np.isfinite(array)", "~np.isnan(array)",
           "checkpoints/test_verification.py weights/test_load.py cli/test_damaged.py"),
)  # fmt: skip
DATA = (
    Mutant("data/pixel_values.py", "np.floor(scaled + 0.5)", "np.floor(scaled)",
           "data/test_rare_images.py data/test_reader.py"),
    Mutant("data/pixel_values.py", '"L;4": 17', '"L;4": 18', "data/test_rare_images.py data/test_reader.py"),
    Mutant("data/pixel_values.py", "(palette == palette[:, :1]).all()", "True",
           "data/test_rare_images.py data/test_masks.py data/test_reader.py"),
    Mutant("data/orientation.py", "6: Image.Transpose.ROTATE_270",
           "6: Image.Transpose.ROTATE_90", "data/test_orientation.py"),
    Mutant("data/orientation.py", "return tag >= 5", "return tag > 5",
           "data/test_orientation.py"),
    Mutant("data/shuffle.py", "process_index * share + place", "process_index + place",
           "data/test_pipeline.py"),
    Mutant("data/transforms.py", "(2 * target + 1) * source_side", "(2 * target) * source_side",
           "data/test_transforms.py"),
    Mutant("data/transforms.py", "max(0, s) + 1", "max(0, s - 1) + 1",
           "data/test_transforms.py"),
    Mutant("data/statistics.py", "present[found > 0] += label.size",
           "present[found > 0] += (label != 255).sum()", "data/test_statistics.py"),
    Mutant("data/draws.py", "place - len(source)]", "0]", "data/test_pipeline.py"),
    Mutant("data/mask_reader.py", "count_values(mask)))\n", "{}))\n",
           "data/test_masks.py data/test_labels.py"),
)  # fmt: skip
TRAINING = (
    Mutant("training/step/steps.py", "learning_rate(state.step)", "learning_rate(state.step + 1)",
           "training/test_steps.py"),
    Mutant("training/step/steps.py", "size, antialias=True)", "size)",
           "training/test_steps.py training/test_evaluate.py"),
    Mutant("training/step/update.py", "/ (10.0 + state.step)", "/ (9.0 + state.step)",
           "training/test_steps.py"),
    Mutant("training/step/update.py", "jax.random.fold_in(state.rng, state.step)", "state.rng",
           "training/test_steps.py"),
    Mutant("training/step/update.py", "& (label != void)\n", "\n", "training/test_steps.py"),
    Mutant("training/step/accumulation.py", "weights = total(weights, problem.axis_name)",
           "pass", "training/test_micro_batches.py training/test_gradient.py"),
    Mutant("training/step/accumulation.py", "jax.random.fold_in(self.key, number)", "self.key",
           "training/test_micro_batches.py training/test_gradient.py"),
    Mutant("training/step/accumulation.py", "cotangent / rows.shape[0]", "cotangent",
           "training/test_micro_batches.py training/test_gradient.py"),
    Mutant("training/step/augment.py", "jnp.where(mirrored, label[:, ::-1], label)", "label",
           "training/test_augment.py"),
    Mutant("training/step/augment.py", "gray(image).mean()", "0.5", "training/test_augment.py"),
    Mutant("training/optim/learning_rate.py", "(step + 1) / config.warmup_steps",
           "step / config.warmup_steps", "training/test_optim.py"),
    Mutant("training/optim/optimizers.py", '(config.decay_mask == "all" or p.ndim > 1)',
           '(config.decay_mask == "all" or p.ndim > 0)', "training/test_optim.py"),
    Mutant("training/optim/learning_rate.py", "factor**0.5", "factor", "training/test_large_batch.py"),
    Mutant("training/optim/layer_decay.py", "decay ** (top - level)",
           "decay ** (top - level + 1)", "training/test_optim.py training/test_large_batch.py"),
)  # fmt: skip
WEIGHTS = (
    Mutant("weights/translate/transforms.py", '"conv_transpose": (2, 3, 0, 1)',
           '"conv_transpose": (2, 3, 1, 0)', "weights/test_convert.py"),
    Mutant("weights/translate/transforms.py", "height, width).transpose(2, 3, 1, 0)",
           "height, width).transpose(3, 2, 1, 0)", "weights/test_convert.py"),
    Mutant("weights/translate/input_channels.py", "np.float32(have / channels)",
           "np.float32(1)", "weights/test_load.py"),
    Mutant("weights/translate/input_channels.py", "np.arange(channels) % have",
           "np.arange(channels) // have", "weights/test_load.py"),
    Mutant("weights/translate/prefixes.py", "2 * plain.get(name, 0) > sum(plain.values())",
           "plain.get(name, 0) > 0", "weights/test_state_dict.py"),
    Mutant("weights/translate/num_classes.py", "return 3 + next(iter(found))",
           "return 2 + next(iter(found))", "weights/test_load.py weights/test_recognition.py"),
    Mutant("weights/translate/state_dict.py", 'last = "ema_state_dict"', 'last = ""',
           "weights/test_state_dict.py"),
    Mutant("weights/translate/convert.py", "elif target in found:", "elif False:",
           "weights/test_convert.py"),
)  # fmt: skip
INFERENCE = (
    Mutant("inference/predict.py", "n * 2 // 3", "n // 2", "inference/test_predict.py"),
    Mutant("inference/predict.py", 'if mode == "tile" else "constant"',
           'if False else "constant"', "inference/test_predict.py"),
    Mutant("inference/predict.py", "count[start : start + window] += 1",
           "count[start : start + window] = 1", "inference/test_predict.py"),
    Mutant("inference/tta.py", "len(scales) * (2 if flip else 1)", "len(scales)",
           "inference/test_tta.py"),
    Mutant("inference/sampling.py", "position = np.clip(position, 0, source - 1)",
           "position = np.clip(position, -1, source - 1)", "inference/test_sampling.py"),
    Mutant("inference/batch_norm_fusion.py", '= bias - mean * factor', "= bias",
           "inference/test_fold.py"),
    Mutant("inference/_mc_dropout.py", "jnp.mean(spread / samples, axis=-1)",
           "jnp.mean(spread, axis=-1)", "inference/test_mc_dropout.py"),
    Mutant("inference/segmenter.py", "pixels[:] = self.spec.mean_color", "pixels[:] = 0",
           "inference/test_images.py inference/test_predict.py test_api.py"),
    Mutant("inference/crf.py", "(weight + weight.T) / 2", "weight", "inference/test_crf.py"),
    Mutant("inference/crf.py", '0.5 if normalization == "symmetric"',
           '1.0 if normalization == "symmetric"', "inference/test_crf.py inference/test_crf_exact.py"),
    Mutant("inference/gmm.py", "np.maximum(value, FLOOR)", "np.maximum(value, 1e-9)",
           "inference/test_grabcut.py"),
)  # fmt: skip
ALL = (
    *OPS, *NN, *LOSSES, *METRICS, *CHECKPOINTS, *DATA, *TRAINING, *WEIGHTS, *INFERENCE
)  # fmt: skip
