"""Drives headless Chromium through the DevTools protocol, over its pipe (one JSON message
between zero bytes), so that nothing but Python's own library is needed."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 240  # seconds, for machines that are busy

# The browser reads commands from descriptor 3 and writes to 4.
LAUNCHER = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])"""


def find_browser():
    """Its path; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _pipe():
    # Above 4, lest the launcher overwrite one with the other.
    low = os.pipe()
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in low]
    for fd in low:
        os.close(fd)
    return high


class Browser:
    """One page in a browser of its own; a context manager."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self.to_browser = _pipe()
        self.from_browser, events = _pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(commands), str(events), find_browser(),
             "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={self.folder.name}"],
            pass_fds=(commands, events), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        os.close(commands)
        os.close(events)
        self.received = b""
        self.last_id = 0
        self.problems = []  # what the console was told: errors, policy violations
        self.canned = {}    # path to the reply that the browser gets instead of the server's
        self.session = None
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.to_browser)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.from_browser)
        self.folder.cleanup()

    def _receive(self, deadline):
        while b"\0" not in self.received:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_browser], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.from_browser, 1 << 16)
            if not piece:
                raise RuntimeError("the browser ended")
            self.received += piece
        message, self.received = self.received.split(b"\0", 1)
        return json.loads(message)

    def _send(self, method, params):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_browser, data):]
        return self.last_id

    def command(self, method, **params):
        """The result of a command; RuntimeError where the browser refuses it."""
        number = self._send(method, params)
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._receive(deadline)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._on_event(message)

    def _on_event(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"]["exception"].get("description", "?"))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])
        elif method == "Fetch.requestPaused":
            self._answer(params)

    def _answer(self, paused):
        path = "/" + paused["request"]["url"].split("/", 3)[3]
        content_type, body = self.canned[path]
        self._send("Fetch.fulfillRequest", {
            "requestId": paused["requestId"], "responseCode": 200,
            "responseHeaders": [{"name": "Content-Type", "value": content_type}],
            "body": base64.b64encode(body.encode()).decode()})

    def can(self, path, content_type, body):
        """From now on the page gets this answer from `path`."""
        self.canned[path] = (content_type, body)
        self.command("Fetch.enable", patterns=[{"urlPattern": "*" + p} for p in self.canned])

    def evaluate(self, expression):
        """The value of a JavaScript expression, awaited where it is a promise."""
        reply = self.command("Runtime.evaluate", expression=expression, returnByValue=True,
                             awaitPromise=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(f"{expression}: {reply['exceptionDetails']}")
        return reply["result"].get("value")

    def wait(self, expression, patience=PATIENCE):
        """Until the expression is true."""
        deadline = time.monotonic() + patience
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{expression} is still false; the page shows:\n"
                                   + self.evaluate("document.body.innerText"))
            time.sleep(0.05)

    def open(self, url):
        self.command("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def text(self, selector):
        """What a person reads there."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector):
        return self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)")

    def type(self, text):
        """Into what has the focus."""
        self.command("Input.insertText", text=text)

    def press(self, key, code, ctrl=False):
        fields = {"key": key, "code": key, "windowsVirtualKeyCode": code,
                  "modifiers": 2 if ctrl else 0}
        if key == "Enter":
            fields["text"] = "\r"
        self.command("Input.dispatchKeyEvent", type="keyDown", **fields)
        self.command("Input.dispatchKeyEvent", type="keyUp", **fields)

    def click(self, selector):
        """With the mouse, in its middle."""
        box = self.evaluate(f"""(() => {{
            const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: "center"}});
            const r = e.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                         clickCount=1)

    def resize(self, width, height, dark=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path):
        data = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
