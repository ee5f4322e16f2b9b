#include "serve/api_request.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

ApiDefaults Defaults(bool sandbox = true) {
  ApiDefaults defaults;
  defaults.vocab_size = 100;
  defaults.params.temperature = 0.6f;
  defaults.has_sandbox = sandbox;
  return defaults;
}

ApiRequest Completion(const std::string& body) {
  ApiRequest request;
  const auto error = ParseCompletionRequest(body, Defaults(), &request);
  EXPECT_FALSE(error.has_value()) << body << ": " << (error ? error->message : "");
  return request;
}

ApiRequest Chat(const std::string& fields) {
  ApiRequest request;
  const std::string body = R"({"messages": [{"role": "user", "content": "Hi"}])" +
                           (fields.empty() ? "" : ", " + fields) + "}";
  const auto error = ParseChatRequest(body, Defaults(), &request);
  EXPECT_FALSE(error.has_value()) << body << ": " << (error ? error->message : "");
  return request;
}

TEST(ApiRequestTest, CompletionDefaults) {
  const ApiRequest request = Completion(R"({"prompt": "x", "seed": null})");
  EXPECT_EQ(std::get<std::string>(request.prompts.at(0)), "x");
  EXPECT_EQ(request.params.max_tokens, 16);
  EXPECT_FLOAT_EQ(request.params.temperature, 0.6f);
  EXPECT_EQ(request.n, 1);
  EXPECT_FALSE(request.has_seed || request.stream || request.echo || request.wants_logprobs());
  EXPECT_TRUE(request.skip_special_tokens);
  EXPECT_FALSE(request.sandbox.has_value());
}

TEST(ApiRequestTest, EveryCompletionField) {
  const ApiRequest request = Completion(R"({
      "model": "m", "prompt": ["a", [1, 2]], "max_tokens": 7, "n": 3, "temperature": 0.5,
      "top_p": 0.9, "top_k": -1, "min_p": 0.1, "seed": -1, "stop": ["x", "y"],
      "stop_token_ids": [5], "logprobs": 2, "echo": true, "presence_penalty": 1,
      "frequency_penalty": -1, "repetition_penalty": 1.5, "ignore_eos": true,
      "skip_special_tokens": false, "include_stop_str_in_output": true, "timeout": 2.5,
      "priority": -3, "user": "u", "best_of": 3, "suffix": "", "logit_bias": {},
      "spaces_between_special_tokens": false})");
  EXPECT_EQ(request.prompts.size(), 2u);
  EXPECT_EQ(std::get<std::vector<int32_t>>(request.prompts[1]), (std::vector<int32_t>{1, 2}));
  const SamplingParams& params = request.params;
  EXPECT_EQ(params.max_tokens, 7);
  EXPECT_FLOAT_EQ(params.temperature, 0.5f);
  EXPECT_FLOAT_EQ(params.top_p, 0.9f);
  EXPECT_EQ(params.top_k, 0);
  EXPECT_FLOAT_EQ(params.min_p, 0.1f);
  EXPECT_EQ(params.seed, ~uint64_t{0});
  EXPECT_EQ(params.stop, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(params.stop_token_ids, (std::vector<int32_t>{5}));
  EXPECT_EQ(params.logprobs, 2);
  EXPECT_FLOAT_EQ(params.presence_penalty, 1);
  EXPECT_FLOAT_EQ(params.frequency_penalty, -1);
  EXPECT_FLOAT_EQ(params.repetition_penalty, 1.5f);
  EXPECT_TRUE(params.ignore_eos && params.include_stop_text && request.echo && request.has_seed);
  EXPECT_FALSE(request.skip_special_tokens);
  EXPECT_EQ(request.n, 3);
  EXPECT_EQ(request.timeout, 2.5);
  EXPECT_EQ(request.priority, -3);
  EXPECT_EQ(request.user, "u");
}

TEST(ApiRequestTest, PromptForms) {
  EXPECT_EQ(Completion(R"({"prompt": [1, 2, 3]})").prompts.size(), 1u);
  EXPECT_EQ(Completion(R"({"prompt": [[1], [2]]})").prompts.size(), 2u);
  EXPECT_EQ(Completion(R"({"prompt": ["a", "b", "c"]})").prompts.size(), 3u);
  EXPECT_TRUE(Completion(R"({"prompt": "x", "max_tokens": 0})").no_tokens);
}

