"""Published weights, fetched from a server that this test runs, in every way that goes wrong."""

import hashlib
import http.server
import threading

import pytest
import torch

from vtlab.models import weights as weights
from vtlab.models.backbones import backbone
from vtlab.models.weights import fetch_weights, open_torchvision_weights
from vtlab.models.weights_files import open_weights

CONTENT = b"weights" * 5000
DIGEST = hashlib.sha256(CONTENT).hexdigest()[:8]


class Server(http.server.BaseHTTPRequestHandler):
    """Sends what is wanted, or what is not."""

    def do_GET(self):
        way = self.path.split("/")[1]
        if way in ("404", "500"):
            self.send_error(int(way))
            return
        body = {"html": b"<html>no such bucket</html>", "other": CONTENT[::-1]}.get(way, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: int(way)] if way.isdigit() else body)

    def log_message(self, *given):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def test_a_whole_file_is_fetched_once(address, hub, monkeypatch):
    path = fetch_weights("some_net", f"{address}/whole/some-{DIGEST}.pth")
    assert path == hub / f"some-{DIGEST}.pth" and path.read_bytes() == CONTENT
    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda *given, **more: pytest.fail("again")
    )
    assert fetch_weights("some_net", f"{address}/whole/some-{DIGEST}.pth") == path


@pytest.mark.parametrize("way", ["404", "500", "html", "other", "0", "1", "17000", "34999"])
def test_what_comes_broken_is_one_line_and_leaves_nothing(address, hub, way):
    with pytest.raises(OSError, match="could not be fetched") as error:
        fetch_weights("some_net", f"{address}/{way}/some-{DIGEST}.pth")
    words = str(error.value)
    assert "\n" not in words and f"place some-{DIGEST}.pth" in words and str(hub) in words
    assert list(hub.iterdir()) == []


def test_without_a_network_the_file_to_place_is_named(hub, monkeypatch):
    def offline(*given, **more):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(
        OSError, match=r"resnet18 could not be fetched.*place resnet18-\w+\.pth from http"
    ):
        backbone("resnet18")


def test_a_damaged_file_in_the_cache_is_named(hub):
    hub.mkdir()
    (hub / f"some-{DIGEST}.pth").write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=rf"some-{DIGEST}.pth is damaged.*delete it"):
        fetch_weights("some_net", f"http://127.0.0.1:9/some-{DIGEST}.pth")


def test_a_name_a_file_and_neither(tmp_path, monkeypatch):
    from torchvision.models import squeezenet1_1

    model = squeezenet1_1(weights=None)
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    monkeypatch.setattr(weights, "fetch_weights", lambda name, url: tmp_path / "mine.pth")
    for word in ("default", "DEFAULT", "IMAGENET1K_V1"):
        file, source = open_torchvision_weights("squeezenet1_1", word)
        assert source == "squeezenet1_1 IMAGENET1K_V1"
        assert file.entries.keys() == model.state_dict().keys()
    assert open_torchvision_weights("squeezenet1_1", tmp_path / "mine.pth")[1] == "mine"
    with pytest.raises(
        FileNotFoundError, match="no weights at IMAGENET1K_V9; published.*IMAGENET1K_V1"
    ):
        open_torchvision_weights("squeezenet1_1", "IMAGENET1K_V9")


def test_a_file_with_code_in_it_is_not_loaded(tmp_path):
    class Code:
        def __reduce__(self):
            return print, ("code ran",)

    torch.save({"weight": Code()}, tmp_path / "code.pth")
    with pytest.raises(
        ValueError, match="code.pth is no file of weights: it is not a plain state dict"
    ):
        open_weights(tmp_path / "code.pth")


def test_whatever_is_no_file_of_weights_is_one_line_that_names_it(tmp_path):
    torch.save({"weight": torch.arange(40.0)}, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    texts = [
        b"",
        b"hello",
        b"file,label\na.png,cat\n",
        b"a text\n" * 99,
        b"\x80\x02.",
        b"PK\x03\x04",
    ]
    torn = [whole[:i] for i in range(1, len(whole), 40)]
    contents = [*texts, *(bytes([i]) * 40 for i in range(256)), *torn]
    for i, content in enumerate(contents):
        file = tmp_path / f"{i}.{'safetensors' if i % 9 == 8 else 'pth'}"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{i}\.\w+ is no file of weights: .") as error:
            open_weights(file)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_no_numbers_are_refused_by_the_entrys_name(tmp_path, odd, kind):
    from safetensors.torch import save_file

    state = {"counter": torch.tensor(3), "stem.0.weight": torch.tensor([1, odd], dtype=kind)}
    torch.save(state, tmp_path / "mine.pth")
    save_file(state, tmp_path / "mine.safetensors")
    for name in ("mine.pth", "mine.safetensors"):
        with pytest.raises(
            ValueError, match=rf"^{name} holds values that are no numbers \(stem\.0\.weight\)$"
        ):
            open_weights(tmp_path / name).find(state, "a network")
