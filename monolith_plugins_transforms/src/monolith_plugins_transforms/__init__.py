"""The transforms of monolith: rename, drop, keep, hash and sum."""
