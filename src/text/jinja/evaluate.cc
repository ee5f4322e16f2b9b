// The expressions of a template.
#include <algorithm>
#include <array>
#include <limits>

#include "text/jinja/arguments.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/print.h"

namespace qed::jinja {
namespace {

constexpr uint64_t kMaxRange = 100'000;  // as in Jinja's sandbox

constexpr std::array<std::string_view, 5> kFunctions = {"range", "namespace", "dict",
                                                        "raise_exception", "strftime_now"};

}  // namespace

bool IsFunction(std::string_view name) {
  return std::ranges::find(kFunctions, name) != kFunctions.end();
}

Result<Value> Interpreter::Evaluate(const Expr& expr, const Scope& scope) {
  QED_RETURN_IF_ERROR(budget_.Work(kStepWork));
  if (depth_ >= kMaxDepth) return ResourceExhausted("the chat template nests too deep");
  ++depth_;
  Result<Value> value = EvaluateKind(expr, scope);
  --depth_;
  return value;
}

Result<Value> Interpreter::EvaluateKind(const Expr& expr, const Scope& scope) {
  switch (expr.kind) {
    case Expr::Kind::kLiteral:
      return expr.value;
    case Expr::Kind::kName:
      return EvaluateName(expr, scope);
    case Expr::Kind::kList:
    case Expr::Kind::kTuple: {
      QED_ASSIGN_OR_RETURN(auto items, EvaluateAll(expr.args, 0, scope));
      return MakeList(std::move(items), budget_, expr.kind == Expr::Kind::kTuple);
    }
    case Expr::Kind::kDict:
      return EvaluateDict(expr, scope);
    case Expr::Kind::kAttribute: {
      QED_ASSIGN_OR_RETURN(const Value object, Evaluate(*expr.args[0], scope));
      return GetAttribute(object, expr.text, budget_);
    }
    case Expr::Kind::kItem: {
      QED_ASSIGN_OR_RETURN(const auto both, EvaluateAll(expr.args, 0, scope));
      return GetItem(both[0], both[1], budget_);
    }
    case Expr::Kind::kSlice:
      return EvaluateSlice(expr, scope);
    case Expr::Kind::kCall:
      return EvaluateCall(expr, scope, nullptr);
    case Expr::Kind::kFilter: {
      QED_ASSIGN_OR_RETURN(const Value input, Evaluate(*expr.args[0], scope));
      QED_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
      return ApplyFilter(expr.text, input, arguments, budget_);
    }
    case Expr::Kind::kTest: {
      QED_ASSIGN_OR_RETURN(const Value input, Evaluate(*expr.args[0], scope));
      QED_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
      QED_ASSIGN_OR_RETURN(const bool holds, ApplyTest(expr.text, input, arguments, budget_));
      return Value(holds);
    }
    case Expr::Kind::kNot: {
      QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.args[0], scope));
      return Value(!value.Truthy());
    }
    case Expr::Kind::kAnd:
    case Expr::Kind::kOr: {
      QED_ASSIGN_OR_RETURN(Value left, Evaluate(*expr.args[0], scope));
      if (left.Truthy() == (expr.kind == Expr::Kind::kOr)) return left;
      return Evaluate(*expr.args[1], scope);
    }
    case Expr::Kind::kNegate:
    case Expr::Kind::kPlus:
      return EvaluateNegation(expr, scope);
    case Expr::Kind::kBinary: {
      QED_ASSIGN_OR_RETURN(const auto both, EvaluateAll(expr.args, 0, scope));
      return ApplyBinary(expr.text, both[0], both[1], budget_);
    }
    case Expr::Kind::kCompare:
      return EvaluateCompare(expr, scope);
    case Expr::Kind::kConcat:
      return EvaluateConcat(expr, scope);
    case Expr::Kind::kConditional: {
      QED_ASSIGN_OR_RETURN(const Value condition, Evaluate(*expr.args[1], scope));
      if (condition.Truthy()) return Evaluate(*expr.args[0], scope);
      if (expr.args[2]) return Evaluate(*expr.args[2], scope);
      return Value::MakeUndefined("the inline if without an else");
    }
  }
  return Value();
}

Result<Value> Interpreter::EvaluateName(const Expr& expr, const Scope& scope) {
  const Value* found = scope.Find(expr.text);
  if (found != nullptr) return *found;
  if (!IsFunction(expr.text)) return Value::MakeUndefined(expr.text);
  return Value(std::make_shared<const Callable>(Callable{nullptr, nullptr, expr.text}));
}

