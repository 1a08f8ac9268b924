"""Minimizes a submodular energy of binary labels exactly, by one minimum cut.

The energy is the sum of cost[p, x_p] over all nodes p, and of a term for each link
(p, q): `first` if x_p = 0 and x_q = 1, `second` if x_p = 1 and x_q = 0, and 0 if both
labels are equal. Both costs are >= 0 (Boykov and Jolly, ICCV 2001; Kolmogorov and
Zabih, PAMI 2004). SciPy computes the maximum flow with 32-bit integers that overflow
without an error. The module therefore scales the costs by a power of two, checks the
bounds of the flow, and raises an error if they exceed 32 bits. It runs on the host.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LARGEST = 2**31 - 1  # SciPy's maximum flow has 32-bit capacities.
FINEST = 2.0**20  # The largest number of integer steps per unit of energy.
COARSEST = 256  # The smallest number of integer steps of the largest link.
UNKNOWN = -1  # Neither of the labels 0 and 1.


class Links(NamedTuple):
    """Contains pairs of nodes, and the cost of each pair if its labels differ.

    Attributes:
      p: The indices of the first nodes, int [L].
      q: The indices of the second nodes, int [L].
      first: The cost of each pair if x_p = 0 and x_q = 1, [L].
      second: The cost of each pair if x_p = 1 and x_q = 0, [L].
    """

    p: np.ndarray
    q: np.ndarray
    first: np.ndarray
    second: np.ndarray


def minimize(
    cost: np.ndarray, links: Links, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Finds the binary labels of minimum energy.

    Costs are rounded to steps of 2^-20, or to larger steps if 32 bits require it. The
    minimum is exact for the rounded costs. If there are several minima, the result
    is the one with the fewest nodes of label 1.

    Args:
      cost: The finite costs of both labels, [N, 2].
      links: The links between nodes.
      fixed: The labels of nodes that must not change, [N]; -1 for the others.

    Returns:
      The labels, int8 [N].

    Raises:
      ValueError: If a cost is not finite, the cost of a link is negative, or the range
        of the energy exceeds 32 bits.
    """
    cost = np.asarray(cost, np.float64)
    _check(cost, links)
    fixed = np.full(len(cost), UNKNOWN) if fixed is None else np.asarray(fixed)
    result = np.maximum(fixed, 0).astype(np.int8)
    free = np.flatnonzero(fixed == UNKNOWN)
    if not len(free):
        return result
    lead, links = _without_fixed(cost, links=links, fixed=fixed, free=free)
    lead, links = as_integers(lead, links)
    result[free] = _source_side(lead, links)
    return result


def energy(label: np.ndarray, cost: np.ndarray, links: Links) -> float:
    """Returns the energy of given labels: the sum of all node costs and link costs.

    Args:
      label: The labels, [N].
      cost: The costs of both labels, [N, 2].
      links: The links between nodes.
    """
    label = np.asarray(label, np.int64)
    single = cost[np.arange(len(label)), label].sum()
    first = links.first[(label[links.p] == 0) & (label[links.q] == 1)].sum()
    second = links.second[(label[links.p] == 1) & (label[links.q] == 0)].sum()
    return float(single + first + second)


def _check(cost, links):
    if cost.ndim != 2 or cost.shape[1] != 2 or not np.isfinite(cost).all():
        raise ValueError(
            f"cost.shape={cost.shape} is invalid: expected the shape [N, 2] and "
            "finite values."
        )
    both = np.concatenate([links.first, links.second])
    if not np.isfinite(both).all() or (len(both) and both.min() < 0):
        worst = both[~(np.isfinite(both) & (both >= 0))][0]
        raise ValueError(
            f"links={worst} is invalid: expected link costs that are finite and >= 0."
        )


