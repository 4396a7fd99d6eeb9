# The commands of "Five minutes to the first archive", run in the folder `examples`.
# install
python3 -m venv ~/monolith
. ~/monolith/bin/activate
pip install ../monolith_core ../monolith_plugins_sql
# data
python shop.py
# check
monolith check shop.ini
# run
monolith-extract shop.ini
monolith status shop.ini
monolith-extract shop.ini
# ask
python ask.py archive.sqlite queries-sqlite.sql
