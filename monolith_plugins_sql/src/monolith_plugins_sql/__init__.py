"""The `sql` source and the `sql` target of monolith."""
