#include "text/chat_template.h"

#include <utility>

#include "text/jinja/budget.h"
#include "text/jinja/template.h"
#include "text/jinja/value.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace qed {

std::tm LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

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
  jinja::Budget budget;
  jinja::Dict context;
  const auto render = [&]() -> Result<std::string> {
    if (input.extra.is_object()) {
      for (const auto& [name, json] : input.extra.items()) {
        QED_ASSIGN_OR_RETURN(jinja::Value value, jinja::FromJson(json, budget));
        context.Set(name, std::move(value));
      }
    }
    QED_ASSIGN_OR_RETURN(jinja::Value messages, jinja::FromJson(input.messages, budget));
    QED_ASSIGN_OR_RETURN(jinja::Value tools, jinja::FromJson(input.tools, budget));
    // `transformers` hands these over even where there are none.
    context.Set("messages", std::move(messages));
    context.Set("tools", std::move(tools));
    context.Set("documents", jinja::Value());
    context.Set("add_generation_prompt", jinja::Value(input.add_generation_prompt));
    if (!bos_token_.empty()) context.Set("bos_token", jinja::Value(bos_token_));
    if (!eos_token_.empty()) context.Set("eos_token", jinja::Value(eos_token_));
    return template_->Render(context, now, budget);
  };
  Result<std::string> text = render();
  return text.ok() ? std::move(text) : text.status().WithPrefix("chat template");
}

Result<std::string> ChatTemplate::RenderTurn(const std::optional<std::string>& system,
                                             std::string_view user, const std::tm& now) const {
  ChatInput input;
  input.messages = nlohmann::ordered_json::array();
  if (system) input.messages.push_back({{"role", "system"}, {"content", *system}});
  input.messages.push_back({{"role", "user"}, {"content", user}});
  return Render(input, now);
}

std::string ChatTemplate::EndOfTurn() const {
  constexpr std::string_view kWords = "The answer is 42.";
  ChatInput input;
  input.messages = {{{"role", "user"}, {"content", "What is the answer?"}},
                    {{"role", "assistant"}, {"content", kWords}}};
  input.add_generation_prompt = false;
  const Result<std::string> text = Render(input, LocalTime());
  const size_t words = text.ok() ? text->rfind(kWords) : std::string::npos;
  if (words == std::string::npos) return "";
  return std::string(TrimSpace(std::string_view(*text).substr(words + kWords.size())));
}

}  // namespace qed
