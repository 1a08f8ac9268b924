r"""FCN-32s, then FCN-16s, then FCN-8s on VGG-16, for PASCAL VOC with the masks of SBD.

    R=experiments/recipes/fcn.py
    jaxseg train $R --data.raw-dir VOC --train.init-from VGG16 --workdir runs/fcn32s
    jaxseg train $R --data.raw-dir VOC --variant fcn16s \
        --train.init-from runs/fcn32s --train.init-fresh 'score_16s/.*'
    jaxseg train $R --data.raw-dir VOC --variant fcn8s \
        --train.init-from runs/fcn_fcn16s --train.init-fresh 'score_8s/.*'

VGG16 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1411.4038, section 4.3 (SGD, momentum 0.9, batches of 20 images, a fixed
learning rate of 1e-4, weight decay 5e-4, biases at twice the rate and without decay, no
class weights, no augmentation). Each network starts from the previous one. The paper
reports 62.7 mean IU on the 736 images of the reduced validation set of VOC 2011.
Differs: images are padded to 500 x 500 pixels, the largest size in VOC, because the
images of a batch need one size; the new score layers start at random, not at zero; the
paper trains for three days and then for one day per stage, which is 100,000 steps of
one image in its release: 20,000 and 10,000 steps of 20 images here.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

config = Config(
    model=ModelConfig("fcn32s_vgg16"),
    data=DataConfig(
        "voc2012",
        variant=("fcn",),
        crop=(500, 500),
        scale_range=(1.0, 1.0),
        flip=False,
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=1e-4,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="constant",
        lr_multipliers=((".*/bias", 2.0),),
    ),
    train=TrainConfig(
        steps=20_000, batch_size=20, eval_every=1000, save_every=1000, log_every=50
    ),
)
finer = dataclasses.replace(config.train, steps=10_000)
fcn16s = dataclasses.replace(config, model=ModelConfig("fcn16s_vgg16"), train=finer)
fcn8s = dataclasses.replace(config, model=ModelConfig("fcn8s_vgg16"), train=finer)
stages = {"config": config, "fcn16s": fcn16s, "fcn8s": fcn8s}
