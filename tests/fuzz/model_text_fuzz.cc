// What a model writes: answers, programs, calls of functions, stop strings.
#include <string>
#include <vector>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "serve/tool_calls.h"
#include "solve/answer.h"
#include "solve/code_block.h"
#include "tests/fuzz/fuzz_input.h"
#include "text/prompt.h"
#include "text/stop_matcher.h"

namespace qed {
namespace {

void ReadAnswer(std::string_view text) {
  const auto boxed = ExtractBoxedAnswer(text);
  if (!boxed) return;
  FuzzCheck(!boxed->empty() && boxed->size() <= kMaxAnswerBytes, "an answer has some length");
  const std::string form = NormalizeAnswer(*boxed);
  FuzzCheck(NormalizeAnswer(form) == form, "a form is its own form");
  (void)AnswerModulo(form, 1000);
}

// Calls as JSON, with the text around them joined.
std::string ReadCalls(std::string_view text, size_t piece, const std::string& begun) {
  ToolCallOptions options;
  options.functions = {"f", "weather"};
  options.begun = begun;
  ToolCallReader reader(options);
  std::string plain, calls;
  const auto take = [&](const std::vector<ToolCallPiece>& pieces) {
    for (const ToolCallPiece& part : pieces) {
      if (!part.call) {
        plain += part.text;
        continue;
      }
      calls += part.call->name + part.call->arguments + "\n";
    }
  };
  for (size_t at = 0; at < text.size(); at += piece) take(reader.Push(text.substr(at, piece)));
  take(reader.Finish());
  return calls + plain;
}

void ReadPrograms(std::string_view text) {
  const CodeTags tags;
  FuzzCheck(BeforeOpenCodeBlock(text, tags).size() <= text.size(), "a part is no longer");
  const auto code = ClosedCodeBlock(std::string(text) + tags.code_end, tags);
  if (code) FuzzCheck(code->size() <= text.size(), "a program is part of its text");
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::WriteSeeds(
      *argc, *argv,
      {"so \\boxed{\\frac{1}{2}} or \\boxed{1,234\\%}", "\\boxed{\\text{(A) } x \\in [0, 1)}",
       "\\boxed{-3\\frac12}", "\\boxed 5",
       "a <tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\"}}\n</tool_call> b",
       "<|python_tag|>{\"name\": \"weather\", \"parameters\": {}}; {\"name\": \"f\"}",
       "<function=f>{\"a\": [1]}</function>", "<tool_call>\nprint(1)\n<tool_call>\nprint(2)\n"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = qed::FuzzText(data, size);
  qed::ReadAnswer(text);
  qed::ReadPrograms(text);
  for (const char* begun : {"", "<tool_call>\n{\"name\": \"f\", \"arguments\": {"}) {
    qed::FuzzCheck(qed::ReadCalls(text, size + 1, begun) == qed::ReadCalls(text, 3, begun),
                   "a text has the same calls in pieces");
  }
  return 0;
}
