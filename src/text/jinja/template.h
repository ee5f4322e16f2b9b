// Jinja templates, as far as the chat templates of checkpoints need them:
// https://jinja.palletsprojects.com, with the environment in which
// `transformers` renders them (trim_blocks, lstrip_blocks, break and continue,
// the "generation" tag, raise_exception, strftime_now, a tojson that escapes
// nothing, and a sandbox in which no method changes its object).
//
// docs/decisions/0004-jinja.md lists what is and what is not carried out.
#ifndef QED_TEXT_JINJA_TEMPLATE_H_
#define QED_TEXT_JINJA_TEMPLATE_H_

#include <ctime>
#include <string>
#include <string_view>

#include "base/status.h"
#include "text/jinja/ast.h"

namespace qed::jinja {

// Most bytes of a template.
inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

// Immutable: Render may be called by any number of threads.
class Template {
 public:
  // kInvalidArgument: not a template. kUnsupported: a construct, filter, test,
  // method or function that is not carried out. Both name it and its line.
  static Result<Template> Compile(std::string_view source);

  // Errors: what the data do not allow, a budget that is used up, too deep a
  // recursion, and what the template itself refuses (raise_exception).
  Result<std::string> Render(const Dict& context, const std::tm& now, Budget& budget) const;

 private:
  explicit Template(Body body) : body_(std::move(body)) {}
  Body body_;
};

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_TEMPLATE_H_
