#include "serve/tool_calls.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What a text came to: its text, and its calls as "name arguments".
struct Reading {
  std::string text;
  std::vector<std::string> calls;
  bool operator==(const Reading&) const = default;
  friend void PrintTo(const Reading& reading, std::ostream* out) {
    *out << ::testing::PrintToString(reading.text) << ::testing::PrintToString(reading.calls);
  }
};

void Add(const std::vector<ToolCallPiece>& pieces, Reading* out) {
  for (const ToolCallPiece& piece : pieces) {
    out->text += piece.text;
    if (piece.call) out->calls.push_back(piece.call->name + " " + piece.call->arguments);
  }
}

ToolCallOptions Options() {
  return {.functions = {"add", "weather"}, .parallel = true, .begun = "", .required = ""};
}

Reading ReadIn(std::string_view text, size_t step, const ToolCallOptions& options = Options()) {
  ToolCallReader reader(options);
  Reading reading;
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    Add(reader.Push(text.substr(0, step)), &reading);
  }
  Add(reader.Finish(), &reading);
  EXPECT_EQ(static_cast<size_t>(reader.calls()), reading.calls.size());
  return reading;
}

// However the text is cut into pieces, the reading is the same.
Reading Read(const std::string& text, const ToolCallOptions& options = Options()) {
  const Reading whole = ReadIn(text, text.size() + 1, options);
  for (size_t step = 1; step < 12; ++step) EXPECT_EQ(ReadIn(text, step, options), whole) << step;
  return whole;
}

TEST(ToolCallsTest, Hermes) {
  const std::string call = R"(<tool_call>
{"name": "add", "arguments": {"a": 1, "b": "x}</y>"}}
</tool_call>)";
  EXPECT_EQ(Read(call), (Reading{"", {R"(add {"a":1,"b":"x}</y>"})"}}));
  EXPECT_EQ(Read("I will add.\n\n" + call + "\n" + call + "\nDone.\n"),
            (Reading{"I will add.\nDone.",
                     {R"(add {"a":1,"b":"x}</y>"})", R"(add {"a":1,"b":"x}</y>"})"}}));
  // Not declared, but there is no other way to read it.
  EXPECT_THAT(Read(R"(<tool_call>{"name": "other"}</tool_call>)").calls, ElementsAre("other {}"));
  EXPECT_THAT(Read(R"(<tool_call>{"name": "add", "arguments": "{\"a\": 2}"}</tool_call>)").calls,
              ElementsAre(R"(add {"a":2})"));
  // The end of the text ends a call that is complete.
  EXPECT_THAT(Read(R"(<tool_call>{"name": "add", "arguments": {}})").calls, ElementsAre("add {}"));
}

