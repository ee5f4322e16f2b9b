#include "text/stop_matcher.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

// The outputs of Push, each with a "|" behind it, then what Finish adds or
// "!" and the match.
std::string PushAll(std::vector<std::string> stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(std::move(stops));
  std::string out;
  for (const std::string& piece : pieces) {
    if (matcher.Push(piece, out)) return out + "!" + matcher.matched();
    out += "|";
  }
  matcher.Finish(out);
  return out;
}

TEST(StopMatcherTest, FindsAStopInsideAndAcrossPieces) {
  EXPECT_EQ(PushAll({"</x>"}, {"ab</x>cd"}), "ab!</x>");
  EXPECT_EQ(PushAll({"</x>"}, {"ab<", "/", "x>cd"}), "ab||!</x>");
  EXPECT_EQ(PushAll({"</x>"}, {"ab<", "/y", "</x"}), "ab|</y||</x");
}

TEST(StopMatcherTest, HoldsBackOnlyWhatCouldBegin) {
  EXPECT_EQ(PushAll({"aab"}, {"aaaa", "b"}), "aa|!aab");
  EXPECT_EQ(PushAll({"aab"}, {"aaaa", "c"}), "aa|aac|");
}

TEST(StopMatcherTest, TheFirstToEndWinsThenTheLongest) {
  EXPECT_EQ(PushAll({"abcd", "bc"}, {"xabcd"}), "xa!bc");
  EXPECT_EQ(PushAll({"bc", "abc"}, {"xabc"}), "x!abc");
  EXPECT_EQ(PushAll({"abc", "bc"}, {"xabc"}), "x!abc");
}

TEST(StopMatcherTest, NoStopsPassEverythingThrough) {
  EXPECT_EQ(PushAll({}, {"ab", "c"}), "ab|c|");
  EXPECT_EQ(PushAll({""}, {"ab"}), "ab|");
}

TEST(StopMatcherTest, TakesNoMoreAfterAMatch) {
  StopMatcher matcher({"x"});
  std::string out;
  EXPECT_TRUE(matcher.Push("ax", out));
  EXPECT_TRUE(matcher.Push("more", out));
  matcher.Finish(out);
  EXPECT_EQ(out, "a");
  EXPECT_EQ(matcher.matched(), "x");
}

TEST(StopMatcherTest, SameResultHoweverTheTextIsCut) {
  const std::string text = "aabaabaaabab</ab>aab";
  for (size_t size = 1; size <= text.size(); ++size) {
    StopMatcher matcher({"aaab", "</ab>", "abab"});
    std::string out;
    bool stopped = false;
    for (size_t pos = 0; pos < text.size() && !stopped; pos += size) {
      stopped = matcher.Push(text.substr(pos, size), out);
    }
    EXPECT_TRUE(stopped);
    EXPECT_EQ(out, "aabaab");
    EXPECT_EQ(matcher.matched(), "aaab");
  }
}

}  // namespace
}  // namespace qed
