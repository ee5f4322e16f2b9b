#include "serve/replicas/route_key.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

RouteKey Key(const Json& body) { return ReadRouteKey(body.dump()); }

size_t SharedBlocks(const Json& a, const Json& b) {
  const RouteKey x = Key(a), y = Key(b);
  const auto same =
      std::mismatch(x.blocks.begin(), x.blocks.end(), y.blocks.begin(), y.blocks.end());
  return static_cast<size_t>(same.first - x.blocks.begin());
}

TEST(RouteKeyTest, WhatIsBesideThePromptDoesNotCount) {
  const std::string prompt(300, 'p');
  const Json a = {{"prompt", prompt}, {"seed", 1}};
  const Json b = {{"seed", 2}, {"max_tokens", 7}, {"prompt", prompt}};
  EXPECT_EQ(Key(a).blocks, Key(b).blocks);
  EXPECT_EQ(Key(a).blocks.size(), 3u);  // two blocks and the rest
}

TEST(RouteKeyTest, EqualBeginningsAreEqualBlocks) {
  std::string text;
  for (int i = 0; text.size() < 10 * kRouteBlockBytes; ++i) text += std::to_string(i);
  for (size_t common = 0; common < text.size(); common += 61) {
    std::string other = text;
    other[common] = '!';
    EXPECT_EQ(SharedBlocks({{"prompt", text}}, {{"prompt", other}}), common / kRouteBlockBytes);
  }
  // A block stands for all that is before it.
  const std::string moved = "!" + std::string(kRouteBlockBytes - 1, '.') + text;
  const RouteKey key = Key({{"prompt", text}});
  for (const uint64_t block : Key({{"prompt", moved}}).blocks) {
    EXPECT_EQ(std::ranges::find(key.blocks, block), key.blocks.end());
  }
}

TEST(RouteKeyTest, AConversationGoesOnWhereItBegan) {
  Json chat = {{"messages",
                {{{"role", "system"}, {"content", std::string(400, 's')}},
                 {{"role", "user"}, {"content", "What is 2 + 2?"}}}}};
  const size_t whole = Key(chat).blocks.size();
  Json longer = chat;
  longer["messages"].push_back({{"role", "assistant"}, {"content", "4"}});
  longer["messages"].push_back({{"role", "user"}, {"content", "And 3 + 3?"}});
  EXPECT_EQ(SharedBlocks(chat, longer), whole - 1);
  Json with_tools = chat;
  with_tools["tools"] = {{{"type", "function"}, {"function", {{"name", "f"}}}}};
  EXPECT_EQ(SharedBlocks(chat, with_tools), 0u);
}

TEST(RouteKeyTest, TokenIdsAndListsOfPrompts) {
  Json ids = Json::array();
  for (int i = 0; i < 200; ++i) ids.push_back(i);
  EXPECT_EQ(Key({{"prompt", ids}}).blocks, Key({{"prompt", Json::array({ids, "other"})}}).blocks);
  EXPECT_EQ(Key({{"prompt", ids}}).completions, 1);
  EXPECT_EQ(Key({{"prompt", {"a", "b", "c"}}, {"n", 4}}).completions, 12);
  EXPECT_EQ(Key({{"messages", Json::array()}, {"n", 16}}).completions, 16);
}

TEST(RouteKeyTest, LongPromptsAreKnownByTheirBeginning) {
  const std::string text(kRouteBlockBytes * (kMaxRouteBlocks + 100), 'x');
  EXPECT_EQ(Key({{"prompt", text}}).blocks.size(), kMaxRouteBlocks);
  EXPECT_EQ(Key({{"prompt", text}}).blocks, Key({{"prompt", text + "y"}}).blocks);
  Json chat = {{"messages", Json::array()}};
  for (int i = 0; i < 1000; ++i) chat["messages"].push_back({{"content", std::string(200, 'c')}});
  EXPECT_EQ(Key(chat).blocks.size(), kMaxRouteBlocks);
}

TEST(RouteKeyTest, WhatIsWrongIsLeftToTheReplica) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[1]"), std::string("\xff"), deep,
        std::string(R"({"prompt": null})"), std::string(R"({"prompt": []})"),
        std::string(R"({"prompt": {"a": 1}, "n": -5})"), std::string(R"({"messages": 3})"),
        std::string(R"({"prompt": 7, "n": 18446744073709551615})"),
        std::string(R"({"prompt": "", "n": 1e300})")}) {
    EXPECT_EQ(ReadRouteKey(body).completions, 1) << body.substr(0, 40);
  }
  EXPECT_EQ(Key({{"prompt", "a"}, {"n", 1 << 30}}).completions, 1024);
}

}  // namespace
}  // namespace qed
