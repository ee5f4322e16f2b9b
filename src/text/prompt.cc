#include "text/prompt.h"

#include <array>
#include <cstddef>
#include <exception>
#include <utility>

#include "base/file.h"
#include "text/tokenizer_definition.h"
#include "yaml-cpp/yaml.h"

namespace qed {
namespace {

constexpr size_t kMaxPromptFileBytes = 1 << 20;

struct BuiltInPrompt {
  std::string_view name;
  std::string_view user;
};

constexpr std::array<BuiltInPrompt, 3> kBuiltInPrompts = {{
    {"generic/math",
     "Solve the following math problem. Make sure to put the answer (and only answer) inside "
     "\\boxed{{}}.\n\n{examples}{problem}"},
    {"openmath/tir",
     "Solve the following math problem, integrating natural language reasoning with Python code "
     "executions.\n"
     "You may perform up to {total_code_executions} Python code calls to assist your reasoning.\n"
     "Make sure to put the answer (and only answer) inside \\boxed{{}}.\n\n{problem}"},
    {"genselect",
     "Below are a mathematics problem and {num_solutions} attempts to solve it, numbered from 0 "
     "to {max_idx}. They do not agree. Compare them step by step, find the mistakes in the wrong "
     "ones, and decide which attempt is most likely right. How many attempts share an answer is "
     "no proof of it.\n\n"
     "Problem:\n{problem}\n\n{solutions}"
     "End with one line of this form, where N is the number of the best attempt:\n"
     "Judgment: N"},
}};

// Where the value of a key goes; nullptr for a key that prompt files do not have.
std::string* TextField(PromptTemplate& prompt, const std::string& key) {
  if (key == "user") return &prompt.user;
  if (key == "system") return &prompt.system.emplace();
  if (key == "code_begin") return &prompt.tags.code_begin;
  if (key == "code_end") return &prompt.tags.code_end;
  if (key == "code_output_begin") return &prompt.tags.output_begin;
  if (key == "code_output_end") return &prompt.tags.output_end;
  if (key == "code_output_format") return &prompt.tags.output_format;
  return nullptr;
}

Status ReadFields(const YAML::Node& root, PromptTemplate& prompt) {
  if (!root.IsMap()) return InvalidArgument("not a prompt file: no \"user\" text in it");
  for (const auto& entry : root) {
    const std::string key = entry.first.as<std::string>("");
    if (key == "few_shot_examples" || (key == "system" && entry.second.IsNull())) continue;
    std::string* field = TextField(prompt, key);
    if (field == nullptr) {
      return InvalidArgument("the key " + QuotedForMessage(key) + " is not known in prompt files");
    }
    if (!entry.second.IsScalar()) return InvalidArgument("\"" + key + "\" is not a text");
    *field = entry.second.as<std::string>();
  }
  if (prompt.user.empty()) return InvalidArgument("not a prompt file: no \"user\" text in it");
  const std::string& format = prompt.tags.output_format;
  if (format != "qwen" && format != "llama") {
    return InvalidArgument("code_output_format is " + QuotedForMessage(format) +
                           "; qwen and llama are possible");
  }
  if (prompt.tags.code_begin.empty() || prompt.tags.code_end.empty()) {
    return InvalidArgument("code_begin and code_end must not be empty");
  }
  return OkStatus();
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

Result<PromptTemplate> PromptTemplate::Parse(const std::string& name, const std::string& yaml) {
  PromptTemplate prompt;
  prompt.name = name;
  if (yaml.size() > kMaxPromptFileBytes) {
    return InvalidArgument(name + ": a prompt file of more than " +
                           std::to_string(kMaxPromptFileBytes) + " bytes");
  }
  try {
    const Status status = ReadFields(YAML::Load(yaml), prompt);
    if (!status.ok()) return status.WithPrefix(name);
  } catch (const std::exception& error) {  // yaml-cpp reports by throwing
    return InvalidArgument(name + ": not YAML: " + OneLine(error.what()));
  }
  return prompt;
}

Result<PromptTemplate> PromptTemplate::Load(const std::string& name_or_path) {
  std::string names;
  for (const BuiltInPrompt& built_in : kBuiltInPrompts) {
    if (built_in.name == name_or_path) {
      PromptTemplate prompt;
      prompt.name = name_or_path;
      prompt.user = built_in.user;
      return prompt;
    }
    names += (names.empty() ? "" : " or ") + std::string(built_in.name);
  }
  const Result<std::string> yaml = ReadFile(name_or_path, kMaxPromptFileBytes);
  if (!yaml.ok() && yaml.status().code() == StatusCode::kNotFound) {
    return InvalidArgument("prompt " + QuotedForMessage(name_or_path) + ": neither " + names +
                           " nor a YAML file");
  }
  if (!yaml.ok()) return yaml.status();
  return Parse(name_or_path, *yaml);
}

Result<std::string> PromptTemplate::Fill(const std::map<std::string, std::string>& fields) const {
  std::string out;
  for (size_t pos = 0; pos < user.size();) {
    const char c = user[pos];
    const bool doubled = pos + 1 < user.size() && user[pos + 1] == c;
    if ((c != '{' && c != '}') || doubled) {
      out.push_back(c);
      pos += doubled && (c == '{' || c == '}') ? 2 : 1;
      continue;
    }
    const size_t end = c == '{' ? user.find('}', pos) : std::string::npos;
    if (end == std::string::npos) {
      return InvalidArgument("prompt " + name + ": a lone \"" + c +
                             "\" in the user text; write \"" + c + c + "\" for a brace");
    }
    const std::string field = user.substr(pos + 1, end - pos - 1);
    const auto it = fields.find(field);
    if (it != fields.end()) {
      out += it->second;
    } else if (field != "examples") {
      return InvalidArgument("prompt " + name + ": nothing to put in for " +
                             QuotedForMessage("{" + field + "}"));
    }
    pos = end + 1;
  }
  return out;
}

}  // namespace qed
