"""langchain's ChatOpenAI."""

import sys

from langchain_openai import ChatOpenAI
from weather import CHOICE, TOOL


def main(url, model):
    chat = ChatOpenAI(model=model, base_url=url + "/v1", temperature=0, max_tokens=60,
                      max_retries=0)
    text = chat.invoke("What is 2 + 2?").content
    assert text
    assert "".join(chunk.content for chunk in chat.stream("What is 2 + 2?")) == text
    calls = chat.bind_tools([TOOL], tool_choice=CHOICE).invoke("What is the weather in Paris?")
    found = [call["name"] for call in calls.tool_calls + calls.invalid_tool_calls]
    assert found == ["get_weather"], calls
    texts = chat.batch(["Say one.", "Say two.", "Say three."])
    assert all(message.content for message in texts)
    print("invoke, stream, batch, bind_tools")


if __name__ == "__main__":
    main(*sys.argv[1:])
