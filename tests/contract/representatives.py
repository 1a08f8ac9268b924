"""The networks that stand for all others in the default suite, each with its reason.

Together they hold every operator in every form that occurs in any network, every kind
of output and every collection of variables (test_representatives.py counts them). All
other names run with `-m sweep`.
"""

REPRESENTATIVES = {
    "bayesian_segnet_basic": "unpooling at stored positions, dropout at evaluation",
    "deeplabv1_vgg16": "average pooling at stride 1, no normalization",
    "deeplabv3plus_mobilenetv2": "depthwise atrous convolutions, ASPP, a low level",
    "fc_densenet56": "concatenated layers, normalization before the convolution",
    "fcn32s_alexnet": "grouped kernels, response normalization, padding beyond same",
    "ginet_resnet50": "word vectors, graph reasoning, an output for class presence",
    "gscnn_wideresnet38": "an edge output and the losses that couple it to the logits",
    "ocrnet_hrnet_w18": "parallel resolutions, attention over regions, one auxiliary",
    "pix2pix_unet256": "an adversarial pair: a discriminator beside the generator",
    "point_transformer": "clouds of points instead of images",
    "prob_unet": "latent samples, one input channel, average pooling at stride 2",
    "refinenet_resnet50": "chained pooling, fusion of four levels",
    "reseg": "recurrences over rows and columns",
    "setr_naive_vitl16": "a transformer with position embeddings, several auxiliaries",
    "spn": "affinities propagated by a scan",
    "unet": "skip connections and transposed convolutions",
}

# Those that are compiled by default. Every operator of the two others, which take longest,
# is in one of these as well (test_representatives.py): depthwise convolutions and
# attention over regions have their own tests in tests/ops and tests/nn.
COMPILED = REPRESENTATIVES.keys() - {"deeplabv3plus_mobilenetv2", "ocrnet_hrnet_w18"}

# What the commands can tell apart is less: the outputs and the losses that read them,
# the collections of variables, the number of channels, and the task.
WIRINGS = {
    "bayesian_segnet_basic": "dropout at evaluation",
    "deeplabv1_vgg16": "logits without running statistics",
    "ginet_resnet50": "an auxiliary and an output for class presence",
    "gscnn_wideresnet38": "an edge output and losses of two outputs",
    "mask2former_swin_t": "classes and masks of queries, and the loss that reads them",
    "pix2pix_unet256": "a task of its own with two sets of parameters",
    "prob_unet": "a task of its own with latent samples, one input channel",
    "setr_naive_vitl16": "several auxiliaries, embeddings that are resized to the image",
    "spn": "an auxiliary without running statistics",
    "unet": "logits alone",
}
