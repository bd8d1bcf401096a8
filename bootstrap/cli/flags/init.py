"""The flags of `init`: those that write a field of the configuration, and those of the run."""

from __future__ import annotations

from bootstrap.cli.flags.inputs import CONFIG, EVENTS, OUTPUT, STRICT, TIMINGS
from bootstrap.cli.flags.phases import PHASE
from bootstrap.model.flags import IMAGES, INIT, JOINING, RUN, Flag, writing

BUNDLE_FLAGS: tuple[Flag, ...] = (
    Flag("bundle", "Take the images from a bundle's file, an image layout's folder, or docker.", IMAGES, "BUNDLE"),
    Flag("trusted-key", "With --bundle: public key of somebody whose bundles are taken.", IMAGES, "FILE", "many"),
    Flag("insecure-unsigned", "With --bundle: take one that nobody has to have signed.", IMAGES, form="switch"),
)
OF_THE_RUN: tuple[Flag, ...] = (
    *BUNDLE_FLAGS,
    Flag("upload-certs", "Upload the shared certificates, encrypted, for two hours.", JOINING, form="switch"),
    Flag("skip-token-print", "Do not show the bootstrap token.", JOINING, form="switch"),
    Flag("skip-certificate-key-print", "Do not show the key of uploaded certificates.", JOINING, form="switch"),
    Flag("remove-addon", "Take back an add-on of an earlier run, with its objects; repeatable.", RUN, "NAME", "many"),
    Flag("reconfigure", "Change the cluster that is here to another configuration.", RUN, form="switch"),
    Flag("wait", "How far to wait.", RUN, default="dns", words=("api", "node", "dns")),
    STRICT,
    Flag("exit-on-failure", "End the container on any failure.", RUN, form="switch"),
    EVENTS,
    TIMINGS,
    PHASE,
    OUTPUT,
)
INIT_FLAGS = (CONFIG, *writing(INIT), *OF_THE_RUN)
