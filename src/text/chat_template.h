// A checkpoint's own chat template (Jinja), as `transformers` renders it.
#ifndef QED_TEXT_CHAT_TEMPLATE_H_
#define QED_TEXT_CHAT_TEMPLATE_H_

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "nlohmann/json.hpp"

namespace qed {

class Tokenizer;
namespace jinja {
class Template;
}

struct ChatInput {
  // An array of {"role", "content", ...}; the members go to the template in their
  // order and as they are.
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;  // an array of function schemas; null: none
  bool add_generation_prompt = true;
  nlohmann::ordered_json extra;  // an object of more variables ("enable_thinking"); null: none
};

// The time here and now, for the templates that ask for it.
std::tm LocalTime();

// Immutable: Render may be called by any number of threads.
class ChatTemplate {
 public:
  // kNotFound where `source` is empty. Otherwise errors as of
  // jinja::Template::Compile, with "chat template" in front.
  static Result<ChatTemplate> Compile(std::string_view source, std::string bos_token,
                                      std::string eos_token);
  // The tokenizer's template and special tokens.
  static Result<ChatTemplate> FromTokenizer(const Tokenizer& tokenizer);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // The prompt's text, special tokens written out. kInvalidArgument: the template
  // refuses these messages (its own words are in the message), or they have not
  // what it asks for. kResourceExhausted: it takes too much to render them.
  Result<std::string> Render(const ChatInput& input, const std::tm& now) const;
  // The prompt for one turn of the user, behind one of the system if there is one.
  Result<std::string> RenderTurn(const std::optional<std::string>& system, std::string_view user,
                                 const std::tm& now) const;
  // The text that the template puts behind the assistant's words, without white
  // space at its ends ("<|im_end|>"); empty where it cannot be told.
  std::string EndOfTurn() const;

 private:
  explicit ChatTemplate(jinja::Template compiled);
  std::unique_ptr<const jinja::Template> template_;
  std::string bos_token_, eos_token_;
};

}  // namespace qed

#endif  // QED_TEXT_CHAT_TEMPLATE_H_
