#!/usr/bin/env python3
"""How fast `qed serve` is, beside what it is made of and beside llama-server.

  throughput  generated tokens a second of --clients streams, each prompt once, beside
              what the prefill and decode rates of `qed bench` add up to: medians of --rounds,
              bench and server in turn
  streams     --clients streams at once: errors, how evenly they were served, memory, threads
  llama       the same completions from llama-server, at --slots

usage: bench_server.py throughput|streams|llama --qed build/qed --model MODEL.gguf
           [--clients 16] [--prompt-tokens 100] [--new-tokens 128] [--requests N]
           [--rounds 5] [--llama-server PATH --slots 8,32] [--threads 2]

Prompts are token ids that no other prompt begins with (qed) or texts of about as
many tokens (both servers, with `llama`). Prints one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
import urllib.request

WORDS = ("river", "number", "garden", "seven", "proof", "window", "triangle", "apple", "sum",
         "yellow", "engine", "matrix", "before", "paper", "mountain", "count")


class Timing:
    def __init__(self):
        self.start = time.monotonic()
        self.first = self.end = None
        self.tokens = 0
        self.error = None


class Stream(asyncio.Protocol):
    """Takes a streamed reply as it comes. What it does for an event counts against the
    server, which shares the processors with it: it only looks at the beginning and the end."""

    KEPT = 4096  # bytes: more than the event with the usage and the one behind it

    def __init__(self, request, timing, closed):
        self.request, self.timing, self.closed = request, timing, closed
        self.head = self.tail = b""

    def connection_made(self, transport):
        transport.write(self.request)

    def data_received(self, data):
        if self.timing.first is None:
            self.head += data
            if b"\ndata: " not in self.head:
                return
            self.timing.first = time.monotonic()
        self.tail = data if len(data) >= self.KEPT else (self.tail + data)[-self.KEPT:]

    def connection_lost(self, _):
        self.timing.end = time.monotonic()
        if not self.closed.done():
            self.closed.set_result(None)


async def complete(address, body, timing):
    """One streamed completion over a connection of its own."""
    data = json.dumps(body).encode()
    request = (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               b"Content-Type: application/json\r\nContent-Length: "
               + str(len(data)).encode() + b"\r\n\r\n" + data)
    loop = asyncio.get_running_loop()
    closed = loop.create_future()
    try:
        _, stream = await loop.create_connection(lambda: Stream(request, timing, closed), *address)
        await closed
    except OSError as error:
        timing.error = str(error)
        timing.end = time.monotonic()
        return
    if b" 200 " not in stream.head.split(b"\r\n", 1)[0]:
        timing.error = stream.head.split(b"\r\n", 1)[0].decode() or "no reply"
    elif b"data: [DONE]" not in stream.tail:
        timing.error = "the stream broke off"
    else:
        usage = [line for line in stream.tail.split(b"\n") if b'"completion_tokens"' in line][-1]
        timing.tokens = json.loads(usage[len(b"data: "):])["usage"]["completion_tokens"]


async def run_clients(address, bodies, clients):
    """All bodies, `clients` at a time, each as soon as another has ended."""
    timings = []
    left = list(reversed(bodies))

    async def client():
        while left:
            timing = Timing()
            timings.append(timing)
            await complete(address, left.pop(), timing)

    await asyncio.gather(*(client() for _ in range(clients)))
    return timings


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def summary(timings):
    good = [t for t in timings if t.error is None]
    errors = [t.error for t in timings if t.error is not None]
    if not good:
        sys.exit(f"no completion: {errors[:3]}")
    seconds = max(t.end for t in good) - min(t.start for t in good)
    firsts = [t.first - t.start for t in good]
    rates = [t.tokens / (t.end - t.first) for t in good if t.end > t.first and t.tokens > 1]
    return {"completions": len(good), "errors": len(errors), "first_errors": errors[:3],
            "generated_tokens": sum(t.tokens for t in good), "seconds": round(seconds, 2),
            "tokens_per_s": round(sum(t.tokens for t in good) / seconds, 1),
            "first_token_s": {"p50": round(percentile(firsts, 0.5), 3),
                              "p99": round(percentile(firsts, 0.99), 3)},
            "service_ratio_max_min": round(max(rates) / min(rates), 2) if rates else None}


def bodies(options, as_text):
    generator = random.Random(1)
    for _ in range(options.requests or options.clients + 1):
        if as_text:
            prompt = " ".join(generator.choice(WORDS) for _ in range(options.prompt_tokens))
        else:
            prompt = [generator.randrange(1000, 40000) for _ in range(options.prompt_tokens)]
        yield {"prompt": prompt, "max_tokens": options.new_tokens, "temperature": 0,
               "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}


class Process:
    def __init__(self, command, ready):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.address = ready(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def start_qed(options, *flags):
    def ready(process):
        url = process.stdout.readline().split(" at ")[1].strip()
        host, port = url.removeprefix("http://").split(":")
        return host, int(port)
    return Process([options.qed, "serve", "--model", options.model, "--adapter", "none", "--port",
                    "0", "--threads", str(options.threads), *flags], ready)


def start_llama(options, slots):
    port = 18000 + os.getpid() % 1000
    context = slots * (2 * options.prompt_tokens + options.new_tokens + 64)

    def ready(_):
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").read()
                return "127.0.0.1", port
            except OSError:
                time.sleep(0.1)
        sys.exit("llama-server does not answer")
    return Process([options.llama_server, "-m", options.model, "--port", str(port), "-np",
                    str(slots), "-c", str(context), "-t", str(options.threads), "--no-webui"],
                   ready)


def measure(server, options, as_text=False):
    work = list(bodies(options, as_text))
    asyncio.run(run_clients(server.address, work[:1], 1))
    return summary(asyncio.run(run_clients(server.address, work[1:] or work, options.clients)))


def expected(options):
    """What a completion costs by `qed bench`: its share of the batch's decoding and its prefill."""
    bench = subprocess.run(
        [options.qed, "bench", "--model", options.model, "--adapter", "none", "--threads",
         str(options.threads), "--draft", "none", "--sequences", str(options.clients),
         "--prompt-tokens", str(options.prompt_tokens), "--new-tokens", str(options.new_tokens),
         "--repeat", "1", "--json"], capture_output=True, text=True, check=True)
    rates = {row["case"]: row["tokens_per_s"] for row in json.loads(bench.stdout)["rows"]}
    seconds = options.prompt_tokens / rates["prefill"] + options.new_tokens / rates["decode"]
    return {"prefill": round(rates["prefill"], 1), "decode": round(rates["decode"], 1),
            "tokens_per_s": round(options.new_tokens / seconds, 1)}


