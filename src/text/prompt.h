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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

class ChatTemplate;
class Tokenizer;

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

// How a user turn is wrapped for a chat model: by the model's own chat template,
// or by texts.
struct ChatWrapper {
  // The model's template; null: the texts below. What asks for the date gets 26
  // July 2024, so that a prompt does not depend on the day.
  std::shared_ptr<const ChatTemplate> chat_template;

  std::string text_begin;
  std::string system_begin, system_end;
  std::string user_begin, user_end;
  std::string assistant_begin;
  bool always_system = false;  // emit the system turn even with empty text
  bool trim = false;           // take white space off both ends of each turn's text

  std::vector<std::string> stop;  // texts that end the assistant's turn

  // Built in: "qwen-instruct" (always an empty system turn), "chatml" (none
  // unless given), "llama3-instruct", "none" (plain text).
  static Result<ChatWrapper> Load(const std::string& name);
  // The model's own. Errors: there is none, or it cannot be carried out.
  static Result<ChatWrapper> FromTemplate(std::string_view chat_template, std::string bos_token,
                                          std::string eos_token);
  static Result<ChatWrapper> FromTokenizer(const Tokenizer& tokenizer);

  // The text up to where the assistant begins. Errors: what the template refuses.
  Result<std::string> Wrap(const std::optional<std::string>& system, std::string_view user) const;
};

}  // namespace qed

#endif  // QED_TEXT_PROMPT_H_
