"""Counts requests, batches and times for Prometheus."""

from __future__ import annotations

import prometheus_client as prometheus

SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # Factors of about 3.
IMAGES = (1, 2, 4, 8, 16, 32, 64)  # Powers of two, as usual for batch sizes.


class Metrics:
    """Contains the Prometheus counters of one server.

    They count requests and batches, and record how long each one took.
    """

    kind = prometheus.CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        self._requests = prometheus.Counter(
            "jaxseg_requests",
            "Requests by path and HTTP status.",
            ["path", "status"],
            registry=self.registry,
        )
        self._seconds = prometheus.Histogram(
            "jaxseg_request_seconds",
            "Seconds from the first byte of a request to its answer, by path.",
            ["path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.accepted = prometheus.Gauge(
            "jaxseg_accepted_requests",
            "Accepted requests that are not finished.",
            registry=self.registry,
        )
        self._images = prometheus.Histogram(
            "jaxseg_batch_images",
            "Images per batch of the network.",
            buckets=IMAGES,
            registry=self.registry,
        )
        self._network = prometheus.Histogram(
            "jaxseg_network_seconds",
            "Seconds per batch of the network, without decoding and encoding.",
            buckets=SECONDS,
            registry=self.registry,
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Counts an answered request, with its path, HTTP status and duration."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def ran(self, images: int, seconds: float) -> None:
        """Counts a batch that the network has computed, with its duration."""
        self._images.observe(images)
        self._network.observe(seconds)

    def text(self) -> bytes:
        """Returns the values of all counters in the text format of Prometheus."""
        return prometheus.generate_latest(self.registry)
