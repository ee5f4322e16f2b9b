// Prompt files and chat wrappers.
//
// A prompt file is YAML, readable as NeMo-Skills prompt files are: `user` text
// with {problem} and other {fields} ("{{" and "}}" are literal braces), and
// optionally `system`, `image_position`-like keys we do not know (an error),
// and tags `code_begin`, `code_end`, `code_output_begin`, `code_output_end`,
// `code_output_format`. Built in: "generic/math", "openmath/tir".
#ifndef QED_TEXT_PROMPT_H_
#define QED_TEXT_PROMPT_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

// How code and its output are marked in a transcript. The defaults are those of
// OpenMath-Nemotron.
struct CodeTags {
  std::string code_begin = "<tool_call>";
  std::string code_end = "</tool_call>";
  std::string output_begin = "\n```output\n";
  std::string output_end = "```\n";
  std::string output_format = "qwen";  // "qwen": stdout then stderr; "llama": with status words
};

struct PromptTemplate {
  std::string name;
  std::string user;                   // with {fields}
  std::optional<std::string> system;  // none: the wrapper decides
  CodeTags tags;

  // A built-in name or a path to a YAML file.
  static Result<PromptTemplate> Load(const std::string& name_or_path);
  // Fills the fields of `user`. An unknown field is an error that names it.
  Result<std::string> Fill(const std::map<std::string, std::string>& fields) const;
};

// How a user turn is wrapped for a chat model.
struct ChatWrapper {
  std::string text_begin;
  std::string system_begin, system_end;
  std::string user_begin, user_end;
  std::string assistant_begin, assistant_end;
  std::vector<std::string> stop;  // texts that end the assistant's turn
  bool always_system = false;     // emit the system turn even with empty text
  std::string default_system;     // used where the prompt gives none

  // Built in: "qwen-instruct" (always an empty system turn), "chatml" (none
  // unless given), "llama3-instruct", "none" (plain text).
  static Result<ChatWrapper> Load(const std::string& name);
  // The wrapper that fits a checkpoint's chat template: which of the built-in
  // ones its special tokens are those of. kUnsupported, naming --chat-wrapper,
  // where none is recognised.
  static Result<ChatWrapper> Detect(std::string_view chat_template);

  // The text up to where the assistant begins.
  std::string Wrap(const std::optional<std::string>& system, std::string_view user) const;
};

}  // namespace qed

#endif  // QED_TEXT_PROMPT_H_
