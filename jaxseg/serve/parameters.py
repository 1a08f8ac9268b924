"""Converts the fields of an HTTP request to options, and checks them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, get_args

from jaxseg.inference.crf import Normalization
from jaxseg.inference.refinement import CRF, Clean, GraphCut, Refinement
from jaxseg.inference.tta import PSPNET_SCALES
from jaxseg.runs.rules import Rule, invalid, number, whole
from jaxseg.serve.refusal import Refusal
from jaxseg.text import near

ANSWERS = ("labels", "overlay", "probabilities", "json")
MOST_SCALES = 8  # Each scale is a forward pass, so this bounds the time of a request.
SHARE = number(0, 1)
_WORDS = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


def _flag(name: str, text: str) -> bool:
    if text.lower() not in _WORDS:
        raise ValueError(invalid(name, text, "true or false"))
    return _WORDS[text.lower()]


def _choice(*names: str) -> Callable[[str, str], str]:
    def convert(name: str, text: str) -> str:
        if text not in names:
            raise ValueError(f"{name}={text!r} is invalid{near(text, names)}")
        return text

    return convert


def _value(rule: Rule, kind: type) -> Callable[[str, str], Any]:
    def convert(name: str, text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(invalid(name, text, rule.expected)) from None
        rule.check(name, value)
        return value

    return convert


def _scales(name: str, text: str) -> tuple[float, ...]:
    one = _value(number(0.1, 4), float)
    found = tuple(one(name, part.strip()) for part in text.split(","))
    if len(found) > MOST_SCALES:
        raise ValueError(invalid(name, text, f"at most {MOST_SCALES} numbers"))
    return found


def _thresholds(name: str, text: str) -> tuple[tuple[str, float], ...]:
    pairs, one = [], _value(number(0, below=1), float)
    for part in text.split(","):
        label, colon, value = part.rpartition(":")
        if not colon:
            raise ValueError(
                invalid(name, text, "pairs such as car:0.6,sky:0.3", advice="")
            )
        pairs.append((label.strip(), one(f"{name} {label.strip()}", value.strip())))
    return tuple(pairs)


FIELDS: dict[str, Callable[[str, str], Any]] = {
    "answer": _choice(*ANSWERS),
    "alpha": _value(SHARE, float),
    "picture": _flag,
    "scales": _scales,
    "flip": _flag,
    "tta": _flag,
    "threshold": _value(number(above=0, below=1), float),
    "class_thresholds": _thresholds,
    "crf": _flag,
    "crf.color_weight": _value(number(0), float),
    "crf.sigma_xy": _value(number(above=0), float),
    "crf.sigma_rgb": _value(number(above=0), float),
    "crf.position_weight": _value(number(0), float),
    "crf.position_sigma": _value(number(above=0), float),
    "crf.iterations": _value(whole(0, 50), int),
    "crf.normalization": _choice(*get_args(Normalization)),
    "graphcut": _flag,
    "graphcut.gamma": _value(number(0), float),
    "clean.min_size": _value(whole(), int),
    "clean.fill_holes": _value(whole(), int),
}


@dataclasses.dataclass(frozen=True)
class View:
    """Contains the options that determine how the network is applied.

    Attributes:
      scales: The factors by which the image is resized; the predictions are averaged.
      flip: Whether the predictions for the mirrored image are also included in the
        average.
      threshold: The probability above which a class is present, or None for that of
        the dataset.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    threshold: float | None = None


@dataclasses.dataclass(frozen=True)
class PredictParameters:
    """Contains the options of one request.

    Attributes:
      answer: What the answer contains, such as "labels" or "probabilities".
      alpha: The weight of the class colors in an overlay.
      picture: Whether the answer "json" includes the image as 8-bit RGB.
      view: The options that determine how the network is applied.
      refinement: The steps that refine the prediction, such as a dense CRF.
    """

    answer: str = "labels"
    alpha: float = 0.5
    picture: bool = False
    view: View = View()
    refinement: Refinement = Refinement()  # noqa: RUF009

    @property
    def soft(self) -> bool:
        """Returns whether the answer or the refinement needs class probabilities."""
        wanted = self.answer in ("probabilities", "json")
        return wanted or self.refinement.is_active


def predict_parameters(fields: Mapping[str, str]) -> PredictParameters:
    """Returns the options that the fields of a request for a prediction set.

    Args:
      fields: The fields of the query and of the form.

    Raises:
      Refusal: With the status 400 if a field is unknown or has an invalid value.
    """
    try:
        return _parameters(converted(fields, FIELDS))
    except ValueError as error:
        raise Refusal(400, str(error)) from error


def converted(
    fields: Mapping[str, str], known: Mapping[str, Callable[[str, str], Any]]
) -> dict[str, Any]:
    """Returns a dictionary from the fields of a request to their converted values.

    Args:
      fields: A dictionary from the name of each field to its text.
      known: A dictionary from the name of each known field to the function that
        converts it. The function takes the name and the text.

    Raises:
      ValueError: If a field is unknown or has an invalid value.
    """
    for name in fields:
        if name not in known:
            raise ValueError(f"The field {name!r} is invalid{near(name, known)}")
    return {name: known[name](name, text) for name, text in fields.items()}


def _parameters(values: dict[str, Any]) -> PredictParameters:
    if values.get("tta") and "scales" in values:
        raise ValueError(
            "tta=True is invalid with scales: expected one of the two, because tta "
            "chooses the scales. Leave one out."
        )
    averages = values.get("tta", False)
    crf, cut, clean = (_group(values, name) for name in ("crf", "graphcut", "clean"))
    return PredictParameters(
        answer=values.get("answer", "labels"),
        alpha=values.get("alpha", 0.5),
        picture=values.get("picture", False),
        view=View(
            PSPNET_SCALES if averages else values.get("scales", (1.0,)),
            flip=averages or values.get("flip", False),
            threshold=values.get("threshold"),
        ),
        refinement=Refinement(
            crf=CRF(**crf) if values.get("crf") else None,
            thresholds=values.get("class_thresholds", ()),
            graphcut=GraphCut(**cut) if values.get("graphcut") else None,
            clean=Clean(**clean),
        ),
    )


def _group(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns the fields "NAME.option", which need the field NAME."""
    start = f"{name}."
    found = {
        key.removeprefix(start): value
        for key, value in values.items()
        if key.startswith(start)
    }
    if found and name != "clean" and not values.get(name):
        raise ValueError(
            f"The field '{start}{next(iter(found))}' is invalid without {name}=true: "
            f"expected both. Add {name}=true, or leave the field out."
        )
    return found