def throughput(options):
    options.requests = options.requests or 4 * options.clients + 1
    rounds = []
    for _ in range(options.rounds):
        bench = expected(options)
        with start_qed(options, "--max-batch-size", str(options.clients)) as server:
            served = measure(server, options)
        rounds.append({"qed_bench": bench, "serve": served})
    medians = [statistics.median(r[side]["tokens_per_s"] for r in rounds)
               for side in ("qed_bench", "serve")]
    return {"rounds": rounds, "qed_bench_tokens_per_s": medians[0],
            "serve_tokens_per_s": medians[1], "share": round(medians[1] / medians[0], 3)}


def streams(options):
    with start_qed(options, "--max-connections", "8192") as server:
        asyncio.run(run_clients(server.address, list(bodies(options, False))[:1], 1))
        before = (server.status("VmRSS"), server.status("Threads"))
        first = measure(server, options)
        middle = server.status("VmRSS")
        second = measure(server, options)
        after = (server.status("VmRSS"), server.status("Threads"))
    return {"first_round": first, "second_round": second,
            "rss_kib": {"idle": before[0], "after_first": middle, "after_second": after[0]},
            "threads": {"before": before[1], "after": after[1]}}


def llama(options):
    result = {}
    with start_qed(options) as server:
        result["qed"] = measure(server, options, as_text=True)
    for slots in options.slots.split(","):
        with start_llama(options, int(slots)) as server:
            result[f"llama_server_{slots}_slots"] = measure(server, options, as_text=True)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("throughput", "streams", "llama"))
    parser.add_argument("--qed", default="build/qed")
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama-server")
    parser.add_argument("--slots", default="8,32")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=100)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    run = {"throughput": throughput, "streams": streams, "llama": llama}[options.what]
    print(json.dumps(run(options), indent=1))


if __name__ == "__main__":
    main()
