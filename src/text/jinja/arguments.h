// Arguments of a builtin, by position or name, as Python binds them.
#ifndef QED_TEXT_JINJA_ARGUMENTS_H_
#define QED_TEXT_JINJA_ARGUMENTS_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/builtins.h"

namespace qed::jinja {

// Values in the order of `names`, undefined where one was not given. Errors: more
// than `names` has, a name that is not among them, one of the first `required`
// missing.
inline Result<std::vector<Value>> Bind(const Arguments& arguments,
                                       std::initializer_list<std::string_view> names,
                                       size_t required = 0) {
  std::vector<Value> bound(names.size(), Value::MakeUndefined("argument"));
  if (arguments.positional.size() > names.size()) {
    return InvalidArgument("takes at most " + std::to_string(names.size()) + " arguments");
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), bound.begin());
  for (const auto& [name, value] : arguments.named) {
    const auto* found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return InvalidArgument("takes no argument " + name);
    bound[static_cast<size_t>(found - names.begin())] = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound[i].is_undefined()) {
      return InvalidArgument("needs the argument " + std::string(names.begin()[i]));
    }
  }
  return bound;
}

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_ARGUMENTS_H_
