import socket

import pytest

from data.errors import StorageError
from eval.registry import Registry


def test_an_absent_mlflow_server_is_one_message_soon(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StorageError, match="MLflow does not answer") as found:
        Registry(f"http://127.0.0.1:{port}").versions()
    assert "Serving needs no MLflow" in found.value.remedy
