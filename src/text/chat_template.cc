#include "text/chat_template.h"

#include <utility>

#include "text/jinja/template.h"
#include "text/jinja/value.h"
#include "text/tokenizer.h"

namespace qed {

ChatTemplate::ChatTemplate(jinja::Template compiled)
    : template_(std::make_unique<const jinja::Template>(std::move(compiled))) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::Compile(std::string_view source, std::string bos_token,
                                           std::string eos_token) {
  if (source.empty()) return NotFound("the model has no chat template");
  Result<jinja::Template> compiled = jinja::Template::Compile(source);
  if (!compiled.ok()) return compiled.status().WithPrefix("chat template");
  ChatTemplate chat(*std::move(compiled));
  chat.bos_token_ = std::move(bos_token);
  chat.eos_token_ = std::move(eos_token);
  return chat;
}

Result<ChatTemplate> ChatTemplate::FromTokenizer(const Tokenizer& tokenizer) {
  return Compile(tokenizer.chat_template(),
                 std::string(tokenizer.TokenBytes(tokenizer.bos_token_id())),
                 std::string(tokenizer.TokenBytes(tokenizer.eos_token_id())));
}

Result<std::string> ChatTemplate::Render(const ChatInput& input, const std::tm& now) const {
  jinja::Dict context;
  QED_ASSIGN_OR_RETURN(jinja::Value messages, jinja::FromJson(input.messages));
  QED_ASSIGN_OR_RETURN(jinja::Value tools, jinja::FromJson(input.tools));
  if (input.extra.is_object()) {
    for (const auto& [name, json] : input.extra.items()) {
      QED_ASSIGN_OR_RETURN(jinja::Value value, jinja::FromJson(json));
      context.Set(name, std::move(value));
    }
  }
  // `transformers` hands these over even where there are none.
  context.Set("messages", std::move(messages));
  context.Set("tools", std::move(tools));
  context.Set("documents", jinja::Value());
  context.Set("add_generation_prompt", jinja::Value(input.add_generation_prompt));
  if (!bos_token_.empty()) context.Set("bos_token", jinja::Value(bos_token_));
  if (!eos_token_.empty()) context.Set("eos_token", jinja::Value(eos_token_));
  Result<std::string> text = template_->Render(context, now);
  return text.ok() ? std::move(text) : text.status().WithPrefix("chat template");
}

}  // namespace qed
