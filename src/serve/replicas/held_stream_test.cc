#include "serve/replicas/held_stream.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

const std::string kRole = FormatSse(
    R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})");
const std::string kText =
    FormatSse(R"({"choices":[{"index":0,"delta":{"content":"4"},"finish_reason":null}]})");

TEST(HeldStreamTest, RolesWaitForTheFirstText) {
  HeldStream held;
  EXPECT_EQ(held.Feed(kRole), "");
  EXPECT_EQ(held.Feed(kRole), "");
  EXPECT_FALSE(held.open());
  EXPECT_EQ(held.Feed(kText), kRole + kRole + kText);
  EXPECT_TRUE(held.open());
  EXPECT_TRUE(held.at_boundary());
  EXPECT_EQ(held.Feed(kRole), kRole);
}

TEST(HeldStreamTest, BytesComeInAnyPieces) {
  const std::string stream = kRole + kText + FormatSse("[DONE]");
  for (size_t size = 1; size < 60; ++size) {
    HeldStream held;
    std::string passed;
    for (size_t at = 0; at < stream.size(); at += size) {
      passed += held.Feed(std::string_view(stream).substr(at, size));
      if (at + size < (kRole + kText).size()) {
        EXPECT_EQ(passed, "") << size;
      }
      EXPECT_EQ(held.at_boundary(), passed.ends_with("\n\n")) << passed;
    }
    EXPECT_EQ(passed, stream);
  }
}

TEST(HeldStreamTest, WhateverElseSaysSomething) {
  for (const char* data :
       {R"({"choices":[{"index":0,"text":"4","finish_reason":null}]})",
        R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
        R"({"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0}]}}]})",
        R"({"choices":[{"delta":{"role":"assistant"}},{"delta":{"content":"x"}}]})",
        R"({"choices":[],"usage":{"prompt_tokens":1}})", R"({"error":{"message":"no"}})",
        R"({"choices":3})", "[DONE]", "no JSON"}) {
    HeldStream held;
    EXPECT_EQ(held.Feed(FormatSse(data)), FormatSse(data));
  }
}

TEST(HeldStreamTest, TheEndBringsWhatIsLeft) {
  HeldStream held;
  EXPECT_EQ(held.Feed(kRole), "");
  EXPECT_EQ(held.Finish(), kRole);
  EXPECT_EQ(held.Finish(), "");
}

TEST(HeldStreamTest, NotMoreThanABitIsHeld) {
  HeldStream held;
  const std::string endless(300 << 10, 'x');  // an event without an end
  EXPECT_EQ(held.Feed(endless), endless);
  EXPECT_FALSE(held.at_boundary());
}

}  // namespace
}  // namespace qed