TEST(ApiRequestTest, ChatFields) {
  const ApiRequest request = Chat(R"("max_completion_tokens": 9, "logprobs": true,
      "top_logprobs": 4, "stream": true, "stream_options": {"include_usage": true},
      "chat_template_kwargs": {"enable_thinking": false}, "tool_choice": "auto",
      "response_format": {"type": "text"}, "add_generation_prompt": false,
      "tools": [{"type": "function", "function": {"name": "f"}}])");
  EXPECT_TRUE(request.chat && request.has_max_tokens && request.stream && request.include_usage);
  EXPECT_EQ(request.params.max_tokens, 9);
  EXPECT_EQ(request.params.logprobs, 4);
  EXPECT_EQ(request.messages.tools.size(), 1u);
  EXPECT_EQ(request.messages.extra["enable_thinking"], false);
  EXPECT_FALSE(request.messages.add_generation_prompt);
  EXPECT_FALSE(Chat("").has_max_tokens);
  EXPECT_EQ(Chat(R"("logprobs": true)").params.logprobs, 0);
  EXPECT_TRUE(
      Chat(R"("tool_choice": "none", "tools": [{"type": "function", "function": {"name": "f"}}])")
          .messages.tools.is_null());
}

TEST(ApiRequestTest, FieldsThatChangeNothing) {
  const std::string fields = R"("store": true, "metadata": {"a": "b"}, "service_tier": "auto",
      "parallel_tool_calls": true, "reasoning_effort": "low", "prompt_cache_key": "k",
      "prompt_cache_retention": "24h", "safety_identifier": "me", "verbosity": "low",
      "use_beam_search": false, "length_penalty": 1, "bad_words": [], "unheard_of": null,
      "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false,
                                         "continuous_usage_stats": true})";
  EXPECT_TRUE(Chat(fields + R"(, "modalities": ["text"], "echo": false)").include_usage);
  EXPECT_TRUE(Completion("{\"prompt\": \"x\", " + fields + "}").include_usage);
  ApiDefaults strict = Defaults();
  strict.strict_fields = true;
  for (const auto& [field, name] : std::vector<std::pair<std::string, std::string>>{
           {R"("store": true)", "store"},
           {R"("stream": true, "stream_options": {"continuous_usage_stats": true})",
            "stream_options.continuous_usage_stats"}}) {
    ApiRequest request;
    const auto error =
        ParseCompletionRequest("{\"prompt\": \"x\", " + field + "}", strict, &request);
    ASSERT_TRUE(error.has_value()) << field;
    EXPECT_EQ(error->param, name);
  }
}

TEST(ApiRequestTest, BiasesAndTheLeastNumberOfTokens) {
  const ApiRequest request =
      Completion(R"({"prompt": "x", "logit_bias": {"7": -100, "3": 1.5}, "min_tokens": 4})");
  EXPECT_THAT(request.params.logit_bias, ElementsAre(Pair(7, -100.0f), Pair(3, 1.5f)));
  EXPECT_EQ(request.params.min_tokens, 4);
}

TEST(ApiRequestTest, ToolChoice) {
  const std::string tools = R"("tools": [{"type": "function", "function": {"name": "f"}}])";
  EXPECT_EQ(Chat("").tool_choice, ToolChoice::kNone);
  EXPECT_EQ(Chat(R"("tool_choice": "auto")").tool_choice, ToolChoice::kNone);
  EXPECT_EQ(Chat(tools).tool_choice, ToolChoice::kAuto);
  EXPECT_EQ(Chat(tools + R"(, "tool_choice": "none")").tool_choice, ToolChoice::kNone);
  const ApiRequest any = Chat(tools + R"(, "tool_choice": "required")");
  EXPECT_EQ(any.tool_choice, ToolChoice::kRequired);
  EXPECT_EQ(any.required_function, "");
  const ApiRequest one =
      Chat(tools + R"(, "tool_choice": {"type": "function", "function": {"name": "f"}},
                   "parallel_tool_calls": false)");
  EXPECT_EQ(one.required_function, "f");
  EXPECT_FALSE(one.parallel_tool_calls);
}

