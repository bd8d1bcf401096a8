#!/bin/sh
# bootstrap, run from its image as if it were installed here. It is given the Docker engine's socket, the kubeconfigs
# in use, the current folder and the terminal; its exit code is this script's.
# BOOTSTRAP_IMAGE names another image, DOCKER another command than docker.
set -eu

bind() { printf 'type=bind,"source=%s","target=%s"' "$1" "$2"; }

set -- "${BOOTSTRAP_IMAGE:-@IMAGE@}" "$@"

case ${DOCKER_HOST:-} in
'' | unix://*)
    socket=${DOCKER_HOST:-/var/run/docker.sock} socket=${socket#unix://}
    if [ -S "$socket" ]; then set -- --mount "$(bind "$socket" /var/run/docker.sock)" "$@"; fi
    ;;
*) set -- --env DOCKER_HOST "$@" ;;
esac

if [ -n "${KUBECONFIG:-}" ]; then
    files='' folders=: rest=$KUBECONFIG:
    while [ -n "$rest" ]; do
        file=${rest%%:*} rest=${rest#*:}
        case $file in
        '') continue ;;
        /*) ;;
        *) file=$PWD/$file ;;
        esac
        folder=${file%/*} files=$files${files:+:}$file
        case $folders in *":$folder:"*) continue ;; esac
        mkdir -p "$folder"
        folders=$folders$folder: && set -- --mount "$(bind "$folder" "$folder")" "$@"
    done
    set -- --env "KUBECONFIG=$files" "$@"
elif [ -n "${HOME:-}" ]; then
    mkdir -p "$HOME/.kube"
    set -- --mount "$(bind "$HOME/.kube" /root/.kube)" "$@"
fi

# The folder has the same path inside, unless the image itself has something there.
here=$PWD
case $here/ in
// | /opt/ | /var/ | /bin/* | /boot/* | /dev/* | /etc/* | /lib*/* | /proc/* | /run/* | /sbin/* | /sys/* | /usr/*) here=/work ;;
esac
set -- --mount "$(bind "$PWD" "$here")" --workdir "$here" --env "BOOTSTRAP_FOLDER=$PWD" "$@"

for name in TERM NO_COLOR LANG HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    set -- --env "$name" "$@"
done
if [ -t 0 ] && [ -t 1 ]; then set -- --tty "$@"; fi
# The host's network: a cluster's API is on its 127.0.0.1.
exec "${DOCKER:-docker}" run --rm --interactive --network=host --security-opt=label=disable "$@"
