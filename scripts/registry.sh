#!/bin/bash
# Makes sure that docker-registry (the distribution project's server) is there, for the suites that need real registries.
set -euo pipefail

die() { echo "registry: $*" >&2; exit 1; }

command -v docker-registry >/dev/null && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "install docker-registry (as Debian calls it) and run this again"
# policy-rc.d: the package must not start a registry of its own.
policy=/usr/sbin/policy-rc.d made=0
if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
trap '[ $made = 0 ] || rm -f $policy' EXIT
echo "registry: installing Debian's docker-registry" >&2
apt-get update -qq >/dev/null || true
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-registry >/dev/null ||
    die "the package could not be installed"
