"""Our scores of 200 random maps against those of the packages that others score with.

The maps contain void, absent classes, one class only, or nothing but void. Packages
that know no void get the masks without the void pixels, as our scores define it.
"""

import functools
import importlib

import numpy as np
import pytest

from jaxseg.data.datasets.cityscapes import CATEGORIES, CLASSES, IDS
from jaxseg.data.datasets.lookup import dataset_categories
from jaxseg.metrics import boundary, scores
from jaxseg.metrics.agreement import agreement_scores
from jaxseg.metrics.boundary.class_values import mean_values, surface_values
from jaxseg.metrics.category import category_scores
from jaxseg.metrics.per_image import class_counts, per_image_scores
from jaxseg.metrics.threshold_curves import (
    bin_counts,
    probability_bins,
    threshold_scores,
)
from tests.metrics.maps import VOID, random_pairs

COUNT, K = 200, 4


@pytest.fixture(scope="module")
def pairs():
    """The maps; the functions of the packages must not change them."""
    found = list(random_pairs(COUNT, K))
    for one in found:
        for array in one:
            array.setflags(write=False)
    return found


@pytest.fixture(scope="module")
def images(pairs):
    return [boundary.label_pair(*one, num_classes=K) for one in pairs]


@pytest.fixture(scope="module")
def flat(pairs):
    """All labeled pixels: predictions and labels."""
    prediction, label = (np.stack(maps) for maps in zip(*pairs, strict=True))
    return prediction[label != VOID], label[label != VOID]


@pytest.fixture(scope="module")
def matrix(flat):
    counts = np.zeros((K + 1, K), int)
    np.add.at(counts, (flat[1], flat[0]), 1)
    return counts


def masks(images):
    """The mask of each class of each image where it occurs, and our distances."""
    for image in images:
        for k, distances in boundary.class_distances(image):
            yield image.prediction == k, image.label == k, distances


def one_hot(maps):
    """bool [N, K, H, W], all false at void pixels."""
    return np.stack([[values == k for k in range(K)] for values in maps])


def square(mask):
    """The mask with rows of background until it is square."""
    height, width = mask.shape
    return np.pad(mask, ((0, width - height), (0, 0)))


def test_scikit_learn(flat, matrix, pairs):
    sk = pytest.importorskip("sklearn.metrics")
    prediction, label = flat
    ours, agreement = scores(matrix), agreement_scores(matrix)
    for name, function in (
        ("iou", sk.jaccard_score),
        ("f1", sk.f1_score),
        ("recall", sk.recall_score),
    ):
        want = function(label, prediction, average=None)
        np.testing.assert_allclose(ours[name], want, rtol=1e-12)
    kappa = sk.cohen_kappa_score(label, prediction)
    assert agreement["cohen_kappa"] == pytest.approx(kappa, rel=1e-12)
    for k, (right, wrong) in enumerate(
        sk.multilabel_confusion_matrix(label, prediction)[:, 0]
    ):
        assert agreement["specificity_per_class"][k] == right / (right + wrong)
    random = np.random.default_rng(0)
    noise = random.normal(0, 1, (COUNT, *pairs[0][0].shape))
    truth = np.stack([np.where(m == VOID, VOID, m == 1) for _, m in pairs])
    probability = (1 / (1 + np.exp(-1.0 * (truth == 1) - 2 * noise))).astype(np.float32)
    found = threshold_scores(
        [bin_counts(p, m) for p, m in zip(probability, truth, strict=True)]
    )
    known = truth != VOID
    rank = probability_bins(probability[known])
    area = sk.roc_auc_score(truth[known], rank)
    precision = sk.average_precision_score(truth[known], rank)
    assert found["roc_auc"] == pytest.approx(area, rel=1e-12)
    assert found["average_precision"] == pytest.approx(precision, rel=1e-12)
    exact = sk.roc_auc_score(truth[known], probability[known])
    assert found["roc_auc"] == pytest.approx(exact, abs=2e-5)


def test_cityscapesscripts(tmp_path):
    peer = pytest.importorskip(
        "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
    )
    from PIL import Image

    counts, files = np.zeros((20, 19), int), ([], [])
    ids = np.array([*IDS, *[0] * (256 - len(IDS))], np.uint8)  # void is 0
    for number, (prediction, label) in enumerate(random_pairs(COUNT, 19)):
        known = label != VOID
        np.add.at(counts, (label[known], prediction[known]), 1)
        for folder, values, end in (
            ("prediction", prediction, "pred"),
            ("label", label, "gtFine_labelIds"),
        ):
            path = tmp_path / folder / f"town_{number:06d}_000019_{end}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(ids[values]).save(path)
            files[folder == "label"].append(str(path))
    peer.args.evalInstLevelScore = peer.args.JSONOutput = False
    peer.args.quiet = True
    theirs = peer.evaluateImgLists(*files, peer.args)
    ours = scores(counts)
    assert ours["mean_iou"] == pytest.approx(theirs["averageScoreClasses"], rel=1e-12)
    for name, value in zip(CLASSES, ours["iou"], strict=True):
        assert value == pytest.approx(theirs["classScores"][name], rel=1e-12)
    found = category_scores(counts, dataset_categories("cityscapes", CLASSES))
    mean = theirs["averageScoreCategories"]
    assert found["category_iou"] == pytest.approx(mean, rel=1e-12)
    for name in CATEGORIES:
        want = theirs["categoryScores"][name]
        assert found[f"category_iou/{name}"] == pytest.approx(want, rel=1e-12)