Result<Value> Interpreter::EvaluateDict(const Expr& expr, const Scope& scope) {
  QED_ASSIGN_OR_RETURN(auto values, EvaluateAll(expr.args, 0, scope));
  Dict dict;
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    if (!values[i].is_string()) return Unsupported("a dict key that is not a string");
    QED_RETURN_IF_ERROR(budget_.Work(values[i].Breadth()));
    QED_RETURN_IF_ERROR(budget_.Make(values[i].string().size()));
    dict.Set(values[i].string(), std::move(values[i + 1]));
  }
  return MakeDict(std::move(dict), budget_);
}

Result<Value> Interpreter::EvaluateSlice(const Expr& expr, const Scope& scope) {
  Value parts[4];  // none where one is left out
  for (size_t i = 0; i < 4; ++i) {
    if (expr.args[i] == nullptr) continue;
    QED_ASSIGN_OR_RETURN(parts[i], Evaluate(*expr.args[i], scope));
  }
  return GetSlice(parts[0], parts[1], parts[2], parts[3], budget_);
}

Result<Value> Interpreter::EvaluateNegation(const Expr& expr, const Scope& scope) {
  QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.args[0], scope));
  if (!value.is_number()) {
    return InvalidArgument(std::string("a sign before a value of type ") + value.TypeName());
  }
  const bool negate = expr.kind == Expr::Kind::kNegate;
  if (value.is_float()) return Value(negate ? -value.number() : value.number());
  if (value.integer() == std::numeric_limits<int64_t>::min()) {
    return InvalidArgument("a number of more than 64 bits");
  }
  return Value(negate ? -value.integer() : value.integer());
}

