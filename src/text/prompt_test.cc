#include "text/prompt.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

TEST(PromptTest, BuiltInsRenderTheTrainedTexts) {
  EXPECT_THAT(PromptTemplate::Load("genselect")->user, HasSubstr("Judgment: N"));
  const auto math = PromptTemplate::Load("generic/math");
  ASSERT_TRUE(math.ok());
  EXPECT_EQ(math->Fill({{"problem", "What is {1}?"}}).value(),
            "Solve the following math problem. Make sure to put the answer (and only answer) "
            "inside \\boxed{}.\n\nWhat is {1}?");
  EXPECT_EQ(math->tags.code_begin, "<tool_call>");
  EXPECT_FALSE(math->system.has_value());

  const auto tir = PromptTemplate::Load("openmath/tir");
  ASSERT_TRUE(tir.ok());
  EXPECT_EQ(tir->Fill({{"problem", "P"}, {"total_code_executions", "6"}}).value(),
            "Solve the following math problem, integrating natural language reasoning with "
            "Python code executions.\nYou may perform up to 6 Python code calls to assist your "
            "reasoning.\nMake sure to put the answer (and only answer) inside \\boxed{}.\n\nP");
}

TEST(PromptTest, FieldErrors) {
  PromptTemplate prompt;
  prompt.name = "mine";
  const auto error = [&](const std::string& user) {
    prompt.user = user;
    const auto filled = prompt.Fill({{"problem", "p"}});
    return filled.ok() ? "ok: " + *filled : filled.status().message();
  };
  EXPECT_THAT(error("{problem} {hint}"), HasSubstr("nothing to put in for \"{hint}\""));
  EXPECT_THAT(error("a } b"), HasSubstr("lone \"}\""));
  EXPECT_THAT(error("a { b"), HasSubstr("lone \"{\""));
  EXPECT_EQ(error("{{{problem}}} {{}}"), "ok: {p} {}");
}

TEST(PromptTest, ReadsYaml) {
  const auto prompt = PromptTemplate::Parse("my.yaml",
                                            "# a comment\n"
                                            "few_shot_examples:\n"
                                            "  prefix: \"Examples:\"\n"
                                            "system: \"\"\n"
                                            "user: |-\n"
                                            "  Solve.\n\n"
                                            "  {problem}\n"
                                            "code_begin: \"<code>\\n\"\n"
                                            "code_output_format: llama\n");
  ASSERT_TRUE(prompt.ok()) << prompt.status().message();
  EXPECT_EQ(prompt->user, "Solve.\n\n{problem}");
  EXPECT_EQ(prompt->system, "");
  EXPECT_EQ(prompt->tags.code_begin, "<code>\n");
  EXPECT_EQ(prompt->tags.code_end, "</tool_call>");
  EXPECT_EQ(prompt->tags.output_format, "llama");
}

TEST(PromptTest, YamlErrorsAreOneLine) {
  const auto error = [](const std::string& yaml) {
    const auto prompt = PromptTemplate::Parse("my.yaml", yaml);
    EXPECT_FALSE(prompt.ok());
    if (prompt.ok()) return std::string();
    EXPECT_EQ(prompt.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(prompt.status().message().find('\n'), std::string::npos);
    EXPECT_THAT(prompt.status().message(), ::testing::StartsWith("my.yaml: "));
    return prompt.status().message();
  };
  EXPECT_THAT(error("user: [a"), HasSubstr("not YAML"));
  EXPECT_THAT(error(""), HasSubstr("no \"user\" text"));
  EXPECT_THAT(error("- user"), HasSubstr("no \"user\" text"));
  EXPECT_THAT(error("system: x"), HasSubstr("no \"user\" text"));
  EXPECT_THAT(error("user: [a]"), HasSubstr("\"user\" is not a text"));
  EXPECT_THAT(error("user: a\nimage_position: before"), HasSubstr("\"image_position\""));
  EXPECT_THAT(error("user: a\ncode_output_format: xml"), HasSubstr("qwen and llama"));
  EXPECT_THAT(error("user: a\ncode_end: \"\""), HasSubstr("must not be empty"));
  EXPECT_THAT(error(std::string(100000, '[')), HasSubstr("not YAML"));
  EXPECT_THAT(error(std::string((1 << 20) + 1, ' ')), HasSubstr("more than"));
}

TEST(PromptTest, LoadsFilesAndSaysWhenThereIsNone) {
  const TempDir dir;
  std::ofstream(dir.File("p.yaml")) << "user: \"{problem}\"\n";
  const auto prompt = PromptTemplate::Load(dir.File("p.yaml"));
  ASSERT_TRUE(prompt.ok());
  EXPECT_EQ(prompt->Fill({{"problem", "x"}}).value(), "x");
  EXPECT_THAT(PromptTemplate::Load("generic/maths").status().message(),
              HasSubstr("neither generic/math or openmath/tir or genselect nor a YAML file"));
}

}  // namespace
}  // namespace qed
