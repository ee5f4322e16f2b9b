#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/prompt.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

std::string Wrap(const std::string& name, const std::optional<std::string>& system) {
  return ChatWrapper::Load(name).value().Wrap(system, "hi");
}

ChatWrapper Detected(const std::string& chat_template) {
  auto wrapper = ChatWrapper::Detect(chat_template);
  EXPECT_TRUE(wrapper.ok()) << wrapper.status().message();
  return wrapper.ok() ? *wrapper : ChatWrapper();
}

TEST(ChatWrapperTest, BuiltIns) {
  EXPECT_EQ(Wrap("qwen-instruct", std::nullopt),
            "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(Wrap("chatml", std::nullopt),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(Wrap("chatml", "S"),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(Wrap("llama3-instruct", std::nullopt),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(Wrap("none", std::nullopt), "hi");
  EXPECT_EQ(Wrap("none", ""), "hi");
  EXPECT_EQ(Wrap("none", "S"), "S\n\nhi");
  EXPECT_THAT(ChatWrapper::Load("alpaca").status().message(), HasSubstr("\"alpaca\" is not one"));
}

TEST(ChatWrapperTest, DetectsADefaultSystemText) {
  const ChatWrapper wrapper = Detected(
      "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nIt\\'s me\\n.<|im_end|>\n' }}"
      "{% endif %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + "
      "'<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
  EXPECT_EQ(wrapper.default_system, "It's me\n.");
  EXPECT_EQ(wrapper.Wrap(std::nullopt, "hi"),
            "<|im_start|>system\nIt's me\n.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(wrapper.Wrap("", "hi").substr(0, 30), "<|im_start|>system\n<|im_end|>\n");
  EXPECT_THAT(wrapper.stop, ::testing::Contains("<|im_end|>"));
}

TEST(ChatWrapperTest, DetectsTemplatesWithoutSystemText) {
  const ChatWrapper wrapper = Detected(
      "{%- if messages[0].role == 'system' %}{{- \"<|im_start|>system\\n\" + messages[0].content + "
      "\"<|im_end|>\\n\" }}{%- endif %}...<|im_end|>"
      "{%- if add_generation_prompt %}{{- \"<|im_start|>assistant\\n<think>\\n\" }}{%- endif %}");
  EXPECT_EQ(wrapper.Wrap(std::nullopt, " hi "),
            "<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n<think>\n");
}

TEST(ChatWrapperTest, DetectsLlama3AndItsDates) {
  const std::string plain =
      "{% set content = '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | "
      "trim "
      "+ '<|eot_id|>' %}{{ bos_token + content }}";
  EXPECT_EQ(Detected(plain).Wrap(std::nullopt, " hi\n"),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(Detected(plain + "{{ \"Cutting Knowledge Date: December 2023\\n\" }}").Wrap("S", "hi"),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge "
            "Date: December 2023\nToday Date: 26 Jul 2024\n\nS<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatWrapperTest, SaysWhenNothingFits) {
  for (const char* text : {"", "{{ '[INST] ' + messages[0].content }}", "<|im_start|>"}) {
    const auto wrapper = ChatWrapper::Detect(text);
    ASSERT_FALSE(wrapper.ok());
    EXPECT_EQ(wrapper.status().code(), StatusCode::kUnsupported);
    EXPECT_THAT(wrapper.status().message(), HasSubstr("--chat-wrapper"));
  }
  EXPECT_THAT(ChatWrapper::Detect("'<|im_start|>system\nA<|im_end|>' '<|im_start|>system\nB"
                                  "<|im_end|>'")
                  .status()
                  .message(),
              HasSubstr("several system texts"));
}

}  // namespace
}  // namespace qed
