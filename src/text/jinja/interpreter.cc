#include "text/jinja/interpreter.h"

#include <algorithm>

namespace qed::jinja {
namespace {

Status AtLine(int line, const Status& status) {
  if (status.message().starts_with("line ")) return status;
  return status.WithPrefix("line " + std::to_string(line));
}

// What "loop" is in a loop's body.
Result<Value> MakeLoop(const Items& items, size_t index, int64_t depth, Budget& budget) {
  const auto n = static_cast<int64_t>(items.size()), i = static_cast<int64_t>(index);
  Dict loop;
  const std::pair<std::string_view, Value> entries[] = {
      {"index", Value(i + 1)},
      {"index0", Value(i)},
      {"revindex", Value(n - i)},
      {"revindex0", Value(n - i - 1)},
      {"first", Value(i == 0)},
      {"last", Value(i == n - 1)},
      {"length", Value(n)},
      {"depth", Value(depth)},
      {"depth0", Value(depth - 1)},
      {"previtem", index > 0 ? items[index - 1] : Value::MakeUndefined("loop.previtem")},
      {"nextitem",
       index + 1 < items.size() ? items[index + 1] : Value::MakeUndefined("loop.nextitem")}};
  for (const auto& [name, value] : entries) loop.Set(name, value);
  return MakeDict(std::move(loop), budget);
}

}  // namespace

const Value* Scope::Find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent) {
    if (const Value* found = scope->names.Find(name); found != nullptr) return found;
  }
  return nullptr;
}

Interpreter::~Interpreter() {
  // They may hold each other in a circle.
  for (const auto& ns : namespaces_) ns->dict.Clear();
}

Result<Scope*> Interpreter::NewScope(const Scope* parent) {
  QED_RETURN_IF_ERROR(budget_.Work(kScopeWork));
  QED_RETURN_IF_ERROR(budget_.Make(sizeof(Scope)));
  scopes_.push_back(std::make_unique<Scope>());
  scopes_.back()->parent = parent;
  return scopes_.back().get();
}

Result<std::string> Interpreter::Run(const Body& body, const Dict& context) {
  QED_ASSIGN_OR_RETURN(Scope* const root, NewScope(nullptr));
  root->names = context;
  TextBuilder out(budget_);
  QED_RETURN_IF_ERROR(Execute(body, *root, out).status());
  return out.Take();
}

Result<Interpreter::Flow> Interpreter::Execute(const Body& body, Scope& scope, TextBuilder& out) {
  for (const auto& statement : body) {
    QED_RETURN_IF_ERROR(budget_.Work(kStepWork));
    if (depth_ >= kMaxDepth) return ResourceExhausted("the chat template nests too deep");
    ++depth_;
    Result<Flow> flow = ExecuteOne(*statement, scope, out);
    --depth_;
    if (!flow.ok()) return AtLine(statement->line, flow.status());
    if (*flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::ExecuteOne(const Stmt& statement, Scope& scope,
                                                  TextBuilder& out) {
  switch (statement.kind) {
    case Stmt::Kind::kText:
      out.Add(statement.text);
      return Flow::kNext;
    case Stmt::Kind::kOutput: {
      QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expr, scope));
      QED_RETURN_IF_ERROR(Print(value, budget_, out));
      return Flow::kNext;
    }
    case Stmt::Kind::kIf:
      return ExecuteIf(statement, scope, out);
    case Stmt::Kind::kFor:
      return ExecuteFor(statement, scope, out);
    case Stmt::Kind::kSet: {
      QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expr, scope));
      QED_RETURN_IF_ERROR(Assign(*statement.target, value, scope));
      return Flow::kNext;
    }
    case Stmt::Kind::kSetBlock: {
      QED_ASSIGN_OR_RETURN(const Value value, FilteredBlock(statement, scope));
      QED_RETURN_IF_ERROR(Assign(*statement.target, value, scope));
      return Flow::kNext;
    }
    case Stmt::Kind::kFilter: {
      QED_ASSIGN_OR_RETURN(const Value value, FilteredBlock(statement, scope));
      QED_RETURN_IF_ERROR(Print(value, budget_, out));
      return Flow::kNext;
    }
    case Stmt::Kind::kMacro:
      ++macros_;
      QED_RETURN_IF_ERROR(budget_.Make(sizeof(Callable)));
      scope.names.Set(statement.text,
                      Value(std::make_shared<const Callable>(Callable{&statement, &scope, ""})));
      return Flow::kNext;
    case Stmt::Kind::kCall:
      QED_RETURN_IF_ERROR(ExecuteCall(statement, scope, out));
      return Flow::kNext;
    case Stmt::Kind::kScope: {
      QED_ASSIGN_OR_RETURN(const Value value, Capture(statement.body, scope));
      QED_RETURN_IF_ERROR(Print(value, budget_, out));
      return Flow::kNext;
    }
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::ExecuteIf(const Stmt& statement, Scope& scope,
                                                 TextBuilder& out) {
  for (const auto& [condition, body] : statement.branches) {
    QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*condition, scope));
    if (value.Truthy()) return Execute(body, scope, out);
  }
  return Execute(statement.body, scope, out);
}

