#include "text/pretokenize.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Digits = PreTokenizer::Digits;
using Pattern = PreTokenizer::Pattern;

constexpr PreTokenizer kGpt2{Digits::kNone, Pattern::kGpt2};
constexpr PreTokenizer kSmolLm{Digits::kSingle, Pattern::kGpt2};
constexpr PreTokenizer kLlama3{Digits::kNone, Pattern::kLlama3};
constexpr PreTokenizer kQwen2{Digits::kNone, Pattern::kQwen2};

std::vector<std::string> Cut(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<std::string_view> words;
  PreTokenize(pre_tokenizer, text, words);
  return {words.begin(), words.end()};
}

TEST(PreTokenizeTest, Gpt2) {
  EXPECT_THAT(Cut(kGpt2, "Hello, big world"), ElementsAre("Hello", ",", " big", " world"));
  EXPECT_THAT(Cut(kGpt2, "it's we'll I'M"), ElementsAre("it", "'s", " we", "'ll", " I", "'", "M"));
  EXPECT_THAT(Cut(kGpt2, "x = 1234"), ElementsAre("x", " =", " 1234"));
  EXPECT_THAT(Cut(kGpt2, "a  b"), ElementsAre("a", " ", " b"));
  EXPECT_THAT(Cut(kGpt2, "a \n\tb"), ElementsAre("a", " \n", "\t", "b"));
  EXPECT_THAT(Cut(kGpt2, "a   "), ElementsAre("a", "   "));
  EXPECT_THAT(Cut(kGpt2, " "), ElementsAre(" "));
  EXPECT_THAT(Cut(kGpt2, ""), ElementsAre());
}

TEST(PreTokenizeTest, SmolLmCutsDigitsFirst) {
  EXPECT_THAT(Cut(kSmolLm, "x 123"), ElementsAre("x", " ", "1", "2", "3"));
  // White space before a digit is at the end of its piece, so it stays whole.
  EXPECT_THAT(Cut(kSmolLm, "x  1 y"), ElementsAre("x", "  ", "1", " y"));
  EXPECT_THAT(Cut({Digits::kRuns, Pattern::kGpt2}, "a12b"), ElementsAre("a", "12", "b"));
}

TEST(PreTokenizeTest, Llama3) {
  EXPECT_THAT(Cut(kLlama3, "1234567"), ElementsAre("123", "456", "7"));
  EXPECT_THAT(Cut(kLlama3, "I'M we'LL it'\u017F"),
              ElementsAre("I", "'M", " we", "'LL", " it", "'\u017F"));
  EXPECT_THAT(Cut(kLlama3, "(word \tx"), ElementsAre("(word", " ", "\tx"));
  EXPECT_THAT(Cut(kLlama3, "a 1"), ElementsAre("a", " ", "1"));
  EXPECT_THAT(Cut(kLlama3, "a;\r\n\nb"), ElementsAre("a", ";\r\n\n", "b"));
  EXPECT_THAT(Cut(kLlama3, "a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(Cut(kLlama3, "'xyz 's"), ElementsAre("'xyz", " '", "s"));
}

TEST(PreTokenizeTest, Qwen2CutsNumbersIntoDigits) {
  EXPECT_THAT(Cut(kQwen2, "12a"), ElementsAre("1", "2", "a"));
  EXPECT_THAT(Cut(kQwen2, "caf\u00E9 \u4F60\u597D"), ElementsAre("caf\u00E9", " \u4F60\u597D"));
}

TEST(PreTokenizeTest, CoversAnyBytesWithoutGaps) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text.push_back(static_cast<char>(i * 7919 % 256));
  for (const PreTokenizer& pre_tokenizer : {kGpt2, kSmolLm, kLlama3, kQwen2}) {
    std::string joined;
    for (const std::string& word : Cut(pre_tokenizer, text)) {
      EXPECT_FALSE(word.empty());
      joined += word;
    }
    EXPECT_EQ(joined, text);
  }
}

TEST(PreTokenizeTest, LongRunsTakeLinearTime) {
  const std::string spaces(1 << 20, ' ');
  for (const PreTokenizer& pre_tokenizer : {kGpt2, kSmolLm, kLlama3, kQwen2}) {
    EXPECT_THAT(Cut(pre_tokenizer, spaces + "x"), SizeIs(2));
    EXPECT_THAT(Cut(pre_tokenizer, std::string(1 << 20, 'x')), SizeIs(1));
    EXPECT_THAT(Cut(pre_tokenizer, std::string(1 << 20, '\'')), SizeIs(1));
  }
}

}  // namespace
}  // namespace qed
