"""Canonical JSON: the one text of a record's data that content ids are computed from.

UTF-8, no spaces, keys sorted by code point, numbers as they are: integers of any size, floats in their shortest form
that reads back the same, decimals with all their digits. Dates and times are ISO 8601 text, bytes are base64, UUIDs
text, enums their values, sets sorted. msgspec writes all of that fast; what it cannot write is left to `exact`.
"""
