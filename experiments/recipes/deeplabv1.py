r"""DeepLab-LargeFOV (DeepLab v1) on VGG-16, for VOC 2012 with the masks of SBD.

    jaxseg train experiments/recipes/deeplabv1.py --data.raw-dir VOC --train.init-from \
        VGG16
    jaxseg predict IMAGES -o masks --workdir runs/deeplabv1 --crf

VGG16 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1412.7062, section 4 (SGD with momentum 0.9 and weight decay 5e-4, learning
rate 1e-3, ten times as large for the classifier, times 0.1 after every 2000 of 6000
steps, batches of 20). The release uses batches of 30 and crops of 321 for the LargeFOV
network, and mirrored images. The paper reports 62.25 mIoU on the validation images
before the CRF and 67.64 after it.
Differs: the logits are resized to the labels, and not the labels to the logits; biases
follow the rate of their layer.
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

config = Config(
    model=ModelConfig("deeplabv1_vgg16"),
    data=DataConfig(
        "voc2012", variant=("trainaug",), crop=(321, 321), scale_range=(1.0, 1.0)
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="step",
        milestones=(1 / 3, 2 / 3),
        decay_factor=0.1,
        lr_multipliers=(("head/score.*", 10.0),),
    ),
    train=TrainConfig(
        steps=6000, batch_size=30, eval_every=1000, save_every=500, log_every=50
    ),
)
stages = {"config": config}
