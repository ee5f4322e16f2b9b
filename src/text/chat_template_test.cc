#include "text/chat_template.h"

#include <string>

#include "gtest/gtest.h"

namespace qed {
namespace {

using nlohmann::ordered_json;

constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}"
    "{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"
    "{% if add_generation_prompt %}<assistant>{% if think is defined %}{{ think }}{% endif %}"
    "{% endif %}";

ChatInput Question() {
  ChatInput input;
  input.messages = ordered_json::parse(R"([{"role": "user", "content": "Hi"}])");
  return input;
}

TEST(ChatTemplateTest, Renders) {
  const auto chat = ChatTemplate::Compile(kTemplate, "<s>", "</s>");
  ASSERT_TRUE(chat.ok()) << chat.status().message();
  ChatInput input = Question();
  EXPECT_EQ(chat->Render(input, {}).value(), "<s><user>Hi</s><assistant>");
  input.add_generation_prompt = false;
  EXPECT_EQ(chat->Render(input, {}).value(), "<s><user>Hi</s>");
  input.tools = ordered_json::parse(R"([{"name": "f", "args": {}}])");
  EXPECT_EQ(chat->Render(input, {}).value(), "<s><user>Hi</s>[{\"name\": \"f\", \"args\": {}}]");
}

TEST(ChatTemplateTest, ExtraVariablesCannotReplaceOurs) {
  const auto chat = ChatTemplate::Compile(kTemplate, "<s>", "</s>");
  ASSERT_TRUE(chat.ok());
  ChatInput input = Question();
  input.extra = ordered_json::parse(R"({"think": true, "messages": [], "bos_token": "x"})");
  EXPECT_EQ(chat->Render(input, {}).value(), "<s><user>Hi</s><assistant>True");
}

TEST(ChatTemplateTest, ErrorsSayWhatTheyAreAbout) {
  EXPECT_EQ(ChatTemplate::Compile("", "", "").status().code(), StatusCode::kNotFound);
  const auto unknown = ChatTemplate::Compile("{{ x | weird }}", "", "");
  EXPECT_EQ(unknown.status().message(), "chat template: line 1: the filter weird");
  const auto chat = ChatTemplate::Compile("{{ raise_exception('no roles') }}", "", "");
  ASSERT_TRUE(chat.ok());
  const auto text = chat->Render(Question(), {});
  EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(text.status().message().find("no roles"), std::string::npos);
}

}  // namespace
}  // namespace qed
