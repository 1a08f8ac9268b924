# %% [markdown]
# # A torchvision checkpoint to masks
#
# At the end of this notebook you have a network that was trained in PyTorch, imported
# into jaxseg and proven to give equal logits there, its masks for an image, and a file
# that runs without either library. The checkpoint is made here, so nothing is
# downloaded; if you have one, start at the import. The notebook needs `torch` and
# `torchvision`. The cells take about 205 seconds of CPU time.
# %%
import numpy as np
import torch
from IPython.display import Image as Show
from PIL import Image

import jaxseg
from jaxseg.bench.pytorch import torchvision
from jaxseg.data.drawings.shapes import draw_scene

# %% short: steps, size = 1, 64
steps = 90
size = 96
# %% [markdown]
# ## Train in PyTorch
#
# LR-ASPP on MobileNet v3 is torchvision's smallest network for segmentation. It learns
# the classes of the drawn scenes that jaxseg also uses as its test dataset. The
# function `torchvision()` imports the library; unlike a plain `import torchvision`, it
# also works with a build of torchvision for another kind of device.
# %%
rng, classes = np.random.default_rng(0), 7


def batch(count):
    """Returns images [B, 3, H, W], normalized as torchvision does, and labels."""
    scenes = [draw_scene(rng, (size, size)) for _ in range(count)]
    images = np.stack([scene[0] for scene in scenes]) / np.float32(255)
    images = (images - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    labels = np.stack([scene[1] for scene in scenes]).astype(np.int64)
    tensor = torch.from_numpy(images.astype(np.float32).transpose(0, 3, 1, 2).copy())
    return tensor, torch.from_numpy(labels)


torch.manual_seed(0)
make = torchvision().models.segmentation.lraspp_mobilenet_v3_large
net = make(weights=None, weights_backbone=None, num_classes=classes).train()
for layer in net.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.momentum = 0.1  # for few steps; torchvision has 0.01 here
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(steps):
    images, labels = batch(8)
    loss = torch.nn.functional.cross_entropy(
        net(images)["out"], labels, ignore_index=255
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0 or step == steps - 1:
        print(f"step {step:3}  loss {loss.item():.3f}")
torch.save(net.eval().state_dict(), "lraspp.pth")

scene, truth = draw_scene(rng, (size, size))
Image.fromarray(scene).save("scene.png")
# %% [markdown]
# ## Import
#
# `load_pretrained` finds the library, the network and the number of classes from the
# names and shapes of the tensors. It reads the file without PyTorch, and nothing in the
# file is executed. A tensor without a place in the network would be an error.
# %%
model, variables = jaxseg.load_pretrained("lraspp.pth")
pixels = (scene / np.float32(255) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
inputs = pixels[None].astype(np.float32)
ours = np.asarray(model.apply(variables, inputs, train=False)["logits"])
with torch.no_grad():
    theirs = net(torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy()))["out"]
theirs = theirs.numpy().transpose(0, 2, 3, 1)

print("shape", ours.shape)
print("largest difference of the logits", f"{np.abs(ours - theirs).max():.1e}")
print("largest logit", f"{np.abs(theirs).max():.1f}")
assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()
# %% [markdown]
# ## Compare
#
# `jaxseg compare` makes this comparison for you. It also compares the speed, which is
# not measured here (`--seconds 0`), and the preprocessing. torchvision resizes the
# shorter side of an image to 520 pixels before it segments it, and jaxseg does not, so
# the same weights give other masks if you follow the habits of each library. The table
# says how much this changes.
# %%
# !jaxseg compare lraspp.pth scene.png -o comparison --seconds 0
# %%
Show("comparison/scene_compare.png", width=1000)
# %% [markdown]
# ## Segment
#
# `jaxseg convert` makes a run directory from the checkpoint. All commands and
# `jaxseg.open_run` take such a directory.
# %%
# !jaxseg convert lraspp.pth -o run
# %%
run = jaxseg.open_run("run")
prediction = run.predict("scene.png")
right = prediction.labels[truth != 255] == truth[truth != 255]
print("share of right pixels", round(float(right.mean()), 3))
pictures = np.hstack([scene, prediction.overlay()])
Image.fromarray(pictures).resize((4 * pictures.shape[1], 4 * pictures.shape[0]), 0)
# %% [markdown]
# ## Export
#
# A StableHLO file contains the network with its preprocessing and needs neither PyTorch
# nor jaxseg. `--argmax` lets it return classes. The command runs the written file again
# and compares it before it ends. Other suffixes write ONNX, TensorFlow Lite and IREE.
# %%
# !jaxseg export run -o scene.stablehlo --size 96 96 --argmax
# %% [markdown]
# [A checkpoint next to its import](../guide/compare.md) explains the comparison,
# [Weights from PyTorch](../guide/weights.md) lists the supported networks, and
# [Export](../guide/export.md) shows how to run the file.
