"""A node's directories are its own: reset empties them."""

from __future__ import annotations

import pytest

from bootstrap.config import validators


@pytest.mark.parametrize("path", ["/", "/etc", "/etc/", "/home", "/home/ann", "/var/lib/../lib", "/usr/local/bin"])
def test_a_directory_of_the_system_is_none_for_certificates_or_data(path: str) -> None:
    assert "name a directory inside it" in validators.own_directory(path)


@pytest.mark.parametrize("path", ["/etc/kubernetes/pki", "/var/lib/etcd", "/data", "/home/ann/etcd"])
def test_any_other_directory_will_do(path: str) -> None:
    assert validators.own_directory(path) == ""


def test_a_path_that_is_not_absolute_is_called_that() -> None:
    assert validators.own_directory("pki") == '"pki" is not an absolute path'
