r"""ReSeg on CamVid: do two recurrent layers over VGG features give the paper's 58.8?

    jaxseg convert VGG16.pth -o vgg16_reseg --model reseg --num-classes 11 \
        --component backbone --allow-unused 'features.1[79].*' 'features.2[1-8].*'
    jaxseg train experiments/camvid_scratch/reseg.py --data.raw-dir CAMVID \
        --train.init-from vgg16_reseg

VGG16.pth: torchvision's ImageNet weights. They are frozen up to conv3_3, so that
without them the network cannot be judged; the smoke form trains all layers instead.

Target (arXiv 1511.07053; 360x480, test drive): mIoU 58.8, global accuracy 88.7.

Recipe: fvisin/reseg (evaluate_camvid.py): Adadelta with Lasagne's defaults (rate 1,
rho 0.95), batch 5, whole frames, no augmentation, no decay, no class weights, at most
5000 epochs with patience 500.
Differs: 11 outputs with void masked, where the release trains void as a twelfth class
and counts void pixels as false positives (its score is the stricter one); the loss is
a mean, not a sum, over pixels, which makes Adadelta's epsilon of 1e-6 larger beside the
gradient; 300 epochs with the best checkpoint kept; independent directions (the paper's
text), `--model.options.reading stacked` is the released code.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

EPOCH = 367 // 5

config = Config(
    model=ModelConfig("reseg"),
    data=DataConfig("camvid", crop=(360, 480), scale_range=(1.0, 1.0), flip=False),
    optim=OptimConfig(
        "adadelta",
        learning_rate=1.0,
        rms_decay=0.95,
        weight_decay=0.0,
        schedule="constant",
    ),
    train=TrainConfig(
        steps=300 * EPOCH,
        batch_size=5,
        eval_batch_size=5,
        eval_every=5 * EPOCH,
        save_every=5 * EPOCH,
        log_every=EPOCH,
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig(
        "reseg", {"width": 16, "units": 32, "up_features": 16, "freeze_backbone": False}
    ),
    data=dataclasses.replace(
        config.data,
        crop=(64, 64),
        scale_range=(0.25, 0.25),
        eval_scale=0.25,
        eval_split="validation[:12]",
    ),
    train=TrainConfig(
        steps=40, batch_size=4, eval_batch_size=4, eval_every=40, log_every=10
    ),
)
