"""`bahamut serve` and `bahamut routes`, as a user runs them."""

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.support import free_port

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
SPECS = ROOT / "examples" / "todo" / "specs"


def bahamut(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bahamut", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def warning(done: subprocess.CompletedProcess[str]) -> int:
    """Return where the lines of the log end."""
    return done.stderr.index("bahamut: ")


@contextmanager
def serving(*arguments: str):
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bahamut",
            "serve",
            str(SPECS),
            "--listen",
            f"127.0.0.1:{port}",
            *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        yield port, process
    finally:
        process.kill()
        process.communicate()


def call(port, method, path, body=None, **headers):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data,
        {"Content-Type": "application/json", **headers},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def test_the_main_job():
    with serving() as (port, process):
        made = call(port, "POST", "/lists", {"name": "groceries"})
        assert made["labels"] == {}
        tasks = f"/lists/{made['ID']}/tasks"
        milk = call(port, "POST", tasks, {"title": "milk", "priority": 2})
        call(port, "POST", tasks, {"title": "bread", "status": "DONE"})
        assert milk["parentID"] == made["ID"]
        found = call(port, "GET", f"{tasks}?q=title%20==%20%22milk%22%20and%20status%20==%20TODO")
        assert [task["title"] for task in found] == ["milk"]
        ordered = call(port, "GET", f"{tasks}?order=title", **{"X-Fields": "title"})
        assert ordered == [{"title": "bread"}, {"title": "milk"}]
        assert call(port, "PATCH", f"/tasks/{milk['ID']}", {"priority": 5})["priority"] == 5
        assert call(port, "GET", f"/v/1/tasks/{milk['ID']}")["priority"] == 5
        assert call(port, "DELETE", f"/lists/{made['ID']}?confirm=true")["ID"] == made["ID"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            call(port, "GET", f"/tasks/{milk['ID']}")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "Stopped." in out
        assert "Traceback" not in err


def test_the_port_is_taken():
    with serving() as (port, _):
        done = bahamut("serve", str(SPECS), "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"bahamut: cannot listen on 127.0.0.1:{port}: ", warning(done))
    assert "choose another with --listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_specification_is_named_with_its_place(tmp_path):
    for path in SPECS.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    user = tmp_path / "user.spec"
    user.write_text(user.read_text().replace("description: Login name.", "description: Login name"))
    done = bahamut("routes", str(tmp_path))
    assert done.returncode == 1
    assert "user.spec:20:5: user.spec: description of attribute 'login' must end" in done.stderr
    assert "[lint-2]" in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "data.json: "),
        ("[]", "must hold an object of lists"),
        ('{"nope": []}', "nope: no specification has that name"),
        ('{"list": [{"ID": "1"}]}', "list[0]: "),
        ('{"list": [{"name": "x"}]}', "list[0]: has no identifier"),
        ('{"list": [{"ID": "1", "name": 5}]}', "list[0]: attribute 'name' must be a text"),
        (
            '{"task": [{"ID": "1", "title": "x", "parentID": "9", "parentType": "list"}]}',
            "task[0]: there is no list '9'",
        ),
    ],
)
def test_a_wrong_data_file_is_named_with_identity_and_index(tmp_path, content, message):
    data = tmp_path / "data.json"
    data.write_text(content)
    done = bahamut("serve", str(SPECS), "--data", str(data))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_data_and_prefix(tmp_path):
    data = tmp_path / "data.json"
    data.write_text(
        '{"list": [{"ID": "1", "name": "x"}],'
        ' "task": [{"ID": "2", "title": "y", "parentID": "1", "parentType": "list"}]}'
    )
    with serving("--data", str(data), "--prefix", "api/") as (port, _):
        assert [t["ID"] for t in call(port, "GET", "/api/lists/1/tasks")] == ["2"]


