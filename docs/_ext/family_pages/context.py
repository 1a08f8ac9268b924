"""Pages of the families that collect context: attention, graphs, regions, streams."""

from family_pages.record import Page, Run, Score, Written

NETS = "parity/test_torch_context_nets.py::"
CITY = "Cityscapes validation"
ADE = "ADE20K validation"

PAGES = {
    "hrnet": Page(
        title="HRNet",
        paper="Sun, Zhao, Jiang, Cheng, Xiao, Liu, Mu, Wang, Liu, Wang: "
        "High-Resolution Representations for Labeling Pixels and Regions. 2019, arXiv "
        "1904.04514; Wang et al., TPAMI 2020, arXiv 1908.07919.",
        modules=("hrnet",),
        drawn="hrnet_w18",
        peers=r"HRNet-W18$|hrnet_w18",
        tests=("models/test_hrnet.py",),
        scores=(
            Score("W48", CITY, "80.9 mIoU", "authors' release"),
            Score("W48", "Cityscapes test", "81.5 mIoU", "authors' release"),
            Score("W48", ADE, "43.1 mIoU", "authors' release"),
            Score("small v1", CITY, "70.3 mIoU", "authors' release"),
            Score("small v2", CITY, "76.2 mIoU", "authors' release"),
        ),
    ),
    "ocrnet": Page(
        title="OCRNet (object-contextual representations)",
        paper="Yuan, Chen, Wang: Object-Contextual Representations for Semantic "
        "Segmentation. ECCV 2020, arXiv 1909.11065.",
        modules=("ocrnet",),
        drawn="ocrnet_hrnet_w48",
        peers=r"^OCRNet",
        tests=("models/test_hrnet.py",),
        scores=(
            Score("HRNet-W48", CITY, "81.6 mIoU", "authors' release"),
            Score("HRNet-W48", "Cityscapes test", "82.3 mIoU", "authors' release"),
            Score("HRNet-W48", ADE, "44.5 mIoU", "authors' release"),
            Score("ResNet-101", CITY, "79.63 mIoU", "openseg.pytorch"),
        ),
    ),
    "setr": Page(
        title="SETR",
        paper="Zheng, Lu, Zhao, Zhu, Luo, Wang, Fu, Feng, Xiang, Torr, Zhang: "
        "Rethinking Semantic Segmentation from a Sequence-to-Sequence Perspective with "
        "Transformers. CVPR 2021, arXiv 2012.15840.",
        modules=("setr",),
        drawn="setr_pup_vitl16",
        rules=(
            (r"backbone/(layer)\d+", r"backbone/\1s"),
            (r"backbone/(patch)", r"backbone/\1"),
        ),
        peers=r"^SETR",
        written=(
            Written(
                NETS + "test_setr_upsampling",
                "the authors' decoders (naive and PUP), written out in PyTorch",
            ),
            Written(NETS + "test_setr_mla", "the authors' MLA encoder and decoder"),
        ),
        tests=("models/test_setr.py",),
        scores=(
            Score("Naive, ViT-L", f"{CITY}, 80,000 steps", "77.90 mIoU", "paper"),
            Score("MLA, ViT-L", f"{CITY}, 80,000 steps", "77.24 mIoU", "paper"),
            Score("PUP, ViT-L", f"{CITY}, 80,000 steps", "79.34 mIoU", "paper"),
            Score("MLA, ViT-L", ADE, "48.64 mIoU", "paper"),
            Score("PUP, ViT-L", ADE, "48.62 mIoU", "paper"),
        ),
    ),
    "danet": Page(
        title="DANet (dual attention)",
        paper="Fu, Liu, Tian, Li, Bao, Fang, Lu: Dual Attention Network for Scene "
        "Segmentation. CVPR 2019, arXiv 1809.02983.",
        modules=("danet",),
        drawn="danet_resnet50",
        peers=r"^DANet",
        tests=("nn/test_attention.py",),
        scores=(
            Score("ResNet-101, one scale", CITY, "79.93 mIoU", "authors' release"),
            Score("ResNet-101", "Cityscapes test", "81.5 mIoU", "authors' release"),
            Score("ResNet-50, 80,000 steps", CITY, "79.34 mIoU", "MMSegmentation"),
        ),
        runs=(
            Run(
                "calibration",
                "narrow `danet_resnet50`, 500 steps, half of the CamVid validation "
                "images",
                (
                    ("question", "calibration of a compact DANet on CamVid"),
                    ("variant", "as trained"),
                ),
            ),
        ),
    ),
    "bisenet": Page(
        title="BiSeNet",
        paper="Yu, Wang, Peng, Gao, Yu, Sang: BiSeNet: Bilateral Segmentation Network "
        "for Real-time Semantic Segmentation. ECCV 2018, arXiv 1808.00897.",
        modules=("bisenet",),
        drawn="bisenet_resnet18",
        rules=(
            (r"(spatial)/", r"\1"),
            (r"context/(\w+)", r"context/\1"),
        ),
        peers=r"^BiSeNet",
        written=(
            Written(
                NETS + "test_bisenet_xception39",
                "ycszen/TorchSeg, the network on Xception-39, written out",
            ),
        ),
        tests=("models/test_bisenet.py",),
        scores=(
            Score("ResNet-18", CITY, "76.21 mIoU", "paper"),
            Score("ResNet-18", "Cityscapes test", "74.7 mIoU", "paper"),
            Score("Xception-39, one scale", CITY, "70.1 mIoU", "paper"),
            Score("ResNet-101, one scale", CITY, "79.09 mIoU", "ycszen/TorchSeg"),
        ),
    ),
    "gscnn": Page(
        title="Gated-SCNN",
        paper="Takikawa, Acuna, Jampani, Fidler: Gated-SCNN: Gated Shape CNNs for "
        "Semantic Segmentation. ICCV 2019, arXiv 1907.05740.",
        modules=("gscnn",),
        drawn="gscnn_wideresnet38",
        rules=(
            (r"shape/[a-z]+(\d)", r"shape/gate\1"),
            (r"aspp$", ""),
            (r"(decoder)", r"\1"),
        ),
        tests=("models/test_gscnn.py", "losses/test_objective.py"),
        scores=(
            Score("WideResNet-38", CITY, "80.8 mIoU", "paper"),
            Score(
                "ResNet-50-vd, another implementation",
                CITY,
                "80.67 mIoU",
                "PaddleSeg",
            ),
        ),
    ),
    "nonlocal_net": Page(
        title="Non-local networks",
        paper="Wang, Girshick, Gupta, He: Non-local Neural Networks. CVPR 2018, "
        "arXiv 1711.07971.",
        modules=("nonlocal_net",),
        drawn="nonlocal_resnet50",
        peers=r"^Non-local",
        tests=("nn/test_attention.py",),
        scores=(
            Score("ResNet-50, 40,000 steps", CITY, "78.24 mIoU", "MMSegmentation"),
            Score("ResNet-101, 160,000 steps", ADE, "43.36 mIoU", "MMSegmentation"),
        ),
    ),
    "se_fcn": Page(
        title="FCN on SE-ResNet (squeeze-and-excitation)",
        paper="Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks. CVPR 2018, "
        "arXiv 1709.01507.",
        modules=("se_fcn",),
        drawn="fcn_seresnet50",
        peers=r"^seresnet",
    ),
    "glore": Page(
        title="GloRe (graph-based global reasoning)",
        paper="Chen, Rohrbach, Yan, Yan, Feng, Kalantidis: Graph-Based Global "
        "Reasoning Networks. CVPR 2019, arXiv 1811.12814.",
        modules=("glore",),
        drawn="glore_resnet50",
        tests=("nn/test_graph.py",),
        scores=(
            Score(
                "FCN on ResNet-50, one unit",
                "Cityscapes test",
                "79.5 mIoU",
                "authors' release",
            ),
            Score(
                "FCN on ResNet-101, one unit",
                "Cityscapes test",
                "80.9 mIoU",
                "authors' release",
            ),
        ),
    ),
    "gcu": Page(
        title="Graph convolutional units (Beyond Grids)",
        paper="Li, Gupta: Beyond Grids: Learning Graph Representations for Visual "
        "Recognition. NeurIPS 2018 (no arXiv entry).",
        modules=("gcu",),
        drawn="gcu_resnet50",
        written=(
            Written(
                NETS + "test_gcu",
                "the equations of section 3 of the paper, pixel by pixel",
            ),
        ),
        tests=("nn/test_graph.py",),
    ),
    "ginet": Page(
        title="GINet (graph interaction)",
        paper="Wu, Lu, Zhu, Zhang, Wu, Ma, Guo: GINet: Graph Interaction Network for "
        "Scene Parsing. ECCV 2020, arXiv 2009.06160.",
        modules=("ginet",),
        drawn="ginet_resnet50",
        scores=(
            Score("GINet", "COCO-Stuff", "40.6 mIoU", "paper"),
            Score("ResNet-50, another implementation", CITY, "78.66 mIoU", "PaddleSeg"),
        ),
    ),
    "spn": Page(
        title="SPN (spatial propagation)",
        paper="Liu, De Mello, Gu, Zhong, Yang, Kautz: Learning Affinity via Spatial "
        "Propagation Networks. NeurIPS 2017, arXiv 1710.01020.",
        modules=("spn",),
        drawn="spn",
        rules=(
            (r"encoder/(conv\d).*", r"encoder/\1"),
            (r"decoder/(\w+)", r"decoder/\1"),
        ),
        written=(
            Written(
                NETS + "test_spn",
                "githubpgq/pytorch_spn_full, the network written out",
            ),
        ),
        tests=("models/test_propagation.py",),
    ),
    "cspn": Page(
        title="CSPN (convolutional spatial propagation)",
        paper="Cheng, Wang, Yang: Depth Estimation via Affinity Learned with "
        "Convolutional Spatial Propagation Network. ECCV 2018, arXiv 1808.00150.",
        modules=("cspn",),
        drawn="cspn_resnet50",
        written=(
            Written(
                NETS + "test_cspn_of_the_release",
                "XinJCheng/CSPN, the propagation step, written out",
            ),
        ),
        tests=("models/test_propagation.py",),
        scores=(
            Score(
                "depth network, 500 sparse samples",
                "NYU Depth v2",
                "RMSE 0.117 m",
                "authors' release",
            ),
        ),
    ),
}
