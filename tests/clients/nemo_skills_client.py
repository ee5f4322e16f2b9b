"""NeMo-Skills' own model client, out of a checkout that QED_NEMO_SKILLS names.

nemo_run, which starts their jobs on clusters and is imported on the way, is stood in for: it
comes from a repository only and asks for the client of every cloud."""

import asyncio
import importlib.abc
import importlib.machinery
import os
import sys
from unittest import mock

sys.path.insert(0, os.environ["QED_NEMO_SKILLS"])


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Anything below nemo_run."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "nemo_run":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        """Classes are there to be derived from."""
        module.__getattr__ = lambda name: (type(name, (), {}) if name[0].isupper()
                                           else mock.MagicMock())


sys.meta_path.insert(0, StandIn())

import openai
from nemo_skills.inference.model.context_retry import ContextLimitRetryConfig
from nemo_skills.inference.model.vllm import VLLMModel
from weather import QUESTION, TOOL, TWO_AND_TWO


async def ask(url, model):
    client = VLLMModel(model=model, base_url=url + "/v1", max_retries=0)
    text = await client.generate_async(prompt="One, two, three,", tokens_to_generate=8,
                                       stop_phrases=["five"], random_seed=1)
    assert text["generation"] and text["num_generated_tokens"] > 0, text
    again = await client.generate_async(prompt="One, two, three,", tokens_to_generate=8,
                                        stop_phrases=["five"], random_seed=1)
    assert again["generation"] == text["generation"]
    scored = await client.generate_async(prompt="One, two,", tokens_to_generate=4, top_logprobs=2)
    assert len(scored["logprobs"]) == scored["num_generated_tokens"]
    chat = await client.generate_async(prompt=TWO_AND_TWO, tokens_to_generate=100, top_k=20,
                                       min_p=0.01, reasoning_effort="low")
    assert chat["generation"], chat
    tools = await client.generate_async(prompt=QUESTION, tokens_to_generate=60, tools=[TOOL])
    assert "generation" in tools
    pieces = await client.generate_async(prompt=TWO_AND_TWO, tokens_to_generate=40, stream=True)
    streamed = "".join([piece["generation"] async for piece in pieces])
    assert streamed
    return await too_long(url, model)


async def too_long(url, model):
    """With its retry strategy the client shortens the answer, not the prompt: it must read the
    numbers out of our message."""
    client = VLLMModel(model=model, base_url=url + "/v1", max_retries=0)
    # What `enable_soft_fail` sets, but for the look at a hub where the model is not.
    client.context_limit_retry_config = ContextLimitRetryConfig(
        enable_soft_fail=True, strategy="reduce_generation")
    client.tokenizer = client._get_tokenizer_endpoint()
    assert client.tokenizer is not None, "it did not take to /tokenize"
    reply = await client.generate_async(prompt="word " * 20000, tokens_to_generate=10)
    assert reply["generation"] == "", reply
    return "text, chat, log-probabilities, tools, streams, context errors"


if __name__ == "__main__":
    try:
        print(asyncio.run(ask(*sys.argv[1:])))
    except openai.OpenAIError as error:
        sys.exit(repr(error))
