"""The `elasticsearch` target of monolith."""
