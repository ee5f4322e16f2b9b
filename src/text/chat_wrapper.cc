#include <algorithm>
#include <ctime>
#include <utility>

#include "text/chat_template.h"
#include "text/prompt.h"
#include "text/tokenizer.h"
#include "text/tokenizer_definition.h"
#include "text/unicode.h"

namespace qed {
namespace {

ChatWrapper ChatMl() {
  ChatWrapper w;
  w.system_begin = "<|im_start|>system\n";
  w.user_begin = "<|im_start|>user\n";
  w.assistant_begin = "<|im_start|>assistant\n";
  w.system_end = w.user_end = "<|im_end|>\n";
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
  w.system_end = w.user_end = "<|eot_id|>";
  w.stop = {"<|eot_id|>", "<|end_of_text|>"};
  w.trim = true;
  return w;
}

ChatWrapper Plain() {
  ChatWrapper w;
  w.system_end = "\n\n";
  return w;
}

// The day of which prompts are written; also the one that Llama-3's template takes
// where it knows of no other.
std::tm PromptDay() {
  std::tm day{};
  day.tm_year = 2024 - 1900;
  day.tm_mon = 6;
  day.tm_mday = 26;
  day.tm_wday = 5;
  day.tm_yday = 207;
  return day;
}

Result<ChatWrapper> WrapperOf(Result<ChatTemplate> compiled, std::string_view eos_token) {
  if (!compiled.ok()) return compiled.status();
  ChatWrapper wrapper;
  wrapper.chat_template = std::make_shared<const ChatTemplate>(*std::move(compiled));
  for (const std::string& stop : {wrapper.chat_template->EndOfTurn(), std::string(eos_token)}) {
    if (!stop.empty() && std::ranges::find(wrapper.stop, stop) == wrapper.stop.end()) {
      wrapper.stop.push_back(stop);
    }
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

Result<ChatWrapper> ChatWrapper::FromTemplate(std::string_view chat_template, std::string bos_token,
                                              std::string eos_token) {
  const std::string eos = eos_token;
  return WrapperOf(ChatTemplate::Compile(chat_template, std::move(bos_token), std::move(eos_token)),
                   eos);
}

Result<ChatWrapper> ChatWrapper::FromTokenizer(const Tokenizer& tokenizer) {
  return WrapperOf(ChatTemplate::FromTokenizer(tokenizer),
                   tokenizer.TokenBytes(tokenizer.eos_token_id()));
}

Result<std::string> ChatWrapper::Wrap(const std::optional<std::string>& system,
                                      std::string_view user) const {
  if (chat_template) return chat_template->RenderTurn(system, user, PromptDay());
  std::string out = text_begin;
  const std::string_view text = system.has_value() ? std::string_view(*system) : "";
  const bool plain_and_empty = text.empty() && system_begin.empty();
  if ((system.has_value() || always_system) && !plain_and_empty) {
    out.append(system_begin).append(trim ? TrimSpace(text) : text).append(system_end);
  }
  out.append(user_begin).append(trim ? TrimSpace(user) : user).append(user_end);
  return out.append(assistant_begin);
}

}  // namespace qed
