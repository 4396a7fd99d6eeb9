"""Prometheus for monolith: a source that archives what a server knows, and hooks that tell one how runs went."""

from monolith_plugin_prometheus.hooks import PrometheusHooks
from monolith_plugin_prometheus.source import PrometheusSource

__all__ = ["PrometheusHooks", "PrometheusSource"]
