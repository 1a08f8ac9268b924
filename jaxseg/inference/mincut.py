"""Exact minimum of a submodular energy of binary labels, by one minimum cut.

E(x) = sum_p cost[p, x_p] + sum_links (x_p = 0, x_q = 1: first; x_p = 1, x_q = 0:
second), both >= 0 (Boykov and Jolly, ICCV 2001; Kolmogorov and Zabih, PAMI 2004). The
maximum flow is scipy's, whose capacities and flow are 32-bit integers and wrap around
silently: costs are scaled by a power of two, the bounds of the flow are checked, and
what does not fit is refused. Runs on the host.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

LARGEST = 2**31 - 1
FINEST = 2.0**20  # integer steps per unit of energy, where the sums allow it
COARSEST = 256  # steps that the largest link must have at least
UNKNOWN = -1


class Links(NamedTuple):
    """Pairs of neighbors and what it costs that their labels differ.

    Attributes:
      p: numbers of the first nodes, int [L].
      q: numbers of the second nodes, int [L].
      first: cost of x_p = 0, x_q = 1, [L].
      second: cost of x_p = 1, x_q = 0, [L].
    """

    p: np.ndarray
    q: np.ndarray
    first: np.ndarray
    second: np.ndarray


def minimize(
    cost: np.ndarray, links: Links, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Labels 0 or 1 of least energy, int8 [N]; of several the one with fewest ones.

    The minimum is exact for costs rounded to steps of 2^-20, or to larger ones where
    32 bits need it.

    Args:
      cost: [N, 2], finite.
      links: pairs of nodes.
      fixed: [N] with 0 or 1 for nodes whose label is given and -1 for the others.

    Raises:
      ValueError: for links that are negative, costs that are not finite, and energies
        whose range is beyond 32 bits.
    """
    cost = np.asarray(cost, np.float64)
    _check(cost, links)
    fixed = np.full(len(cost), UNKNOWN) if fixed is None else np.asarray(fixed)
    result = np.maximum(fixed, 0).astype(np.int8)
    free = np.flatnonzero(fixed == UNKNOWN)
    if not len(free):
        return result
    lead, links = _without_fixed(cost, links, fixed, free)
    lead, links = as_integers(lead, links)
    result[free] = _source_side(lead, links)
    return result


def energy(label: np.ndarray, cost: np.ndarray, links: Links) -> float:
    """E of labels [N]."""
    label = np.asarray(label, np.int64)
    single = cost[np.arange(len(label)), label].sum()
    first = links.first[(label[links.p] == 0) & (label[links.q] == 1)].sum()
    second = links.second[(label[links.p] == 1) & (label[links.q] == 0)].sum()
    return float(single + first + second)


def _check(cost, links):
    if cost.ndim != 2 or cost.shape[1] != 2 or not np.isfinite(cost).all():
        raise ValueError(
            f"cost has shape {cost.shape}; allowed are finite values [N, 2]"
        )
    both = np.concatenate([links.first, links.second])
    if not np.isfinite(both).all() or (len(both) and both.min() < 0):
        raise ValueError("links have costs that are negative or not finite")


def _without_fixed(cost, links, fixed, free):
    """What label 1 saves each free node, [F], and the links among free nodes.

    A link to a fixed node is a cost of its free end alone.
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
    among = Links(number[p[both]], number[q[both]], first[both], second[both])
    return lead[free], among


def as_integers(lead, links):
    """Leads and links as integers whose flow fits into 32 bits.

    A node whose lead exceeds the sum of its links takes its label in any case: its
    lead is cut to just above that sum, which keeps the flow small.
    """
    around = _incident(links, len(lead))
    cut = np.clip(lead, -around, around)
    largest = max(links.first.max(initial=0), links.second.max(initial=0))
    flow = min(cut[cut > 0].sum(), -cut[cut < 0].sum())
    pair = (links.first + links.second).max(initial=0)
    bound = max(flow, pair, around.max(initial=0), 1e-300)
    room = LARGEST - 16 * (len(lead) + 1)  # rounding of at most 8 links, and one more
    scale = min(FINEST, 2.0 ** np.floor(np.log2(room / bound))) if room > 0 else 0.0
    if largest and scale * largest < COARSEST:
        raise ValueError(
            f"the energy of {len(lead)} nodes is beyond 32 bits: links up to "
            f"{largest:.3g}, possible flow {flow:.3g}; allowed are ranges of "
            f"{LARGEST // COARSEST} to 1. Shrink the image or fix more of it"
        )
    first, second = (np.rint(v * scale).astype(np.int64) for v in links[2:])
    links = Links(links.p, links.q, first, second)
    around = _incident(links, len(lead)).astype(np.int64) + 1
    whole = np.clip(
        np.rint(np.clip(lead * scale, -(2.0**40), 2.0**40)), -around, around
    )
    whole = whole.astype(np.int64)
    flow = min(whole[whole > 0].sum(), -whole[whole < 0].sum())
    if max(flow, (first + second).max(initial=0), around.max()) > LARGEST:
        raise ValueError(f"flow up to {flow}; allowed is up to {LARGEST}")
    return whole, links


def _incident(links, count):
    """Sum of all links of each node, both directions, [N]."""
    both = links.first + links.second
    ends = np.concatenate([links.p, links.q])
    return np.bincount(ends, np.concatenate([both, both]), minlength=count)


def _source_side(lead, links):
    """1 for the nodes that the source still reaches when the flow is maximal."""
    count = len(lead)
    source, sink = count, count + 1
    up, down = np.flatnonzero(lead > 0), np.flatnonzero(lead < 0)
    tail = np.concatenate([np.full(len(up), source), down, links.p, links.q])
    head = np.concatenate([up, np.full(len(down), sink), links.q, links.p])
    # p -> q is cut where p is on the source's side (label 1) and q is not.
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
