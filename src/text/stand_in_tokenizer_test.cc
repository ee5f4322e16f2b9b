#include "text/stand_in_tokenizer.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

TEST(StandInTokenizerTest, BytesAreTokensAndTheRestHasNames) {
  auto made = Tokenizer::Create(StandInTokenizer(151936));
  ASSERT_TRUE(made.ok()) << made.status().message();
  const Tokenizer& tokenizer = **made;
  EXPECT_EQ(tokenizer.vocab_size(), 151936);
  const std::string text = "a\xC3\xBC \n~300";
  const std::vector<int32_t> ids = tokenizer.Encode(text);
  EXPECT_EQ(ids, (std::vector<int32_t>{'a', 0xC3, 0xBC, ' ', '\n', '~', '3', '0', '0'}));
  EXPECT_EQ(tokenizer.Decode(ids), text);
  EXPECT_EQ(tokenizer.Decode({256, 151935}), "~256~151935");
  EXPECT_EQ(tokenizer.eos_token_id(), -1);
  EXPECT_TRUE(tokenizer.chat_template().empty());
}

}  // namespace
}  // namespace qed
