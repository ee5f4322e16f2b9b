// Tokens to a tree, by Jinja's grammar. What QED does not carry out is an error
// here, that names the construct and its line: a template that parses fails
// later only for what its data are.
#ifndef QED_TEXT_JINJA_PARSER_H_
#define QED_TEXT_JINJA_PARSER_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace qed::jinja {

// Highest tree of expressions, and deepest nesting of blocks.
inline constexpr int kMaxHeight = 200;
inline constexpr int kMaxBlocks = 50;

// kInvalidArgument: not a template. kUnsupported: a tag, filter, test, method
// or function that is not known.
Result<Body> Parse(std::vector<Token> tokens);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_PARSER_H_
