"""The official OpenAI client and lm-eval's local-completions model, unchanged, against `qed serve`."""

import sys
import unittest

from qed_run import EXIT_SKIPPED, require_model
from serve_run import Server

try:
    import openai
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalCompletionsAPI
except ImportError as error:
    print(f"skipped: {error} (tests/requirements.txt)")
    sys.exit(EXIT_SKIPPED)

PROMPT = "The days of the week are Monday, Tuesday,"


def setUpModule():
    global server, client
    server = Server("--max-batch-size", "8")
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)


def tearDownModule():
    server.__exit__()


class CompletionsTest(unittest.TestCase):

    def create(self, **fields):
        fields = {"model": server.name, "prompt": PROMPT, "max_tokens": 8, "temperature": 0,
                  **fields}
        return client.completions.create(**fields)

    def test_models(self):
        models = list(client.models.list())
        self.assertEqual([model.id for model in models], [server.name])
        self.assertEqual(client.models.retrieve(server.name).owned_by, "qed")

    def test_completion(self):
        reply = self.create()
        self.assertEqual(reply.object, "text_completion")
        self.assertIn("Wednesday", reply.choices[0].text)
        self.assertEqual(reply.choices[0].finish_reason, "length")
        self.assertEqual(reply.usage.completion_tokens, 8)
        self.assertEqual(reply.usage.total_tokens, reply.usage.prompt_tokens + 8)

    def test_a_stream_is_the_same_text(self):
        fields = {"temperature": 0.8, "seed": 7, "max_tokens": 20}
        whole = self.create(**fields)
        chunks = list(self.create(stream=True, stream_options={"include_usage": True}, **fields))
        text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].text)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(chunks[-2].choices[0].finish_reason, whole.choices[0].finish_reason)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))
        self.assertGreater(len(chunks), 4)  # drafts come several tokens at a time

    def test_samples_and_seeds(self):
        fields = {"temperature": 1, "n": 3, "seed": 3}
        first, again = self.create(**fields), self.create(**fields)
        texts = [choice.text for choice in first.choices]
        self.assertEqual(texts, [choice.text for choice in again.choices])
        self.assertEqual(len(set(texts)), 3)
        self.assertEqual([choice.index for choice in first.choices], [0, 1, 2])
        unseeded = {self.create(temperature=1).choices[0].text for _ in range(4)}
        self.assertGreater(len(unseeded), 1)

    def test_several_prompts_as_text_and_ids(self):
        ids = client.post("/../tokenize", body={"prompt": PROMPT}, cast_to=object)["tokens"]
        reply = self.create(prompt=[PROMPT, "One, two,"], max_tokens=3)
        self.assertEqual(len(reply.choices), 2)
        of_ids = self.create(prompt=[ids, ids], max_tokens=3)
        self.assertEqual([c.text for c in of_ids.choices], [reply.choices[0].text] * 2)

    def test_logprobs(self):
        reply = self.create(logprobs=3, echo=True)
        logprobs = reply.choices[0].logprobs
        self.assertTrue(reply.choices[0].text.startswith(PROMPT))
        self.assertEqual("".join(logprobs.tokens), reply.choices[0].text)
        self.assertIsNone(logprobs.token_logprobs[0])
        self.assertEqual(len(logprobs.tokens), reply.usage.total_tokens)
        for token, logprob, top in list(zip(logprobs.tokens, logprobs.token_logprobs,
                                            logprobs.top_logprobs, strict=True))[1:]:
            self.assertIn(len(top), (3, 4))
            self.assertEqual(top[token], logprob)
        for token, offset in zip(logprobs.tokens, logprobs.text_offset, strict=True):
            self.assertTrue(reply.choices[0].text[offset:].startswith(token))

    def test_stop(self):
        reply = self.create(stop=["Thursday"], max_tokens=30)
        choice = reply.choices[0]
        self.assertEqual((choice.finish_reason, choice.stop_reason), ("stop", "Thursday"))
        self.assertNotIn("Thursday", choice.text)
        kept = self.create(stop="Thursday", max_tokens=30,
                           extra_body={"include_stop_str_in_output": True})
        self.assertTrue(kept.choices[0].text.endswith("Thursday"))

    def test_scores_without_generating(self):
        reply = self.create(max_tokens=0, echo=True, logprobs=0)
        self.assertEqual(reply.choices[0].text, PROMPT)
        self.assertEqual(reply.usage.completion_tokens, 0)

    def test_cached_prompt_tokens_are_told(self):
        prompt = PROMPT * 12
        self.create(prompt=prompt, max_tokens=1)
        again = self.create(prompt=prompt, max_tokens=1)
        self.assertGreater(again.usage.prompt_tokens_details.cached_tokens, 32)

    def test_timeout_returns_what_there_is(self):
        reply = self.create(max_tokens=900, extra_body={"timeout": 0.4, "ignore_eos": True})
        self.assertEqual(reply.choices[0].finish_reason, "timeout")
        self.assertGreater(len(reply.choices[0].text), 0)

    def test_errors(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(temperature=-1)
        self.assertEqual(caught.exception.body["param"], "temperature")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(extra_body={"no_such_field": 1})
        self.assertEqual(caught.exception.body["param"], "no_such_field")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(prompt="word " * 3000)
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        with self.assertRaises(openai.NotFoundError) as caught:
            self.create(model="another")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            client.models.retrieve("another")


class ChatTest(unittest.TestCase):

    def create(self, **fields):
        fields = {"model": server.name, "max_tokens": 12, "temperature": 0,
                  "messages": [{"role": "user", "content": "Say hello."}], **fields}
        return client.chat.completions.create(**fields)

    def test_chat(self):
        reply = self.create()
        self.assertEqual(reply.object, "chat.completion")
        self.assertEqual(reply.choices[0].message.role, "assistant")
        self.assertGreater(len(reply.choices[0].message.content), 0)
        parts = self.create(messages=[
            {"role": "user", "content": [{"type": "text", "text": "Say hello."}]}])
        self.assertEqual(parts.choices[0].message.content, reply.choices[0].message.content)

    def test_turns_and_system_reach_the_model(self):
        plain = self.create().usage.prompt_tokens
        longer = self.create(messages=[
            {"role": "system", "content": "Speak like a pirate, always and everywhere."},
            {"role": "user", "content": "Say hello."}, {"role": "assistant", "content": "Ahoy."},
            {"role": "user", "content": "Again."}])
        self.assertNotEqual(longer.usage.prompt_tokens, plain)

    def test_stream(self):
        whole = self.create(seed=1, temperature=0.7)
        chunks = list(self.create(seed=1, temperature=0.7, stream=True))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].choices[0].finish_reason, whole.choices[0].finish_reason)

    def test_logprobs(self):
        reply = self.create(logprobs=True, top_logprobs=2)
        content = reply.choices[0].logprobs.content
        text = b"".join(bytes(token.bytes) for token in content).decode()
        self.assertTrue(text.startswith(reply.choices[0].message.content))
        for token in content:
            self.assertEqual(token.top_logprobs[0].token, token.token)  # greedy
            self.assertEqual(len(token.top_logprobs), 2)

    def test_errors(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(messages=[])
        self.assertEqual(caught.exception.body["param"], "messages")


# One task of each kind, as a task file of lm-eval would hold them.
CHOICES = [("The capital of France is", [" Paris", " banana"]),
           ("Two plus two equals", [" four", " purple"])]


class LmEvalTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.model = LocalCompletionsAPI(model=server.name,
                                        base_url=server.url + "/v1/completions",
                                        num_concurrent=4, max_length=1024, max_gen_toks=16)

    def test_loglikelihood(self):
        requests = [Instance("loglikelihood", {}, (context, choice), i)
                    for context, choices in CHOICES for i, choice in enumerate(choices)]
        results = self.model.loglikelihood(requests, disable_tqdm=True)
        for (right, _), (wrong, _) in zip(results[::2], results[1::2], strict=True):
            self.assertGreater(right, wrong)

    def test_loglikelihood_of_what_is_generated(self):
        # Chosen greedily, token by token, and scored in one go: the same numbers.
        reply = client.completions.create(model=server.name, prompt=PROMPT, max_tokens=6,
                                          temperature=0, logprobs=1)
        (total, greedy), = self.model.loglikelihood(
            [Instance("loglikelihood", {}, (PROMPT, reply.choices[0].text), 0)],
            disable_tqdm=True)
        self.assertTrue(greedy)
        self.assertAlmostEqual(total, sum(reply.choices[0].logprobs.token_logprobs), places=4)

    def test_generate_until(self):
        requests = [Instance("generate_until", {}, (PROMPT, {"until": ["Friday"],
                                                             "max_gen_toks": 16}), i)
                    for i in range(3)]
        texts = self.model.generate_until(requests, disable_tqdm=True)
        for text in texts:
            self.assertIn("Wednesday", text)
            self.assertNotIn("Friday", text)


if __name__ == "__main__":
    require_model()
    unittest.main()
