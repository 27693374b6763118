"""The app's JavaScript signs as Python verifies."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data.youtrack.webhook import WebhookError, parse_event, standard_headers, verify

APP = Path(__file__).parents[2] / "deploy" / "youtrack-app" / "app"
KEY = "\u00df\u4e2d\U0001f600" * 12
STAMP = 1764000000

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def node(script: str, given: Any) -> Any:
    mocked = """
    const Module = require("node:module"), load = Module._load;
    Module._load = (name, ...rest) => name.startsWith("@jetbrains/") ? {} : load(name, ...rest);
    const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    """
    command = ["node", "-e", mocked + script]
    done = subprocess.run(command, input=json.dumps(given).encode(), capture_output=True, cwd=APP, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_hmac_is_the_one_of_python_on_random_keys_and_bodies() -> None:
    rng = random.Random(7)
    alphabet = "abc019 {}\u00e9\u00df\u4e2d\u0416\u2028\U0001f600"
    pairs = [
        ["".join(rng.choices(alphabet, k=rng.randrange(1, 150))), "".join(rng.choices(alphabet, k=n % 300))]
        for n in range(500)
    ]
    script = """
    const h = require("./hmac.js");
    const made = given.map(([k, m]) => h.hex(h.hmac(h.utf8(k), h.utf8(m))));
    console.log(JSON.stringify({ok: h.selfTest(), made}));
    """
    found = node(script, pairs)
    assert found["ok"] is True
    assert found["made"] == [hmac.new(k.encode(), m.encode(), hashlib.sha256).hexdigest() for k, m in pairs]


@pytest.mark.parametrize("secret", [KEY, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" + "A" * 8])
def test_what_the_app_sends_is_believed_and_nothing_else(secret: str) -> None:
    script = f"""
    const e = require("./events.js");
    const issue = {{id: "PAY-17", project: {{key: "PAY"}}}};
    const body = e.bodyOf(issue, {{created: true}}, {STAMP}000);
    console.log(JSON.stringify([body, e.headersFor(given, "k1", "evt_1", {STAMP}, body)]));
    """
    text, headers = node(script, secret)
    body, now = text.encode(), datetime.fromtimestamp(STAMP, UTC)
    verify(["x" * 32, secret], headers, body, now)
    event = parse_event(body)
    assert (event.id, event.issue, event.project, event.kinds) == ("PAY-17", "PAY-17", "PAY", ("created",))
    for changed in ({"webhook-id": "evt_2"}, {"webhook-timestamp": str(STAMP + 1)}, {"webhook-id": ""}):
        with pytest.raises(WebhookError):
            verify(secret, headers | changed, body, now)
    with pytest.raises(WebhookError):
        verify(secret, headers, body + b" ", now)


def test_the_example_of_standard_webhooks() -> None:
    made = standard_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
