"""The rule book, from causes to consequences: of two findings the earlier one is more probably the cause."""

from __future__ import annotations

from bootstrap.diagnosis.component_rules import COMPONENT_RULES, CRASH_LOOP, SERVING_RULES, UNEXPLAINED
from bootstrap.diagnosis.etcd_rules import ETCD_RULES
from bootstrap.diagnosis.machine_rules import KUBELET_EXITS, MACHINE_RULES, UNIT_LOOP
from bootstrap.diagnosis.network_rules import NETWORK_RULES, SCHEDULING_RULES
from bootstrap.diagnosis.pod_rules import POD_RULES
from bootstrap.diagnosis.rule import Rule

GENERAL: tuple[Rule, ...] = (KUBELET_EXITS, UNIT_LOOP, UNEXPLAINED)
"""Of use only where no other rule has a word about the same source."""

RULES: tuple[Rule, ...] = (
    *MACHINE_RULES,
    *NETWORK_RULES,
    *POD_RULES,
    *ETCD_RULES,
    *COMPONENT_RULES,
    *SCHEDULING_RULES,
    *GENERAL,
    *SERVING_RULES,
)

__all__ = ["CRASH_LOOP", "GENERAL", "RULES"]
