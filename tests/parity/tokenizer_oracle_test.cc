// The default model's tokenizer against ids that two other programs agree on.
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_files.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

TEST(TokenizerOracleTest, EveryPromptOfTheOracle) {
  const std::string model = DefaultModelPath();
  const std::string data = SharedDataPath("oracle_smollm2.json");
  QED_REQUIRE_FILE(model, "the default model (scripts/get-model)");
  QED_REQUIRE_FILE(data, "oracle_smollm2.json");
  const auto checkpoint = OpenCheckpoint(model);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const auto tokenizer = Tokenizer::Create(checkpoint->tokenizer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto oracle = ParseJson(ReadFile(data).value());
  ASSERT_TRUE(oracle.ok()) << oracle.status().message();

  const nlohmann::json& prompts = oracle->at("prompts");
  ASSERT_EQ(prompts.size(), 13u);
  for (const nlohmann::json& prompt : prompts) {
    const std::string text = prompt.at("prompt");
    const bool parse_special = prompt.at("parse_special");
    const std::vector<int32_t> ids = prompt.at("token_ids");
    EXPECT_EQ((*tokenizer)->Encode(text, {.parse_special = parse_special}), ids) << text;
    EXPECT_EQ((*tokenizer)->Decode(ids), text);
  }
}

TEST(TokenizerOracleTest, TheChatTemplateBringsItsSystemText) {
  const std::string model = DefaultModelPath();
  QED_REQUIRE_FILE(model, "the default model (scripts/get-model)");
  const auto checkpoint = OpenCheckpoint(model);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const auto tokenizer = Tokenizer::Create(checkpoint->tokenizer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto wrapper = ChatWrapper::FromTokenizer(**tokenizer);
  ASSERT_TRUE(wrapper.ok()) << wrapper.status().message();
  EXPECT_EQ(*wrapper->Wrap(std::nullopt, "Hi"),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace qed
