#include "text/nfc.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(NfcTest, Composes) {
  EXPECT_EQ(ToNfc("e\u0301"), "\u00E9");
  EXPECT_EQ(ToNfc("plain \u00E9 text"), "plain \u00E9 text");
  EXPECT_EQ(ToNfc("\u212B"), "\u00C5");         // a singleton goes to what it stands for
  EXPECT_EQ(ToNfc("s\u0323\u0307"), "\u1E69");  // two steps
  EXPECT_EQ(ToNfc("s\u0307\u0323"), "\u1E69");  // in canonical order first
  EXPECT_EQ(ToNfc("\u0958"), "\u0915\u093C");   // excluded from composition
  EXPECT_EQ(ToNfc("\u0344"), "\u0308\u0301");
}

TEST(NfcTest, BlockedMarksStay) {
  // The second acute is behind one of its own class.
  EXPECT_EQ(ToNfc("a\u0301\u0301"), "\u00E1\u0301");
  EXPECT_EQ(ToNfc("\u0301e"), "\u0301e");  // no starter before it
  EXPECT_EQ(ToNfc("e\u200D\u0301"), "e\u200D\u0301");
}

TEST(NfcTest, Hangul) {
  EXPECT_EQ(ToNfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(ToNfc("\u1112\u1161"), "\uD558");
  EXPECT_EQ(ToNfc("\uD558\u11AB"), "\uD55C");
  EXPECT_EQ(ToNfc("\uD55C\u11AB"), "\uD55C\u11AB");  // a closed syllable takes no more
  EXPECT_EQ(ToNfc("\u1112\u11AB"), "\u1112\u11AB");
  EXPECT_EQ(ToNfc("\uD558\u11A7"), "\uD558\u11A7");  // the base of the T jamo is none of them
}

TEST(NfcTest, InvalidBytesStay) {
  EXPECT_EQ(ToNfc("\xC3"), "\xC3");
  EXPECT_EQ(ToNfc("e\xFF\u0301"), "e\xFF\u0301");
  EXPECT_EQ(ToNfc("e\u0301\xE4\xBD"), "\u00E9\xE4\xBD");
}

TEST(NfcTest, LongRunsOfMarksAreFast) {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
  EXPECT_EQ(ToNfc(marks).size(), marks.size());  // a and a dot below: 3 bytes, before and after
}

}  // namespace
}  // namespace qed
