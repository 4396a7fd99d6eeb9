"""Configuration: an ini file, wholly checked, every fault at once with file and line."""

from monolith_core.config.hidden import secrets
from monolith_core.config.load import load_config
from monolith_core.config.model import Config, MonolithOptions, PhaseConfig, PluginConfig

__all__ = ["Config", "MonolithOptions", "PhaseConfig", "PluginConfig", "load_config", "secrets"]
