"""The `files` source and the `files` target of monolith."""
