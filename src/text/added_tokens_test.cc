#include "text/added_tokens.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

AddedToken Token(int32_t id, std::string text) {
  AddedToken token;
  token.id = id;
  token.text = std::move(text);
  return token;
}

std::vector<std::pair<std::string, int32_t>> Split(const AddedTokenMatcher& matcher,
                                                   std::string_view text,
                                                   bool match_special = true) {
  std::vector<AddedTokenSpan> spans;
  matcher.Split(text, match_special, spans);
  std::vector<std::pair<std::string, int32_t>> out;
  for (const AddedTokenSpan& span : spans) out.emplace_back(span.text, span.id);
  return out;
}

TEST(AddedTokensTest, LeftmostThenLongest) {
  const AddedTokenMatcher matcher(
      {Token(1, "<a"), Token(2, "<ab>"), Token(3, "b>c"), Token(4, "")});
  EXPECT_THAT(Split(matcher, "x<ab>c"), ElementsAre(Pair("x", -1), Pair("<ab>", 2), Pair("c", -1)));
  EXPECT_THAT(Split(matcher, "<abb>c"), ElementsAre(Pair("<a", 1), Pair("b", -1), Pair("b>c", 3)));
  EXPECT_THAT(Split(matcher, "<ab"), ElementsAre(Pair("<a", 1), Pair("b", -1)));
  EXPECT_THAT(Split(matcher, ""), ElementsAre());
  EXPECT_THAT(Split(AddedTokenMatcher(), "abc"), ElementsAre(Pair("abc", -1)));
}

TEST(AddedTokensTest, SpecialOnesCanStayText) {
  AddedToken special = Token(1, "<s>");
  special.special = true;
  const AddedTokenMatcher matcher({special, Token(2, "<t>")});
  EXPECT_THAT(Split(matcher, "<s><t>", false), ElementsAre(Pair("<s>", -1), Pair("<t>", 2)));
  EXPECT_THAT(Split(matcher, "<s><t>", true), ElementsAre(Pair("<s>", 1), Pair("<t>", 2)));
}

TEST(AddedTokensTest, SingleWord) {
  AddedToken token = Token(1, "cat");
  token.single_word = true;
  const AddedTokenMatcher matcher({token});
  EXPECT_THAT(Split(matcher, "cat"), ElementsAre(Pair("cat", 1)));
  EXPECT_THAT(Split(matcher, "a cat."), ElementsAre(Pair("a ", -1), Pair("cat", 1), Pair(".", -1)));
  EXPECT_THAT(Split(matcher, "cats"), ElementsAre(Pair("cats", -1)));
  EXPECT_THAT(Split(matcher, "\u00E9cat"), ElementsAre(Pair("\u00E9cat", -1)));
  EXPECT_THAT(Split(matcher,
                    "\xFF"
                    "cat"),
              ElementsAre(Pair("\xFF", -1), Pair("cat", 1)));
}

TEST(AddedTokensTest, StripTakesWhiteSpace) {
  AddedToken left = Token(1, "<l>"), right = Token(2, "<r>");
  left.lstrip = true;
  right.rstrip = true;
  const AddedTokenMatcher matcher({left, right});
  EXPECT_THAT(Split(matcher, "a \u3000<l> b"),
              ElementsAre(Pair("a", -1), Pair(" \u3000<l>", 1), Pair(" b", -1)));
  EXPECT_THAT(Split(matcher, "a <r>\t\n b"),
              ElementsAre(Pair("a ", -1), Pair("<r>\t\n ", 2), Pair("b", -1)));
  // What the first has taken, the second does not take again.
  EXPECT_THAT(Split(matcher, "<r>  <l>"), ElementsAre(Pair("<r>  ", 2), Pair("<l>", 1)));
}

TEST(AddedTokensTest, WhiteSpaceTokensThatStripTakeLinearTime) {
  AddedToken space = Token(1, " ");
  space.lstrip = space.rstrip = true;
  const std::string text(300000, ' ');
  std::vector<AddedTokenSpan> spans;
  AddedTokenMatcher({space}).Split(text, true, spans);
  EXPECT_EQ(spans.size(), text.size());
}

}  // namespace
}  // namespace qed
