"""Broken configurations and exactly what is said of them."""

# ruff: noqa: E501 - each message stands on one line, as it does on the terminal

from __future__ import annotations

from pathlib import Path

import pytest
from support import small

from monolith_core import secrets
from monolith_core.config import load_config
from monolith_core.errors import ConfigurationError

M = "[monolith]\ndatabase = sqlite:///x.sqlite\n"
P = "[phase:p]\nsources = a\ntargets = t\n"
S = "[source:a]\nuse = table\nurl = https://a.example/\n"
T = "[target:t]\nuse = shelf\n"
"""Together these are a configuration without faults; each case breaks one of them, in the first lines where it can."""

CASES: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": (
        "",
        [
            "monolith.ini:1: the file is empty; expected a section [monolith] with the option database, and phases",
        ],
    ),
    "blank": (
        "\n  \n\t\n",
        [
            "monolith.ini:1: the file is empty; expected a section [monolith] with the option database, and phases",
        ],
    ),
    "comments only": (
        "; nothing\n# here\n",
        [
            "monolith.ini:1: there is no section [monolith]; add it, with database = sqlite:///%(here)s/archive.sqlite",
            "monolith.ini:1: there is no phase; add a section [phase:ID] with sources and targets",
        ],
    ),
    "utf-16": (
        "[monolith]\n".encode("utf-16"),
        [
            "monolith.ini:1: the file begins with a byte-order mark of UTF-16 or UTF-32; save it as UTF-8",
        ],
    ),
    "utf-16 without mark": (
        "[monolith]\n".encode("utf-16-le"),
        [
            "monolith.ini:1: a NUL character; expected text, save the file as UTF-8",
        ],
    ),
    "latin-1": (
        M.encode() + "; caf\xe9\n".encode("latin-1"),
        [
            "monolith.ini:3: the byte 0xe9 is not UTF-8; save the file as UTF-8",
        ],
    ),
    "latin-1 behind a mark": (
        b"\xef\xbb\xbf[monolith]\r\n\r\n; caf\xe9",
        [
            "monolith.ini:3: the byte 0xe9 is not UTF-8; save the file as UTF-8",
        ],
    ),
    "nul": (
        M + "a\0b",
        [
            "monolith.ini:3: a NUL character; expected text, save the file as UTF-8",
        ],
    ),
    "binary": (
        bytes(range(256)),
        [
            "monolith.ini:3: the byte 0x80 is not UTF-8; save the file as UTF-8",
        ],
    ),
    "too large": (
        "; " + "x" * 2**20,
        [
            "monolith.ini: it is larger than 1 MiB; expected a text file",
        ],
    ),
    "option before any section": (
        "database = x\nretries = 3\n" + M + P + S + T,
        [
            "monolith.ini:1: the option database stands before any section; put [monolith] above it",
        ],
    ),
    "neither option nor section": (
        M + "retries 3\n" + P + S + T,
        [
            "monolith.ini:3: neither an option nor a section; expected NAME = VALUE, or an indented line that continues a value",
        ],
    ),
    "neither, with more lines": (
        M + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj/=\n  = more\n" + P + S + T,
        [
            "monolith.ini:3: neither an option nor a section; expected NAME = VALUE, or an indented line that continues a value",
        ],
    ),
    "section not closed": (
        M + "[phase:p\nsources = a\ntargets = t\n" + P + S + T,
        [
            "monolith.ini:3: a section's name is not closed; expected [NAME] and nothing behind it",
        ],
    ),
    "text behind a section": (
        M + "[phase:q] sources = a\n" + P + S + T,
        [
            "monolith.ini:3: a section's name is not closed; expected [NAME] and nothing behind it",
        ],
    ),
    "indented section": (
        M + "  [phase:p]\n  sources = a\n" + P + S + T,
        [
            "monolith.ini:3: the section [phase:p] is indented, so it continues the value above; outdent it",
        ],
    ),
    "duplicate section": (
        M + P + S + T + "[ source : a ]\nuse = table\n",
        [
            "monolith.ini:11: the section [source:a] is already there, in line 6; merge the two or rename one",
        ],
    ),
    "duplicate option": (
        S + "retries = 3\nretries = 4\n" + M + P + T,
        [
            "monolith.ini:5: option retries of [source:a] is already there, in line 4; remove one of them",
        ],
    ),
    "duplicate by spelling": (
        S + "max-shrink = 1\nMax_Shrink = 0.5\n" + M + P + T,
        [
            "monolith.ini:5: option Max_Shrink of [source:a] is already there, in line 4; remove one of them",
        ],
    ),
    "no monolith": (
        P + S + T,
        [
            "monolith.ini:1: there is no section [monolith]; add it, with database = sqlite:///%(here)s/archive.sqlite",
        ],
    ),
    "only monolith": (
        M,
        [
            "monolith.ini:1: there is no phase; add a section [phase:ID] with sources and targets",
        ],
    ),
    "misspelt monolith": (
        "[monolit]\ndatabase = sqlite:///x.sqlite\n" + P + S + T,
        [
            "monolith.ini:1: section [monolit] is not known; did you mean [monolith]?",
        ],
    ),
    "a storage that no driver is installed for": (
        "[monolith]\ndatabase = oracle://me:s3cret@host/name\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: the storage cannot be of the kind 'oracle'; expected sqlite:///FILE, mysql://USER@HOST/NAME (MariaDB, MySQL) or postgresql://USER@HOST/NAME",
        ],
    ),
    "a storage whose driver is not installed": (
        "[monolith]\ndatabase = mysql+mysqldb://me:s3cret@host/name\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: the driver of mysql+mysqldb (MySQLdb) is not installed; install it with: pip install 'mysqlclient'",
        ],
    ),
    "a storage in memory": (
        "[monolith]\ndatabase = sqlite://\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: a storage in memory would be lost when the run ends; name a file: sqlite:///FILE",
        ],
    ),
    "a storage in shared memory": (
        "[monolith]\ndatabase = sqlite:///file:x?mode=memory&uri=true\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: a storage in memory would be lost when the run ends; name a file: sqlite:///FILE",
        ],
    ),
    "a storage in no folder": (
        "[monolith]\ndatabase = sqlite:////no/such/x.sqlite\nretires = 3\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: there is no folder '/no/such'; create it, or name another file",
            "monolith.ini:3: [monolith] has no option retires; did you mean retries?",
        ],
    ),
    "options of every source when the plugin is not known": (
        "[source:a]\nuse = tabel\nurl = x\nsettle = 3 parsecs\nretries = many\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got 'tabel', expected an installed source; did you mean table?",
            "monolith.ini:4: option settle of [source:a]: '3 parsecs' is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d",
            "monolith.ini:5: option retries of [source:a]: got 'many', expected a whole number from 0 to 100; write e.g. retries = 3",
        ],
    ),
    "options of every target when the plugin is not known": (
        "[target:t]\nuse = elastisearch\nbatch-size = 0\nsince = never\n" + M + P + S,
        [
            "monolith.ini:2: option use of [target:t]: got 'elastisearch', expected an installed target; did you mean elasticsearch? (pip install monolith-plugin-es)",
            "monolith.ini:3: option batch-size of [target:t]: got '0', expected a whole number from 1 to 1000000; write e.g. batch-size = 1000",
        ],
    ),
    "unknown kind": (
        M + "[sources:b]\nuse = table\n" + P + S + T,
        [
            "monolith.ini:3: section [sources:b] is not known; did you mean [source:b]?",
        ],
    ),
    "no kind": (
        M + "[extract]\n" + P + S + T,
        [
            "monolith.ini:3: section [extract] is not known; expected [monolith], [phase:ID], [source:ID], [target:ID], [sequence:ID], [transform:ID], [executor:ID] or [hooks:ID]",
        ],
    ),
    "a kind without an id": (
        M + "[source]\n[target:]\n" + P + S + T,
        [
            "monolith.ini:3: section [source] lacks an id; expected [source:ID]",
            "monolith.ini:4: section [target:] lacks an id; expected [target:ID]",
        ],
    ),
    "default section": (
        M + "[DEFAULT]\nretries = 3\n" + P + S + T,
        [
            "monolith.ini:3: section [DEFAULT] is not known here; write options that all sections share into [monolith]",
        ],
    ),
    "an id with a space": (
        M + "[source:my table]\n" + P + S + T,
        [
            "monolith.ini:3: section [source:my table] has an id with other characters than letters, digits, -, _ and .; rename it",
        ],
    ),
    "a long id": (
        M + "[source:" + 65 * "x" + "]\n" + P + S + T,
        [
            "monolith.ini:3: section [source:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx] has an id of 65 characters, expected at most 64; rename it",
        ],
    ),
    "no database": (
        "[monolith]\nretries = 3\n" + P + S + T,
        [
            "monolith.ini:1: [monolith] lacks the option database; add database = sqlite:///%(here)s/archive.sqlite (the URL of the storage: the database of the ledger, and normally of the archive too)",
        ],
    ),
    "classic history": (
        "[monolith]\nhistory = mysql://monolith:monolith@localhost/monolith\n" + P + S + T,
        [
            "monolith.ini:1: [monolith] lacks the option database; add database = sqlite:///%(here)s/archive.sqlite (the URL of the storage: the database of the ledger, and normally of the archive too)",
            "monolith.ini:2: [monolith] has no option history; write database = URL, which names the ledger's database too",
        ],
    ),
    "database without a scheme": (
        "[monolith]\ndatabase = hunter2\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: *** is no database URL; expected something like sqlite:///archive.sqlite or mysql://user@host/name",
        ],
    ),
    "empty database": (
        "[monolith]\ndatabase =\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: nothing is no database URL; expected something like sqlite:///archive.sqlite or mysql://user@host/name",
        ],
    ),
    "unknown option": (
        S + "retires = 3\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option retires; did you mean retries?",
        ],
    ),
    "unknown option like none": (
        T + "xyz = 3\n" + M + P + S,
        [
            "monolith.ini:3: [target:t] has no option xyz; expected batch-size, database, place, retries, timeout or use",
        ],
    ),
    "unknown option of monolith": (
        M + "timezon = UTC\ncolor = red\n" + P + S + T,
        [
            "monolith.ini:3: [monolith] has no option timezon; did you mean timezone?",
            "monolith.ini:4: [monolith] has no option color; did you mean colour?",
        ],
    ),
    "unknown option of a phase": (
        P + "source = a\n" + M + S + T,
        [
            "monolith.ini:4: [phase:p] has no option source; did you mean sources?",
        ],
    ),
    "classic id": (
        S + "id = other\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option id; the id is a, from the section's name; remove the line, or rename the section",
        ],
    ),
    "an option of monolith elsewhere": (
        S + "timezone = UTC\nlease = 5m\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option timezone; write it into [monolith]",
            "monolith.ini:5: [source:a] has no option lease; write it into [monolith]",
        ],
    ),
    "missing option": (
        "[source:a]\nuse = table\n" + M + P + T,
        [
            "monolith.ini:1: [source:a] lacks the option url; add url = https://service.example/ (where the service is)",
        ],
    ),
    "several missing": (
        "[phase:p]\n" + M + "[source:a]\nuse = table\n" + T,
        [
            "monolith.ini:1: [phase:p] lacks the option sources; add sources = ... (ids of the sources, which run in parallel)",
            "monolith.ini:1: [phase:p] lacks the option targets; add targets = ... (ids of the targets that every source's records go to)",
            "monolith.ini:4: [source:a] lacks the option url; add url = https://service.example/ (where the service is)",
        ],
    ),
    "no whole number": (
        S + "retries = many\n" + M + P + T,
        [
            "monolith.ini:4: option retries of [source:a]: got 'many', expected a whole number from 0 to 100; write e.g. retries = 3",
        ],
    ),
    "a fraction": (
        S + "span = 1.5\n" + M + P + T,
        [
            "monolith.ini:4: option span of [source:a]: got '1.5', expected a whole number from 1 to 3660; write e.g. span = 31",
        ],
    ),
    "out of range": (
        S + "jobs = 0\n" + M + P + T,
        [
            "monolith.ini:4: option jobs of [source:a]: got '0', expected a whole number from 1 to 64; write e.g. jobs = 1",
        ],
    ),
    "no number": (
        S + "max-shrink = half\n" + M + P + T,
        [
            "monolith.ini:4: option max-shrink of [source:a]: got 'half', expected a number from 0 to 1; write e.g. max-shrink = 0.5",
        ],
    ),
    "between": (
        S + "ratio = 1\n" + M + P + T,
        [
            "monolith.ini:4: option ratio of [source:a]: got '1', expected a number, more than 0 and less than 1; write e.g. ratio = 0.5",
        ],
    ),
    "a number without default": (
        S + "pages = 0\n" + M + P + T,
        [
            "monolith.ini:4: option pages of [source:a]: got '0', expected a whole number, at least 1",
        ],
    ),
    "bad duration": (
        S + "timeout = 10x\n" + M + P + T,
        [
            "monolith.ini:4: option timeout of [source:a]: '10x' is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d",
        ],
    ),
    "negative duration": (
        S + "settle = -1d\n" + M + P + T,
        [
            "monolith.ini:4: option settle of [source:a]: '-1d' is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d",
        ],
    ),
    "no time at all": (
        S + "timeout = 0\n" + M + P + T,
        [
            "monolith.ini:4: option timeout of [source:a]: got '0', expected a duration such as 30s, 10m or 3d, more than 0s and at most 3660d; write e.g. timeout = 10m",
        ],
    ),
    "too short a duration": (
        S + "wait = 0.5s\n" + M + P + T,
        [
            "monolith.ini:4: option wait of [source:a]: got '0.5s', expected a duration such as 30s, 10m or 3d, at least 1s and at most 3660d; write e.g. wait = 5s",
        ],
    ),
    "endless duration": (
        S + "settle = 999999999999w\n" + M + P + T,
        [
            "monolith.ini:4: option settle of [source:a]: got '999999999999w', expected a duration such as 30s, 10m or 3d, at most 3660d; write e.g. settle = 1d",
        ],
    ),
    "too short a lease": (
        M + "lease = 1\n" + P + S + T,
        [
            "monolith.ini:3: option lease of [monolith]: got '1', expected a duration such as 30s, 10m or 3d, at least 2s and at most 3660d; write e.g. lease = 2m",
        ],
    ),
    "no day": (
        S + "since = yesterday\n" + M + P + T,
        [
            "monolith.ini:4: option since of [source:a]: 'yesterday' is no day; write YYYY-MM-DD, such as 2024-01-31",
        ],
    ),
    "no day of the calendar": (
        S + "since = 2023-02-29\n" + M + P + T,
        [
            "monolith.ini:4: option since of [source:a]: '2023-02-29' is not in the calendar; write YYYY-MM-DD, such as 2024-01-31",
        ],
    ),
    "a number for a day": (
        M + "since = 5\n" + P + S + T,
        [
            "monolith.ini:3: option since of [monolith]: '5' is no day; write YYYY-MM-DD, such as 2024-01-31",
        ],
    ),
    "not yes or no": (
        S + "verbose = perhaps\n" + M + P + T,
        [
            "monolith.ini:4: option verbose of [source:a]: got 'perhaps', expected true or false; write e.g. verbose = false",
        ],
    ),
    "not of the choice": (
        S + "nan = nul\n" + M + P + T,
        [
            "monolith.ini:4: option nan of [source:a]: got 'nul', expected error, null or drop; did you mean null?",
        ],
    ),
    "not of the enumeration": (
        S + "colour = green\n" + M + P + T,
        [
            "monolith.ini:4: option colour of [source:a]: got 'green', expected red or blue",
        ],
    ),
    "not of a phase's choice": (
        P + "on-failure = stopp\n" + M + S + T,
        [
            "monolith.ini:4: option on-failure of [phase:p]: got 'stopp', expected continue or stop; did you mean stop?",
        ],
    ),
    "too short a text": (
        S + "query = x\n" + M + P + T,
        [
            "monolith.ini:4: option query of [source:a]: got 'x', expected text of at least 3 characters",
        ],
    ),
    "too long a text": (
        S + "code = abcde\n" + M + P + T,
        [
            "monolith.ini:4: option code of [source:a]: got 'abcde', expected text of at most 4 characters like ^[a-z]+$",
        ],
    ),
    "not the pattern": (
        S + "code = A1\n" + M + P + T,
        [
            "monolith.ini:4: option code of [source:a]: got 'A1', expected text of at most 4 characters like ^[a-z]+$",
        ],
    ),
    "a long value": (
        S + "code = " + "x" * 200 + "\n" + M + P + T,
        [
            "monolith.ini:4: option code of [source:a]: got 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…', expected text of at most 4 characters like ^[a-z]+$",
        ],
    ),
    "nothing for a number": (
        S + "retries =\n" + M + P + T,
        [
            "monolith.ini:4: option retries of [source:a]: got nothing, expected a whole number from 0 to 100; write e.g. retries = 3",
        ],
    ),
    "a value of a mapping": (
        S + "param.first = 1\nparam.second = two\n" + M + P + T,
        [
            "monolith.ini:5: option param.second of [source:a]: got 'two', expected a whole number",
        ],
    ),
    "a mapping without a name": (
        S + "param = 1\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option param; did you mean param.NAME?",
        ],
    ),
    "a union": (
        S + "number = x\n" + M + P + T,
        [
            "monolith.ini:4: option number of [source:a]: got 'x'; input should be a valid integer, unable to parse string as an integer",
        ],
    ),
    "a secret is not shown": (
        S + "token = hunter2\n" + M + P + T,
        [
            "monolith.ini:4: option token of [source:a]: got ***, expected text of at least 8 characters",
        ],
    ),
    "unknown zone": (
        M + "timezone = Europe/Madird\n" + P + S + T,
        [
            "monolith.ini:3: option timezone of [monolith]: 'Europe/Madird' is no time zone; did you mean Europe/Madrid?",
        ],
    ),
    "zone in lower case": (
        M + "timezone = europe/madrid\n" + P + S + T,
        [
            "monolith.ini:3: option timezone of [monolith]: 'europe/madrid' is no time zone; did you mean Europe/Madrid?",
        ],
    ),
    "a folder of zones": (
        M + "timezone = ../etc\n" + P + S + T,
        [
            "monolith.ini:3: option timezone of [monolith]: '../etc' is no time zone; write one such as Europe/Madrid",
        ],
    ),
    "since after until": (
        S + "since = 2024-02-01\nuntil = 2024-01-01\n" + M + P + T,
        [
            "monolith.ini:4: [source:a]: since 2024-02-01 is after until 2024-01-01; exchange them, or remove one",
        ],
    ),
    "since after until, both shared": (
        M + "since = 2024-02-01\nuntil = 2024-01-01\n" + P + S + T,
        [
            "monolith.ini:3: [monolith]: since 2024-02-01 is after until 2024-01-01; exchange them, or remove one",
        ],
    ),
    "since after until, one shared": (
        M + "since = 2024-02-01\n" + P + S + "until = 2024-01-01\n" + T,
        [
            "monolith.ini:10: [source:a]: since 2024-02-01 is after until 2024-01-01; exchange them, or remove one",
        ],
    ),
    "a shared value": (
        M + "retries = many\n" + P + S + T,
        [
            "monolith.ini:3: option retries of [monolith]: got 'many', expected a whole number from 0 to 100; write e.g. retries = 3",
        ],
    ),
    "a shared value of a plugin": (
        M + "wait = long\n" + P + S + T,
        [
            "monolith.ini:3: option wait of [monolith]: 'long' is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d",
        ],
    ),
    "the plugin's own check": (
        S + "columns = a, b\n" + M + P + T,
        [
            "monolith.ini:4: [source:a]: columns without a query; add query, or remove columns",
        ],
    ),
    "the plugin's own check names no option": (
        S + "code = bad\n" + M + P + T,
        [
            "monolith.ini:1: [source:a]: this cannot be; ask someone",
        ],
    ),
    "the plugin's check is broken": (
        S + "code = boom\n" + M + P + T,
        [
            "monolith.ini:1: [source:a]: its options cannot be checked: RuntimeError: a validator's own mistake",
        ],
    ),
    "unset variable": (
        S + "query = ${NO_SUCH} ${NOR_THIS}\n" + M + P + T,
        [
            "monolith.ini:4: option query of [source:a]: the environment variable NO_SUCH is not set; set it, or write the value in its place",
            "monolith.ini:4: option query of [source:a]: the environment variable NOR_THIS is not set; set it, or write the value in its place",
        ],
    ),
    "unset variable of the database": (
        "[monolith]\ndatabase = mysql://monolith:${DB_PASSWORD}@localhost/monolith\n" + P + S + T,
        [
            "monolith.ini:2: option database of [monolith]: the environment variable DB_PASSWORD is not set; set it, or write the value in its place",
        ],
    ),
    "unset variable in a phase": (
        "[phase:p]\nsources = ${SOURCES}\ntargets = t\n" + M + S + T,
        [
            "monolith.ini:2: option sources of [phase:p]: the environment variable SOURCES is not set; set it, or write the value in its place",
        ],
    ),
    "a variable that is not UTF-8": (
        S + "query = ${ODD}\n" + M + P + T,
        [
            "monolith.ini:4: option query of [source:a]: the environment variable ODD is not UTF-8; change it",
        ],
    ),
    "no such file": (
        S + "query-file = missing.sql\n" + M + P + T,
        [
            "monolith.ini:4: option query-file of [source:a]: missing.sql: there is no such file; check the path",
        ],
    ),
    "a folder for a file": (
        S + "query_file = folder\n" + M + P + T,
        [
            "monolith.ini:4: option query_file of [source:a]: folder: it is a folder; expected a file",
        ],
    ),
    "a file that is not UTF-8": (
        S + "query-file = latin1.sql\n" + M + P + T,
        [
            "monolith.ini:4: option query-file of [source:a]: latin1.sql:2: the byte 0xe9 is not UTF-8; save the file as UTF-8",
        ],
    ),
    "a file that is no file": (
        S + "query-file = odd.sql/x\n" + M + P + T,
        [
            "monolith.ini:4: option query-file of [source:a]: odd.sql/x: it cannot be read (Not a directory); check the path and its permissions",
        ],
    ),
    "a wrong value from a file": (
        S + "retries-file = few.txt\n" + M + P + T,
        [
            "monolith.ini:4: option retries-file of [source:a]: got 'few', expected a whole number from 0 to 100; write e.g. retries = 3",
        ],
    ),
    "value and file": (
        S + "query = select 1\nquery-file = missing.sql\n" + M + P + T,
        [
            "monolith.ini:5: option query-file of [source:a] gives what query in line 4 gives; remove one of them",
        ],
    ),
    "an option that has moved": (
        S + "quarry = select 1\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option quarry; write the question into query",
        ],
    ),
    "file of an option that has moved": (
        S + "quarry-file = missing.sql\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option quarry-file; write the question into query",
        ],
    ),
    "file of an unknown option": (
        S + "qury-file = missing.sql\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option qury-file; did you mean query-file?",
        ],
    ),
    "unknown plugin": (
        "[source:a]\nuse = tabel\nurl = x\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got 'tabel', expected an installed source; did you mean table?",
        ],
    ),
    "unknown plugin like none": (
        "[source:a]\nuse = xyz\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got 'xyz', expected an installed source; write use = absent, broken, new, nothing, old, open, optionless, table or twice",
        ],
    ),
    "a target's plugin for a source": (
        "[source:a]\nuse = shelf\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got 'shelf', expected an installed source; write use = absent, broken, new, nothing, old, open, optionless, table or twice",
        ],
    ),
    "well-known but not installed": (
        "[source:a]\nuse = sql\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got 'sql', expected an installed source; pip install monolith-plugin-sql",
        ],
    ),
    "nearly well-known": (
        "[target:t]\nuse = elastisearch\n" + M + P + S,
        [
            "monolith.ini:2: option use of [target:t]: got 'elastisearch', expected an installed target; did you mean elasticsearch? (pip install monolith-plugin-es)",
        ],
    ),
    "no use, id no plugin": (
        "[source:a]\nurl = x\n" + M + P + T,
        [
            "monolith.ini:1: [source:a] has no option use, and no source is named 'a'; add use = absent, broken, new, nothing, old, open, optionless, table or twice",
        ],
    ),
    "no use, id well-known": (
        "[source:sql]\n" + M + P.replace("= a", "= sql") + T,
        [
            "monolith.ini:1: [source:sql] has no option use, and no source is named 'sql'; pip install monolith-plugin-sql",
        ],
    ),
    "empty use": (
        "[source:a]\nuse =\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got nothing, expected an installed source; write use = absent, broken, new, nothing, old, open, optionless, table or twice",
        ],
    ),
    "use from an unset variable": (
        "[source:a]\nuse = ${NO_SUCH}\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: the environment variable NO_SUCH is not set; set it, or write the value in its place",
        ],
    ),
    "dotted path": (
        "[source:a]\nuse = monolith.aggregator.plugins.ganalytics.GoogleAnalytics\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got the path 'monolith.aggregator.plugins.ganalytics.GoogleAnalytics', expected a plugin's name; write use = google-analytics (pip install monolith-plugin-ga)",
        ],
    ),
    "dotted path of a database": (
        "[source:a]\nuse = aggregator.plugins.sqldb.SQLRead\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got the path 'aggregator.plugins.sqldb.SQLRead', expected a plugin's name; write use = sql (pip install monolith-plugin-sql)",
        ],
    ),
    "dotted path of a service": (
        "[source:a]\nuse = monolith.aggregator.plugins.zamboni.APIReader\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got the path 'monolith.aggregator.plugins.zamboni.APIReader', expected a plugin's name; write use = rest (pip install monolith-plugin-rest)",
        ],
    ),
    "dotted path of a cluster": (
        "[target:t]\nuse = aggregator.plugins.es.ElasticSearchWrite\n" + M + P + S,
        [
            "monolith.ini:2: option use of [target:t]: got the path 'aggregator.plugins.es.ElasticSearchWrite', expected a plugin's name; write use = elasticsearch (pip install monolith-plugin-es)",
        ],
    ),
    "path of an installed plugin": (
        "[source:a]\nuse = small_plugins:Table\nurl = x\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got the path 'small_plugins:Table', expected a plugin's name; write use = table",
        ],
    ),
    "path of nothing known": (
        "[source:a]\nuse = my.own.Thing\n" + M + P + T,
        [
            "monolith.ini:2: option use of [source:a]: got the path 'my.own.Thing', expected a plugin's name: absent, broken, new, nothing, old, open, optionless, table or twice",
        ],
    ),
    "user for use": (
        "[source:a]\nuser = table\nurl = x\n" + M + P + T,
        [
            "monolith.ini:2: option user of [source:a]: got 'table', which names a plugin; did you mean use = table?",
        ],
    ),
    "user for use, with a path": (
        "[source:a]\nuser = aggregator.plugins.sqldb.SQLRead\n" + M + P + T,
        [
            "monolith.ini:2: option user of [source:a]: got 'aggregator.plugins.sqldb.SQLRead', which names a plugin; did you mean use = sql?",
        ],
    ),
    "user beside use": (
        S + "user = me\n" + M + P + T,
        [
            "monolith.ini:4: [source:a] has no option user; did you mean use?",
        ],
    ),
    "user for use, with a path of nothing known": (
        "[source:a]\nuser = my.own.Thing\n" + M + P + T,
        [
            "monolith.ini:2: option user of [source:a]: got 'my.own.Thing', which names a plugin; did you mean use = NAME?",
        ],
    ),
    "user for use, of a plugin that cannot be imported": (
        "[source:a]\nuser = broken\n" + M + P + T,
        [
            "monolith.ini:2: option user of [source:a]: got 'broken', which names a plugin; did you mean use = broken?",
        ],
    ),
    "a value of a mapping, with bounds": (
        "[source:a]\nuse = open\nweight.x = 0\n" + M + P + T,
        [
            "monolith.ini:3: option weight.x of [source:a]: got '0', expected a duration such as 30s, 10m or 3d, more than 0s and at most 3660d",
        ],
    ),
    "an enumeration with a default": (
        "[source:a]\nuse = open\ncolour = green\n" + M + P + T,
        [
            "monolith.ini:3: option colour of [source:a]: got 'green', expected red or blue; write e.g. colour = red",
        ],
    ),
    "a plugin that cannot be imported": (
        "[source:a]\nuse = broken\n" + M + "color = red\nretires = 3\n" + P + T,
        [
            "monolith.ini:2: [source:a]: source 'broken' of broken 3.0 cannot be imported: ModuleNotFoundError: No module named 'a_module_that_is_not_there'; install it again with what it needs: pip install --force-reinstall broken",
            "monolith.ini:6: [monolith] has no option retires; did you mean retries?",
        ],
    ),
    "a plugin that is not in its module": (
        "[source:a]\nuse = absent\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'absent' of small 1.2 cannot be imported: AttributeError: module 'small_plugins' has no attribute 'Absent'; install it again with what it needs: pip install --force-reinstall small",
        ],
    ),
    "a plugin of two distributions": (
        "[source:a]\nuse = twice\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'twice' is in other 0.9 and small 1.2; uninstall all but one of them",
        ],
    ),
    "no plugin at all": (
        "[source:a]\nuse = nothing\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'nothing' of small 1.2 is no source: expected a class with a method extract, such as a subclass of monolith_core.Source",
        ],
    ),
    "a plugin without options": (
        "[source:a]\nuse = optionless\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'optionless' of small 1.2 does not say its options: expected its Options to be a subclass of monolith_core.SourceOptions",
        ],
    ),
    "a plugin for an older contract": (
        "[source:a]\nuse = old\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'old' of small 1.2 is made for version 0 of the plugin contract, and monolith-core 1.0.0 has version 1; pip install \"monolith-core>=0,<1\", or another release of the plugin",
        ],
    ),
    "a plugin for a newer contract": (
        "[source:a]\nuse = new\n" + M + P + T,
        [
            "monolith.ini:2: [source:a]: source 'new' of small 1.2 is made for version 2 of the plugin contract, and monolith-core 1.0.0 has version 1; pip install \"monolith-core>=2,<3\", or another release of the plugin",
        ],
    ),
    "unknown source": (
        "[phase:p]\nsources = a, aa\ntargets = t\n" + M + S + T,
        [
            "monolith.ini:2: option sources of [phase:p]: got 'aa', expected ids of [source:ID] sections (a); did you mean a?",
        ],
    ),
    "unknown target": (
        "[phase:p]\nsources = a\ntargets = sql\n" + M + S + T,
        [
            "monolith.ini:3: option targets of [phase:p]: got 'sql', expected ids of [target:ID] sections (t)",
            "monolith.ini:9: no phase uses [target:t]; name it in targets of a [phase:ID], or remove the section",
        ],
    ),
    "empty sources": (
        "[phase:p]\nsources =\ntargets = t\n" + M + S + T,
        [
            "monolith.ini:2: option sources of [phase:p]: got nothing, expected ids of [source:ID] sections (a)",
            "monolith.ini:6: no phase uses [source:a]; name it in sources of a [phase:ID], or remove the section",
        ],
    ),
    "empty targets, without any": (
        "[phase:p]\nsources = a\ntargets = ,\n" + M + S,
        [
            "monolith.ini:3: option targets of [phase:p]: got nothing, expected ids of [target:ID] sections; there is none yet, add one",
        ],
    ),
    "a source twice": (
        "[phase:p]\nsources = a, a\ntargets = t\n" + M + S + T,
        [
            "monolith.ini:2: option sources of [phase:p]: got 'a' twice; remove one of them",
        ],
    ),
    "sources without a comma": (
        "[phase:p]\nsources = a b\ntargets = t\n" + M + S + T,
        [
            "monolith.ini:2: option sources of [phase:p]: got 'a b', expected ids of [source:ID] sections (a)",
            "monolith.ini:6: no phase uses [source:a]; name it in sources of a [phase:ID], or remove the section",
        ],
    ),
    "unused source": (
        M + P + S + T + "[source:table]\nurl = x\n",
        [
            "monolith.ini:11: no phase uses [source:table]; name it in sources of a [phase:ID], or remove the section",
        ],
    ),
    "unused target": (
        M + P + S + T + "[target:shelf]\n",
        [
            "monolith.ini:11: no phase uses [target:shelf]; name it in targets of a [phase:ID], or remove the section",
        ],
    ),
    "phase in no sequence": (
        M + "sequence = p\n" + P + "[phase:q]\nsources = a\ntargets = t\n" + S + T,
        [
            "monolith.ini:7: no sequence has [phase:q]; add q to sequence of [monolith] or to a [sequence:ID], or remove the section",
        ],
    ),
    "unknown phase in sequence": (
        M + "sequence = p, load\n" + P + S + T,
        [
            "monolith.ini:3: option sequence of [monolith]: got 'load', expected ids of [phase:ID] or [sequence:ID] sections (p)",
        ],
    ),
    "unknown phase in a sequence": (
        M + P + S + T + "[sequence:all]\nphases = p, pp\n",
        [
            "monolith.ini:12: option phases of [sequence:all]: got 'pp', expected ids of [phase:ID] sections (p); did you mean p?",
        ],
    ),
    "empty sequence": (
        M + "sequence =\n" + P + S + T,
        [
            "monolith.ini:3: option sequence of [monolith]: got nothing, expected ids of [phase:ID] or [sequence:ID] sections (p)",
        ],
    ),
    "a sequence named as a phase": (
        M + P + S + T + "[sequence:p]\nphases = p\n",
        [
            "monolith.ini:11: [sequence:p] has the id of [phase:p] in line 3; rename one of them",
        ],
    ),
    "a faulty phase accuses nobody": (
        M + "[phase:p]\nsources = a\n" + S + T,
        [
            "monolith.ini:3: [phase:p] lacks the option targets; add targets = ... (ids of the targets that every source's records go to)",
        ],
    ),
}


