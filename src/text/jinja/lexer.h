// A template's text as tokens. White space is already gone where the "-" marks
// and the trim_blocks and lstrip_blocks rules (which `transformers` sets) take it.
#ifndef QED_TEXT_JINJA_LEXER_H_
#define QED_TEXT_JINJA_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed::jinja {

struct Token {
  enum class Kind {
    kText,           // between tags
    kBlockBegin,     // {%
    kBlockEnd,       // %}
    kVariableBegin,  // {{
    kVariableEnd,    // }}
    kName,
    kInteger,
    kFloat,
    kString,  // escapes resolved
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  int line = 1;
};

// Ends with a kEnd token. Errors name the line.
Result<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_LEXER_H_