Result<Interpreter::Flow> Interpreter::ExecuteFor(const Stmt& statement, Scope& scope,
                                                  TextBuilder& out) {
  QED_ASSIGN_OR_RETURN(const Value iterable, Evaluate(*statement.expr, scope));
  QED_ASSIGN_OR_RETURN(Items items, Items::Of(iterable, budget_));
  if (statement.condition) {
    QED_ASSIGN_OR_RETURN(items, FilterItems(statement, std::move(items), scope));
  }
  if (items.empty()) {
    QED_ASSIGN_OR_RETURN(Scope* const inner, NewScope(&scope));
    return Execute(statement.else_body, *inner, out);
  }
  QED_RETURN_IF_ERROR(ExecuteLoop(statement, items, scope, out));
  return Flow::kNext;
}

Result<Items> Interpreter::FilterItems(const Stmt& statement, Items items, const Scope& scope) {
  std::vector<Value> chosen;
  QED_ASSIGN_OR_RETURN(Scope* const inner, NewScope(&scope));
  for (const Value& item : items) {
    QED_RETURN_IF_ERROR(Assign(*statement.target, item, *inner));
    QED_ASSIGN_OR_RETURN(const Value keep, Evaluate(*statement.condition, *inner));
    if (!keep.Truthy()) continue;
    QED_RETURN_IF_ERROR(budget_.Make(sizeof(Value)));
    chosen.push_back(item);
  }
  return Items(std::move(chosen));
}

Status Interpreter::ExecuteLoop(const Stmt& statement, const Items& items, Scope& scope,
                                TextBuilder& out) {
  const Value* outer = scope.Find("loop");
  const Value* outer_depth =
      outer != nullptr && outer->is_dict() ? outer->dict().Find("depth") : nullptr;
  const bool nested = outer_depth != nullptr && outer_depth->is_int();
  const int64_t depth = nested ? outer_depth->integer() + 1 : 1;
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t scopes = scopes_.size(), macros = macros_;
    QED_ASSIGN_OR_RETURN(Scope* const inner, NewScope(&scope));
    QED_ASSIGN_OR_RETURN(Value loop, MakeLoop(items, i, depth, budget_));
    inner->names.Set("loop", std::move(loop));
    QED_RETURN_IF_ERROR(Assign(*statement.target, items[i], *inner));
    QED_ASSIGN_OR_RETURN(const Flow flow, Execute(statement.body, *inner, out));
    // Without a macro nobody can have kept the scopes of this round.
    if (macros == macros_) scopes_.resize(scopes);
    if (flow == Flow::kBreak) break;
  }
  return OkStatus();
}

Status Interpreter::ExecuteCall(const Stmt& statement, Scope& scope, TextBuilder& out) {
  ++macros_;
  const Value caller(std::make_shared<const Callable>(Callable{&statement, &scope, ""}));
  QED_ASSIGN_OR_RETURN(const Value value, EvaluateCall(*statement.expr, scope, &caller));
  return Print(value, budget_, out);
}

Result<Value> Interpreter::Capture(const Body& body, const Scope& parent) {
  TextBuilder text(budget_);
  QED_ASSIGN_OR_RETURN(Scope* const inner, NewScope(&parent));
  QED_RETURN_IF_ERROR(Execute(body, *inner, text).status());
  return text.Finish();
}

Result<Value> Interpreter::FilteredBlock(const Stmt& statement, const Scope& scope) {
  QED_ASSIGN_OR_RETURN(Value text, Capture(statement.body, scope));
  QED_ASSIGN_OR_RETURN(Scope* const inner, NewScope(&scope));
  inner->names.Set(kBlockInput, std::move(text));
  return Evaluate(*statement.expr, *inner);
}

Status Interpreter::Assign(const Expr& target, const Value& value, Scope& scope) {
  QED_RETURN_IF_ERROR(budget_.Work(kStepWork));
  if (target.kind == Expr::Kind::kName) {
    scope.names.Set(target.text, value);
    return OkStatus();
  }
  if (target.kind == Expr::Kind::kAttribute) {
    const std::string& name = target.args[0]->text;
    const Value* found = scope.Find(name);
    if (found == nullptr || !found->is_namespace()) {
      return InvalidArgument("\"" + name + "\" is not a namespace");
    }
    const Value ns = *found;
    ns.ns().dict.Set(target.text, value);
    return OkStatus();
  }
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(value, budget_));
  if (items.size() != target.args.size()) {
    return InvalidArgument(std::to_string(items.size()) + " values for " +
                           std::to_string(target.args.size()) + " names");
  }
  for (size_t i = 0; i < items.size(); ++i) {
    QED_RETURN_IF_ERROR(Assign(*target.args[i], items[i], scope));
  }
  return OkStatus();
}

}  // namespace qed::jinja
