#include "text/jinja/template.h"

#include <string>
#include <utility>

#include "text/jinja/interpreter.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace qed::jinja {

Result<Template> Template::Compile(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return ResourceExhausted("a template of more than " + std::to_string(kMaxTemplateBytes) +
                             " bytes");
  }
  QED_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  QED_ASSIGN_OR_RETURN(Body body, Parse(std::move(tokens)));
  return Template(std::move(body));
}

Result<std::string> Template::Render(const Dict& context, const std::tm& now,
                                     Budget& budget) const {
  return Interpreter(now, budget).Run(body_, context);
}

}  // namespace qed::jinja
