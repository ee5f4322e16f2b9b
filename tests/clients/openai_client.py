"""The official OpenAI client: completions, chats, tools, streams, errors."""

import json
import sys

import openai
from weather import CHOICE, QUESTION, TOOL, TWO_AND_TWO


def main(url, model):
    client = openai.OpenAI(base_url=url + "/v1", max_retries=0)
    assert [m.id for m in client.models.list()] == [model]

    text = client.completions.create(model=model, prompt="One, two, three,", max_tokens=8,
                                     temperature=0, logit_bias={"0": -100}).choices[0].text
    chunks = client.completions.create(model=model, prompt="One, two, three,", max_tokens=8,
                                       temperature=0, logit_bias={"0": -100}, stream=True)
    assert "".join(c.choices[0].text for c in chunks) == text

    fields = {"model": model, "messages": QUESTION, "temperature": 0, "max_tokens": 60,
              "tools": [TOOL], "tool_choice": CHOICE, "store": False, "metadata": {"a": "b"},
              "parallel_tool_calls": False, "service_tier": "auto", "reasoning_effort": "low"}
    whole = client.chat.completions.create(**fields).choices[0]
    call = whole.message.tool_calls[0]
    assert call.function.name == "get_weather" and call.id, call
    arguments = "".join(
        piece.function.arguments or "" for chunk in
        client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **fields)
        if chunk.choices for piece in chunk.choices[0].delta.tool_calls or [])
    assert arguments == call.function.arguments, arguments
    # The client's own helper puts a stream together.
    with client.chat.completions.stream(**fields) as stream:
        final = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert final.function.arguments == arguments

    answer = client.chat.completions.create(
        model=model, temperature=0, max_tokens=40, tools=[TOOL], tool_choice="none",
        messages=[*QUESTION, {"role": "assistant", "content": None, "tool_calls": [
            {"id": call.id, "type": "function",
             "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}}]},
                  {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}])
    assert answer.choices[0].message.content

    looped = client.chat.completions.create(model=model, messages=TWO_AND_TWO, temperature=0,
                                            max_tokens=200).choices[0]
    assert looped.finish_reason in ("stop", "length"), looped
    try:
        client.chat.completions.create(model=model, messages=[{"role": "user",
                                                               "content": "word " * 20000}])
        raise AssertionError("a prompt beyond the context was taken")
    except openai.BadRequestError as error:
        assert error.code == "context_length_exceeded"
    complete = "complete" if is_json(call.function.arguments) else "cut off"
    print(f"completions, chats, streams, one tool call (arguments {complete}), errors")


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
