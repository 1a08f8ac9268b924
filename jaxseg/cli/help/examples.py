"""Lists the examples that the help of each command shows."""

EXAMPLES = {  # command -> (command line, what it does)
    "jaxseg train": (
        (
            "jaxseg train",
            "Train a small U-Net on a generated dataset, in runs/default.",
        ),
        (
            "jaxseg train --data.name folder --data.raw-dir photos "
            "--workdir runs/photos",
            "Train on a folder of images and masks. The same command again resumes it.",
        ),
        (
            "jaxseg train --model.name deeplabv3plus --model.backbone resnet50 "
            "--dry-run",
            "Show what the training would need, without training.",
        ),
    ),
    "jaxseg plan": (
        (
            "jaxseg plan --topology cpu:8 --no-search",
            "Compile the default training step for eight simulated devices.",
        ),
        (
            "jaxseg plan --model.name deeplabv3_resnet50 --topology v5e:4x4 --batch 64",
            "Estimate memory and step time on a TPU slice (needs jaxseg[plan]).",
        ),
        (
            "jaxseg plan --topology cpu:2 --decide --train.memory 50MiB",
            "Choose the options that fit into 50 MiB on each of two devices.",
        ),
    ),
    "jaxseg data": (
        ("jaxseg data list", "List the datasets."),
        ("jaxseg data check photos", "Find faults in a folder before training on it."),
    ),
    "jaxseg data check": (
        ("jaxseg data check photos", "Check a folder of images and masks."),
        (
            "jaxseg data check photos --data.labels 0/255 --strict",
            "Check masks with the values 0 and 255; warnings count as errors.",
        ),
    ),
    "jaxseg data show": (
        (
            "jaxseg data show shapes --count 4",
            "Draw four augmented examples of a generated dataset.",
        ),
        (
            "jaxseg data show photos --data.crop 256 256 -o examples",
            "Draw crops of your own images in the folder examples.",
        ),
    ),
    "jaxseg data audit": (
        (
            "jaxseg data audit runs/first runs/second",
            "Rank the masks by runs that were trained on parts of the same split.",
        ),
        (
            "jaxseg data audit config.py --folds 2",
            "Train two networks on halves of the data, and rank all masks.",
        ),
    ),
    "jaxseg data list": (
        ("jaxseg data list", "List the datasets with their variants."),
        ("jaxseg data list | grep -i vessels", "Find datasets of vessels."),
    ),
    "jaxseg data where": (
        ("jaxseg data where camvid", "Say which files CamVid needs."),
        ("jaxseg data where voc2012 --variant trainaug", "Describe a variant of VOC."),
    ),
    "jaxseg data polygons": (
        (
            "jaxseg data polygons annotations.json --images photos -o masks",
            "Convert polygons in COCO's format to a folder for training.",
        ),
        (
            "jaxseg data polygons labels --images photos -o masks --outside background "
            "--classes background cell",
            "Convert a folder of labelme files; pixels outside are background.",
        ),
    ),
    "jaxseg eval": (
        (
            "jaxseg eval runs/shapes",
            "Score the best checkpoint on the validation split.",
        ),
        (
            "jaxseg eval runs/shapes --scores boundary --bootstrap 1000",
            "Add scores of boundaries, and 95 % intervals.",
        ),
        (
            "jaxseg eval runs/shapes --json > scores.json",
            "Write all scores as one JSON document.",
        ),
    ),
    "jaxseg report": (
        ("jaxseg report runs/shapes", "Write runs/shapes/report.html."),
        (
            "jaxseg report runs/first runs/second -o both.html",
            "Compare two runs on one page.",
        ),
    ),
    "jaxseg serve": (
        ("jaxseg serve runs/photos", "Serve at http://127.0.0.1:8000, with a page."),
        (
            "jaxseg serve runs/photos --host 0.0.0.0 --port 80 --max-batch 8",
            "Accept connections from other machines, and form larger batches.",
        ),
    ),
    "jaxseg compare": (
        (
            "jaxseg compare deeplabv3_resnet50_coco.pth street.jpg -o compared",
            "Compare a checkpoint of torchvision with its import on one image.",
        ),
        (
            "jaxseg compare weights.pth photos --model unet_resnet34 --num-classes 2",
            "Name the network of a file from which it cannot be inferred.",
        ),
    ),
    "jaxseg verify": (
        ("jaxseg verify receipt.json", "Compute the evaluation again and compare it."),
        (
            "jaxseg verify receipt.json --workdir runs/copy",
            "Verify a run directory that was moved.",
        ),
    ),
    "jaxseg calibrate": (
        ("jaxseg calibrate runs/shapes", "Fit a temperature on the validation split."),
        (
            "jaxseg calibrate runs/shapes --split 'validation[:50%]' --method vector",
            "Fit a factor and a summand per class on half of the split.",
        ),
    ),
    "jaxseg predict": (
        (
            "jaxseg predict photos -o masks --workdir runs/photos",
            "Segment all images of a folder. The same command again continues it.",
        ),
        (
            "jaxseg predict street.jpg -o out --workdir runs/photos --tta --crf",
            "Average six scales and mirrored images, and refine the result.",
        ),
        (
            "jaxseg predict scene.tif -o out --workdir runs/photos --mode slide "
            "--window 512 512 --blend gaussian",
            "Segment a large image in overlapping windows.",
        ),
    ),
    "jaxseg export": (
        (
            "jaxseg export runs/photos -o photos.onnx --any-size",
            "Write an ONNX file that takes images of any size.",
        ),
        (
            "jaxseg export runs/photos -o photos.stablehlo --argmax --size 256 256",
            "Write a StableHLO file that returns the classes.",
        ),
    ),
    "jaxseg refine": (
        (
            "jaxseg refine photo.jpg --box 40 30 220 180 -o out",
            "Cut out the object inside a box.",
        ),
        (
            "jaxseg refine photo.jpg --scribbles marks.png -o out",
            "Cut out an object that red and blue strokes mark.",
        ),
    ),
    "jaxseg convert": (
        (
            "jaxseg convert deeplabv3_resnet50_coco.pth -o runs/coco",
            "Convert a torchvision checkpoint to a run directory.",
        ),
        (
            "jaxseg convert runs/photos -o weights.safetensors",
            "Write the weights of a run to one file.",
        ),
        ("jaxseg convert --list", "List the checkpoints that can be converted."),
    ),
    "jaxseg sweep": (
        (
            "jaxseg sweep sweep.py --seeds 0 1 2",
            "Train every configuration of a file with three seeds.",
        ),
        (
            "jaxseg sweep sweep.py --devices 0 1 -- --train.steps 500",
            "Use two GPUs, and pass an option to every training run.",
        ),
    ),
    "jaxseg reproduce": (
        ("jaxseg reproduce --list", "List the tables and the time that each takes."),
        (
            "jaxseg reproduce deeplabv3 table5 --dry-run",
            "Show the rows, the reduced size and the expected time.",
        ),
        (
            "jaxseg reproduce drn table3 --seeds 0 1 2 --data.raw-dir CAMVID",
            "Train every row of a table with three seeds, and compare the signs.",
        ),
    ),
    "jaxseg lab": (
        (
            "jaxseg lab plan --map 65 --output-stride 8 --field 513",
            "Propose atrous rates without gridding.",
        ),
        ("jaxseg lab rates 1,2,5 2,2,2", "Detect gridding in two stacks."),
        ("jaxseg lab compare fcn8s_vgg16 unet", "Compare two networks."),
    ),
    "jaxseg lab plan": (
        (
            "jaxseg lab plan --map 65 --output-stride 8 --field 513",
            "Reach a field of 513 pixels on a map of 65 x 65 cells.",
        ),
        ("jaxseg lab plan --field 257 --depth 4", "Use exactly four layers."),
        ("jaxseg lab plan --field 129 257", "Reach a field that is wider than high."),
    ),
    "jaxseg lab rates": (
        ("jaxseg lab rates 1,2,5 2,2,2", "Compare two stacks of three layers."),
        ("jaxseg lab rates 6,12,18 --map 33", "Count positions outside of the map."),
        ("jaxseg lab rates 1x2,2x4", "Use other rates along columns than along rows."),
    ),
    "jaxseg lab valid-taps": (
        ("jaxseg lab valid-taps 6,12,18,24 --map 65", "Count the taps on the map."),
        ("jaxseg lab valid-taps 1,2,4 --kernel 5", "Use kernels of 5 x 5."),
    ),
    "jaxseg lab checkerboard": (
        ("jaxseg lab checkerboard", "Compare upsampling by 2 with 3 x 3 kernels."),
        ("jaxseg lab checkerboard --kernel 4 --stride 2", "Use a kernel that fits."),
    ),
    "jaxseg lab receptive-field": (
        (
            "jaxseg lab receptive-field deeplabv3_resnet50 --option output_stride=8",
            "Find the field of every module from shapes.",
        ),
        ("jaxseg lab receptive-field unet --depth 2", "List two levels of modules."),
    ),
    "jaxseg lab erf": (
        ("jaxseg lab erf unet --size 97 97", "Measure with random weights."),
        ("jaxseg lab erf unet --images 8 --json", "Print the numbers as JSON."),
        ("jaxseg lab erf --callable mine.py:network", "Measure your own network."),
    ),
    "jaxseg lab cost": (
        ("jaxseg lab cost deeplabv3_resnet50", "Count FLOPs and weights by layer."),
        ("jaxseg lab cost unet --size 256 256 --depth 1", "Use another image size."),
    ),
    "jaxseg lab consistency": (
        ("jaxseg lab consistency unet --size 65 65", "Shift images by a few pixels."),
        (
            "jaxseg lab consistency deeplabv3_resnet50 --strides 8 16",
            "Compare two output strides.",
        ),
    ),
    "jaxseg lab compare": (
        ("jaxseg lab compare 1,2,5 1,3,9 2,4,8", "Compare three stacks of rates."),
        ("jaxseg lab compare fcn8s_vgg16 deeplabv3_resnet50", "Compare networks."),
    ),
    "jaxseg bench": (
        ("jaxseg bench --quick -o speed", "Measure a few rows, inaccurately."),
        (
            "jaxseg bench --filter 'deeplab*' --parts models",
            "Measure the networks whose names start with deeplab.",
        ),
    ),
    "jaxseg doctor": (
        ("jaxseg doctor", "Check the installation, and run the self-test."),
        ("jaxseg doctor --no-self-test --json", "Print only the facts, as JSON."),
    ),
    "jaxseg completion": (
        (
            "jaxseg completion bash > "
            "~/.local/share/bash-completion/completions/jaxseg",
            "Complete in new shells (bash needs the package bash-completion).",
        ),
        (
            "jaxseg completion zsh > ~/.zfunc/_jaxseg",
            "Complete in zsh, if ~/.zfunc is in fpath before compinit.",
        ),
        (
            "jaxseg completion fish > ~/.config/fish/completions/jaxseg.fish",
            "Complete in fish.",
        ),
    ),
    "jaxseg models": (
        ("jaxseg models deeplab", "List the networks whose names contain deeplab."),
        ("jaxseg models --families", "List heads that take any backbone."),
        ("jaxseg models resnet50 --pretrained", "List published weights."),
        (
            "jaxseg models unet --size 256 256 --json",
            "Print the numbers for another image size as JSON.",
        ),
    ),
}
