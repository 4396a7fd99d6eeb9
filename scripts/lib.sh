# Shared by the scripts in this folder: say what happens, find Python, make environments, have the servers.
# Sourced, with `set -euo pipefail` in force; it leaves the working directory at the root of the checkout.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command_name=scripts/${0##*/}
cache=$root/.cache
log=$cache/setup.log
minors=(11 12 13 14) # of Python 3, the preferred one first

cd "$root"
# Python compiles what it imports once, not in each of the many processes that the tests start.
unset PYTHONDONTWRITEBYTECODE
mkdir -p "$cache"
distributions=(monolith_core monolith_plugins_* examples/plugins/*) # a folder each

say() { printf '\n==> %s\n' "$*"; }

die() {
    printf '%s: %s\n' "$command_name" "$*" >&2
    exit 1
}

# quietly WHAT COMMAND...: the command's output goes to the log; if it fails, one line says so, with its last words.
quietly() {
    local what=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        die "$what failed: $(grep -v '^\s*$' "$log" | grep -iv 'notice' | tail -n 1); everything it said is in ${log#"$root"/}"
    fi
}

# usable PYTHON MINOR: the path of that interpreter if it is Python 3.MINOR and can make environments.
usable() {
    "$1" -c "
import ensurepip, sqlite3, ssl, sys, venv
sys.version_info[:2] == (3, $2) or sys.exit(1)
print(sys.executable)" 2>/dev/null
}

# find_python MINOR: prints the path of a usable Python 3.MINOR, from PATH or pyenv.
find_python() {
    local candidate
    for candidate in "python3.$1" python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$1".*/bin/python3; do
        usable "$candidate" "$1" && return
    done
    return 1
}

# any_python: prints the path of the preferred interpreter of this machine.
any_python() {
    local minor
    for minor in "${minors[@]}"; do
        find_python "$minor" && return
    done
    return 1
}

# beside COMMAND...: starts a program in the background; its number is in $!. Ctrl-C reaches it, and what it starts, as
# if it were in the foreground: what a script starts by `&` alone ignores it, and so would the programs that tests
# interrupt.
beside() {
    env --default-signal=INT,QUIT "$@" &
}