Result<Value> Interpreter::EvaluateCompare(const Expr& expr, const Scope& scope) {
  QED_ASSIGN_OR_RETURN(Value left, Evaluate(*expr.args[0], scope));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    QED_ASSIGN_OR_RETURN(Value right, Evaluate(*expr.args[i + 1], scope));
    const std::string& op = expr.operators[i];
    const bool negated = op == "not in";
    Arguments other;
    other.positional.push_back(right);
    QED_ASSIGN_OR_RETURN(const bool holds, ApplyTest(negated ? "in" : op, left, other, budget_));
    if (holds == negated) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::EvaluateConcat(const Expr& expr, const Scope& scope) {
  TextBuilder out(budget_);
  for (const ExprPtr& arg : expr.args) {
    QED_ASSIGN_OR_RETURN(const Value value, Evaluate(*arg, scope));
    QED_RETURN_IF_ERROR(Print(value, budget_, out));
  }
  return out.Finish();
}

Result<std::vector<Value>> Interpreter::EvaluateAll(const std::vector<ExprPtr>& exprs, size_t first,
                                                    const Scope& scope) {
  std::vector<Value> values;
  for (size_t i = first; i < exprs.size(); ++i) {
    QED_ASSIGN_OR_RETURN(Value value, Evaluate(*exprs[i], scope));
    values.push_back(std::move(value));
  }
  return values;
}

Result<Arguments> Interpreter::EvaluateArguments(const Expr& call, const Scope& scope) {
  Arguments arguments;
  QED_ASSIGN_OR_RETURN(arguments.positional, EvaluateAll(call.args, 1, scope));
  for (const auto& [name, expr] : call.named) {
    QED_ASSIGN_OR_RETURN(Value value, Evaluate(*expr, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

Result<Value> Interpreter::EvaluateCall(const Expr& expr, const Scope& scope, const Value* caller) {
  const Expr& callee = *expr.args[0];
  if (callee.kind == Expr::Kind::kAttribute) {
    QED_ASSIGN_OR_RETURN(const Value object, Evaluate(*callee.args[0], scope));
    if (object.is_undefined()) {
      return InvalidArgument("\"" + object.undefined_name() + "\" is undefined");
    }
    QED_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
    return CallMethod(callee.text, object, arguments, budget_);
  }
  QED_ASSIGN_OR_RETURN(const Value function, Evaluate(callee, scope));
  QED_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
  if (!function.is_callable()) {
    return InvalidArgument((function.is_undefined() ? "\"" + function.undefined_name() + "\""
                                                    : std::string("a ") + function.TypeName()) +
                           " is not a function");
  }
  const Callable& callable = function.callable();
  if (callable.definition == nullptr) return CallFunction(callable.function, arguments);
  return CallMacro(callable, arguments, caller);
}

Result<Value> Interpreter::CallMacro(const Callable& macro, const Arguments& arguments,
                                     const Value* caller) {
  const std::vector<MacroParameter>& parameters = macro.definition->parameters;
  const size_t scopes = scopes_.size(), macros = macros_;
  QED_ASSIGN_OR_RETURN(Scope* const scope, NewScope(macro.closure));
  QED_RETURN_IF_ERROR(budget_.Work(kStepWork * static_cast<int64_t>(parameters.size())));
  if (arguments.positional.size() > parameters.size()) {
    return InvalidArgument("too many arguments for the macro " + macro.definition->text);
  }
  for (const auto& [name, value] : arguments.named) {
    const auto known = std::ranges::find(parameters, name, &MacroParameter::name);
    if (known == parameters.end()) {
      return InvalidArgument("the macro " + macro.definition->text + " has no parameter " + name);
    }
    scope->names.Set(name, value);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const MacroParameter& parameter = parameters[i];
    if (i < arguments.positional.size()) {
      scope->names.Set(parameter.name, arguments.positional[i]);
    } else if (std::ranges::find(arguments.named, parameter.name,
                                 &std::pair<std::string, Value>::first) != arguments.named.end()) {
      continue;
    } else if (parameter.default_value) {
      QED_ASSIGN_OR_RETURN(Value value, Evaluate(*parameter.default_value, *scope));
      scope->names.Set(parameter.name, std::move(value));
    } else {
      scope->names.Set(parameter.name, Value::MakeUndefined(parameter.name));
    }
  }
  if (caller != nullptr) scope->names.Set("caller", *caller);
  TextBuilder text(budget_);
  QED_RETURN_IF_ERROR(Execute(macro.definition->body, *scope, text).status());
  if (macros == macros_) scopes_.resize(scopes);
  return text.Finish();
}

Result<Value> Interpreter::CallFunction(const std::string& name, const Arguments& arguments) {
  if (name == "range") return MakeRange(arguments);
  if (name == "namespace") return MakeNamespace(arguments);
  if (name == "strftime_now") return FormatNow(arguments);
  if (name == "raise_exception") {
    QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"message"}, 1));
    TextBuilder text(budget_);
    QED_RETURN_IF_ERROR(Print(bound[0], budget_, text));
    QED_ASSIGN_OR_RETURN(const std::string message, text.Take());
    return InvalidArgument("the chat template refuses the messages: " + message.substr(0, 500));
  }
  if (!arguments.positional.empty()) return Unsupported("dict() of another dict");
  Dict dict;
  for (const auto& [key, value] : arguments.named) dict.Set(key, value);
  return MakeDict(std::move(dict), budget_);
}

Result<Value> Interpreter::MakeRange(const Arguments& arguments) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"start", "stop", "step"}, 1));
  for (const Value& value : bound) {
    if (!value.is_undefined() && !value.is_int()) return InvalidArgument("range of what is no int");
  }
  const bool only_stop = bound[1].is_undefined();
  const int64_t start = only_stop ? 0 : bound[0].integer();
  const int64_t stop = only_stop ? bound[0].integer() : bound[1].integer();
  const int64_t step = bound[2].is_undefined() ? 1 : bound[2].integer();
  if (step == 0) return InvalidArgument("range with step zero");
  // Without a sign, so that no difference overflows.
  const auto low = static_cast<uint64_t>(step > 0 ? start : stop);
  const auto high = static_cast<uint64_t>(step > 0 ? stop : start);
  const uint64_t by = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t span = (step > 0 ? start < stop : stop < start) ? high - low : 0;
  const uint64_t count = span / by + (span % by != 0 ? 1 : 0);
  if (count > kMaxRange) {
    return ResourceExhausted("a range of more than " + std::to_string(kMaxRange) + " numbers");
  }
  QED_RETURN_IF_ERROR(budget_.Work(kValueWeight * static_cast<int64_t>(count)));
  ListBuilder items(budget_);
  for (uint64_t i = 0; i < count; ++i) {
    items.Add(Value(
        static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  }
  return items.Finish();
}

Result<Value> Interpreter::MakeNamespace(const Arguments& arguments) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind({arguments.positional, {}}, {"dict"}));
  auto ns = std::make_shared<Namespace>();
  if (bound[0].is_dict()) {
    // The keys are copied, however long they are.
    QED_RETURN_IF_ERROR(budget_.Work(bound[0].Weight()));
    QED_RETURN_IF_ERROR(budget_.Make(static_cast<size_t>(bound[0].Weight())));
    ns->dict = bound[0].dict();
  }
  for (const auto& [key, value] : arguments.named) ns->dict.Set(key, value);
  QED_RETURN_IF_ERROR(budget_.Make(sizeof(Namespace) + ns->dict.size() * kEntryBytes));
  namespaces_.push_back(ns);
  return Value(std::move(ns));
}

Result<Value> Interpreter::FormatNow(const Arguments& arguments) const {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"format"}, 1));
  if (!bound[0].is_string() || bound[0].string().size() > 100) {
    return InvalidArgument("strftime_now wants a short format");
  }
  std::array<char, 4096> buffer;
  const size_t size = std::strftime(buffer.data(), buffer.size(), bound[0].string().c_str(), &now_);
  return Value(std::string(buffer.data(), size));
}

}  // namespace qed::jinja