def test_medpy(images):
    peer = pytest.importorskip("medpy.metric.binary")
    checked = 0
    for prediction, label, ours in masks(images):
        if not ours.is_defined:
            continue
        checked += 1
        both = np.concatenate([ours.predicted, ours.true])
        assert ours.hausdorff() == pytest.approx(peer.hd(prediction, label))
        assert ours.average() == pytest.approx(peer.assd(prediction, label))
        # Percentiles of both sides together.
        joint = np.percentile(both, 95)
        assert joint == pytest.approx(peer.hd95(prediction, label))
    assert checked > 2 * COUNT


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_surface_distance(images):
    peer = pytest.importorskip("surface_distance")
    for prediction, label, _ in masks(images):
        ours = boundary.contour_distances(prediction, label)
        if not ours.is_defined:
            continue
        theirs = peer.compute_surface_distances(label, prediction, (1.0, 1.0))
        for percentile in (95, 100):
            want = peer.compute_robust_hausdorff(theirs, percentile)
            assert ours.hausdorff(percentile) == pytest.approx(want)
        want = peer.compute_surface_dice_at_tolerance(theirs, 2)
        assert ours.normalized(2) == pytest.approx(want)
        want = peer.compute_average_surface_distance(theirs)
        assert ours.average()[::-1] == pytest.approx(want)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "step",
    [19, pytest.param(1, marks=pytest.mark.sweep)],  # 0.2 s for each image
)
def test_monai(images, step):
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("monai.metrics")
    images = images[4::step]
    maps = [
        torch.from_numpy(one_hot([getattr(x, name) for x in images]).astype(np.float32))
        for name in ("prediction", "label")
    ]
    every = {"include_background": True}
    values = [surface_values(boundary.class_distances(x)) for x in images]
    theirs = {
        "hausdorff": peer.compute_hausdorff_distance(*maps, **every),
        "hausdorff_95": peer.compute_hausdorff_distance(*maps, percentile=95, **every),
        "average_surface_distance": peer.compute_average_surface_distance(
            *maps, symmetric=True, **every
        ),
        "normalized_surface_distance": peer.compute_surface_dice(
            *maps, class_thresholds=[2.0] * K, **every
        ),
    }
    for name, table in theirs.items():
        got = np.full(table.shape, np.nan)
        for row, image in enumerate(values):
            got[row, image.classes] = image.values[name]
        want = table.numpy().astype(float)
        want[~np.isfinite(want)] = np.nan
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6, err_msg=name)
        means = np.array([np.nanmean(row) for row in want if not np.isnan(row).all()])
        assert mean_values(values, K)[name] == pytest.approx(means.mean(), rel=1e-5)
    dice = peer.compute_dice(*maps, ignore_empty=False).numpy()
    want = [
        row[x.classes].mean()
        for row, x in zip(dice, images, strict=True)
        if x.classes.size
    ]
    ours = per_image_scores([class_counts(x) for x in images], K)
    assert ours["image_dice"] == pytest.approx(np.mean(want), rel=1e-5)


@pytest.mark.sweep  # Importing it takes longest, and scikit-learn has the same scores.
def test_torchmetrics(peers, pairs, images, matrix):
    torch = peers.torch
    peers.torchvision  # noqa: B018  Declares the operators that it looks up at import.
    peer = pytest.importorskip("torchmetrics")
    prediction, label = (
        torch.from_numpy(np.stack(maps).astype(np.int64))
        for maps in zip(*pairs, strict=True)
    )
    task = {"num_classes": K, "ignore_index": VOID}
    classification = peer.classification
    for metric, want in (
        (classification.MulticlassJaccardIndex(**task), scores(matrix)["mean_iou"]),
        (
            classification.MulticlassCohenKappa(**task),
            agreement_scores(matrix)["cohen_kappa"],
        ),
        (
            classification.MulticlassSpecificity(average="macro", **task),
            agreement_scores(matrix)["specificity"],
        ),
    ):
        assert metric(prediction, label).item() == pytest.approx(want, rel=1e-5)
    segmentation = importlib.import_module("torchmetrics.functional.segmentation")
    checked = 0
    for image in images[::10]:
        for k, ours in boundary.class_distances(image):
            if ours.is_defined:
                # Its distance transform (release 1.9.0) numbers the pixels by the height
                # instead of the width, so that it is right for square images only.
                maps = [
                    torch.from_numpy(square(m == k)[None, None].astype(np.int64))
                    for m in (image.prediction, image.label)
                ]
                want = segmentation.hausdorff_distance(
                    *maps, num_classes=1, include_background=True
                )
                assert ours.hausdorff() == pytest.approx(want.item(), rel=1e-5)
                checked += 1
    assert checked > COUNT / 10


@pytest.mark.parametrize("ratio", [0.02, 0.1])
def test_boundary_iou_by_erosion(images, ratio):
    """As the authors' program: pad by one, erode by 3 x 3, round(ratio * diagonal) times."""
    cv2 = pytest.importorskip("cv2")
    reach = max(1, round(ratio * float(np.hypot(*images[0].label.shape))))
    erode = functools.partial(
        cv2.erode, kernel=np.ones((3, 3), np.uint8), iterations=reach
    )
    totals = np.zeros((2, K), int)
    for image in images:
        rims = []
        for values in (image.prediction, image.label):
            mask = np.stack([values == k for k in range(K)]).astype(np.uint8)
            padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
            inside = np.stack([erode(m) for m in padded])[:, 1:-1, 1:-1]
            rims.append((mask - inside).astype(bool))
        totals[0] += (rims[0] & rims[1]).sum((1, 2))
        totals[1] += (rims[0] | rims[1]).sum((1, 2))
    counts = [boundary.inner_boundary_counts(x, ratio=ratio) for x in images]
    found = boundary.boundary_iou_scores(counts, K)
    np.testing.assert_array_equal(
        found["boundary_iou_per_class"], totals[0] / totals[1]
    )
