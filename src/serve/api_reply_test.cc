#include "serve/api_reply.h"

#include <limits>
#include <string>
#include <vector>

#include "base/json.h"
#include "gtest/gtest.h"
#include "tests/support/byte_tokenizer.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

class ApiReplyTest : public ::testing::Test {
 protected:
  // A reply, which must be one line.
  static Json Parsed(const std::string& text) {
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return Expected(text);
  }
  static Json Expected(const std::string& text) {
    const auto json = ParseOrderedJson(text);
    EXPECT_TRUE(json.ok()) << text;
    return json.ok() ? *json : Json();
  }
  static ScoredToken Token(int32_t id, float logprob,
                           std::vector<std::pair<int32_t, float>> top = {}) {
    ScoredToken token;
    token.logprob = {.token_id = id, .logprob = logprob, .top = std::move(top)};
    return token;
  }
  static ChoiceResult Ended(const std::string& reason) {
    ChoiceResult result;
    result.finish_reason = reason;
    return result;
  }

  std::unique_ptr<const Tokenizer> tokenizer_ = MakeByteTokenizer();
  ReplyFormat completion_{*tokenizer_, false, "cmpl-1", "m", 12};
  ReplyFormat chat_{*tokenizer_, true, "chatcmpl-1", "m", 12};
};

TEST_F(ApiReplyTest, AWholeCompletion) {
  ChoiceResult result = Ended("stop");
  result.stop_text = "END";
  const Json reply = Parsed(completion_.Whole(
      {completion_.Choice(0, "a \"b\"", nullptr, {}, result)},
      {.prompt_tokens = 5, .completion_tokens = 3, .cached_tokens = 4, .inserted_tokens = 0}));
  EXPECT_EQ(reply, Expected(R"({"id": "cmpl-1", "object": "text_completion", "created": 12,
      "model": "m", "choices": [{"index": 0, "text": "a \"b\"", "logprobs": null,
      "finish_reason": "stop", "stop_reason": "END"}], "usage": {"prompt_tokens": 5,
      "completion_tokens": 3, "total_tokens": 8,
      "prompt_tokens_details": {"cached_tokens": 4}}})"));
}

TEST_F(ApiReplyTest, AWholeChat) {
  ChoiceResult result = Ended("stop");
  result.stop_token_id = 7;
  const Json reply = Parsed(chat_.Whole({chat_.Choice(0, "hi", nullptr, {}, result)}, {}));
  EXPECT_EQ(reply["object"], "chat.completion");
  EXPECT_EQ(reply["choices"][0]["message"], (Json{{"role", "assistant"}, {"content", "hi"}}));
  EXPECT_EQ(reply["choices"][0]["stop_reason"], 7);
  EXPECT_FALSE(reply["choices"][0].contains("text"));
}

TEST_F(ApiReplyTest, CallsOfFunctions) {
  const std::vector<ToolCall> calls = {{"f", R"({"a":1})"}, {"g", "{}"}};
  const Json choice = chat_.Choice(1, "", nullptr, {}, Ended("tool_calls"), calls);
  EXPECT_TRUE(choice["message"]["content"].is_null());
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  const Json& list = choice["message"]["tool_calls"];
  EXPECT_EQ(list[0]["function"], (Json{{"name", "f"}, {"arguments", R"({"a":1})"}}));
  EXPECT_NE(list[0]["id"], list[1]["id"]);
  const Json chunk = Parsed(chat_.ToolCallChunk(1, 1, calls[1], true))["choices"][0];
  const Json& delta = chunk["delta"]["tool_calls"][0];
  EXPECT_EQ(delta["index"], 1);
  EXPECT_EQ(delta["id"], list[1]["id"]) << "as in a whole reply";
  EXPECT_EQ(delta["function"], list[1]["function"]);
  EXPECT_EQ(chat_.Choice(0, "x", nullptr, {}, Ended("tool_calls"), calls)["message"]["content"],
            "x");
}

TEST_F(ApiReplyTest, TheModelsOwnEndHasNoStopReason) {
  const Json choice = completion_.Choice(2, "", nullptr, {}, Ended("length"));
  EXPECT_EQ(choice["index"], 2);
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_TRUE(choice["stop_reason"].is_null());
  EXPECT_FALSE(choice.contains("code_calls"));
}

TEST_F(ApiReplyTest, ProgramsAreTold) {
  ChoiceResult result = Ended("stop");
  result.code_calls = {{.status = ExecuteResult::ProcessStatus::kTimeout, .seconds = 2.5}};
  const Json choice = completion_.Choice(0, "", nullptr, {}, result);
  EXPECT_EQ(choice["code_calls"], Json::array({{{"status", "timeout"}, {"seconds", 2.5}}}));
  const Json reply = Parsed(completion_.Whole({choice}, {.inserted_tokens = 9}));
  EXPECT_EQ(reply["usage"]["inserted_tokens"], 9);
}

