// Values as text, as Python prints them. The work is at most the value's weight,
// which the caller pays (budget.h).
#ifndef QED_TEXT_JINJA_PRINT_H_
#define QED_TEXT_JINJA_PRINT_H_

#include <string>

#include "base/status.h"
#include "text/jinja/budget.h"

namespace qed::jinja {

// Python's str(). Errors: values that have none worth printing.
Status PrintValue(const Value& value, TextBuilder& out);

struct JsonFormat {
  int indent = -1;  // -1: one line
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// Python's json.dumps. Errors: undefined values and what JSON has no form for.
Status PrintJson(const Value& value, const JsonFormat& format, TextBuilder& out);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_PRINT_H_
