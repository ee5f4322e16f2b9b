#include <algorithm>
#include <cstddef>
#include <utility>

#include "text/prompt.h"
#include "text/tokenizer_definition.h"
#include "text/unicode.h"

namespace qed {
namespace {

constexpr std::string_view kImStart = "<|im_start|>";
constexpr std::string_view kImEnd = "<|im_end|>";

ChatWrapper ChatMl() {
  ChatWrapper w;
  w.system_begin = "<|im_start|>system\n";
  w.user_begin = "<|im_start|>user\n";
  w.assistant_begin = "<|im_start|>assistant\n";
  w.system_end = w.user_end = w.assistant_end = "<|im_end|>\n";
  w.stop = {"<|im_end|>", "<|endoftext|>"};
  return w;
}

ChatWrapper QwenInstruct() {
  ChatWrapper w = ChatMl();
  w.always_system = true;
  return w;
}

ChatWrapper Llama3Instruct() {
  ChatWrapper w;
  w.text_begin = "<|begin_of_text|>";
  w.system_begin = "<|start_header_id|>system<|end_header_id|>\n\n";
  w.user_begin = "<|start_header_id|>user<|end_header_id|>\n\n";
  w.assistant_begin = "<|start_header_id|>assistant<|end_header_id|>\n\n";
  w.system_end = w.user_end = w.assistant_end = "<|eot_id|>";
  w.stop = {"<|eot_id|>", "<|end_of_text|>"};
  w.trim = true;
  return w;
}

ChatWrapper Plain() {
  ChatWrapper w;
  w.system_end = "\n\n";
  return w;
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The constant text of a template from `begin`, which lies in a quoted string or
// between tags: up to the closing quote or the next tag, escapes resolved.
std::string ConstantAt(std::string_view text, size_t begin) {
  const char before = begin > 0 ? text[begin - 1] : '\0';
  const bool quoted = before == '\'' || before == '"';
  std::string out;
  for (size_t pos = begin; pos < text.size(); ++pos) {
    const std::string_view rest = text.substr(pos);
    if (quoted ? rest.front() == before : rest.starts_with("{{") || rest.starts_with("{%")) break;
    if (quoted && rest.front() == '\\' && rest.size() > 1) {
      ++pos;
      out.push_back(rest[1] == 'n' ? '\n' : rest[1] == 't' ? '\t' : rest[1]);
    } else {
      out.push_back(rest.front());
    }
  }
  return out;
}

// The constant texts of the template that start with `prefix`.
std::vector<std::string> Constants(std::string_view text, std::string_view prefix) {
  std::vector<std::string> found;
  for (size_t pos = text.find(prefix); pos != std::string_view::npos;
       pos = text.find(prefix, pos + 1)) {
    found.push_back(ConstantAt(text, pos));
  }
  return found;
}

// A template that writes the system turn as one constant does so where the
// messages have none.
Result<std::string> DefaultSystem(std::string_view chat_template, const ChatWrapper& wrapper) {
  std::string system;
  for (const std::string& text : Constants(chat_template, "<|im_start|>system")) {
    const size_t end = text.find(kImEnd);
    if (!text.starts_with(wrapper.system_begin) || end == std::string::npos) continue;
    const size_t begin = wrapper.system_begin.size();
    std::string found = text.substr(begin, end - begin);
    if (!system.empty() && system != found) {
      return Unsupported(
          "the chat template has several system texts; choose one of the wrappers "
          "with --chat-wrapper");
    }
    system = std::move(found);
  }
  return system;
}

Result<ChatWrapper> DetectChatMl(std::string_view chat_template) {
  ChatWrapper wrapper = ChatMl();
  QED_ASSIGN_OR_RETURN(wrapper.default_system, DefaultSystem(chat_template, wrapper));
  wrapper.trim = Has(chat_template, "content'] | trim") || Has(chat_template, "content | trim");
  const size_t generation = chat_template.rfind("add_generation_prompt");
  if (generation == std::string_view::npos) return wrapper;
  for (const std::string& text :
       Constants(chat_template.substr(generation), "<|im_start|>assistant")) {
    if (!text.starts_with(wrapper.assistant_begin)) continue;
    wrapper.assistant_begin = text;  // may go on, for example with "<think>\n"
    break;
  }
  return wrapper;
}

ChatWrapper DetectLlama3(std::string_view chat_template) {
  ChatWrapper wrapper = Llama3Instruct();
  wrapper.trim = Has(chat_template, "trim");
  const bool begins = Has(chat_template, "bos_token") || Has(chat_template, wrapper.text_begin);
  if (!begins) wrapper.text_begin.clear();
  // Llama 3.1 and later write two dates into a system turn that is always there.
  if (Has(chat_template, "Cutting Knowledge Date: December 2023")) {
    wrapper.system_begin += "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
    wrapper.always_system = true;
  }
  return wrapper;
}

}  // namespace

Result<ChatWrapper> ChatWrapper::Load(const std::string& name) {
  if (name == "qwen-instruct") return QwenInstruct();
  if (name == "chatml") return ChatMl();
  if (name == "llama3-instruct") return Llama3Instruct();
  if (name == "none") return Plain();
  return InvalidArgument("--chat-wrapper " + QuotedForMessage(name) +
                         " is not one of qwen-instruct, chatml, llama3-instruct and none");
}

Result<ChatWrapper> ChatWrapper::Detect(std::string_view chat_template) {
  if (Has(chat_template, kImStart) && Has(chat_template, kImEnd)) {
    return DetectChatMl(chat_template);
  }
  if (Has(chat_template, "<|start_header_id|>") && Has(chat_template, "<|eot_id|>")) {
    return DetectLlama3(chat_template);
  }
  return Unsupported(std::string(chat_template.empty() ? "the checkpoint has no chat template"
                                                       : "the chat template is not known") +
                     "; choose qwen-instruct, chatml, llama3-instruct or none with --chat-wrapper");
}

std::string ChatWrapper::Wrap(const std::optional<std::string>& system,
                              std::string_view user) const {
  std::string out = text_begin;
  const std::string_view text = system.has_value() ? *system : default_system;
  const bool plain_and_empty = text.empty() && system_begin.empty();
  const bool has_system = system.has_value() || !default_system.empty() || always_system;
  if (has_system && !plain_and_empty) {
    out.append(system_begin).append(trim ? TrimSpace(text) : text).append(system_end);
  }
  out.append(user_begin).append(trim ? TrimSpace(user) : user).append(user_end);
  return out.append(assistant_begin);
}

}  // namespace qed