def _without_fixed(cost, links, fixed, free):
    """Returns how much label 1 saves at each free node, [F], and the remaining links.

    A link to a fixed node becomes a cost of its free node.
    """
    lead = cost[:, 0] - cost[:, 1]
    p, q, first, second = links
    one = fixed[q] == 1
    np.add.at(lead, p, np.where(one, first, np.where(fixed[q] == 0, -second, 0)))
    one = fixed[p] == 1
    np.add.at(lead, q, np.where(one, second, np.where(fixed[p] == 0, -first, 0)))
    number = np.full(len(cost), -1)
    number[free] = np.arange(len(free))
    both = (number[p] >= 0) & (number[q] >= 0) & (first + second > 0)
    among = Links(
        number[p[both]], q=number[q[both]], first=first[both], second=second[both]
    )
    return lead[free], among


def as_integers(lead, links):
    """Scales and rounds costs to integers, so that the maximum flow fits into 32 bits.

    The lead of a node is the cost of label 0 minus that of label 1. If its absolute
    value exceeds the sum of the costs of the node's links, its sign determines the
    label. The lead is then clipped to slightly more than that sum, which limits the
    flow.

    Args:
      lead: The cost of label 0 minus that of label 1 for each node, [N].
      links: The links between nodes.

    Returns:
      The scaled leads, int64 [N], and the links with scaled costs.

    Raises:
      ValueError: If the range of the energy exceeds 32 bits.
    """
    around = _incident(links, len(lead))
    cut = np.clip(lead, -around, around)
    largest = max(links.first.max(initial=0), links.second.max(initial=0))
    flow = min(cut[cut > 0].sum(), -cut[cut < 0].sum())
    pair = (links.first + links.second).max(initial=0)
    bound = max(flow, pair, around.max(initial=0), 1e-300)  # Never 0, as a divisor.
    room = LARGEST - 16 * (len(lead) + 1)  # Rounding adds to up to 8 links per node.
    scale = min(FINEST, 2.0 ** np.floor(np.log2(room / bound))) if room > 0 else 0.0
    if largest and scale * largest < COARSEST:
        raise ValueError(
            f"flow={flow:.3g} is invalid for {len(lead)} nodes: expected a "
            f"maximum flow of at most about {LARGEST // COARSEST} times the largest "
            f"link cost ({largest:.3g}). For a larger flow, costs rounded to 32-bit "
            "integers are too coarse. Shrink the image, or mark more pixels as "
            "foreground or background."
        )
    first, second = (np.rint(v * scale).astype(np.int64) for v in links[2:])
    links = Links(links.p, q=links.q, first=first, second=second)
    around = _incident(links, len(lead)).astype(np.int64) + 1
    whole = np.clip(
        np.rint(np.clip(lead * scale, -(2.0**40), 2.0**40)), -around, around
    )
    whole = whole.astype(np.int64)
    flow = min(whole[whole > 0].sum(), -whole[whole < 0].sum())
    if max(flow, (first + second).max(initial=0), around.max()) > LARGEST:
        raise ValueError(
            f"The minimum cut of this image needs integers up to {max(flow, 0)}: "
            f"expected at most {LARGEST}, the largest 32-bit integer. Shrink the "
            "image, or mark more pixels as foreground or background."
        )
    return whole, links


def _incident(links, count):
    """Returns the sum of the links of each node in both directions, [N]."""
    both = links.first + links.second
    ends = np.concatenate([links.p, links.q])
    return np.bincount(ends, np.concatenate([both, both]), minlength=count)


def _source_side(lead, links):
    """Returns 1 for nodes that the source reaches after the maximum flow, else 0."""
    # SciPy takes half a second to load, and most predictions need no graph cut.
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = len(lead)
    source, sink = count, count + 1
    up, down = np.flatnonzero(lead > 0), np.flatnonzero(lead < 0)
    tail = np.concatenate([np.full(len(up), source), down, links.p, links.q])
    head = np.concatenate([up, np.full(len(down), sink), links.q, links.p])
    # The edge p -> q is cut if p is on the side of the source (label 1) and q is not.
    capacity = np.concatenate([lead[up], -lead[down], links.second, links.first])
    shape = (count + 2, count + 2)
    graph = csr_array(coo_array((capacity.astype(np.int32), (tail, head)), shape))
    flow = maximum_flow(graph, source, sink).flow
    rest = csr_array(graph - flow)
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    label = np.zeros(count, np.int8)
    label[reached[reached < count]] = 1
    return label