TEST(ApiRequestTest, TheToolLoopIsForWhoDoesNotAsk) {
  ApiDefaults defaults = Defaults();
  defaults.tool_loop.emplace();
  defaults.tool_loop->asked_for = false;
  const auto sandbox = [&](const std::string& fields) {
    ApiRequest request;
    const auto error =
        ParseCompletionRequest("{\"prompt\": [1]" + fields + "}", defaults, &request);
    EXPECT_FALSE(error.has_value()) << error->message;
    return request.sandbox;
  };
  ASSERT_TRUE(sandbox("").has_value());
  EXPECT_FALSE(sandbox("")->asked_for);
  EXPECT_TRUE(sandbox(R"(, "tools": [{"type": "sandbox"}])")->asked_for);
  for (const char* fields : {R"(, "logprobs": 1)", R"(, "max_tokens": 0)", R"(, "echo": true)",
                             R"(, "generated_ranges": [[0, 1]])"}) {
    EXPECT_FALSE(sandbox(fields).has_value()) << fields;
  }
}

TEST(ApiRequestTest, PartsBecomeOneTextAndArgumentsAnObject) {
  ApiRequest request;
  const auto error = ParseChatRequest(
      R"({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"},
                                         {"type": "text", "text": "b"}]},
            {"role": "assistant", "tool_calls": [
              {"id": "1", "function": {"name": "f", "arguments": "{\"z\": 1, \"a\": 2}"}}]}]})",
      Defaults(), &request);
  ASSERT_FALSE(error.has_value()) << error->message;
  const auto& messages = request.messages.messages;
  EXPECT_EQ(messages[0]["content"], "a\nb");
  EXPECT_EQ(messages[1]["content"], "") << "no content is an empty text";
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"].dump(), R"({"z":1,"a":2})");
}

TEST(ApiRequestTest, SandboxTool) {
  const ApiRequest request = Completion(R"({"prompt": "x", "tools": [{"type": "sandbox",
      "max_code_calls": 2, "code_timeout": 1.5, "code_output_chars": 50, "code_begin": "<c>",
      "code_end": "</c>", "code_output_begin": "<o>", "code_output_end": "</o>",
      "code_output_format": "llama", "remaining_calls_notice": true}]})");
  ASSERT_TRUE(request.sandbox.has_value());
  EXPECT_EQ(request.sandbox->max_code_calls, 2);
  EXPECT_EQ(request.sandbox->tags.code_begin, "<c>");
  EXPECT_EQ(request.sandbox->tags.output_format, "llama");
  ApiRequest other;
  const auto error = ParseCompletionRequest(R"({"prompt": "x", "tools": [{"type": "sandbox"}]})",
                                            Defaults(false), &other);
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->message, HasSubstr("--with-sandbox"));
}

struct BadCase {
  std::string fields;
  std::string param;
};

TEST(ApiRequestTest, WhatIsWrongIsNamed) {
  const std::vector<BadCase> cases = {
      {R"("promt": 1)", "promt"},
      {R"("max_tokens": -1)", "max_tokens"},
      {R"("max_tokens": 1.5)", "max_tokens"},
      {R"("max_tokens": "5")", "max_tokens"},
      {R"("max_tokens": 1e300)", "max_tokens"},
      {R"("n": 0)", "n"},
      {R"("n": 2000)", "n"},
      {R"("temperature": -0.1)", "temperature"},
      {R"("temperature": "hot")", "temperature"},
      {R"("top_p": 0)", "top_p"},
      {R"("top_k": -2)", "top_k"},
      {R"("min_p": 2)", "min_p"},
      {R"("seed": 0.5)", "seed"},
      {R"("seed": 99999999999999999999)", "seed"},
      {R"("stop": "")", "stop"},
      {R"("stop": [1])", "stop"},
      {R"("stop": {})", "stop"},
      {R"("stop_token_ids": [100])", "stop_token_ids"},
      {R"("stop_token_ids": [-1])", "stop_token_ids"},
      {R"("stop_token_ids": 5)", "stop_token_ids"},
      {R"("logprobs": 101)", "logprobs"},
      {R"("logprobs": true)", "logprobs"},
      {R"("echo": 1)", "echo"},
      {R"("stream": "yes")", "stream"},
      {R"("stream_options": {})", "stream_options"},
      {R"("stream": true, "stream_options": {"x": 1})", "stream_options.x"},
      {R"("stream": true, "stream_options": []")", ""},
      {R"("stream": true, "stream_options": 5)", "stream_options"},
      {R"("stream": true, "echo": true, "logprobs": 1)", "echo"},
      {R"("timeout": -1)", "timeout"},
      {R"("priority": 1e10)", "priority"},
      {R"("user": 5)", "user"},
      {R"("logit_bias": {"100": 1})", "logit_bias"},
      {R"("logit_bias": {"-1": 1})", "logit_bias"},
      {R"("logit_bias": {"5x": 1})", "logit_bias"},
      {R"("logit_bias": {"": 1})", "logit_bias"},
      {R"("logit_bias": {"5": 100.5})", "logit_bias"},
      {R"("logit_bias": {"5": "1"})", "logit_bias"},
      {R"("logit_bias": [5])", "logit_bias"},
      {R"("min_tokens": -1)", "min_tokens"},
      {R"("min_tokens": 5, "max_tokens": 4)", "min_tokens"},
      {R"("use_beam_search": true)", "use_beam_search"},
      {R"("bad_words": ["x"])", "bad_words"},
      {R"("add_special_tokens": false)", "add_special_tokens"},
      {R"("best_of": 2)", "best_of"},
      {R"("suffix": "x")", "suffix"},
      {R"("tools": {})", "tools"},
      {R"("tools": [{"type": "function", "function": {}}])", "tools"},
      {R"("tools": [{"type": "sandbox"}, {"type": "sandbox"}])", "tools"},
      {R"("tools": [{"type": "sandbox", "code_begin": ""}])", "tools.code_begin"},
      {R"("tools": [{"type": "sandbox", "code_timeout": 0}])", "tools.code_timeout"},
      {R"("tools": [{"type": "sandbox", "x": 0}])", "tools.x"},
      {R"("tools": [{"type": "sandbox"}], "logprobs": 1)", "logprobs"},
      {R"("messages": [])", "messages"},
  };
  for (const BadCase& c : cases) {
    ApiRequest request;
    const auto error =
        ParseCompletionRequest(R"({"prompt": "x", )" + c.fields + "}", Defaults(), &request);
    ASSERT_TRUE(error.has_value()) << c.fields;
    EXPECT_EQ(error->status, 400);
    EXPECT_EQ(error->param, c.param) << c.fields << ": " << error->message;
    EXPECT_EQ(error->message.find('\n'), std::string::npos);
  }
}

