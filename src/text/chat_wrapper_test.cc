#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/prompt.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

std::string Wrap(const std::string& name, const std::optional<std::string>& system) {
  return ChatWrapper::Load(name).value().Wrap(system, "hi").value();
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

ChatWrapper Own(const std::string& chat_template) {
  auto wrapper = ChatWrapper::FromTemplate(chat_template, "<s>", "</s>");
  EXPECT_TRUE(wrapper.ok()) << wrapper.status().message();
  return wrapper.ok() ? *wrapper : ChatWrapper();
}

TEST(ChatWrapperTest, TheModelsOwnTemplate) {
  const ChatWrapper wrapper =
      Own("{% if messages[0].role != 'system' %}{{ '[It\\'s me]' }}{% endif %}"
          "{% for m in messages %}{{ '[' + m.role + ']' + m.content + '<end>\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}");
  EXPECT_EQ(*wrapper.Wrap(std::nullopt, " hi "), "[It's me][user] hi <end>\n[assistant]");
  EXPECT_EQ(*wrapper.Wrap("", "hi"), "[system]<end>\n[user]hi<end>\n[assistant]");
  EXPECT_THAT(wrapper.stop, ::testing::ElementsAre("<end>", "</s>"));
}

TEST(ChatWrapperTest, ThePromptDoesNotDependOnTheDay) {
  EXPECT_EQ(*Own("{{ bos_token }}{{ strftime_now('%d %b %Y, %A, %j') }} {{ messages[0].content }}")
                 .Wrap(std::nullopt, "hi"),
            "<s>26 Jul 2024, Friday, 208 hi");
}

TEST(ChatWrapperTest, TheEndOfTheTurnWhereItCanBeTold) {
  const std::string turns = "{% for m in messages %}{{ m.content }}";
  EXPECT_THAT(Own(turns + "{{ eos_token }}{% endfor %}").stop, ::testing::ElementsAre("</s>"));
  EXPECT_THAT(Own(turns + "{% endfor %}").stop, ::testing::ElementsAre("</s>"));
  EXPECT_THAT(Own("{{ raise_exception('no') }}").stop, ::testing::ElementsAre("</s>"));
  EXPECT_THAT(Own("{% if messages[1] %}{{ 1 / 0 }}{% endif %}x").stop,
              ::testing::ElementsAre("</s>"));
}

TEST(ChatWrapperTest, WhatATemplateRefuses) {
  EXPECT_THAT(Own("{{ raise_exception('no system turn') }}").Wrap("S", "hi").status().message(),
              HasSubstr("no system turn"));
  for (const char* text : {"", "{{ x | nofilter }}", "{% if %}"}) {
    EXPECT_FALSE(ChatWrapper::FromTemplate(text, "", "").ok()) << text;
  }
}

}  // namespace
}  // namespace qed
