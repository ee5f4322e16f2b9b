"""`qed serve` and clients that send much too much: others hardly notice."""

import json
import threading
import time
import unittest

from qed_run import require_model
from serve_run import Server

MIB = 1 << 20
ATTACKERS = 8
PATIENCE = 60  # seconds, for machines that are busy; without fairness it takes minutes


def texts(size):
    """Texts of about `size` bytes that are hard on tokenizers."""
    pieces = [" ", "a", "\u0301", "<|im_en", "x\n", "\U0001F600", "qwertyuiop"]
    return [piece * (size // len(piece.encode())) for piece in pieces]


class OverloadTest(unittest.TestCase):

    def attack(self, server, requests):
        """Sends all at once. What a small request took meanwhile, and the attackers' statuses."""
        statuses = []
        bodies = [(path, json.dumps(body, ensure_ascii=False).encode()) for path, body in requests]

        def send(path, body):
            statuses.append(server.request("POST", path, body, timeout=600)[0])

        threads = [threading.Thread(target=send, args=request) for request in bodies]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        began = time.monotonic()
        self.assertEqual(len(server.complete(prompt="a", max_tokens=1)["choices"]), 1)
        waited = time.monotonic() - began
        for thread in threads:
            thread.join()
        return waited, statuses

    def test_prompts_beyond_the_context_delay_nobody(self):
        blanks = " " * (7 * MIB)
        with Server("--max-body-bytes", str(16 * MIB), "--max-unread-bytes",
                    str(256 * MIB)) as server:
            for prompts in ([blanks] * ATTACKERS, texts(7 * MIB)):
                waited, statuses = self.attack(
                    server, [("/v1/completions", {"prompt": text, "max_tokens": 1})
                             for text in prompts])
                self.assertEqual(set(statuses), {400})
                self.assertLess(waited, PATIENCE)
            # What must be tokenized takes its time, but not that of others.
            waited, statuses = self.attack(server, [("/tokenize", {"prompt": text})
                                                    for text in texts(MIB)])
            self.assertEqual(set(statuses), {200})
            self.assertLess(waited, PATIENCE)
            chat = {"messages": [{"role": "user", "content": blanks}]}
            waited, statuses = self.attack(server, [("/v1/chat/completions", chat)] * 3)
            self.assertEqual(set(statuses), {400})
            self.assertLess(waited, PATIENCE)

    def test_too_much_that_waits_is_refused_and_counted(self):
        with Server("--max-unread-bytes", str(8 * MIB)) as server:
            _, statuses = self.attack(server, [("/tokenize", {"prompt": " " * (5 * MIB)})] * ATTACKERS)
            self.assertLessEqual(set(statuses), {200, 429})
            self.assertIn(429, statuses)
            metrics = server.metrics()
            self.assertEqual(metrics["qed_requests_rejected_total"], statuses.count(429))
            self.assertEqual(metrics["qed_requests_unread"], 0)


if __name__ == "__main__":
    require_model()
    unittest.main()
