#!/bin/bash
# Makes sure that Debian packages are there whose programs the tests use; a package whose command has another name: PACKAGE:COMMAND.
set -euo pipefail

die() { echo "debian: $*" >&2; exit 1; }

missing=()
for word; do command -v "${word#*:}" >/dev/null || missing+=("${word%:*}"); done
[ ${#missing[@]} = 0 ] && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "install ${missing[*]} (as Debian calls them) and run this again"
# policy-rc.d: no package may start a service of its own.
policy=/usr/sbin/policy-rc.d made=0
if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
trap '[ $made = 0 ] || rm -f $policy' EXIT
echo "debian: installing ${missing[*]}" >&2
apt-get update -qq >/dev/null || true
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "the packages could not be installed"
