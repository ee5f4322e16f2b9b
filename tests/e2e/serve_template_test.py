"""A server whose checkpoint's chat template cannot be used: all but chats work."""

import os
import unittest

import hf_folder
from qed_run import temporary_folder
from serve_run import Server

TEMPLATES = {
    "not Jinja": b"{% for message in messages %}{{ message.content }}",
    "of another program": b"{{ messages | no_such_filter }}",
    "not text": b"\x80\xff{{ '\xfe' }}{%",
    "without an end": b"{{ " + b"(" * 50_000,
    "not there": None,
}


class TemplateTest(unittest.TestCase):

    def test_completions_work_and_chats_say_why_not(self):
        folder = temporary_folder(self)
        model = os.path.join(folder, "model")
        hf_folder.write_folder(model)
        path = os.path.join(model, "chat_template.jinja")
        for name, template in TEMPLATES.items():
            if template is None:
                os.remove(path)
            else:
                with open(path, "wb") as file:
                    file.write(template)
            with self.subTest(name):
                self.check(model)

    def check(self, model):
        server = Server.__new__(Server)
        server.start("--model", model, "--adapter", "none", "--threads", "2", "--port", "0",
                     "--kv-cache-bytes", str(4 << 20))
        with server:
            messages = [{"role": "user", "content": "hello"}]
            for route, fields in (("/v1/chat/completions", {"max_tokens": 2}), ("/tokenize", {})):
                for more in ({}, {"stream": True}) if fields else ({},):
                    status, reply = server.post(route, {"messages": messages, **fields, **more})
                    self.assertEqual(status, 400, reply)
                    self.assertEqual(reply["error"]["param"], "messages")
                    said = reply["error"]["message"]
                    self.assertIn("chat template", said)
                    self.assertIn("use /v1/completions", said)
                    self.assertNotIn("\n", said)
            reply = server.complete(prompt="hello", max_tokens=2)
            self.assertEqual(reply["usage"]["completion_tokens"], 2)
            self.assertEqual(server.post("/tokenize", {"prompt": "hello"})[1]["count"], 5)
            self.assertEqual(server.request("GET", "/health")[0], 200)
            self.assertIsNone(server.process.poll())


if __name__ == "__main__":
    unittest.main()
