"""`qed serve --replicas N`: one port in front of several processes, and what clients see when one of
these dies, hangs, or all end."""

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from hf_folder import write_folder
from qed_run import BINARY, MODEL, qed, require_model, temporary_folder
from ranks_run import descendants, ranks_below, require_mpi, wait_until_gone
from serve_run import Server

PATIENCE = 120  # seconds, for machines that are busy
FLAGS = ("--model", MODEL, "--adapter", "none", "--threads", "1", "--port", "0", "--max-seq-len",
         "1024", "--kv-cache-bytes", str(64 << 20))
LONG = {"prompt": "Once upon a time", "max_tokens": 600, "ignore_eos": True, "temperature": 0}


class Replicas(Server):
    """A front with its replicas, all below its process."""

    def __init__(self, *flags, replicas=2, model_flags=FLAGS):
        self.start(*model_flags, "--replicas", str(replicas), *flags)

    def __exit__(self, *_):
        below = descendants(self.process.pid)
        super().__exit__()
        left = wait_until_gone(below, 20)
        assert not left, f"left behind: {left}"

    def health(self):
        status, _, body = self.request("GET", "/health")
        return status, json.loads(body)

    def replica(self, index):
        return self.health()[1]["replicas"][index]

    def wait_for(self, what, condition, seconds=PATIENCE):
        """The replicas as /health tells of them, once they are so."""
        deadline = time.monotonic() + seconds
        while True:
            replicas = self.health()[1]["replicas"]
            if condition(replicas):
                return replicas
            assert time.monotonic() < deadline, (what, replicas, self.log[-20:])
            time.sleep(0.05)

    def wait_all_ready(self):
        return self.wait_for("all ready", lambda replicas: all(
            replica["state"] == "ready" for replica in replicas))

    def busy(self):
        """The one replica that has something to do."""
        found = [replica for replica in self.health()[1]["replicas"]
                 if replica["completions_in_flight"] > 0]
        assert len(found) == 1, found
        return found[0]

    def sum_of(self, name, **labels):
        """Over all samples of that name with those labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(value for key, value in self.metrics().items()
                   if key.split("{")[0] == name and all(pair in key for pair in wanted))

    def wait_idle(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            left = sum(self.sum_of(name) for name in (
                "qed_num_requests_running", "qed_num_requests_waiting",
                "qed_replica_completions_in_flight"))
            pages = self.sum_of("qed_kv_pages_total") - self.sum_of(
                "qed_kv_pages_free") - self.sum_of("qed_kv_pages_cached")
            if left == 0 and pages == 0:
                return True
            time.sleep(0.05)
        return False


def read_to_end(sock):
    """All that comes until the connection or the chunked body ends."""
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
    sock.close()
    return data.decode()


def texts_of(stream):
    """The text of a stream's events."""
    lines = [line[6:] for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(choice.get("text", "") for line in lines
                   for choice in json.loads(line).get("choices", []))


class AnswersTest(unittest.TestCase):
    """What clients see while nothing happens."""

    @classmethod
    def setUpClass(cls):
        cls.front = Replicas("--served-model-name", "small,alias")
        cls.one = Server("--served-model-name", "small,alias")

    @classmethod
    def tearDownClass(cls):
        cls.one.__exit__()
        cls.front.__exit__()

    def both(self, path, body):
        """The two servers' answers, without what no two have in common."""
        replies = []
        for server in (self.front, self.one):
            status, reply = server.post(path, body)
            for name in ("id", "created"):
                reply.pop(name, None)
            reply.get("usage", {}).pop("prompt_tokens_details", None)
            replies.append((status, reply))
        return replies

    def test_answers_are_those_of_one_server(self):
        chat = [{"role": "user", "content": "What is 2 + 3?"}]
        for path, body in (
                ("/v1/completions", {"prompt": "The capital of France is", "max_tokens": 12,
                                     "temperature": 0, "logprobs": 2}),
                ("/v1/completions", {"prompt": ["One", "Two"], "n": 2, "max_tokens": 8, "seed": 5}),
                ("/v1/chat/completions", {"messages": chat, "max_tokens": 8, "seed": 3}),
                ("/v1/completions", {"prompt": "x", "model": "alias", "max_tokens": 2, "seed": 1}),
                ("/v1/completions", {"prompt": "x", "model": "other"}),
                ("/v1/completions", {"prompt": "x", "nonsense": 1}),
                ("/v1/chat/completions", {}),
                ("/tokenize", {"messages": chat}),
                ("/detokenize", {"tokens": [504, 29]}),
                ("/nowhere", {})):
            ours, theirs = self.both(path, body)
            self.assertEqual(ours, theirs, (path, body))
        for path in ("/version", "/tokenizer_info", "/", "/page/app.js", "/nowhere",
                     "/v1/models/other", "/v1/completions"):
            ours, theirs = (server.request("GET", path) for server in (self.front, self.one))
            self.assertEqual((ours[0], ours[2]), (theirs[0], theirs[2]), path)
            for name in ("Content-Type", "Content-Security-Policy", "Allow", "Content-Length"):
                self.assertEqual(ours[1][name], theirs[1][name], path)

    def test_models_count_all_replicas(self):
        models = [json.loads(server.request("GET", "/v1/models")[2])["data"]
                  for server in (self.front, self.one)]
        self.assertEqual([model["id"] for model in models[0]], ["small", "alias"])
        self.assertEqual(models[0][0]["max_num_seqs"], 2 * models[1][0]["max_num_seqs"])
        one = json.loads(self.front.request("GET", "/v1/models/alias")[2])
        self.assertEqual(one["max_num_seqs"], models[0][0]["max_num_seqs"])

    def test_streams(self):
        body = json.dumps({"prompt": "Once upon a time", "max_tokens": 30, "temperature": 0,
                           "stream": True, "stream_options": {"include_usage": True}})
        streams = []
        for server in (self.front, self.one):
            status, headers, data = server.request("POST", "/v1/completions", body)
            self.assertEqual((status, headers["Content-Type"]), (200, "text/event-stream"))
            self.assertEqual(headers["Cache-Control"], "no-cache")
            streams.append(data.decode())
            self.assertIn('"completion_tokens":30', streams[-1])
            self.assertTrue(streams[-1].endswith("data: [DONE]\n\n"), streams[-1][-40:])
        self.assertEqual(texts_of(streams[0]), texts_of(streams[1]))
        self.assertNotEqual(texts_of(streams[0]), "")
        for n in (1, 2):
            self.assertEqual(*[self.chat_stream(server, n) for server in (self.front, self.one)])

    def chat_stream(self, server, n):
        _, _, body = server.request("POST", "/v1/chat/completions", json.dumps(
            {"messages": [{"role": "user", "content": "Hi"}], "n": n, "max_tokens": 6, "seed": 4,
             "stream": True}))
        choices = [json.loads(line[6:])["choices"][0] for line in body.decode().splitlines()
                   if line.startswith("data: {")]
        self.assertEqual(choices[0]["delta"]["role"], "assistant")
        return [("".join(choice["delta"].get("content", "") for choice in choices
                         if choice["index"] == index),
                 [choice["finish_reason"] for choice in choices
                  if choice["index"] == index and choice["finish_reason"]])
                for index in range(n)]

    def test_head_says_how_long_the_body_is(self):
        status, headers, body = self.front.request("HEAD", "/v1/models")
        whole = self.front.request("GET", "/v1/models")[2]
        self.assertEqual((status, int(headers["Content-Length"]), body), (200, len(whole), b""))

    def test_prompts_go_where_they_went_before(self):
        chance = iter(range(1000))
        prompts = [f"Problem {next(chance)}: " + "count the ways to do it. " * 12 for _ in range(6)]
        before = {by: self.front.sum_of("qed_replica_requests_total", by=by)
                  for by in ("prefix", "load")}
        owners = {}
        for round_number in range(3):
            for prompt in prompts:
                counts = [self.front.sum_of("qed_replica_requests_total", replica=index)
                          for index in (0, 1)]
                self.front.complete(prompt=prompt + str(round_number), max_tokens=1, seed=1)
                after = [self.front.sum_of("qed_replica_requests_total", replica=index)
                         for index in (0, 1)]
                owner = [b - a for a, b in zip(counts, after)].index(1)
                self.assertEqual(owners.setdefault(prompt, owner), owner, prompt)
        self.assertEqual(set(owners.values()), {0, 1})  # by turns, where all is equal
        self.assertEqual(self.front.sum_of("qed_replica_requests_total", by="prefix"),
                         before["prefix"] + 12)
        self.assertEqual(self.front.sum_of("qed_replica_requests_total", by="load"),
                         before["load"] + 6)
        for index in (0, 1):
            self.assertGreater(self.front.sum_of("qed_prefix_cache_hits_total", replica=index), 100)

    def test_work_is_shared_out(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            streams = list(pool.map(lambda i: self.front.open_stream(
                **{**LONG, "prompt": f"{i} is", "max_tokens": 40}), range(8)))
            given = [replica["completions_in_flight"]
                     for replica in self.front.health()[1]["replicas"]]
            ends = list(pool.map(read_to_end, streams))
        self.assertTrue(all("data: [DONE]" in end for end in ends))
        self.assertLessEqual(abs(given[0] - given[1]), 2, given)
        self.assertTrue(self.front.wait_idle())

    def test_a_client_that_leaves_ends_its_completion(self):
        stream = self.front.open_stream(**{**LONG, "max_tokens": 900})
        self.front.busy()
        before = self.front.sum_of("qed_generation_tokens_total")
        stream.close()
        self.assertTrue(self.front.wait_idle(20))
        self.assertLess(self.front.sum_of("qed_generation_tokens_total"), before + 600)
        self.assertGreater(
            self.front.sum_of("qed_request_success_total", finished_reason="cancelled"), 0)

    def test_metrics_are_readable_as_prometheus(self):
        names = []
        family = ""
        for line in self.front.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith("# TYPE "):
                family = line.split()[2]
                names.append(family)
            elif not line.startswith("#"):
                self.assertTrue(line.startswith(family), (family, line))
        self.assertEqual(len(names), len(set(names)))
        metrics = self.front.metrics()
        self.assertEqual(metrics['qed_replica_up{replica="1"}'], 1)
        self.assertIn('qed_kv_pages_total{replica="0"}', metrics)
        self.assertGreaterEqual(metrics["qed_connections"], 1)

    def test_health_and_status(self):
        status, health = self.front.health()
        self.assertEqual((status, health["status"]), (200, "ok"))
        self.assertEqual([(replica["replica"], replica["state"], replica["restarts"])
                          for replica in health["replicas"]], [(0, "ready", 0), (1, "ready", 0)])
        status = json.loads(self.front.request("GET", "/status")[2])
        one = json.loads(self.one.request("GET", "/status")[2])
        self.assertEqual((status["model"], status["replicas"]), ("small", 2))
        self.assertEqual(status["kv_pages"], 2 * one["kv_pages"])


def listening_ports(pid):
    """Of a process's own sockets."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    with open(f"/proc/{pid}/net/tcp", encoding="utf-8") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


class AccessTest(unittest.TestCase):

    def ask(self, port, method="GET", path="/v1/models", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def test_the_front_lets_in_and_the_replicas_nobody_else(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("s3cret\n")
            file.flush()
            with Replicas("--api-key", file.name, "--max-body-bytes", "2048") as front:
                port = front.address.port
                key = {"Authorization": "Bearer s3cret"}
                self.assertEqual(self.ask(port), 401)
                self.assertEqual(self.ask(port, path="/health"), 401)
                self.assertEqual(self.ask(port, **key), 200)
                self.assertEqual(self.ask(port, Host="evil.example", **key), 403)
                self.assertEqual(self.ask(port, Origin="http://evil.example", **key), 403)
                ask = {"method": "POST", "path": "/v1/completions", **key}
                self.assertEqual(self.ask(port, body="{}", **ask), 415)
                ask["Content-Type"] = "application/json"
                self.assertEqual(self.ask(port, body='{"prompt": "x", "max_tokens": 1}', **ask), 200)
                self.assertEqual(self.ask(port, body='"' + 3000 * "x" + '"', **ask), 413)
                # As who takes us for a proxy asks; and never anybody else than a replica.
                self.assertEqual(self.ask(port, path="http://localhost/v1/models", **key), 200)
                self.assertEqual(self.ask(port, path="//evil.example/v1/models", **key), 404)
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", "/health", headers=key)
                replicas = json.loads(connection.getresponse().read())["replicas"]
                connection.close()
                for replica in replicas:
                    ports = listening_ports(replica["pid"])
                    self.assertEqual(len(ports), 1)
                    self.assertEqual(self.ask(ports[0]), 401)
                    self.assertEqual(self.ask(ports[0], **key), 401)  # it has one of its own


def send_while_stopped(front, pool, path, body):
    """A request that a replica has got and can say nothing to; the others go on."""
    replicas = front.wait_all_ready()
    for replica in replicas:
        os.kill(replica["pid"], signal.SIGSTOP)
    reply = pool.submit(front.request, "POST", path, json.dumps(body))
    given = front.wait_for("given", lambda found: any(
        replica["completions_in_flight"] for replica in found), 10)
    victim = next(replica for replica in given if replica["completions_in_flight"])
    for replica in replicas:
        if replica["pid"] != victim["pid"]:
            os.kill(replica["pid"], signal.SIGCONT)
    return reply, victim


class DeathsTest(unittest.TestCase):
    """Replicas that die and hang."""

    @classmethod
    def setUpClass(cls):
        cls.front = Replicas("--stall-seconds", "7")

    @classmethod
    def tearDownClass(cls):
        cls.front.__exit__()

    def tearDown(self):
        self.front.wait_all_ready()
        self.assertTrue(self.front.wait_idle())

    def test_in_the_middle_of_a_stream(self):
        streams = [self.front.open_stream(**{**LONG, "prompt": prompt, "max_tokens": 300})
                   for prompt in ("Once upon a time", "In the beginning")]
        lost = self.front.sum_of("qed_replica_lost_requests_total")
        victim = self.front.replica(0)
        self.assertEqual(victim["completions_in_flight"], 1)
        os.kill(victim["pid"], signal.SIGKILL)
        # Healthy as long as one of them is.
        after = self.front.wait_for("noticed", lambda r: r[0]["state"] != "ready", 10)
        self.assertEqual(after[1]["state"], "ready")
        self.assertEqual(after[0]["last_end"], "was ended by signal 9")
        status, health = self.front.health()
        self.assertEqual((status, health["status"]), (200, "degraded"))
        ends = [read_to_end(stream) for stream in streams]
        broken, whole = sorted(ends, key=lambda end: "data: [DONE]" in end)
        self.assertIn("data: [DONE]", whole)
        self.assertNotIn("data: [DONE]", broken)
        self.assertIn("replica 0 ended before it had answered", broken)
        self.assertEqual(self.front.sum_of("qed_replica_lost_requests_total"), lost + 1)
        again = self.front.wait_all_ready()
        self.assertGreater(again[0]["restarts"], 0)
        self.assertNotEqual(again[0]["pid"], victim["pid"])
        self.assertTrue(any("replica 0: was ended by signal 9; it is started again in" in line
                            for line in self.front.log), self.front.log[-10:])

    def test_before_the_first_token_another_one_answers(self):
        prompt = "The quick brown fox jumps over the lazy dog. " * 8
        fields = {"max_tokens": 10, "temperature": 0}
        whole = {"prompt": prompt, **fields}
        expected = self.front.complete(**whole)["choices"]
        chat = {"messages": [{"role": "user", "content": prompt}], "stream": True, **fields}
        for path, body in (("/v1/completions", whole), ("/v1/chat/completions", chat)):
            moved = self.front.sum_of("qed_replica_moved_requests_total")
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                reply, victim = send_while_stopped(self.front, pool, path, body)
                os.kill(victim["pid"], signal.SIGKILL)
                status, _, data = reply.result(PATIENCE)
            self.assertEqual(status, 200, data)
            if path == "/v1/completions":
                self.assertEqual(json.loads(data)["choices"], expected)
            else:
                self.assertIn(b"data: [DONE]", data)
                self.assertEqual(data.count(b'"role":"assistant"'), 1)
            self.assertEqual(self.front.sum_of("qed_replica_moved_requests_total"), moved + 1)

    def test_one_that_hangs_is_given_nothing_and_started_again(self):
        victim = self.front.wait_all_ready()[1]
        os.kill(victim["pid"], signal.SIGSTOP)
        self.front.wait_for("silent", lambda r: r[1]["state"] == "silent", 20)
        for i in range(3):
            self.front.complete(prompt=f"{i}", max_tokens=1)
        self.front.wait_for("killed", lambda r: r[1]["pid"] != victim["pid"], 20)
        self.assertTrue(any("--stall-seconds" in line for line in self.front.log))


class LastDeathTest(unittest.TestCase):

    def test_without_another_one_there_is_a_503(self):
        with Replicas() as front, concurrent.futures.ThreadPoolExecutor(1) as pool:
            reply, victim = send_while_stopped(front, pool, "/v1/completions",
                                               {"prompt": "x", "max_tokens": 1})
            other = front.replica(1 - victim["replica"])
            os.kill(other["pid"], signal.SIGKILL)
            front.wait_for("gone", lambda r: r[other["replica"]]["state"] != "ready", 10)
            os.kill(victim["pid"], signal.SIGKILL)
            status, headers, data = reply.result(PATIENCE)
            self.assertEqual((status, headers["Retry-After"]), (503, "1"), data)
            status, health = front.health()
            self.assertEqual(status, 503)
            self.assertIn("no replica", health["error"]["message"])
            status, _, data = front.request("POST", "/v1/completions", '{"prompt": "x"}')
            self.assertEqual(status, 503, data)
            self.assertEqual(front.request("GET", "/metrics")[0], 200)


class EndsTest(unittest.TestCase):
    PROMPT = "".join(f"Q: {a}+{b}\n<code>print({a}+{b})</code>\n<out>\n{a + b}\n</out>\nA: {a + b}\n\n"
                     for a, b in ((2, 3), (10, 7), (44, 5), (31, 8))) + "Q: 15+4\n"
    TOOL = {"type": "sandbox", "code_begin": "<code>", "code_end": "</code>",
            "code_output_begin": "\n<out>\n", "code_output_end": "</out>\n"}

    def each_replica_runs_programs(self, front):
        body = {"max_tokens": 80, "temperature": 0, "stop": ["Q:"], "tools": [self.TOOL]}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            # Prompts that begin differently, so that each replica has one.
            replies = list(pool.map(lambda first: front.complete(
                **{**body, "prompt": first + self.PROMPT}), ("", "Q:\n")))
        for reply in replies:
            self.assertIn("19", reply["choices"][0]["text"])
            self.assertGreater(len(reply["choices"][0]["code_calls"]), 0)
        self.assertEqual([front.sum_of("qed_replica_requests_total", replica=index)
                          for index in (0, 1)], [1, 1])

    def test_running_requests_are_answered_and_all_processes_end(self):
        with Replicas("--with-sandbox") as front:
            self.each_replica_runs_programs(front)
            below = descendants(front.process.pid)
            self.assertGreater(len(below), 3)  # replicas and their sandboxes
            streams = [front.open_stream(**{**LONG, "prompt": f"{i} is", "max_tokens": 40})
                       for i in range(3)]
            front.terminate()
            for stream in streams:
                end = read_to_end(stream)
                self.assertIn('"finish_reason":"length"', end)
                self.assertIn("data: [DONE]", end)
            self.assertEqual(front.process.wait(PATIENCE), 0)
            self.assertEqual(wait_until_gone(below, 10), [])

    def test_a_front_that_is_killed_takes_all_with_it(self):
        with Replicas("--with-sandbox") as front:
            below = descendants(front.process.pid)
            stopped = front.replica(0)["pid"]
            os.kill(stopped, signal.SIGSTOP)  # and one that cannot do anything about it
            front.process.kill()
            front.process.wait()
            self.assertEqual(wait_until_gone(below, 10), [])

    def test_a_second_signal_ends_all_at_once(self):
        with Replicas("--drain-timeout", "60") as front:
            below = descendants(front.process.pid)
            stream = front.open_stream(**{**LONG, "max_tokens": 900})
            front.terminate()
            front.wait_for_log("ending", PATIENCE)
            front.terminate()
            self.assertEqual(front.process.wait(PATIENCE), -signal.SIGTERM)
            self.assertEqual(wait_until_gone(below, 10), [])
            stream.close()


class StartTest(unittest.TestCase):

    def fails(self, *flags, model=MODEL, code=1, **variables):
        """The one line."""
        run = qed("serve", "--model", model, "--adapter", "none", *flags, timeout=60,
                  env={**os.environ, **variables})
        self.assertEqual((run.returncode, run.stderr.count("\n"), run.stdout), (code, 1, ""),
                         run.stderr)
        return run.stderr

    def test_what_cannot_be_started_is_told_once(self):
        two = ("--replicas", "2", "--port", "0")
        self.assertRegex(self.fails(*two, model="/no/such.gguf"),
                         r"^qed serve: replica [01]: /no/such.gguf: ")
        # No machine has that many.
        self.assertRegex(self.fails(*two, "--device", "cuda:99"),
                         r"^qed serve: replica [01]: --device: .*cuda:(99|100)")
        self.assertIn("replica", self.fails(*two, "--compute", "f16", code=2))

    def test_unusable_flags(self):
        self.assertIn("--replicas is 0", self.fails("--replicas", "0", code=2))
        self.assertIn("--tool-loop", self.fails("--replicas", "2", "--tool-loop", "on", code=2))
        self.assertIn("leave out the launcher", self.fails(
            "--replicas", "2", code=2, OMPI_COMM_WORLD_RANK="0", OMPI_COMM_WORLD_SIZE="4"))

    def test_an_address_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            self.assertIn(port, self.fails("--replicas", "2", "--port", port))

    def test_a_signal_before_all_are_ready(self):
        process = subprocess.Popen([BINARY, "serve", *FLAGS, "--replicas", "2"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE
        while len(below := descendants(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        process.terminate()
        output, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, output), (0, ""), errors)
        self.assertEqual(wait_until_gone(below, 10), [])


class RanksTest(unittest.TestCase):
    """Replicas of several ranks each."""

    @classmethod
    def setUpClass(cls):
        require_mpi()

    def test_each_replica_starts_its_own_ranks(self):
        model = os.path.join(temporary_folder(self), "model")
        write_folder(model)
        flags = ("--model", model, "--tp-size", "2", "--port", "0", "--threads", "1",
                 "--stall-seconds", "10")
        with Replicas(model_flags=flags) as front:
            replicas = front.wait_all_ready()
            ranks = [ranks_below(replica["pid"], 2) for replica in replicas]
            self.assertEqual([sorted(found) for found in ranks], [[0, 1], [0, 1]])
            ask = {"prompt": "2+2", "max_tokens": 4, "temperature": 0}
            expected = front.complete(**ask)["choices"][0]["text"]
            os.kill(ranks[0][1], signal.SIGKILL)
            front.wait_for("noticed", lambda r: r[0]["state"] != "ready", 20)
            self.assertEqual(front.complete(**ask)["choices"][0]["text"], expected)
            front.wait_all_ready()
            below = descendants(front.process.pid)
            front.process.kill()
            front.process.wait()
            self.assertEqual(wait_until_gone(below, 10), [])


if __name__ == "__main__":
    require_model()
    unittest.main()
