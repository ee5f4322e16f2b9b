// Carries out a parsed template.
#ifndef QED_TEXT_JINJA_INTERPRETER_H_
#define QED_TEXT_JINJA_INTERPRETER_H_

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/builtins.h"

namespace qed::jinja {

// Names and their values; a name that is not here is looked for in `parent`.
struct Scope {
  const Scope* parent = nullptr;
  Dict names;

  const Value* Find(std::string_view name) const;
};

// A macro (or the body of a call block) and where it was defined; or a function
// of our own.
struct Callable {
  const Stmt* definition = nullptr;
  const Scope* closure = nullptr;
  std::string function;
};

// One rendering; not to be used twice.
class Interpreter {
 public:
  // What a recursion of macros may nest.
  static constexpr int kMaxDepth = 600;

  // `now` is the time of strftime_now. The budget must outlive this.
  Interpreter(const std::tm& now, Budget& budget) : now_(now), budget_(budget) {}
  ~Interpreter();

  // Errors say the line. kInvalidArgument with the template's own message where
  // it calls raise_exception.
  Result<std::string> Run(const Body& body, const Dict& context);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  Result<Flow> Execute(const Body& body, Scope& scope, TextBuilder& out);
  Result<Flow> ExecuteOne(const Stmt& statement, Scope& scope, TextBuilder& out);
  Result<Flow> ExecuteIf(const Stmt& statement, Scope& scope, TextBuilder& out);
  Result<Flow> ExecuteFor(const Stmt& statement, Scope& scope, TextBuilder& out);
  Status ExecuteLoop(const Stmt& statement, const Items& items, Scope& scope, TextBuilder& out);
  // Those for which the loop's condition holds.
  Result<Items> FilterItems(const Stmt& statement, Items items, const Scope& scope);
  Status ExecuteCall(const Stmt& statement, Scope& scope, TextBuilder& out);
  // The body in a scope of its own, as text.
  Result<Value> Capture(const Body& body, const Scope& parent);
  // The body's text, run through the statement's filters.
  Result<Value> FilteredBlock(const Stmt& statement, const Scope& scope);
  Status Assign(const Expr& target, const Value& value, Scope& scope);

  Result<Value> Evaluate(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateKind(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateName(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateDict(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateSlice(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateCompare(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateConcat(const Expr& expr, const Scope& scope);
  Result<Value> EvaluateCall(const Expr& expr, const Scope& scope, const Value* caller);
  Result<Value> EvaluateNegation(const Expr& expr, const Scope& scope);
  Result<std::vector<Value>> EvaluateAll(const std::vector<ExprPtr>& exprs, size_t first,
                                         const Scope& scope);
  Result<Arguments> EvaluateArguments(const Expr& call, const Scope& scope);
  Result<Value> CallMacro(const Callable& macro, const Arguments& arguments, const Value* caller);
  Result<Value> CallFunction(const std::string& name, const Arguments& arguments);
  Result<Value> MakeRange(const Arguments& arguments);
  Result<Value> MakeNamespace(const Arguments& arguments);
  Result<Value> FormatNow(const Arguments& arguments) const;

  // Lives until the end of the loop's round or the macro around it; where a macro
  // was defined meanwhile, which may have kept it, until the end of all.
  Result<Scope*> NewScope(const Scope* parent);

  const std::tm now_;
  Budget& budget_;
  int depth_ = 0;      // of the recursion
  size_t macros_ = 0;  // defined so far
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_INTERPRETER_H_