TEST(ApiRequestTest, BadPrompts) {
  for (const char* prompt : {"null", "5", "[]", "[null]", "[1, \"a\"]", "[[1, 100]]", "[1.5]", "{}",
                             "[[[1]]]", "[\"a\", 1]"}) {
    ApiRequest request;
    const auto error =
        ParseCompletionRequest(std::string(R"({"prompt": )") + prompt + "}", Defaults(), &request);
    ASSERT_TRUE(error.has_value()) << prompt;
    EXPECT_EQ(error->param, "prompt");
  }
  for (const char* body : {"", "5", "[]", "{", "null", "\"x\"", "{\"prompt\": \"x\"} x"}) {
    ApiRequest request;
    EXPECT_TRUE(ParseCompletionRequest(body, Defaults(), &request).has_value()) << body;
    EXPECT_TRUE(ParseChatRequest(body, Defaults(), &request).has_value()) << body;
  }
}

TEST(ApiRequestTest, BadChats) {
  const std::vector<BadCase> cases = {
      {R"("messages": 5)", "messages"},
      {R"("messages": [])", "messages"},
      {R"("messages": [5])", "messages[0]"},
      {R"("messages": [{"content": "x"}])", "messages[0].role"},
      {R"("messages": [{"role": "user"}])", "messages[0].content"},
      {R"("messages": [{"role": "user", "content": 5}])", "messages[0].content"},
      {R"("messages": [{"role": "user", "content": [{"type": "image_url"}]}])",
       "messages[0].content"},
      {R"("messages": [{"role": "a", "tool_calls": 5}])", "messages[0].tool_calls"},
      {R"("messages": [{"role": "a", "content": "x"}], "max_tokens": 0)", "max_tokens"},
      {R"("messages": [{"role": "a", "content": "x"}], "max_tokens": 1, "max_completion_tokens": 2)",
       "max_completion_tokens"},
      {R"("messages": [{"role": "a", "content": "x"}], "top_logprobs": 2)", "top_logprobs"},
      {R"("messages": [{"role": "a", "content": "x"}], "logprobs": 2)", "logprobs"},
      {R"("messages": [{"role": "a", "content": "x"}], "prompt": "x")", "prompt"},
      {R"("messages": [{"role": "a", "content": "x"}], "tool_choice": "required")", "tool_choice"},
      {R"("messages": [{"role": "a", "content": "x"}], "tool_choice": "some")", "tool_choice"},
      {R"("messages": [{"role": "a", "content": "x"}], "tool_choice": {"type": "function"})",
       "tool_choice"},
      {R"("messages": [{"role": "a", "content": "x"}], "tools": [{"type": "function",
          "function": {"name": "f"}}], "tool_choice": {"type": "function", "function":
          {"name": "g"}})",
       "tool_choice"},
      {R"("messages": [{"role": "a", "content": "x"}], "tools": [{"type": "function"}])", "tools"},
      {R"("messages": [{"role": "a", "content": "x"}], "tools": [{"type": "function",
          "function": {"name": 5}}])",
       "tools"},
      {R"("messages": [{"role": "a", "content": "x"}], "tools": [{"type": "function",
          "function": {"name": "f"}}, {"type": "sandbox"}])",
       "tools"},
      {R"("messages": [{"role": "a", "content": "x"}], "response_format": {"type": "json_schema",
          "json_schema": {"name": "n", "schema": {}}})",
       "response_format"},
      {R"("messages": [{"role": "a", "content": "x"}], "continue_final_message": true)",
       "continue_final_message"},
      {R"("messages": [{"role": "a", "content": "x"}], "response_format": {"type": "json_object"})",
       "response_format"},
      {R"("messages": [{"role": "a", "content": "x"}], "chat_template_kwargs": 5)",
       "chat_template_kwargs"},
  };
  for (const BadCase& c : cases) {
    ApiRequest request;
    const auto error = ParseChatRequest("{" + c.fields + "}", Defaults(), &request);
    ASSERT_TRUE(error.has_value()) << c.fields;
    EXPECT_EQ(error->param, c.param) << c.fields << ": " << error->message;
  }
}

