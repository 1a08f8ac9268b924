r"""FC-DenseNet 56, 67, 103 on CamVid from scratch: 58.9, 65.8, 66.9 mIoU?

    F=experiments/camvid_scratch/fc_densenet.py; N=fc_densenet103  # or ...67, ...56
    jaxseg train $F --data.raw-dir CAMVID --model.name $N --workdir runs/$N
    jaxseg train $F --data.raw-dir CAMVID --model.name $N --workdir runs/${N}_fine \
        --variant whole_frames --train.init-from runs/$N

The second stage fine-tunes on whole frames; it starts from the best weights of the
first. On a CPU compilation takes minutes; with JAX_DISABLE_MOST_OPTIMIZATIONS=1 the
small form (`--smoke`) starts sooner.

Target (arXiv 1611.09326, table 3; 360x480, 11 classes, test drive), mIoU / global
accuracy: 56 58.9 / 88.9, 67 65.8 / 90.8, 103 66.9 / 91.5.

Recipe: section 4.1 there and SimJeg/FC-DenseNet (config/FC-DenseNet103.py): RMSprop
1e-3, times 0.995 per epoch, L2 1e-4, dropout 0.2, crops 224x224, batch 3 (122 steps an
epoch), mirrored, He-uniform, no class weights; then whole frames at 1e-4.
Differs: a fixed number of epochs (300, then 150) with the best checkpoint kept, where
the paper stops after 100 (then 50) epochs without a gain; running averages normalize
at evaluation (the release uses batch statistics of ten test frames); images are
normalized by ImageNet's mean and deviation, not divided by 255; L2 is on kernels
alone; frames are padded to 384x480 at evaluation.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

EPOCH = 367 // 3

config = Config(
    model=ModelConfig("fc_densenet56"),
    data=DataConfig("camvid", crop=(224, 224), scale_range=(1.0, 1.0)),
    optim=OptimConfig(
        "rmsprop",
        learning_rate=1e-3,
        momentum=0.0,
        weight_decay=1e-4,
        schedule="exponential",
        decay_factor=0.995,
        decay_every=EPOCH,
    ),
    train=TrainConfig(
        steps=300 * EPOCH,
        batch_size=3,
        eval_batch_size=4,
        eval_every=2 * EPOCH,
        save_every=2 * EPOCH,
        log_every=EPOCH,
    ),
)
whole_frames = dataclasses.replace(
    config,
    data=dataclasses.replace(config.data, crop=(360, 480)),
    optim=dataclasses.replace(config.optim, learning_rate=1e-4),
    train=dataclasses.replace(config.train, steps=18_400),
)
stages = {"config": config, "whole_frames": whole_frames}
smoke = dataclasses.replace(  # all layers, few channels
    config,
    model=ModelConfig("fc_densenet56", {"growth": 4, "stem": 12}),
    data=dataclasses.replace(
        config.data,
        crop=(64, 64),
        scale_range=(0.25, 0.25),
        eval_scale=0.25,
        eval_split="validation[:12]",
    ),
    train=TrainConfig(
        steps=30,
        batch_size=2,
        eval_batch_size=4,
        eval_every=30,
        log_every=10,
        num_overlays=0,
    ),
)
