"""The commands: `monolith-extract` does the work, `monolith` looks at it.

What a command needs is imported when it runs, so that `--version` and `--help` cost nothing.
"""
