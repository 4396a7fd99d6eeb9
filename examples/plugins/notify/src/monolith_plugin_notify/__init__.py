"""Notifications for monolith: tells people when something goes wrong, and when it is well again."""

from monolith_plugin_notify.hooks import NotifyHooks

__all__ = ["NotifyHooks"]