TEST(ToolCallsTest, Llama) {
  EXPECT_THAT(Read(R"({"name": "add", "parameters": {"a": 1}})").calls,
              ElementsAre(R"(add {"a":1})"));
  EXPECT_THAT(Read(R"(<|python_tag|>{"type": "function", "name": "add", "parameters": {}})").calls,
              ElementsAre("add {}"));
  const Reading two =
      Read(R"(  {"name": "add", "parameters": {"s": "\"}"}}; {"name": "weather", "parameters": {}})"
           "\n");
  EXPECT_EQ(two, (Reading{"", {R"(add {"s":"\"}"})", "weather {}"}}));
  EXPECT_THAT(Read(R"({"function": {"name": "add", "arguments": {}}, "type": "function"})").calls,
              ElementsAre("add {}"));
  EXPECT_EQ(Read(R"(So: <function=add>{"a": [1, 2]}</function>)"),
            (Reading{"So:", {R"(add {"a":[1,2]})"}}));
}

TEST(ToolCallsTest, WhatIsNoCallStaysText) {
  for (const char* text : {"",
                           " ",
                           "\n",
                           "Hello.\n",
                           "  Hello",
                           "{",
                           "{}",
                           "{\"answer\": 5}",
                           "{\"name\": \"add\"",
                           "{\"name\": \"unknown\", \"parameters\": {}}",
                           "{\"name\": 5, \"parameters\": {}}",
                           "{\"name\": \"add\", \"parameters\": [1]}",
                           "<tool_call>",
                           "<tool_call>\n{\"na",
                           "<tool_call>x = 1\nprint(x)\n</tool_call>\n",
                           "<tool_cal",
                           "a < b <",
                           "<function=",
                           "<function=add>nothing</function>",
                           "<function>{}</function>",
                           "</tool_call>",
                           "x <tool_call>{\"name\": \"\"}</tool_call> y",
                           "<|python_tag",
                           "{\"a\": \"\\",
                           "{ \"x",
                           "text {\"name\": \"add\", \"parameters\": {}}"}) {
    EXPECT_EQ(Read(text), (Reading{text, {}})) << text;
  }
}

TEST(ToolCallsTest, TextBehindABareCallIsText) {
  EXPECT_EQ(Read(R"({"name": "add", "parameters": {}} That was it.)"),
            (Reading{" That was it.", {"add {}"}}));
}

TEST(ToolCallsTest, OnlyTheFirstWithoutParallelCalls) {
  ToolCallOptions options = Options();
  options.parallel = false;
  const std::string call = R"(<tool_call>{"name": "add", "arguments": {}}</tool_call>)";
  EXPECT_EQ(Read(call + call, options), (Reading{"", {"add {}"}}));
}

TEST(ToolCallsTest, ACallThatWasBegunForTheModel) {
  for (const ToolCallForm form : {ToolCallForm::kHermes, ToolCallForm::kLlama}) {
    ToolCallOptions options = Options();
    options.required = "add";
    options.begun = BeginCall(form, "add");
    EXPECT_EQ(Read(R"("a": 1}})", options), (Reading{"", {R"(add {"a":1})"}}));
    // Whatever the model makes of it, it is a call.
    EXPECT_THAT(Read(R"("a": 1})", options).calls, ElementsAre(R"(add {"a": 1})"));
    EXPECT_THAT(Read(R"("a": 1, "b)", options).calls, ElementsAre(R"(add {"a": 1, "b)"));
    EXPECT_THAT(Read("", options).calls, ElementsAre("add {"));
    EXPECT_THAT(Read("nothing}\n</tool_call> more", options).calls.size(), 1u);
    options.required = "";
    options.begun = BeginCall(form, "");
    EXPECT_THAT(Read(R"(weather", "arguments": {"c": 2}})", options).calls,
                ElementsAre(R"(weather {"c":2})"));
    const Reading nothing = Read("I do not know.", options);
    EXPECT_THAT(nothing.calls, IsEmpty());
    EXPECT_EQ(nothing.text, options.begun + "I do not know.");
  }
}

TEST(ToolCallsTest, TheFormIsThatOfTheTemplate) {
  EXPECT_EQ(ToolCallFormOf("{{ '<tool_call>' }}"), ToolCallForm::kHermes);
  EXPECT_EQ(ToolCallFormOf("<|python_tag|>"), ToolCallForm::kLlama);
  EXPECT_EQ(ToolCallFormOf("<|start_header_id|> {\"name\":, \"parameters\":}"),
            ToolCallForm::kLlama);
  EXPECT_EQ(ToolCallFormOf(""), ToolCallForm::kHermes);
}

// Texts put together at random from what calls are made of: nothing is lost but white
// space, tags and what became calls, whatever the pieces.
TEST(ToolCallsTest, RandomTextsReadTheSameInAnyPieces) {
  const std::vector<std::string> parts = {"<tool_call>",
                                          "</tool_call>",
                                          "<function=add>",
                                          "</function>",
                                          "{\"name\": \"add\"",
                                          ", \"parameters\": {}}",
                                          ", \"arguments\": {\"a\": \"{\"}}",
                                          "}",
                                          "{",
                                          "\"",
                                          "\\",
                                          " ",
                                          "\n",
                                          "x",
                                          ";",
                                          "<|python_tag|>",
                                          "<",
                                          "\xC3\xA9"};
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t i = random() % 9; i > 0; --i) text += parts[random() % parts.size()];
    const Reading reading = Read(text);
    if (reading.calls.empty() && text.find("<|python_tag|>") == std::string::npos) {
      EXPECT_EQ(reading.text, text);
    }
  }
}

}  // namespace
}  // namespace qed
