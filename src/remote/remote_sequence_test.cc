// What a sample sends and keeps, server kind by server kind.
#include "remote/remote_sequence.h"

#include <sstream>

#include "base/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

ServerInfo InfoOf(ServerKind kind, bool ids) {
  ServerInfo info;
  info.kind = kind;
  info.model = std::string("m");
  info.max_seq_len = 1000;
  info.tokenizes = info.token_ids = ids;
  return info;
}

SamplingParams Params() {
  SamplingParams params;
  params.seed = 7;
  params.temperature = 0.5f;
  params.stop = {"END", "</code>"};
  params.include_stop_text = true;
  params.logprobs = 0;
  return params;
}

// Feeds the event `data`; what OnEvent says of it.
Status Feed(RemoteSequence& sequence, ServerKind kind, const std::string& data) {
  Result<CompletionEvent> event = ParseCompletionEvent(kind, data);
  if (!event.ok()) return event.status();
  return sequence.OnEvent(*std::move(event));
}

json BodyOf(RemoteSequence& sequence) { return *ParseJson(sequence.NextBody()); }

std::string Token(int id, const std::string& text, const std::string& more = "") {
  std::ostringstream event;
  event << R"({"choices": [{"index": 0, "finish_reason": null, "text": ")" << text
        << R"(", "token_ids": [)" << id << R"(], "logprobs": {"token_logprobs": [-0.5]})" << more
        << "}]}";
  return event.str();
}

std::string End(const std::string& reason, const std::string& more = "") {
  std::ostringstream event;
  event << R"({"choices": [{"index": 0, "text": "", "finish_reason": ")" << reason << '"' << more
        << "}]}";
  return event.str();
}

class QedSequenceTest : public ::testing::Test {
 protected:
  Status Feed(const std::string& data) { return qed::Feed(sequence_, info_.kind, data); }
  json Body() { return BodyOf(sequence_); }

  const ServerInfo info_ = InfoOf(ServerKind::kQed, true);
  RemoteSequence sequence_{info_, Params()};
};

TEST_F(QedSequenceTest, IdsAreLearntOnceAndSentFromThenOn) {
  sequence_.Begin("prompt", {}, 10);
  json body = Body();
  EXPECT_EQ(body["prompt"], "prompt");
  EXPECT_EQ(body["max_tokens"], 10);
  EXPECT_EQ(body["seed"], 7);
  EXPECT_EQ(body["include_stop_str_in_output"], true);
  EXPECT_EQ(body["return_token_ids"], true);
  EXPECT_FALSE(body.contains("generated_ranges") && !body["generated_ranges"].empty());
  ASSERT_TRUE(Feed(Token(11, "a", R"(, "prompt_token_ids": [1, 2])")).ok());
  ASSERT_TRUE(Feed(Token(12, "</code>")).ok());
  ASSERT_TRUE(Feed(End("stop", R"(, "stop_reason": "</code>")")).ok());
  ASSERT_TRUE(Feed(R"({"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 2,
                      "prompt_tokens_details": {"cached_tokens": 1}}})")
                  .ok());
  ASSERT_TRUE(sequence_.complete());
  const Segment segment = sequence_.Take();
  EXPECT_EQ(segment.text, "a</code>");
  EXPECT_EQ(segment.stop, "</code>");
  EXPECT_EQ(segment.num_tokens, 2);
  EXPECT_EQ(segment.prefilled_tokens, 1);
  EXPECT_EQ(segment.logprobs, (std::vector<float>{-0.5f, -0.5f}));

  sequence_.Begin("output", {21, 22}, 8);
  body = Body();
  EXPECT_EQ(body["prompt"], (json{1, 2, 11, 12, 21, 22}));
  EXPECT_EQ(body["generated_ranges"], (json{{2, 4}}));
}

