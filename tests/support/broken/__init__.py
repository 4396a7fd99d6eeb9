"""Plugins that are wrong in one way each, and the case of the test kit that is about it."""
