"""Alembic's folder: one file a version of the storage's tables."""