TEST_F(QedSequenceTest, AfterABreakTheLastTokenIsDrawnAgain) {
  std::vector<float> watched;
  sequence_.Watch([&](std::span<const float> more) {
    watched.insert(watched.end(), more.begin(), more.end());
  });
  sequence_.Begin("p", {}, 10);
  Body();
  ASSERT_TRUE(Feed(Token(11, "a", R"(, "prompt_token_ids": [1])")).ok());
  ASSERT_TRUE(Feed(Token(12, "b")).ok());
  ASSERT_TRUE(Feed(Token(13, "c")).ok());
  sequence_.OnBroken();
  EXPECT_EQ(sequence_.tokens(), 2);
  json body = Body();
  EXPECT_EQ(body["prompt"], (json{1, 11, 12}));
  EXPECT_EQ(body["generated_ranges"], (json{{1, 3}}));
  EXPECT_EQ(body["max_tokens"], 8);
  // Broken again, before anything came: nothing more is given up.
  sequence_.OnBroken();
  EXPECT_EQ(Body()["prompt"], (json{1, 11, 12}));
  ASSERT_TRUE(Feed(Token(13, "c")).ok());
  ASSERT_TRUE(Feed(Token(14, "d")).ok());
  ASSERT_TRUE(Feed(End("length")).ok());
  const Segment segment = sequence_.Take();
  EXPECT_EQ(segment.text, "abcd");
  EXPECT_EQ(segment.num_tokens, 4);
  EXPECT_EQ(segment.finish, Segment::Finish::kLength);
  EXPECT_EQ(segment.logprobs.size(), 4u);
  EXPECT_EQ(watched.size(), 4u);
}

TEST_F(QedSequenceTest, WhatCannotBeIsNotKept) {
  sequence_.Begin("p", {}, 2);
  Body();
  ASSERT_TRUE(Feed(Token(11, "a", R"(, "prompt_token_ids": [1])")).ok());
  EXPECT_EQ(Feed(R"({"choices": [{"text": "xxx", "token_ids": [1, 2, 3]}]})").code(),
            StatusCode::kCorrupt);
  EXPECT_EQ(Feed(Token(12, std::string(5000, 'x'))).code(), StatusCode::kCorrupt);
  EXPECT_EQ(Feed(End("stop", R"(, "stop_reason": "never asked for")")).code(),
            StatusCode::kCorrupt);
  EXPECT_EQ(Feed(End("timeout")).code(), StatusCode::kUnavailable);
  EXPECT_FALSE(sequence_.complete());
  const Segment segment = sequence_.Take(Segment::Finish::kCancelled);
  EXPECT_EQ(segment.text, "a");
  EXPECT_EQ(segment.num_tokens, 1);
}

TEST(RemoteSequenceTest, WithoutIdsTheTextIsSentAndNothingIsThereTwice) {
  const ServerInfo info = InfoOf(ServerKind::kSglang, false);
  RemoteSequence sequence(info, Params());
  sequence.Begin("p", {}, 10);
  EXPECT_EQ(BodyOf(sequence)["seed"], 7);
  ASSERT_TRUE(Feed(sequence, info.kind, Token(0, "abc")).ok());
  sequence.OnBroken();
  const json body = BodyOf(sequence);
  EXPECT_EQ(body["prompt"], "pabc");
  EXPECT_EQ(body["max_tokens"], 9);
  EXPECT_NE(body["seed"], 7);  // Else it would draw the same numbers again.
  // It may have sent the beginning of the stop string.
  ASSERT_TRUE(Feed(sequence, info.kind, Token(0, "dE")).ok());
  ASSERT_TRUE(Feed(sequence, info.kind, End("stop", R"(, "matched_stop": "END")")).ok());
  const Segment segment = sequence.Take();
  EXPECT_EQ(segment.text, "abcdEND");
  EXPECT_EQ(segment.stop, "END");
  EXPECT_EQ(segment.num_tokens, 2);
  sequence.Begin("-out-", {}, 5);
  EXPECT_EQ(BodyOf(sequence)["prompt"], "pabcdEND-out-");
}

