"""The `rest` source of monolith."""
