#!/usr/bin/env bash
# Runs the cluster container, shows its progress, ends with the node list: up.sh IMAGE NAME PORT
set -euo pipefail
image=$1 name=$2 port=$3

if [ "$(docker inspect -f '{{.State.Running}}' "$name" 2>/dev/null)" = true ]; then
  echo "$name is already running (make down removes it)"
else
  docker rm -fv "$name" >/dev/null 2>&1 || true
  docker run -d --name "$name" --hostname "$name" --privileged -p "127.0.0.1:$port:6443" "$image" init --wait=dns >/dev/null
  docker logs -f "$name" &
  follower=$!
  until docker exec "$name" bootstrap healthcheck >/dev/null 2>&1; do
    if [ "$(docker inspect -f '{{.State.Running}}' "$name")" != true ] ||
       docker exec "$name" systemctl -q is-failed bootstrap-init.service 2>/dev/null; then
      sleep 1
      kill "$follower" 2>/dev/null || true
      echo "the cluster did not come up: docker logs $name" >&2
      exit 1
    fi
    sleep 0.3
  done
  sleep 0.3
  kill "$follower" 2>/dev/null || true
fi
echo
docker exec "$name" kubectl get nodes
