"""A function that the clients offer to the model."""

TOOL = {"type": "function",
        "function": {"name": "get_weather", "description": "The weather in a city",
                     "parameters": {"type": "object", "required": ["city"],
                                    "properties": {"city": {"type": "string"}}}}}
CHOICE = {"type": "function", "function": {"name": "get_weather"}}
QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
TWO_AND_TWO = [{"role": "user", "content": "What is 2 + 2?"}]
