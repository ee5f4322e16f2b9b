#include "solve/code_block.h"

#include "base/check.h"

namespace qed {
namespace {

// Whole blank lines at the start and white space at the end go; the first
// line's indentation stays.
std::string_view DropBlankLines(std::string_view code) {
  const size_t first = code.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  const size_t line = code.rfind('\n', first);
  if (line != std::string_view::npos) code.remove_prefix(line + 1);
  return code.substr(0, code.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

std::optional<std::string> ClosedCodeBlock(std::string_view text, const CodeTags& tags) {
  QED_CHECK(text.ends_with(tags.code_end));
  const std::string_view before = text.substr(0, text.size() - tags.code_end.size());
  const size_t begin = before.rfind(tags.code_begin);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view code = before.substr(begin + tags.code_begin.size());
  if (code.find(tags.code_end) != std::string_view::npos) return std::nullopt;
  return std::string(DropBlankLines(code));
}

std::string_view BeforeOpenCodeBlock(std::string_view text, const CodeTags& tags) {
  std::string_view end = tags.code_end;
  end = end.substr(0, end.find_last_not_of(" \t\r\n") + 1);
  if (tags.code_begin.empty() || end.empty()) return text;
  const size_t begin = text.rfind(tags.code_begin);
  if (begin == std::string_view::npos) return text;
  const bool ended = text.find(end, begin + tags.code_begin.size()) != std::string_view::npos;
  return ended ? text : text.substr(0, begin);
}

std::string FormatCodeOutput(const ExecuteResult& result, const CodeTags& tags) {
  std::string text = tags.output_begin;
  if (tags.output_format == "llama") {
    text += ProcessStatusName(result.process_status);
    if (!result.out.empty()) text += "\n[stdout]\n" + result.out + "[/stdout]";
    if (!result.err.empty()) text += "\n[stderr]\n" + result.err + "[/stderr]";
  } else {
    text += result.out + result.err;
  }
  return text + tags.output_end;
}

std::string RemainingCallsNotice(int32_t remaining) {
  if (remaining <= 0) {
    return "```system\nYou have run out of code executions! You can no longer write or execute "
           "code. Now you should continue solving the problem by relying on your mathematical "
           "reasoning and analytical skills.\n```\n";
  }
  return "```system\nRemaining code executions: " + std::to_string(remaining) +
         ". You will not be able to call code when you run out of executions, so use it wisely. "
         "Note that you can still continue solving the problem without code after that.\n```\n";
}

}  // namespace qed