def test_routes():
    done = bahamut("routes", str(SPECS))
    assert done.returncode == 0
    assert "/lists/:id/tasks  GET HEAD POST" in done.stdout
    assert not done.stderr, "nothing is served: there is no open API to warn about"


@pytest.mark.parametrize("options", [(), ("--access-log",)])
def test_requests_are_logged_if_asked_for(options):
    with serving(*options) as (port, process):
        call(port, "GET", "/lists?q=name%20==%20x")
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20)
    assert ("INFO bahamut.access: GET /lists?q=name%20==%20x 200" in log) is bool(options)


def test_a_missing_folder():
    done = bahamut("serve", "nowhere")
    assert done.returncode == 1
    assert "'nowhere' is not a folder" in done.stderr


def test_it_can_be_ended_while_it_waits_for_nats():
    process = subprocess.Popen(
        [sys.executable, "-m", "bahamut", "serve", str(SPECS), "--pubsub", "nats://127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any("Unable to connect to nats" in line for line in process.stderr)
    process.terminate()
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "Stopped.\n")
    assert "Traceback" not in err


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def answered(port: int, path: str, headers: dict[str, str], method: str = "GET"):
    """Return the status and the headers of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.headers


def test_e25_pages_of_the_origins_given_may_call_and_listen():
    page, other = "http://localhost:3000", "https://app.example.org"
    with serving("--cors", page, "--cors", "HTTPS://app.example.org", "--cors", "null") as (
        port,
        _,
    ):
        for origin in (page, other, "null"):
            asking = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            for method in ("GET", "OPTIONS"):
                status, headers = answered(port, "/lists", asking, method)
                assert (status, headers["Access-Control-Allow-Origin"]) == (200, origin)
            assert answered(port, "/events", {"Origin": origin} | HANDSHAKE)[0] == 101
        for stranger in ("http://localhost:3001", "http://app.example.org", "https://evil.example"):
            headers = answered(port, "/lists", {"Origin": stranger})[1]
            assert headers["Access-Control-Allow-Origin"] is None
            assert answered(port, "/events", {"Origin": stranger} | HANDSHAKE)[0] == 403


def test_e25_every_page_may_call_when_asked_for():
    with serving("--cors", "*") as (port, _):
        headers = answered(port, "/lists", {"Origin": "https://page.example"})[1]
        assert headers["Access-Control-Allow-Origin"] == "*"


def test_e25_without_the_option_no_foreign_page_is_admitted():
    with serving() as (port, _):
        page = {"Origin": "http://localhost:3000"}
        assert answered(port, "/lists", page)[1]["Access-Control-Allow-Origin"] is None
        assert answered(port, "/events", page | HANDSHAKE)[0] == 403


@pytest.mark.parametrize("origin", ["localhost:3000", "http://a/", "http://a/b", "nope", "http://"])
def test_e25_what_is_no_origin_is_refused(origin):
    done = bahamut("serve", str(SPECS), "--cors", origin)
    assert done.returncode == 1
    assert f"'{origin}' is not an origin" in done.stderr


def test_e9_a_page_without_a_size_is_everything(tmp_path):
    data = tmp_path / "data.json"
    lists = [{"ID": str(i), "name": f"list {i}"} for i in range(60)]
    data.write_text(json.dumps({"list": lists}))
    with serving("--data", str(data)) as (port, _):
        for page in (1, 2, 7):
            assert len(call(port, "GET", f"/lists?page={page}")) == 60
        assert len(call(port, "GET", "/lists?page=2&pagesize=50")) == 10
        assert len(call(port, "GET", "/lists?page=2&limit=5")) == 5


def test_e4_an_order_that_repeats_itself_is_that_order_once():
    order = "&".join(["order=name&order=-name"] * 2000)
    with serving() as (port, _):
        for name in ("b", "a"):
            call(port, "POST", "/lists", {"name": name})
        assert [found["name"] for found in call(port, "GET", f"/lists?{order}")] == ["a", "b"]