TEST_F(ApiReplyTest, TokenIdsWhereTheyAreAskedFor) {
  const std::vector<int32_t> prompt = {1, 2}, generated = {3};
  const Json choice =
      completion_.Choice(0, "", nullptr, {.prompt = &prompt, .generated = &generated}, {});
  EXPECT_EQ(choice["prompt_token_ids"], Json(prompt));
  EXPECT_EQ(choice["token_ids"], Json(generated));
}

TEST_F(ApiReplyTest, ChunksOfACompletion) {
  const Json text = Parsed(completion_.TextChunk(1, "x\n", nullptr, {}, false));
  EXPECT_EQ(text["object"], "text_completion");
  EXPECT_EQ(text["choices"][0], Expected(R"({"index": 1, "text": "x\n", "logprobs": null,
                                           "finish_reason": null, "stop_reason": null})"));
  EXPECT_FALSE(text.contains("usage"));
  const Json last = Parsed(completion_.LastChunk(1, Ended("timeout"), true));
  EXPECT_EQ(last["choices"][0]["text"], "");
  EXPECT_EQ(last["choices"][0]["finish_reason"], "timeout");
  EXPECT_TRUE(last["usage"].is_null()) << "usage comes in a chunk of its own";
  const Json usage = Parsed(completion_.UsageChunk({.prompt_tokens = 1, .completion_tokens = 2}));
  EXPECT_TRUE(usage["choices"].empty());
  EXPECT_EQ(usage["usage"]["total_tokens"], 3);
}

TEST_F(ApiReplyTest, ChunksOfAChat) {
  EXPECT_EQ(Parsed(chat_.FirstChunk(0, false))["choices"][0]["delta"],
            (Json{{"role", "assistant"}, {"content", ""}}));
  const Json text = Parsed(chat_.TextChunk(0, "x", nullptr, {}, false));
  EXPECT_EQ(text["object"], "chat.completion.chunk");
  EXPECT_EQ(text["choices"][0]["delta"], (Json{{"content", "x"}}));
  EXPECT_EQ(Parsed(chat_.LastChunk(0, Ended("stop"), false))["choices"][0]["delta"],
            Json::object());
}

TEST_F(ApiReplyTest, BytesThatAreNoTextStayJson) {
  const Json chunk = Parsed(completion_.TextChunk(0, "a\xff", nullptr, {}, false));
  EXPECT_EQ(chunk["choices"][0]["text"], "a\xEF\xBF\xBD");
}

TEST_F(ApiReplyTest, LogprobsOfCompletionsCountCharacters) {
  ScoredToken first = Token(0xC3, 0);  // the first half of a character
  first.has_logprob = false;
  int64_t offset = 10;
  const Json logprobs = completion_.Logprobs(
      {first, Token(0xA9, -0.5f, {{'x', -0.25f}}), Token(kByteTokenizerMulti, -1)}, &offset);
  EXPECT_EQ(logprobs["tokens"], (Json{"bytes:\\xc3", "bytes:\\xa9", "yz!"}));
  EXPECT_EQ(logprobs["token_logprobs"], (Json{nullptr, -0.5, -1}));
  EXPECT_EQ(logprobs["text_offset"], (Json{10, 11, 11}));
  EXPECT_EQ(offset, 14);
  EXPECT_TRUE(logprobs["top_logprobs"][0].is_null());
  EXPECT_EQ(logprobs["top_logprobs"][1], (Json{{"x", -0.25}, {"bytes:\\xa9", -0.5}}));
}

TEST_F(ApiReplyTest, LogprobsOfChatsHaveBytes) {
  const Json logprobs = chat_.Logprobs({Token('h', -0.5f, {{0xC3, -2.0f}})}, nullptr);
  EXPECT_EQ(logprobs, Expected(R"({"content": [{"token": "h", "logprob": -0.5, "bytes": [104],
      "top_logprobs": [{"token": "bytes:\\xc3", "logprob": -2.0, "bytes": [195]}]}]})"));
}

TEST_F(ApiReplyTest, ImpossibleTokensHaveANumberToo) {
  int64_t offset = 0;
  const float never = -std::numeric_limits<float>::infinity();
  const Json logprobs = completion_.Logprobs({Token('a', never)}, &offset);
  EXPECT_EQ(logprobs["token_logprobs"][0], -9999.0);
}

}  // namespace
}  // namespace qed
