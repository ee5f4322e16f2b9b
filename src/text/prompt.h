// Prompt files and chat wrappers.
//
// A prompt file is YAML, readable as NeMo-Skills prompt files are: `user` text
// with {problem} and other {fields} ("{{" and "}}" are literal braces), and
// optionally `system`, and tags `code_begin`, `code_end`, `code_output_begin`,
// `code_output_end`, `code_output_format`. `few_shot_examples` may be there and
// is not used: there are no examples, and {examples} is empty. Any other key is
// an error. Built in: "generic/math", "openmath/tir" (Apache-2.0, NeMo-Skills:
// the texts OpenMath-Nemotron was trained with), and "genselect" (ours: {problem},
// {solutions}, {num_solutions}, {max_idx}; solve/genselect.h).
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
  // `name` is for messages. kInvalidArgument: not a prompt file.
  static Result<PromptTemplate> Parse(const std::string& name, const std::string& yaml);
  // Fills the fields of `user`. An unknown field is an error that names it.
  Result<std::string> Fill(const std::map<std::string, std::string>& fields) const;
};

// How a user turn is wrapped for a chat model.
struct ChatWrapper {
  std::string text_begin;  // may hold the beginning-of-sequence token: do not add another
  std::string system_begin, system_end;
  std::string user_begin, user_end;
  std::string assistant_begin, assistant_end;
  std::vector<std::string> stop;  // texts that end the assistant's turn
  bool always_system = false;     // emit the system turn even with empty text
  std::string default_system;     // used where the prompt gives none
  bool trim = false;              // take white space off both ends of each turn's text

  // Built in: "qwen-instruct" (always an empty system turn), "chatml" (none
  // unless given), "llama3-instruct", "none" (plain text).
  static Result<ChatWrapper> Load(const std::string& name);
  // The wrapper that fits a checkpoint's chat template (Jinja): the built-in one
  // whose special tokens it has, with the system text, the beginning of the
  // assistant's turn and the trimming that this template has. Where the template
  // asks for today's date, the date it falls back to is used, so that a prompt
  // does not depend on the day. kUnsupported, naming --chat-wrapper, where none
  // is recognised.
  static Result<ChatWrapper> Detect(std::string_view chat_template);

  // The text up to where the assistant begins.
  std::string Wrap(const std::optional<std::string>& system, std::string_view user) const;
};

}  // namespace qed

#endif  // QED_TEXT_PROMPT_H_
