"""Defines the allowed values of every field of a configuration in one table.

The module `jaxseg.runs.config_file` checks types when it reads a configuration, and
`jaxseg.runs.checks` checks that fields do not contradict each other. Fields in `FREE`
have no bounds in this table. Some of them are checked elsewhere: a name, for example,
when the named object is looked up. For the others, the check of the type suffices.
"""

from jaxseg.runs.byte_size import byte_size
from jaxseg.runs.rules import (
    INT32,
    ascending,
    each,
    either,
    factors,
    interval,
    number,
    optional,
    pattern,
    some,
    text,
    whole,
)

POSITIVE = number(above=0)
NOT_NEGATIVE = number(0)
SHARE = number(0, 1)
DECAY = number(0, below=1)
SCALE = number(0.1, 10)  # 10 takes a hundred times the memory of 1

BOUNDS = {
    "data.variant": each(text()),
    "data.image": optional(text()),
    "data.label": optional(text()),
    "data.module": optional(text()),
    "data.raw_dir": optional(text()),
    "data.prepared_dir": optional(text()),
    "data.classes": each(text()),
    "data.train_split": text(),
    "data.eval_split": text(),
    "data.crop": each(whole(1)),
    "data.scale_range": ascending(SCALE),
    "data.color_jitter": SHARE,
    "data.oversample_classes": each(text()),
    "data.elastic": number(0, 10_000),
    "data.augment": each(text()),
    "data.albumentations": optional(text()),
    "data.num_points": whole(1),
    "data.point_jitter": number(0, 1_000),
    "data.eval_scale": SCALE,
    "data.eval_multiple": whole(1, 65_536),
    "data.range": optional(either("percentiles", interval())),
    "data.channels": optional(whole(1, 32)),
    "data.max_pixels": whole(1, 2**40),
    "data.workers": whole(0, 1_024),
    "data.worker_processes": whole(0, 1_024),
    "optim.learning_rate": NOT_NEGATIVE,
    "optim.base_batch_size": optional(whole(1)),
    "optim.momentum": DECAY,
    "optim.beta1": DECAY,
    "optim.trust_coefficient": POSITIVE,
    "optim.rms_decay": DECAY,
    "optim.weight_decay": NOT_NEGATIVE,
    "optim.poly_power": NOT_NEGATIVE,
    "optim.final_learning_rate": NOT_NEGATIVE,
    "optim.milestones": each(number(above=0, high=1)),
    "optim.decay_factor": POSITIVE,
    "optim.decay_every": whole(),
    "optim.warmup_steps": whole(),
    "optim.clip_norm": optional(POSITIVE),
    "optim.lr_multipliers": factors(pattern(), NOT_NEGATIVE),
    "optim.freeze": each(pattern()),
    "optim.layer_decay": optional(number(above=0, high=1)),
    "loss.additional": factors(text(), NOT_NEGATIVE),
    "loss.aux_weight": NOT_NEGATIVE,
    "loss.edge_weight": NOT_NEGATIVE,
    "loss.edge_radius": whole(1, 1_000),
    "loss.presence_weight": NOT_NEGATIVE,
    "loss.kl_weight": NOT_NEGATIVE,
    "lab.every": whole(),
    "lab.images": whole(1, 1_000),
    "train.steps": whole(1),
    "train.batch_size": whole(1),
    "train.eval_batch_size": whole(1),
    "train.seed": whole(0, INT32),
    "train.init_from": optional(text()),
    "train.init_fresh": each(pattern()),
    "train.adapter_rank": optional(whole(1)),
    "train.spatial_shards": some(whole(1)),
    "train.ema": optional(DECAY),
    "train.grad_accum_steps": whole(1),
    "train.memory": optional(byte_size()),
    "train.log_every": whole(),
    "train.eval_every": whole(),
    "train.patience": optional(whole(1)),
    "train.save_every": whole(),
    "train.max_to_keep": whole(1),
    "train.num_overlays": whole(0, 100_000),
    "train.report_images": whole(),
}
FREE = (
    "model.name",
    "model.backbone",
    "model.options",  # see `options`
    "model.output",
    "data.name",
    "data.labels",  # see `jaxseg.data.labels`
    "data.backend",
    "data.flip",
    "data.cache",
    "data.on_bad_file",
    "data.mix",  # see `jaxseg.runs.mix`
    "data.pixels",
    "data.statistics",
    "optim.name",
    "optim.batch_scaling",
    "optim.nesterov",
    "optim.decay_mask",
    "optim.schedule",
    "loss.name",
    "loss.options",  # see `options`
    "loss.class_weights",
    "train.loggers",
    "train.memory_changes",
    "train.parallel_backend",
    "train.shard",
    "train.dtype",
    "train.remat",
)
