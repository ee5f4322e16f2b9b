"""litellm, as NeMo-Skills, Aider and others use it: openai/ and a base URL."""

import sys

import litellm
from weather import CHOICE, QUESTION, TOOL, TWO_AND_TWO


def main(url, model):
    fields = {"model": "openai/" + model, "api_base": url + "/v1", "temperature": 0,
              "max_tokens": 60, "num_retries": 0}
    whole = litellm.completion(messages=TWO_AND_TWO, **fields)
    text = whole.choices[0].message.content
    chunks = list(litellm.completion(messages=TWO_AND_TWO, stream=True,
                                     stream_options={"include_usage": True}, **fields))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
    reply = litellm.completion(messages=QUESTION, tools=[TOOL], tool_choice=CHOICE, **fields)
    assert reply.choices[0].message.tool_calls[0].function.name == "get_weather"
    plain = litellm.text_completion(prompt="One, two,", **{**fields, "model":
                                                           "text-completion-openai/" + model})
    assert plain.choices[0].text
    try:
        litellm.completion(messages=[{"role": "user", "content": "word " * 20000}], **fields)
        raise AssertionError("a prompt beyond the context was taken")
    except litellm.ContextWindowExceededError:
        pass
    print("chats, streams, a tool call, text completions, ContextWindowExceededError")


if __name__ == "__main__":
    main(*sys.argv[1:])
