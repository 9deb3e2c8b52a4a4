#!/bin/sh
# Installs the real servers that the tests start themselves. Installs what it may, says what is missing,
# and always goes on: the tests that need a missing server skip and say so. Never starts a service.
set -u

PACKAGES="mosquitto mosquitto-clients influxdb victoria-metrics postgresql rabbitmq-server chromium fonts-noto-cjk strace gcc nodejs npm"

# A program that is already on the path counts, wherever it came from.
program() {
    case $1 in
        mosquitto-clients) echo mosquitto_pub ;;
        influxdb) echo influxd ;;
        rabbitmq-server) echo rabbitmqctl ;;
        nodejs) echo node ;;
        postgresql) echo no-program-outside-its-own-folder ;;
        *) echo "$1" ;;
    esac
}

installed() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$(program "$1")" >/dev/null 2>&1 && return 0
    dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

missing() {
    for package in $PACKAGES; do
        installed "$package" || printf '%s ' "$package"
    done
}

if ! command -v apt-get >/dev/null 2>&1; then
    echo "services: no apt-get here. Install by hand what you need of: $PACKAGES"
    exit 0
fi
wanted=$(missing)
if [ -z "$wanted" ]; then
    echo "services: all installed"
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "services: not root and no password-less sudo, so nothing was installed. Missing: $wanted"
    exit 0
fi

# Debian's own way to install without starting: policy-rc.d says 101, "forbidden". An existing one is kept.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy"
fi

install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 install -y -q --no-install-recommends "$@" </dev/null
}

$as_root apt-get update -q </dev/null || echo "services: apt-get update failed; trying with the lists that are here"
# One release may not carry every package; then each is tried alone, so that the others still arrive.
# shellcheck disable=SC2086 # a list of words
if ! install $wanted; then
    for package in $wanted; do
        install "$package" || true
    done
fi
still=$(missing)
if [ -n "$still" ]; then
    echo "services: could not install: $still"
else
    echo "services: all installed"
fi
exit 0