TEST(RemoteSequenceTest, VllmGoesBackToTextWhereIdsMayBeAheadOfIt) {
  const ServerInfo info = InfoOf(ServerKind::kVllm, true);
  RemoteSequence sequence(info, Params());
  sequence.Begin("p", {}, 10);
  BodyOf(sequence);
  ASSERT_TRUE(Feed(sequence, info.kind, Token(11, "a", R"(, "prompt_token_ids": [1])")).ok());
  ASSERT_TRUE(Feed(sequence, info.kind, Token(12, "")).ok());
  sequence.OnBroken();
  json body = BodyOf(sequence);
  EXPECT_EQ(body["prompt"], "pa");
  EXPECT_FALSE(body.contains("generated_ranges"));
  // And learns them anew.
  ASSERT_TRUE(Feed(sequence, info.kind, Token(12, "b", R"(, "prompt_token_ids": [1, 11])")).ok());
  ASSERT_TRUE(Feed(sequence, info.kind, End("stop")).ok());
  EXPECT_EQ(sequence.Take().stop, "");
  sequence.Begin("out", {30}, 5);
  EXPECT_EQ(BodyOf(sequence)["prompt"], (json{1, 11, 12, 30}));
}

TEST(RemoteSequenceTest, LlamaCppTellsWordsFromEnds) {
  const ServerInfo info = InfoOf(ServerKind::kLlamaCpp, false);
  RemoteSequence sequence(info, Params());
  sequence.Begin("p", {}, 10);
  const json body = BodyOf(sequence);
  EXPECT_EQ(body["n_predict"], 10);
  EXPECT_EQ(body["repeat_last_n"], 1000);
  EXPECT_EQ(body["stop"], (json{"END", "</code>"}));
  ASSERT_TRUE(Feed(sequence, info.kind,
                   R"({"content": "x", "stop": false, "tokens_predicted": 3,
                       "completion_probabilities": [{"logprob": -1.5}]})")
                  .ok());
  EXPECT_EQ(sequence.tokens(), 3);
  ASSERT_TRUE(Feed(sequence, info.kind,
                   R"({"content": "", "stop": true, "stop_type": "word", "stopping_word": "END",
                       "tokens_predicted": 5, "timings": {"prompt_n": 4}})")
                  .ok());
  Segment segment = sequence.Take();
  EXPECT_EQ(segment.text, "xEND");
  EXPECT_EQ(segment.stop, "END");
  EXPECT_EQ(segment.num_tokens, 5);
  EXPECT_EQ(segment.prefilled_tokens, 4);
  EXPECT_EQ(segment.logprobs, std::vector<float>{-1.5f});

  sequence.Begin("q", {}, 10);
  EXPECT_EQ(BodyOf(sequence)["prompt"], "pxENDq");
  ASSERT_TRUE(Feed(sequence, info.kind,
                   R"({"content": "END", "stop": true, "stop_type": "eos", "stopping_word": "",
                       "tokens_predicted": 1})")
                  .ok());
  segment = sequence.Take();
  EXPECT_EQ(segment.stop, "");
  EXPECT_EQ(segment.finish, Segment::Finish::kStop);
}

TEST(RemoteSequenceTest, OfUnknownServersStopStringsAreFoundHere) {
  const ServerInfo info = InfoOf(ServerKind::kOther, false);
  RemoteSequence sequence(info, Params());
  sequence.Begin("p", {}, 10);
  EXPECT_FALSE(BodyOf(sequence).contains("stop"));
  ASSERT_TRUE(Feed(sequence, info.kind, Token(0, "a </co")).ok());
  EXPECT_FALSE(sequence.satisfied());
  ASSERT_TRUE(Feed(sequence, info.kind, Token(0, "de> more")).ok());
  EXPECT_TRUE(sequence.satisfied() && sequence.complete());
  const Segment segment = sequence.Take();
  EXPECT_EQ(segment.text, "a </code>");
  EXPECT_EQ(segment.stop, "</code>");

  sequence.Begin("", {}, 10);
  BodyOf(sequence);
  ASSERT_TRUE(Feed(sequence, info.kind, Token(0, "b </co")).ok());
  ASSERT_TRUE(Feed(sequence, info.kind, End("stop")).ok());
  const Segment end = sequence.Take();
  EXPECT_EQ(end.text, "b </co");
  EXPECT_EQ(end.stop, "");
}

