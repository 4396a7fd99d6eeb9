"""The `google-analytics` source of monolith: reports of Google Analytics 4, day by day."""
