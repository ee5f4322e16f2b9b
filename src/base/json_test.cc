#include "base/json.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using ::testing::HasSubstr;

TEST(JsonTest, ParsesAValue) {
  auto value = ParseJson(R"({"a": [1, 2.5, "x\u00e9"], "b": null})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ((*value)["a"][2], "x\xc3\xa9");
  EXPECT_TRUE((*value)["b"].is_null());
}

TEST(JsonTest, MalformedTextIsOneLineWithTheOffset) {
  const char* const cases[] = {"",      "{",        "[1,]",    "{\"a\" 1}", "nul",     "1 2",
                               "\"abc", "\"\\x\"",  "[1e999]", "\xff",      "{\"a\":", "'a'",
                               "]",     "\"a\nb\"", "{1: 2}",  "-"};
  for (const char* text : cases) {
    auto value = ParseJson(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.status().code(), StatusCode::kCorrupt) << text;
    EXPECT_EQ(value.status().message().find('\n'), std::string::npos) << text;
  }
  EXPECT_THAT(ParseJson("[1, x]").status().message(), HasSubstr("byte 5"));
}

TEST(JsonTest, ErrorsStayShortAndPrintable) {
  const std::string text = "\"" + std::string(100000, '\x80') + "\"";
  auto value = ParseJson(text);
  ASSERT_FALSE(value.ok());
  EXPECT_LT(value.status().message().size(), 400u);
  for (char c : value.status().message()) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(JsonTest, DepthIsBounded) {
  const auto nested = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(ParseJson(nested(64)).ok());
  EXPECT_EQ(ParseJson(nested(65)).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ParseJson(nested(1000000)).status().code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(ParseJson(std::string(1000000, '[')).ok());
  // Brackets inside strings are text.
  EXPECT_TRUE(ParseJson(std::string("\"").append(1000, '[').append("\\\"[[\"")).ok());
  EXPECT_FALSE(ParseJson("\"\\").ok());
}

TEST(JsonTest, SizeIsBounded) {
  EXPECT_TRUE(ParseJson("12345", {.max_bytes = 5}).ok());
  EXPECT_EQ(ParseJson("123456", {.max_bytes = 5}).status().code(), StatusCode::kResourceExhausted);
}

TEST(JsonTest, DumpIsOneLineAndAlwaysValid) {
  nlohmann::json value;
  value["text"] = "a\nb\xff";
  const std::string line = DumpJson(value);
  EXPECT_EQ(line, "{\"text\":\"a\\nb\xef\xbf\xbd\"}");
  EXPECT_TRUE(ParseJson(line).ok());
}

TEST(JsonTest, OrderedKeepsTheOrderOfMembers) {
  const auto value = ParseOrderedJson(R"({"z": 1, "a": {"y": [1, 2], "b": 2}})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(DumpJson(*value), R"({"z":1,"a":{"y":[1,2],"b":2}})");
}

TEST(JsonTest, OrderedBoundsTheMembersOfAnObject) {
  const auto object = [](int64_t members) {
    std::ostringstream text;
    for (int64_t i = 0; i < members; ++i) text << (i > 0 ? ',' : '{') << '"' << i << "\":0";
    text << '}';
    return text.str();
  };
  EXPECT_TRUE(ParseOrderedJson(object(kMaxOrderedMembers)).ok());
  const auto value = ParseOrderedJson(object(kMaxOrderedMembers + 1));
  EXPECT_EQ(value.status().code(), StatusCode::kResourceExhausted);
  std::string array = "[0";
  for (int64_t i = 0; i <= kMaxOrderedMembers; ++i) array += ",0";
  array += ']';
  EXPECT_TRUE(ParseOrderedJson(array).ok());
}

}  // namespace
}  // namespace qed
