"""Names of clusters and of their nodes."""

from __future__ import annotations

import pytest

from bootstrap.clusters.naming import check_name, context_name, node_name, node_names
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, NodeShape
from bootstrap.model.errors import BootstrapError, Exit


def test_nodes_are_called_as_kind_calls_them() -> None:
    shapes = [NodeShape(role) for role in (CONTROL_PLANE, WORKER, CONTROL_PLANE, WORKER, WORKER)]

    assert node_names("dev", shapes) == (
        *("dev-control-plane", "dev-worker", "dev-control-plane2"),
        *("dev-worker2", "dev-worker3"),
    )


def test_a_name_that_became_free_is_given_again() -> None:
    assert node_name("dev", WORKER, ("dev-worker", "dev-worker3")) == "dev-worker2"


@pytest.mark.parametrize("name", ["a", "dev", "pr-1234", "1st"])
def test_good_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "Dev", "-dev", "dev-", "de v", "dev.x", "d" * 41, "dév"])
def test_bad_names(name: str) -> None:
    with pytest.raises(BootstrapError, match="cannot be the name of a cluster") as error:
        check_name(name)

    assert error.value.code == Exit.USAGE


def test_a_context_says_whose_it_is() -> None:
    assert context_name("dev") == "bootstrap-dev"
