#include "text/detokenizer.h"

#include "gtest/gtest.h"
#include "text/test_tokenizers.h"

namespace qed {
namespace {

class DetokenizerTest : public ::testing::Test {
 protected:
  // What comes out at each token, with a "|" behind it, and at the end.
  std::string Pieces(const std::vector<int32_t>& ids, bool skip_special = false) const {
    Detokenizer detokenizer(*tokenizer_, skip_special);
    std::string out;
    for (const int32_t id : ids) {
      detokenizer.Push(id, out);
      out += "|";
    }
    detokenizer.Finish(out);
    return out;
  }
  const std::unique_ptr<const Tokenizer> tokenizer_ = MakeTokenizer(SmallGgufSpec());
};

TEST_F(DetokenizerTest, HoldsBackHalfCharacters) {
  EXPECT_EQ(Pieces({0xE4, 0xBD, 0xA0, 'a'}), "||\u4F60|a|");
  EXPECT_EQ(Pieces({0xF0, 0x9F, 0x98, 0x80}), "|||\U0001F600|");
}

TEST_F(DetokenizerTest, InvalidBytesBecomeReplacementCharacters) {
  EXPECT_EQ(Pieces({0xE4, 'a'}), "|\uFFFDa|");
  EXPECT_EQ(Pieces({0x80, 'a'}), "\uFFFD|a|");
  EXPECT_EQ(Pieces({0xE4, 0xBD}), "||\uFFFD");
  EXPECT_EQ(Pieces({0xE4, 0xE4, 0xBD, 0xA0}), "|\uFFFD||\u4F60|");
}

TEST_F(DetokenizerTest, SpecialTokensAreTextOrLeftOut) {
  EXPECT_EQ(Pieces({259, 261, 260}), "hello|<s>| hello|");
  EXPECT_EQ(Pieces({259, 261, 260, 262}, /*skip_special=*/true), "hello|| hello|<tool>|");
}

TEST_F(DetokenizerTest, UnknownIdsGiveNothing) { EXPECT_EQ(Pieces({-1, 'a', 100000}), "|a||"); }

}  // namespace
}  // namespace qed
