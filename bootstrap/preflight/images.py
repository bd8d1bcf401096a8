"""Checks of how images come to the node."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.render.images import required


@check(
    "ImagePullOptions",
    "`imagePullPolicy: Always` and `imagePullSerial: false` are for images that `init` pulls: not for those inside "
    "this image, and `imagePullSerial` not for those that the kubelet pulls (without mirrors, and without `Always`).",
    "Leave the field out; the kubelet has its own, serializeImagePulls.",
    error=False,
)
def pull_options(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    node = cfg.node
    if required.to_bring_in(cfg):
        return
    inside = all(image.built for image in required.components(cfg))
    who = "the images of this cluster are inside this image" if inside else "the kubelet pulls its images"
    if node.image_pull_policy == "Always":
        yield Found(f"imagePullPolicy: Always changes nothing: {who}", "Leave imagePullPolicy out")
    if not node.image_pull_serial:
        yield Found(
            f"imagePullSerial: false changes nothing: {who}",
            "Leave imagePullSerial out; for the kubelet: serializeImagePulls: false in its KubeletConfiguration",
        )


ALL = (pull_options,)
