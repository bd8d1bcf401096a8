"""`bootstrap upgrade node`: a machine that has joined follows its cluster."""

from __future__ import annotations

from bootstrap.cli.flags.inputs import ConfigFile, DryRun, Output, comma_separated, read_config
from bootstrap.cli.upgrade import (
    Drain,
    DrainTimeout,
    EtcdUpgrade,
    Ignored,
    Kubeconfig,
    Patches,
    Renewal,
    Skipped,
    drained,
    options_of,
    run,
    truth,
)
from bootstrap.cli.upgrade_plan import app

__all__ = ["app"]


@app.command()
def node(
    config: ConfigFile = None,
    certificate_renewal: Renewal = "",
    etcd_upgrade: EtcdUpgrade = "",
    patches: Patches = "",
    ignore_preflight_errors: Ignored = None,
    skip_phases: Skipped = None,
    drain: Drain = False,
    drain_timeout: DrainTimeout = "5m",
    kubeconfig: Kubeconfig = "",
    dry_run: DryRun = False,
    output: Output = "text",
) -> int:
    """Bring a worker, or a further control plane, to the version that `upgrade apply` gave its cluster."""
    from bootstrap.workflows.mode import enter
    from bootstrap.workflows.upgrade.node import decide_node

    mode, host = enter()
    options = options_of(
        "node",
        read_config(config, host),
        renewal=truth(certificate_renewal),
        etcd=truth(etcd_upgrade),
        dry_run=dry_run or None,
        patches=patches or None,
        ignored=comma_separated(ignore_preflight_errors),
        skipped=comma_separated(skip_phases),
        drain=drained(drain_timeout, wanted=drain),
    )
    return run(mode, host, options, decide_node, "node", kubeconfig, ask=False, output=output)