TEST(CompletionTest, SamplingThatCannotBeSentIsRefused) {
  SamplingParams params = Params();
  params.top_k = 5;
  EXPECT_TRUE(CheckSampling(ServerKind::kVllm, params).ok());
  EXPECT_THAT(CheckSampling(ServerKind::kOther, params).message(), HasSubstr("--top-k"));
  params = Params();
  params.repetition_penalty = 1.5f;
  EXPECT_THAT(CheckSampling(ServerKind::kOther, params).message(),
              HasSubstr("--repetition-penalty"));
  params = Params();
  params.seed = uint64_t{1} << 40;
  EXPECT_TRUE(CheckSampling(ServerKind::kQed, params).ok());
  EXPECT_THAT(CheckSampling(ServerKind::kLlamaCpp, params).message(), HasSubstr("--seed"));
}

TEST(CompletionTest, HostileEventsAreErrors) {
  for (const char* data :
       {"", "{", "[]", "1", "null", R"({"choices": 1})", R"({"choices": [{}, {}]})",
        R"({"choices": [{"text": 5}]})", R"({"choices": [{"token_ids": "x"}]})",
        R"({"choices": [{"token_ids": [-1]}]})", R"({"choices": [{"token_ids": [1e99]}]})",
        R"({"choices": [{"token_ids": [99999999999]}]})", R"({"choices": [{"finish_reason": []}]})",
        R"({"error": {"message": "out of\nmemory"}})", R"({"error": "no"})"}) {
    const auto event = ParseCompletionEvent(ServerKind::kVllm, data);
    EXPECT_FALSE(event.ok()) << data;
    EXPECT_EQ(event.status().message().find('\n'), std::string::npos);
  }
  for (const char* data : {"{}", R"({"content": 1, "stop": false})", R"({"content": "a"})",
                           R"({"content": "a", "stop": true, "stop_type": 1})"}) {
    EXPECT_FALSE(ParseCompletionEvent(ServerKind::kLlamaCpp, data).ok()) << data;
  }
  EXPECT_FALSE(ParseCompletionEvent(ServerKind::kOther, std::string(1000, '[')).ok());
}

TEST(ServerInfoTest, ModelsSayWhatAServerIs) {
  const auto info = ParseModels(
      R"({"data": [{"id": "a", "owned_by": "me"},
                   {"id": "b", "owned_by": "vllm", "max_model_len": 2048}]})",
      "b");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->kind, ServerKind::kVllm);
  EXPECT_EQ(info->max_seq_len, 2048);
  EXPECT_EQ(ParseModels(R"({"data": [{"id": "a"}]})", "")->kind, ServerKind::kOther);
  EXPECT_EQ(ParseModels(R"({"data": [{"id": "a"}]})", "b").status().code(), StatusCode::kNotFound);
  for (const char* body : {"", "[]", "{}", R"({"data": []})", R"({"data": {"id": "a"}})"}) {
    EXPECT_EQ(ParseModels(body, "").status().code(), StatusCode::kCorrupt) << body;
  }
  EXPECT_EQ(ParseModels(R"({"data": [{"id": "a", "max_model_len": 1e30}]})", "")->max_seq_len, 0);
}

TEST(ServerInfoTest, TokensAndAddresses) {
  EXPECT_EQ(*ParseTokens(R"({"tokens": [1, 2], "count": 2})"), (std::vector<int32_t>{1, 2}));
  for (const char* body : {"", "{}", R"({"tokens": [-1]})", R"({"tokens": ["a"]})"}) {
    EXPECT_FALSE(ParseTokens(body).ok()) << body;
  }
  EXPECT_EQ(ParseServerAddress("http://h:1/v1/", "")->Name(), "http://h:1");
  EXPECT_EQ(ParseServerAddress("http://h:1/base/", "")->Name(), "http://h:1/base");
  EXPECT_EQ(ParseServerAddress("https://h/v1", "")->Name(), "https://h:443");
  EXPECT_FALSE(ParseServerAddress("ftp://h", "").ok());
  EXPECT_FALSE(ParseServerAddress("http://h", "a\r\nX-Evil: b").ok());
  const HttpFetch fetch = ParseServerAddress("http://h", "key")->Fetch("POST", "/x", "{}");
  EXPECT_EQ(*fetch.headers.Find("Authorization"), "Bearer key");
  EXPECT_EQ(fetch.url.target, "/x");
}

}  // namespace
}  // namespace qed
