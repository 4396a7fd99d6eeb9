# begin
python -m venv .venv && . .venv/bin/activate
pip install monolith-core monolith-plugin-sql
monolith new-plugin tides --kind source
cd monolith-plugin-tides
pip install --editable ".[test]"
pytest

# test
pytest
mypy
ruff check .

# try
monolith plugins --check
monolith check example.ini
monolith-extract example.ini
monolith status example.ini

# publish
pip install build twine
python -m build
twine check dist/*
twine upload dist/*
