#include "solve/answer.h"

#include <random>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "solve/number.h"
#include "tests/support/sanitizers.h"

namespace qed {
namespace {

using ::testing::Eq;
using ::testing::Optional;

struct BoxedCase {
  const char* text;
  std::optional<std::string> answer;
};

TEST(ExtractBoxedAnswer, FindsTheLastBalancedBox) {
  const BoxedCase kCases[] = {
      {R"(So \boxed{42}.)", "42"},
      {R"(\boxed{1} then \boxed{2})", "2"},
      {R"(\boxed{\frac{1}{2}})", R"(\frac{1}{2})"},
      {R"(\boxed{ 7 })", "7"},
      {R"(\boxed {7})", "7"},
      {R"(\boxed 5 apples)", "5"},
      {R"(\boxed 5.)", "5"},
      {R"($\boxed 5$)", "5"},
      {R"(\boxed{\{1, 2\}})", R"(\{1, 2\})"},
      {R"(\boxed{\boxed{3}})", "3"},
      {R"(\boxed{12} and then \boxed{13)", "12"},
      {R"(\boxed{12)", std::nullopt},
      {R"(\boxed{})", std::nullopt},
      {R"(\boxed{ })", std::nullopt},
      {R"(\boxed)", std::nullopt},
      {R"(\boxed{1} but then \boxed{})", "1"},
      {R"(\boxed{1} but then \boxed{ } and \boxed)", "1"},
      {R"(\fbox{5})", std::nullopt},
      {R"(\boxedfoo{5})", std::nullopt},
      {"", std::nullopt},
      {"the answer is 5", std::nullopt},
  };
  for (const BoxedCase& c : kCases) EXPECT_EQ(ExtractBoxedAnswer(c.text), c.answer) << c.text;
}

TEST(ExtractBoxedAnswer, TakesNoAnswerThatNeverEnds) {
  EXPECT_EQ(ExtractBoxedAnswer("\\boxed{" + std::string(kMaxAnswerBytes + 1, '1') + "}"),
            std::nullopt);
  EXPECT_THAT(ExtractBoxedAnswer("\\boxed{" + std::string(kMaxAnswerBytes, '1') + "}"),
              Optional(Eq(std::string(kMaxAnswerBytes, '1'))));
}

// A model caught in a loop must not make this quadratic.
TEST(ExtractBoxedAnswer, IsQuickOnManyOpenBoxes) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "\\boxed{";
  EXPECT_EQ(ExtractBoxedAnswer(text), std::nullopt);
}

struct NormalCase {
  const char* answer;
  const char* normal;
};

class NormalizeAnswerTest : public ::testing::TestWithParam<NormalCase> {};

TEST_P(NormalizeAnswerTest, GivesTheOneForm) {
  EXPECT_EQ(NormalizeAnswer(GetParam().answer), GetParam().normal) << GetParam().answer;
}

// Bringing a normal form to normal form changes nothing.
TEST_P(NormalizeAnswerTest, IsIdempotent) {
  const std::string once = NormalizeAnswer(GetParam().answer);
  EXPECT_EQ(NormalizeAnswer(once), once);
}

INSTANTIATE_TEST_SUITE_P(Numbers, NormalizeAnswerTest,
                         ::testing::ValuesIn(std::to_array<NormalCase>({
                             {"42", "42"},
                             {" 42 ", "42"},
                             {"042", "42"},
                             {"016", "16"},
                             {"000", "0"},
                             {"-0", "0"},
                             {"+5", "5"},
                             {"-7", "-7"},
                             {"\xE2\x88\x92"
                              "7",
                              "-7"},
                             {"1,234", "1234"},
                             {"1,234,567", "1234567"},
                             {"1{,}234", "1234"},
                             {"12,34", "12,34"},
                             {"1,2,3", "1,2,3"},
                             {"42.", "42"},
                             {"42.0", "42"},
                             {"42.00", "42"},
                             {"0.50", "1/2"},
                             {".5", "1/2"},
                             {"-0.25", "-1/4"},
                             {"3.14", "157/50"},
                             {"3.14159", "3.14159"},
                             {"-20.4282848000", "-20.4282848"},
                             {"1/4096", "0.000244140625"},
                             {"1/1023", "1/1023"},
                             {"1/2", "1/2"},
                             {"2/4", "1/2"},
                             {"4/2", "2"},
                             {"-6/8", "-3/4"},
                             {"1.5/2", "3/4"},
                             {"1 1/2", "3/2"},
                             {"1/0", "1/0"},
                             {"123456789012345678901234567890", "123456789012345678901234567890"},
                             {"00123456789012345678901234567890", "123456789012345678901234567890"},
                             {"0.1234567890123456789012", "0.1234567890123456789012"},
                             {"0.500000000000000000000000", "1/2"},
                             {"50%", "50"},
                             {"50\\%", "50"},
                             {"\\$18", "18"},
                             {"$18", "18"},
                             {"\\$1,234.50", "2469/2"},
                         })));

INSTANTIATE_TEST_SUITE_P(Latex, NormalizeAnswerTest,
                         ::testing::ValuesIn(std::to_array<NormalCase>({
                             {"$42$", "42"},
                             {"\\(42\\)", "42"},
                             {"\\[42\\]", "42"},
                             {"{42}", "42"},
                             {"\\frac{1}{2}", "1/2"},
                             {"\\frac{1}{2\n\n}", "1/2"},
                             {"\\dfrac{3}{6}", "1/2"},
                             {"\\tfrac12", "1/2"},
                             {"\\frac12", "1/2"},
                             {"-\\frac{3}{4}", "-3/4"},
                             {"\\frac{-3}{4}", "-3/4"},
                             {"1\\frac{1}{2}", "3/2"},
                             {"\\frac{1{,}000}{2}", "\\frac{1{,}000}{2}"},
                             {"\\frac{x+1}{2}", "\\frac{x+1}{2}"},
                             {"\\frac{\\frac{1}{2}}{3}", "\\frac{\\frac{1}{2}}{3}"},
                             {"5\\text{ cm}", "5\\text{cm}"},
                             {"5 \\text{ apples}", "5\\text{apples}"},
                             {"\\frac{1}{2}\\text{ hour}", "\\frac{1}{2}\\text{hour}"},
                             {"5\\,\\mathrm{km}", "5\\mathrm{km}"},
                             {"\\text{Monday}", "Monday"},
                             {"\\text{(A)}", "(A)"},
                             {"90^\\circ", "90"},
                             {"90^{\\circ}", "90"},
                             {"90\xC2\xB0", "90"},
                             {"x = 5", "x=5"},
                             {"x=\\frac{1}{2}", "x=\\frac{1}{2}"},
                             {"x = y = 5", "x=y=5"},
                             {"\\left(1, 2\\right)", "(1,2)"},
                             {"( 1 , 2 )", "(1,2)"},
                             {"2\\sqrt{3}", "2\\sqrt{3}"},
                             {"x^{2}+1", "x^2+1"},
                             {"x^2 + 1", "x^2+1"},
                             {"\\leftarrow", "\\leftarrow"},
                             {"3\\pi", "3\\pi"},
                             {"\\displaystyle 7", "7"},
                             {"\\boxed{7}", "7"},
                             {"32, 349", "32, 349"},
                             {"32,\\! 349", "32349"},
                             {"10\\,000", "10000"},
                             {"1 2", "1 2"},
                             {"0,100", "0,100"},
                             {"x != 3", "x !=3"},
                             {"x^{1}0", "x^{1}0"},
                             {"7!", "7!"},
                             {"\\frac{1}{2}x", "\\frac{1}{2}x"},
                             {"\\frac{1}{2x}", "\\frac{1}{2x}"},
                             {"3\\mathrm{i}", "3\\mathrm{i}"},
                             {"5\\text{ million}", "5\\text{million}"},
                             {"", ""},
                             {".", ""},
                             {"\\frac", "\\frac"},
                             {"\\frac{1}", "\\frac{1}"},
                             {"\\text{unclosed", "\\text{unclosed"},
                         })));

TEST(NormalizeAnswer, SurvivesHostileText) {
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += "\\frac{1}{";
  nested.append("2").append(100, '}');
  EXPECT_FALSE(NormalizeAnswer(nested).empty());
  EXPECT_EQ(NormalizeAnswer(std::string(5000, '{')).size(), 5000u);
  EXPECT_FALSE(NormalizeAnswer(std::string(kMaxAnswerBytes, '{')).empty());
  for (int c = 1; c < 256; ++c) (void)NormalizeAnswer(std::string(20, static_cast<char>(c)));
}

// Pieces that are dropped or rewritten, in any order: dropping one may lay another open.
TEST(NormalizeAnswer, AFormIsItsOwnForm) {
  constexpr std::string_view kPieces[] = {
      "0",       "1",        "2",   "345",      "000",    ",",        ".",    " ",
      "\n",      "~",        "\\,", "\\!",      "\\ ",    "{,}",      "$",    "\\$",
      "%",       "\\%",      "{",   "}",        "\\frac", "\\text",   "\\(",  "\\)",
      "/",       "-",        "+",   "\\boxed{", "\\quad", "^",        "^{2}", "\\left",
      "\\left(", "\\right)", "x",   "^\\circ",  "n=",     "{3}",      "{-4}", "\\tfrac12",
      "!",       ":",        "e5",  "\\degree", "\\\\",   "\xC2\xA0", "\t"};
  std::mt19937 random(5);
  for (int round = 0; round < Rounds(60000); ++round) {
    std::string text;
    for (size_t n = 1 + random() % 12; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
    const std::string form = NormalizeAnswer(text);
    ASSERT_EQ(NormalizeAnswer(form), form) << "of " << text;
  }
}

TEST(CanonicalNumber, RefusesWhatIsNoNumber) {
  for (const char* text :
       {"",   "-",   "+",     ".",       "--1",  "1e5",  "abc",    "1.2.3", "1/2/3", "/2",
        "1/", "1 2", "1 1/0", "1.5 1/2", "1,23", ",123", "1,234,", "0,100", "0x10",  "½"}) {
    EXPECT_EQ(CanonicalNumber(text), std::nullopt) << text;
  }
}

TEST(AnswerModulo, ReducesWholeNumbersOnly) {
  EXPECT_EQ(AnswerModulo("16", 1000), "16");
  EXPECT_EQ(AnswerModulo("1016", 1000), "16");
  EXPECT_EQ(AnswerModulo("1000", 1000), "0");
  EXPECT_EQ(AnswerModulo("-1", 1000), "999");
  EXPECT_EQ(AnswerModulo("-2000", 1000), "0");
  EXPECT_EQ(AnswerModulo("n=1016", 1000), "16");
  EXPECT_EQ(AnswerModulo("16\\text{cm}", 1000), "16");
  EXPECT_EQ(AnswerModulo("16\\text{million}", 1000), std::nullopt);
  EXPECT_EQ(AnswerModulo(std::string(900, '9') + "123", 1000), "123");
  for (const char* text : {"", "-", "1/2", "0.5", "x", "--1", "1 2", "\\pi"}) {
    EXPECT_EQ(AnswerModulo(text, 1000), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace qed