TEST(ApiRequestTest, TokenizeAndDetokenize) {
  TokenizeRequest request;
  EXPECT_FALSE(ParseTokenizeRequest(R"({"prompt": "x", "add_special_tokens": false})", &request));
  EXPECT_EQ(request.prompt, "x");
  EXPECT_FALSE(request.add_special_tokens);
  EXPECT_TRUE(ParseTokenizeRequest(R"({"prompt": "x", "messages": [1]})", &request));
  EXPECT_TRUE(ParseTokenizeRequest("{}", &request));
  TokenizeRequest chat;
  EXPECT_FALSE(ParseTokenizeRequest(
      R"({"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"k": 1},
          "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "sandbox"}]})",
      &chat));
  EXPECT_EQ(chat.messages.tools.size(), 1u);
  EXPECT_EQ(chat.messages.extra["k"], 1);
  EXPECT_EQ(
      ParseTokenizeRequest(
          R"({"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "f"}]})", &chat)
          ->param,
      "tools");
  DetokenizeRequest back;
  EXPECT_FALSE(ParseDetokenizeRequest(R"({"tokens": [1, 99]})", 100, &back));
  EXPECT_EQ(back.tokens, (std::vector<int32_t>{1, 99}));
  EXPECT_TRUE(ParseDetokenizeRequest(R"({"tokens": [100]})", 100, &back));
  EXPECT_TRUE(ParseDetokenizeRequest("{}", 100, &back));
}

TEST(ApiRequestTest, GeneratedRanges) {
  const ApiRequest request = Completion(
      R"({"prompt": [1, 2, 3, 4], "return_token_ids": true, "generated_ranges": [[0, 1], [2, 4]]})");
  EXPECT_TRUE(request.return_token_ids);
  ASSERT_EQ(request.generated_ranges.size(), 2u);
  EXPECT_EQ(request.generated_ranges[1].begin, 2);
  EXPECT_EQ(request.generated_ranges[1].end, 4);

  for (const char* bad : {R"("prompt": "text", "generated_ranges": [[0, 1]])",
                          R"("prompt": [[1, 2], [3]], "generated_ranges": [[0, 1]])",
                          R"("prompt": [1, 2], "n": 2, "generated_ranges": [[0, 1]])",
                          R"("prompt": [1, 2], "echo": true, "generated_ranges": [[0, 1]])",
                          R"("prompt": [1, 2], "generated_ranges": 1)",
                          R"("prompt": [1, 2], "generated_ranges": [1])",
                          R"("prompt": [1, 2], "generated_ranges": [[0, 1, 2]])",
                          R"("prompt": [1, 2], "generated_ranges": [[-1, 1]])",
                          R"("prompt": [1, 2], "generated_ranges": [[0, 99999999999]])"}) {
    ApiRequest refused;
    const auto error = ParseCompletionRequest(std::string("{") + bad + "}", Defaults(), &refused);
    ASSERT_TRUE(error.has_value()) << bad;
    EXPECT_EQ(error->param, "generated_ranges");
  }
}

}  // namespace
}  // namespace qed
