"""`qed serve`: the fields that other people's clients send, functions, and the tool loop."""

import json
import unittest

from qed_run import qed, require_model
from serve_run import Server

QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def events(data):
    """The chunks of a stream."""
    lines = [line[6:] for line in data.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]", lines[-1]
    return [json.loads(line) for line in lines[:-1]]


class FieldsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--served-model-name", "first", "--served-model-name", "second")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def chat(self, **body):
        status, reply = self.server.post("/v1/chat/completions", {
            "messages": QUESTION, "temperature": 0, "max_tokens": 40, **body})
        self.assertEqual(status, 200, reply)
        return reply

    def test_every_name_is_the_model(self):
        models = json.loads(self.server.request("GET", "/v1/models")[2])["data"]
        self.assertEqual([model["id"] for model in models], ["first", "second"])
        self.assertEqual(self.server.request("GET", "/v1/models/second")[0], 200)
        self.assertEqual(self.server.complete(model="second", prompt="x", max_tokens=1)["model"],
                         "first")

    def test_fields_that_change_nothing(self):
        plain = self.chat()["choices"][0]["message"]
        more = self.chat(store=True, metadata={"a": "b"}, service_tier="auto",
                         reasoning_effort="high", prompt_cache_key="k", safety_identifier="s",
                         parallel_tool_calls=True, unheard_of=None)
        self.assertEqual(more["choices"][0]["message"], plain)
        status, reply = self.server.post("/v1/completions", {"prompt": "x", "temprature": 1})
        self.assertEqual((status, reply["error"]["param"]), (400, "temprature"))

    def test_strict_fields(self):
        with Server("--strict-fields") as server:
            status, reply = server.post("/v1/completions", {"prompt": "x", "store": True})
            self.assertEqual((status, reply["error"]["param"]), (400, "store"))

    def test_logit_bias_and_min_tokens(self):
        token = self.server.post("/tokenize", {"prompt": " seven"})[1]["tokens"]
        self.assertEqual(len(token), 1)
        reply = self.server.complete(prompt="One, two,", max_tokens=3, temperature=0,
                                     logit_bias={str(token[0]): 100})
        self.assertEqual(reply["choices"][0]["text"], " seven" * 3)
        ends = {"prompt": "One, two,", "max_tokens": 12, "temperature": 0,
                "stop_token_ids": list(range(200))}
        self.assertLess(self.server.complete(**ends)["usage"]["completion_tokens"], 12)
        reply = self.server.complete(**ends, min_tokens=12)
        self.assertEqual(reply["usage"]["completion_tokens"], 12)
        self.assertEqual(reply["choices"][0]["finish_reason"], "length")

    def test_a_prompt_that_is_too_long_says_what_clients_look_for(self):
        for words in (1100, 300_000):
            status, reply = self.server.post("/v1/completions", {"prompt": "word " * words})
            self.assertEqual((status, reply["error"]["code"]), (400, "context_length_exceeded"))
            self.assertRegex(
                reply["error"]["message"],
                r"^This model's maximum context length is 1024 tokens\. However, your request has "
                r"\d+ input tokens( or more)?\. Please reduce the length of the input messages\.$")

    def test_no_content_is_an_empty_text(self):
        texts = [self.chat(messages=[*QUESTION, {"role": "assistant", "content": content},
                                     {"role": "user", "content": "Well?"}])["choices"][0]["message"]
                 for content in (None, "")]
        self.assertEqual(texts[0], texts[1])

    def test_tokenize_takes_what_a_chat_takes(self):
        body = {"messages": QUESTION, "tools": TOOLS, "chat_template_kwargs": {"x": 1}}
        status, reply = self.server.post("/tokenize", body)
        self.assertEqual(status, 200, reply)
        self.assertEqual(reply["count"], self.chat(tools=TOOLS)["usage"]["prompt_tokens"])

    def test_a_schema_is_refused(self):
        status, reply = self.server.post("/v1/chat/completions", {
            "messages": QUESTION, "response_format": {"type": "json_schema", "json_schema": {}}})
        self.assertEqual((status, reply["error"]["param"]), (400, "response_format"))


    def test_a_function_that_must_be_called(self):
        choice = self.chat(tools=TOOLS, tool_choice=NAMED)["choices"][0]
        call = choice["message"]["tool_calls"][0]
        self.assertEqual(call["function"]["name"], "get_weather")
        self.assertIn(choice["finish_reason"], ("tool_calls", "length"))
        data = self.server.request("POST", "/v1/chat/completions", json.dumps({
            "messages": QUESTION, "temperature": 0, "max_tokens": 40, "tools": TOOLS,
            "tool_choice": NAMED, "stream": True}))[2]
        chunks = [chunk["choices"][0] for chunk in events(data)]
        calls = [piece for chunk in chunks for piece in chunk["delta"].get("tool_calls", [])]
        self.assertEqual(len(calls), 1)
        self.assertEqual(calls[0]["function"], call["function"])
        self.assertEqual(calls[0]["index"], 0)
        self.assertEqual(chunks[-1]["finish_reason"], choice["finish_reason"])

    def test_any_function_that_must_be_called(self):
        choice = self.chat(tools=TOOLS, tool_choice="required")["choices"][0]["message"]
        if "tool_calls" not in choice:
            # A model this small may call what is no function; nothing is lost then.
            self.assertTrue(choice["content"].startswith("<tool_call>\n{\"name\": \""), choice)


class ToolLoopTest(unittest.TestCase):

    def test_programs_run_for_who_does_not_ask(self):
        question = {"messages": [{"role": "user", "content": "Compute 17 * 23 with Python."}],
                    "temperature": 0, "max_tokens": 200}
        with Server("--with-sandbox", "--tool-loop", "on", adapter="auto") as server:
            _, reply = server.post("/v1/chat/completions", question)
            choice = reply["choices"][0]
            self.assertIn("```output", choice["message"]["content"])
            self.assertGreaterEqual(len(choice["code_calls"]), 1)
            self.assertIn(choice["finish_reason"], ("stop", "length"))
            # Functions and log-probabilities go without.
            for more in ({"tools": TOOLS}, {"logprobs": True}):
                _, reply = server.post("/v1/chat/completions", {**question, **more, "max_tokens": 5})
                self.assertNotIn("code_calls", reply["choices"][0])

    def test_flags_that_cannot_be(self):
        run = qed("serve", "--tool-loop", "on")
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("--with-sandbox", run.stderr)
        run = qed("serve", "--tool-loop", "maybe", "--with-sandbox")
        self.assertIn("must be on or off", run.stderr)


if __name__ == "__main__":
    require_model()
    unittest.main()