# use_memory [FOLDER]: temporary files in memory until the script ends, where there is plenty of it and programs may be
# run from there. Most of what the tests write are databases, which wait for a disk at each commit.
use_memory() {
    local shm=${1:-/dev/shm} free limit folder
    [[ -w $shm && $(stat --file-system --format=%T "$shm" 2>/dev/null) == tmpfs ]] || return 0
    free=$(df --block-size=1M --output=avail "$shm" | tail -n 1)
    ((free >= 8000)) || return 0
    free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    ((free >= 12 << 20)) || return 0
    for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        [[ ! -r $limit || $(<"$limit") == max ]] || (($(<"$limit") >= 12 << 30)) || return 0
    done
    folder=$(mktemp --directory "$shm/monolith-XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$folder'" EXIT
    chmod 755 "$folder" # PostgreSQL has a user of its own
    printf '#!/bin/sh\n' >"$folder/program"
    chmod 755 "$folder/program"
    if "$folder/program" 2>/dev/null; then
        export TMPDIR=$folder
    fi
}

# What an environment depends on: while this text is the same, the environment is used as it is.
recipe() {
    printf '%s\n' "$root" "$1"
    cat "${2:-requirements-dev.txt}" "${distributions[@]/%//pyproject.toml}"
}

# uv_install PYTHON ARGUMENTS...: what pip would do, in seconds where pip tries versions for an hour; from pip's index.
uv_install() {
    [[ -z ${PIP_INDEX_URL-} ]] || export UV_DEFAULT_INDEX=$PIP_INDEX_URL
    [[ -z ${PIP_CERT-} ]] || export SSL_CERT_FILE=$PIP_CERT
    uv pip install --quiet --python "$@"
}

# pip_install PYTHON ARGUMENTS...
pip_install() { "$1" -m pip --disable-pip-version-check --no-input install --quiet "${@:2}"; }

# install_pinned PYTHON ARGUMENTS...: with uv, and with pip where that fails: uv does not read pip's configuration.
install_pinned() (
    PATH=$(dirname "$1"):$PATH
    { command -v uv || pip_install "$1" "$(grep '^uv==' requirements-dev.txt)"; } >/dev/null && uv_install "$@" ||
        pip_install "$@"
)

# environment FOLDER PYTHON [REQUIREMENTS]: makes or repairs a virtual environment with the tools and the distributions,
# editable.
environment() {
    local folder=$1 python=$2 requirements=${3:-requirements-dev.txt} stamp=$1/recipe
    # A stamp of another place or interpreter, or an interpreter that is gone: nothing in there can be trusted.
    if ! "$folder/bin/python" -c '' 2>/dev/null || { [[ -f $stamp ]] && ! head -n 2 "$stamp" | cmp -s - <(recipe "$python" | head -n 2); }; then
        say "making the virtual environment ${folder#"$root"/} with $("$python" --version)"
        quietly "making the virtual environment" "$python" -m venv --clear "$folder"
    fi
    if ! recipe "$python" "$requirements" | cmp -s - "$stamp"; then
        say "installing the tools and monolith into ${folder#"$root"/} (a minute or two)"
        rm -f "$stamp"
        local install=install_pinned
        [[ $requirements == requirements-dev.txt ]] || install=uv_install # pip would look for the bounds for an hour
        quietly "installing ${requirements#"$root"/} (is the package index within reach?)" "$install" "$folder/bin/python" --upgrade -r "$requirements"
        quietly "installing monolith" "$install" "$folder/bin/python" --no-deps --no-build-isolation "${distributions[@]/#/--editable=.\/}"
        recipe "$python" "$requirements" >"$stamp"
    fi
}

# ensure_environment: .venv, with the preferred interpreter; prints nothing when there is nothing to do.
ensure_environment() {
    local python
    python=$(any_python) || die "no Python 3.${minors[0]} to 3.${minors[-1]} with venv, ssl and sqlite3 found on PATH or in pyenv; install one (Debian: apt-get install python3 python3-venv)"
    environment "$root/.venv" "$python"
    export PATH=$root/.venv/bin:$PATH
}

# mariadb-install-db calls my_print_defaults, which is in the package of the client.
has_mariadb() {
    local program
    for program in mariadbd mariadb-install-db my_print_defaults; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || return
    done
}

has_postgresql() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_elasticsearch() { command -v javac >/dev/null && command -v mvn >/dev/null; }

has_nginx() { PATH=$PATH:/usr/sbin command -v nginx >/dev/null && command -v openssl >/dev/null; }

has_npm() { command -v node >/dev/null && command -v npm >/dev/null; }

# What was unpacked comes first: the tests look there too.
has_prometheus() {
    local program
    for program in prometheus promtool prometheus-pushgateway; do
        PATH=$cache/prometheus/usr/bin:$PATH command -v "$program" >/dev/null || return
    done
}

has_servers() { has_mariadb && has_postgresql && has_elasticsearch && has_nginx && has_npm && has_prometheus; }

# ensure_servers: MariaDB, PostgreSQL, nginx, and what Elasticsearch and json-server are made with; the tests start them
# for themselves in folders of their own. And Prometheus with its Pushgateway.
ensure_servers() {
    local missing=() unpacked=() all sudo=()
    has_mariadb || missing+=(mariadb-server-core mariadb-client-core)
    has_postgresql || missing+=(postgresql)
    has_elasticsearch || missing+=(default-jdk-headless maven)
    has_nginx || missing+=(nginx openssl)
    has_npm || missing+=(nodejs npm)
    has_prometheus || unpacked+=(prometheus prometheus-pushgateway)
    all=("${missing[@]}" "${unpacked[@]}")
    ((${#all[@]})) || return 0
    local advice="install ${all[*]} yourself, or run scripts/test --quick, which needs no server"
    command -v apt-get >/dev/null || die "the tests need servers, and there is no apt-get here; $advice"
    if ((EUID)); then
        sudo -n true 2>/dev/null || die "the tests need servers, and installing them needs root; $advice"
        sudo=(sudo -n)
    fi
    say "installing ${all[*]} with apt-get"
    quietly "apt-get update" "${sudo[@]}" apt-get update
    if ((${#missing[@]})); then
        quietly "apt-get install ${missing[*]}" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends "${missing[@]}"
    fi
    if ((${#unpacked[@]})); then
        unpack prometheus "${unpacked[@]}" # an installation would start a service each
    fi
    has_servers || die "apt-get installed ${all[*]}, but the programs are not where they were expected; $advice"
}

# unpack NAME PACKAGE...: Debian's packages in .cache/NAME, without what their installation does, such as a service.
unpack() {
    local folder=$cache/$1 package
    rm -rf "$folder"
    mkdir -p "$folder"
    quietly "apt-get download ${*:2}" env --chdir "$folder" apt-get download "${@:2}"
    for package in "$folder"/*.deb; do
        quietly "unpacking $package" dpkg-deb --extract "$package" "$folder"
        rm "$package"
    done
}
