#!/bin/bash
# Makes sure that a Docker engine answers. Where one does, it is used as it is and nothing is installed;
# otherwise (root on Debian, no systemd needed) the engine of Debian 13 is installed and started.
# Safe to run again: it is fast when there is nothing to do.
set -euo pipefail

log=/var/log/bootstrap-dockerd.log
pidfile=/run/bootstrap-dockerd.pid
# Until kube-proxy has its rules, calls to Service and Pod addresses follow the default route:
# for development they are refused here instead of leaving the machine.
cluster_ranges=(10.96.0.0/12 10.244.0.0/16)

say() { echo "engine: $*" >&2; }
die() { say "$*"; exit 1; }
answers() { docker info >/dev/null 2>&1; }

reject_cluster_ranges() {
    local iptables rule range
    iptables=$(command -v iptables || echo /usr/sbin/iptables)
    [ -x "$iptables" ] || return 0
    for range in "${cluster_ranges[@]}"; do
        rule=(! -o docker0 -d "$range" -j REJECT)
        "$iptables" -w -C DOCKER-USER "${rule[@]}" 2>/dev/null || "$iptables" -w -I DOCKER-USER "${rule[@]}"
    done
}

# The address and keyring of the machine's own Debian source, as "ADDRESS KEYRING".
own_source() {
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v RS= '
            { types = uris = suites = key = ""; off = 0
              n = split($0, lines, "\n")
              for (i = 1; i <= n; i++) {
                  value = lines[i]; sub(/^[^:]*:[ \t]*/, "", value)
                  if (lines[i] ~ /^Types:/) types = value
                  if (lines[i] ~ /^URIs:/) uris = value
                  if (lines[i] ~ /^Suites:/) suites = value
                  if (lines[i] ~ /^Signed-By:/) key = value
                  if (lines[i] ~ /^Enabled:[ \t]*no/) off = 1
              }
              if (!off && types ~ /deb( |$)/ && (" " suites " ") ~ / (bookworm|bullseye|stable) /) {
                  split(uris, first, " "); print first[1], key; exit
              } }' "$file"
    done | head -n 1 | grep . && return
    [ -f /etc/apt/sources.list ] && awk '
        /^deb[ \t]/ {
            key = ""
            if (match($0, /signed-by=[^] ]+/)) key = substr($0, RSTART + 10, RLENGTH - 10)
            sub(/\[[^]]*\][ \t]*/, "")
            if ($3 ~ /^(bookworm|bullseye|stable)$/) { print $2, key; exit }
        }' /etc/apt/sources.list | grep . && return
    die "no Debian source found in /etc/apt; install Docker (https://docs.docker.com/engine/install/) and run this again"
}

add_trixie() {
    local address keyring packages=$1
    read -r address keyring <<<"$(own_source)"
    [ -n "${keyring:-}" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    cat >/etc/apt/sources.list.d/bootstrap-trixie.sources <<SOURCE
Types: deb
URIs: $address
Suites: trixie
Components: main
Signed-By: $keyring
SOURCE
    cat >/etc/apt/preferences.d/bootstrap-trixie <<PIN
Explanation: only the Docker engine comes from Debian 13
Package: *
Pin: release n=trixie
Pin-Priority: -10

Package: $packages
Pin: release n=trixie
Pin-Priority: 900
PIN
}

install_engine() {
    [ "$(id -u)" = 0 ] || die "no Docker engine answers; install and start Docker, or run this as root on Debian"
    . /etc/os-release
    [ "${ID:-}" = debian ] || die "no Docker engine answers; install and start Docker (https://docs.docker.com/engine/install/)"
    local packages="docker.io docker-cli containerd docker-buildx" tries
    case "${VERSION_ID:-}" in
        12) add_trixie "$packages" ;;
        13) ;;
        *) die "no Docker engine answers, and this script knows Debian 12 and 13 only: install and start Docker" ;;
    esac
    say "installing Debian 13's $packages"
    for tries in 1 2 3; do
        apt-get update -qq >/dev/null && break
        [ "$tries" = 3 ] && die "apt-get update failed"
        sleep 2
    done
    # policy-rc.d: the packages must not start what is started below.
    local policy=/usr/sbin/policy-rc.d made=0
    if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confold $packages runc iptables ca-certificates >/dev/null || { [ $made = 0 ] || rm -f $policy; die "the packages could not be installed"; }
    [ $made = 0 ] || rm -f $policy
    hash -r
}

start_engine() {
    [ "$(id -u)" = 0 ] || die "the Docker engine does not run; start it, or run this as root"
    if [ -d /run/systemd/system ]; then systemctl start docker; return; fi
    say "starting dockerd (log: $log)"
    rm -f /var/run/docker.pid
    setsid dockerd --pidfile /var/run/docker.pid >>"$log" 2>&1 </dev/null &
    echo $! >"$pidfile"
}

wait_for_engine() {
    local tries
    for tries in $(seq 1 300); do
        answers && return
        sleep 0.2
    done
    tail -n 20 "$log" >&2 2>/dev/null || true
    die "the engine did not answer within 60 s (log: $log)"
}

main() {
    if ! answers; then
        command -v dockerd >/dev/null || install_engine
        pgrep -x dockerd >/dev/null || start_engine
        wait_for_engine
        say "up: $(docker version --format '{{.Server.Version}}')"
    fi
    # Only an engine that this script started is ours to put rules into.
    if [ "$(id -u)" = 0 ] && [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; then reject_cluster_ranges; fi
}

main "$@"
