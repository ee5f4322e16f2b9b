#include "text/tokenizer.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/test_tokenizers.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(TokenizerTest, MergesByRank) {
  const auto tokenizer = MakeTokenizer(SmallGgufSpec());
  EXPECT_THAT(tokenizer->Encode("hello hello"), ElementsAre(259, 260));
  EXPECT_THAT(tokenizer->Encode("hell"), ElementsAre(258));
  EXPECT_THAT(tokenizer->Encode("hel"), ElementsAre(256, 'l'));
  EXPECT_THAT(tokenizer->Encode("lll"), ElementsAre(257, 'l'));  // leftmost first
  EXPECT_THAT(tokenizer->Encode(""), ElementsAre());
}

TEST(TokenizerTest, AnyBytesComeBack) {
  const auto tokenizer = MakeTokenizer(SmallGgufSpec());
  std::string text;
  for (int i = 0; i < 5000; ++i) text.push_back(static_cast<char>(i * 7919 % 256));
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text);
}

TEST(TokenizerTest, AddedTokensAndOptions) {
  const auto tokenizer = MakeTokenizer(SmallGgufSpec());
  EXPECT_THAT(tokenizer->Encode("<s>hello<tool>"), ElementsAre(261, 259, 262));
  EXPECT_THAT(tokenizer->Encode("<s><tool>", {.parse_special = false}),
              ElementsAre('<', 's', '>', 262));
  EXPECT_THAT(tokenizer->Encode("hello", {.add_bos = true}), ElementsAre(261, 259));
  EXPECT_TRUE(tokenizer->IsSpecial(261));
  EXPECT_FALSE(tokenizer->IsSpecial(262) || tokenizer->IsSpecial(-1) || tokenizer->IsSpecial(999));
  EXPECT_EQ(tokenizer->Decode({261, 259, -5, 1 << 30}), "<s>hello");
  EXPECT_EQ(tokenizer->Decode({261, 259}, /*skip_special=*/true), "hello");
  EXPECT_EQ(tokenizer->FindToken("<tool>"), 262);
  EXPECT_EQ(tokenizer->FindToken("no such"), -1);
  EXPECT_EQ(tokenizer->vocab_size(), 263);
  EXPECT_EQ(tokenizer->bos_token_id(), 261);
  EXPECT_FALSE(tokenizer->add_bos_by_default());
}

TEST(TokenizerTest, BytesWithoutATokenVanish) {
  TokenizerSpec spec = SmallGgufSpec();
  spec.tokens['z'] = "unused";
  const auto tokenizer = MakeTokenizer(spec);
  EXPECT_THAT(tokenizer->Encode("azb"), ElementsAre('a', 'b'));
}

TEST(TokenizerTest, AMillionEqualBytesTakeNoTime) {
  const auto tokenizer = MakeTokenizer(SmallGgufSpec());
  EXPECT_EQ(tokenizer->Encode(std::string(1 << 20, 'l')).size(), size_t{1} << 19);
}

TEST(TokenizerTest, TheFewestTokensAreNeverMoreThanThereAre) {
  TokenizerSpec spec = SmallGgufSpec();
  spec.tokens['z'] = "unused";
  const auto tokenizer = MakeTokenizer(spec);
  std::string text;
  for (const char* piece :
       {"", "hello", " hello", "zzz", "<s>", "<tool>", "x\xFF", " hello hello"}) {
    text += piece;
    EXPECT_LE(tokenizer->FewestTokens(text), tokenizer->Encode(text).size()) << text;
  }
  EXPECT_EQ(tokenizer->FewestTokens("zzzzzz"), 0u) << "bytes that vanish";
  // " hello" and "<tool>" are the longest.
  EXPECT_EQ(tokenizer->FewestTokens(std::string(600, ' ')), 100u);
  nlohmann::json json = SmallTokenizerJson();
  json["added_tokens"][1]["rstrip"] = true;
  EXPECT_EQ(MakeTokenizer(HfSpec(json))->FewestTokens(std::string(600, ' ')), 0u);
}

TEST(TokenizerTest, ThreadsShareIt) {
  const auto tokenizer = MakeTokenizer(SmallGgufSpec());
  std::vector<std::thread> threads;
  std::vector<std::vector<int32_t>> ids(4);
  for (size_t i = 0; i < ids.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) ids[i] = tokenizer->Encode("<s>hello hello 123");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : ids) EXPECT_EQ(result, ids.front());
}

TEST(TokenizerTest, GgufErrorsNameTheFileAndTheThing) {
  const auto with = [](auto change) {
    TokenizerSpec spec = SmallGgufSpec();
    change(spec);
    const std::string error = CreateError(spec);
    EXPECT_THAT(error, StartsWith("small.gguf: "));
    EXPECT_EQ(error.find('\n'), std::string::npos);
    return error;
  };
  EXPECT_THAT(with([](auto& s) { s.model = "llama"; }), HasSubstr("\"llama\" is not byte-level"));
  EXPECT_THAT(with([](auto& s) { s.pre = "tekken\n"; }), HasSubstr("\"tekken\\n\" is not known"));
  EXPECT_THAT(with([](auto& s) { s.tokens.clear(); }), HasSubstr("0 entries"));
  EXPECT_THAT(with([](auto& s) { s.token_types.pop_back(); }), HasSubstr("262 entries for 263"));
  EXPECT_THAT(with([](auto& s) { s.merges[0] = "he"; }), HasSubstr("\"he\" is not two tokens"));
  EXPECT_THAT(with([](auto& s) { s.merges[0] = "h e l"; }), HasSubstr("is not two tokens"));
  EXPECT_THAT(with([](auto& s) { s.merges[0] = "q e"; }), HasSubstr("merge 0 of \"q\" and \"e\""));
  EXPECT_THAT(with([](auto& s) { s.eos_token_id = 263; }), HasSubstr("eos_token_id 263"));
  EXPECT_THAT(with([](auto& s) { s.bos_token_id = -7; }), HasSubstr("bos_token_id -7"));
  EXPECT_THAT(with([](auto& s) { s.tokens[5].assign(1 << 20, 'a'); }), HasSubstr("token 5 has"));
}

}  // namespace
}  // namespace qed