@pytest.fixture(autouse=True)
def workplace(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.only(small.install(tmp_path_factory.mktemp("installed")), monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("latin1.sql").write_bytes(b"select 1\n-- caf\xe9\n")
    Path("odd.sql").touch()
    Path("few.txt").write_text("few\n", encoding="utf-8")
    secrets.forget()


def faults(text: str | bytes) -> list[str]:
    Path("monolith.ini").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_config("monolith.ini", environ={"ODD": "\udce9"})
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("case", CASES)
def test_says_what_is_wrong(case: str) -> None:
    text, messages = CASES[case]
    assert faults(text) == messages


def test_nothing_is_touched() -> None:
    before = sorted(Path().iterdir())
    faults(M + P + S + T + "[target:unused]\nuse = shelf\n")
    assert sorted(Path().iterdir()) == sorted([*before, Path("monolith.ini")])


def test_the_parts_are_without_faults() -> None:
    Path("monolith.ini").write_text(M + P + S + T, encoding="utf-8")
    assert load_config("monolith.ini").sequence == ("p",)


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    text = """\
[phase:extract]
sources = ga, mkt
targets = sql
on-failure = explode

[monolith]
timeout = 10 minutes
sequence = extract, lod

[source:ga]
user = monolith.aggregator.plugins.ganalytics.GoogleAnalytics
metrics = ga:pageviews

[source:ga]
retries = 3

[source:market]
use = table
url = https://user:hunter2@a.example/
url = again
token = hunter2
password = ${NO_SUCH}
since = 2024-13-01
nonsense

[target:sql]
use = shelf
"""
    assert faults(text) == [
        "monolith.ini:2: option sources of [phase:extract]: got 'mkt', expected ids of [source:ID] sections (ga or market); did you mean market?",
        "monolith.ini:4: option on-failure of [phase:extract]: got 'explode', expected continue or stop; write e.g. on-failure = continue",
        "monolith.ini:6: [monolith] lacks the option database; add database = sqlite:///%(here)s/archive.sqlite (the URL of the storage: the database of the ledger, and normally of the archive too)",
        "monolith.ini:7: option timeout of [monolith]: '10 minutes' is no duration; write a number with s, m, h, d or w, such as 30s, 10m or 3d",
        "monolith.ini:8: option sequence of [monolith]: got 'lod', expected ids of [phase:ID] or [sequence:ID] sections (extract)",
        "monolith.ini:11: option user of [source:ga]: got 'monolith.aggregator.plugins.ganalytics.GoogleAnalytics', which names a plugin; did you mean use = google-analytics?",
        "monolith.ini:14: the section [source:ga] is already there, in line 10; merge the two or rename one",
        "monolith.ini:17: no phase uses [source:market]; name it in sources of a [phase:ID], or remove the section",
        "monolith.ini:20: option url of [source:market] is already there, in line 19; remove one of them",
        "monolith.ini:21: option token of [source:market]: got ***, expected text of at least 8 characters",
        "monolith.ini:22: option password of [source:market]: the environment variable NO_SUCH is not set; set it, or write the value in its place",
        "monolith.ini:23: option since of [source:market]: '2024-13-01' is not in the calendar; write YYYY-MM-DD, such as 2024-01-31",
        "monolith.ini:24: neither an option nor a section; expected NAME = VALUE, or an indented line that continues a value",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.ini", "missing.ini: there is no such file; check the path"),
        ("folder", "folder: it is a folder; expected a file"),
        ("odd.sql/x.ini", "odd.sql/x.ini: it cannot be read (Not a directory); check the path and its permissions"),
        ("a\0b", "a\0b: it cannot be read (embedded null byte); check the path and its permissions"),
        ("odd.sql", "odd.sql:1: the file is empty; expected a section [monolith] with the option database, and phases"),
    ],
)
def test_files_that_cannot_be_read(path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("sequence", "overrides", "message"),
    [
        (["q"], {}, "--sequence: got 'q', expected a phase or a sequence of monolith.ini (p)"),
        ([], {}, "--sequence: got nothing, expected a phase or a sequence of monolith.ini (p)"),
        (
            None,
            {"retries": "many"},
            "--retries: got 'many', expected a whole number from 0 to 100; write e.g. --retries 3",
        ),
        (
            None,
            {"batch_size": "0"},
            "--batch-size: got '0', expected a whole number from 1 to 1000000; write e.g. --batch-size 1000",
        ),
        (
            None,
            {"wait": "0"},
            "--wait: got '0', expected a duration such as 30s, 10m or 3d, at least 1s and at most 3660d; "
            "write e.g. --wait 5s",
        ),
        (None, {"retires": "1"}, "--retires: no section has such an option; did you mean retries?"),
    ],
)
def test_faults_of_the_command_line(sequence: list[str] | None, overrides: dict[str, str], message: str) -> None:
    Path("monolith.ini").write_text(M + P + S + T, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config("monolith.ini", sequence=sequence, overrides=overrides)
    assert str(caught.value) == message


def test_the_command_line_comes_first() -> None:
    Path("monolith.ini").write_text(M + P + T, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config("monolith.ini", overrides={"retries": "x"}, sequence=["q"])
    assert [fault.line for fault in caught.value.faults] == [0, 0, 4]
