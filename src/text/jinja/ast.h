// A parsed template. Trees are bounded in height by the parser, so that
// evaluating and destroying them may recurse.
#ifndef QED_TEXT_JINJA_AST_H_
#define QED_TEXT_JINJA_AST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace qed::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind {
    kLiteral,      // value
    kName,         // text
    kList,         // args
    kTuple,        // args
    kDict,         // args: key, value, key, value, ...
    kAttribute,    // args[0].text
    kItem,         // args[0][args[1]]
    kSlice,        // args[0][args[1]:args[2]:args[3]], any of the three null
    kCall,         // args[0](args[1], ..., named)
    kFilter,       // args[0] | text(args[1], ..., named)
    kTest,         // args[0] is text(args[1], ...)
    kNot,          // not args[0]
    kAnd,          // args[0] and args[1]
    kOr,           // args[0] or args[1]
    kNegate,       // -args[0]
    kPlus,         // +args[0]
    kBinary,       // args[0] text args[1]
    kCompare,      // args[0] operators[0] args[1] operators[1] args[2] ...
    kConcat,       // args[0] ~ args[1] ~ ...
    kConditional,  // args[0] if args[1] else args[2]; args[2] may be null
  };
  Kind kind = Kind::kLiteral;
  int line = 0;
  int height = 1;  // of the tree
  std::string text;
  Value value;
  std::vector<ExprPtr> args;
  std::vector<std::pair<std::string, ExprPtr>> named;
  std::vector<std::string> operators;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

struct MacroParameter {
  std::string name;
  ExprPtr default_value;  // null: none
};

struct Stmt {
  enum class Kind {
    kText,      // text
    kOutput,    // expr
    kIf,        // branches, body: else
    kFor,       // for target in expr if condition: body, else_body
    kSet,       // target = expr
    kSetBlock,  // target = body | expr (a chain of filters on kBlockInput; may be null)
    kMacro,     // text(parameters): body
    kCall,      // expr, with body(parameters) as its caller
    kFilter,    // body | expr
    kScope,     // body, in a scope of its own
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kText;
  int line = 0;
  std::string text;
  ExprPtr expr, condition, target;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<MacroParameter> parameters;
  Body body, else_body;
};

// The name under which a filter block's expression finds the block's text; no
// template can write it.
inline constexpr const char* kBlockInput = "%block";

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_AST_H_
