#include "text/jinja/expression_parser.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/builtins.h"
#include "text/jinja/parser.h"

namespace qed::jinja {
namespace {

constexpr size_t kMaxArguments = 255;

using Kind = Token::Kind;

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Kind::kEnd:
      return "the end of the template";
    case Kind::kBlockEnd:
    case Kind::kVariableEnd:
      return "the end of the tag";
    case Kind::kText:
    case Kind::kBlockBegin:
    case Kind::kVariableBegin:
      return "text";
    default:
      return "\"" + token.text.substr(0, 40) + "\"";
  }
}

Status AtLine(int line, const Status& status) {
  return status.WithPrefix("line " + std::to_string(line));
}

}  // namespace

Status TokenStream::Unexpected(std::string_view wanted) const {
  return AtLine(peek().line,
                InvalidArgument(Describe(peek()) + " where " + std::string(wanted) + " should be"));
}

Status TokenStream::Expect(Kind kind, std::string_view text) {
  if (!At(kind, text)) {
    return Unexpected(text.empty() ? "the end of the tag" : "\"" + std::string(text) + "\"");
  }
  Take();
  return OkStatus();
}

Result<std::string> TokenStream::ExpectName() {
  if (!At(Kind::kName)) return Unexpected("a name");
  return Take().text;
}

Result<ExprPtr> ExpressionParser::Finish(ExprPtr expr) {
  if (expr->line == 0) expr->line = tokens_.peek().line;
  for (const ExprPtr& arg : expr->args) {
    if (arg) expr->height = std::max(expr->height, 1 + arg->height);
  }
  for (const auto& [name, arg] : expr->named) {
    expr->height = std::max(expr->height, 1 + arg->height);
  }
  if (expr->height > kMaxHeight) {
    return AtLine(expr->line, ResourceExhausted("an expression nested deeper than " +
                                                std::to_string(kMaxHeight) + " levels"));
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Make(Expr::Kind kind, ExprPtr a, ExprPtr b, std::string text) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->text = std::move(text);
  if (a) expr->args.push_back(std::move(a));
  if (b) expr->args.push_back(std::move(b));
  return Finish(std::move(expr));
}

Result<ExprPtr> ExpressionParser::Parse(bool tuples, bool conditional) {
  const int line = tokens_.peek().line;
  const auto element = [&] { return conditional ? Conditional() : Or(); };
  QED_ASSIGN_OR_RETURN(ExprPtr first, element());
  if (!tuples || !tokens_.AtOperator(",")) return first;
  auto tuple = std::make_unique<Expr>();
  tuple->kind = Expr::Kind::kTuple;
  tuple->line = line;
  tuple->args.push_back(std::move(first));
  while (tokens_.TakeOperator(",")) {
    const bool at_end =
        tokens_.At(Kind::kBlockEnd) || tokens_.At(Kind::kVariableEnd) || tokens_.AtOperator(")");
    if (at_end) break;
    QED_ASSIGN_OR_RETURN(ExprPtr next, element());
    tuple->args.push_back(std::move(next));
  }
  return Finish(std::move(tuple));
}

Result<ExprPtr> ExpressionParser::ParseTarget(bool attributes) {
  auto tuple = std::make_unique<Expr>();
  tuple->kind = Expr::Kind::kTuple;
  const bool parenthesized = tokens_.TakeOperator("(");
  do {
    if (parenthesized && tokens_.AtOperator(")")) break;
    auto name = std::make_unique<Expr>();
    name->kind = Expr::Kind::kName;
    QED_ASSIGN_OR_RETURN(name->text, tokens_.ExpectName());
    Define(name->text);
    QED_ASSIGN_OR_RETURN(ExprPtr target, Finish(std::move(name)));
    if (attributes && tokens_.TakeOperator(".")) {
      QED_ASSIGN_OR_RETURN(std::string attribute, tokens_.ExpectName());
      QED_ASSIGN_OR_RETURN(
          target, Make(Expr::Kind::kAttribute, std::move(target), nullptr, std::move(attribute)));
    }
    tuple->args.push_back(std::move(target));
  } while (tokens_.TakeOperator(","));
  if (parenthesized) QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, ")"));
  if (tuple->args.size() == 1 && !parenthesized) return std::move(tuple->args[0]);
  return Finish(std::move(tuple));
}

Result<ExprPtr> ExpressionParser::Conditional() {
  QED_ASSIGN_OR_RETURN(ExprPtr expr, Or());
  while (tokens_.TakeName("if")) {
    QED_ASSIGN_OR_RETURN(ExprPtr condition, Or());
    QED_ASSIGN_OR_RETURN(ExprPtr whole,
                         Make(Expr::Kind::kConditional, std::move(expr), std::move(condition)));
    ExprPtr otherwise;
    if (tokens_.TakeName("else")) {
      QED_RETURN_IF_ERROR(Descend(1));
      Result<ExprPtr> rest = Conditional();
      --depth_;
      QED_ASSIGN_OR_RETURN(otherwise, std::move(rest));
    }
    whole->args.push_back(std::move(otherwise));
    QED_ASSIGN_OR_RETURN(expr, Finish(std::move(whole)));
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Or() {
  QED_ASSIGN_OR_RETURN(ExprPtr left, And());
  while (tokens_.TakeName("or")) {
    QED_ASSIGN_OR_RETURN(ExprPtr right, And());
    QED_ASSIGN_OR_RETURN(left, Make(Expr::Kind::kOr, std::move(left), std::move(right)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::And() {
  QED_ASSIGN_OR_RETURN(ExprPtr left, Not());
  while (tokens_.TakeName("and")) {
    QED_ASSIGN_OR_RETURN(ExprPtr right, Not());
    QED_ASSIGN_OR_RETURN(left, Make(Expr::Kind::kAnd, std::move(left), std::move(right)));
  }
  return left;
}

Status ExpressionParser::Descend(int levels) {
  if (depth_ + levels > kMaxHeight / 2) {
    return AtLine(tokens_.peek().line, ResourceExhausted("an expression nested too deep"));
  }
  ++depth_;
  return OkStatus();
}

// Every way down through the grammar, but for the one behind "else", passes here.
Result<ExprPtr> ExpressionParser::Not() {
  int negations = 0;
  while (tokens_.TakeName("not")) ++negations;
  QED_RETURN_IF_ERROR(Descend(1 + negations));
  Result<ExprPtr> expr = Compare();
  --depth_;
  for (; expr.ok() && negations > 0; --negations) {
    expr = Make(Expr::Kind::kNot, *std::move(expr));
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Compare() {
  QED_ASSIGN_OR_RETURN(ExprPtr left, Sum());
  auto compare = std::make_unique<Expr>();
  compare->kind = Expr::Kind::kCompare;
  compare->args.push_back(std::move(left));
  for (;;) {
    std::string op;
    for (const char* known : {"==", "!=", "<", "<=", ">", ">="}) {
      if (tokens_.AtOperator(known)) op = known;
    }
    const bool not_in = tokens_.AtName("not") && tokens_.peek(1).kind == Kind::kName &&
                        tokens_.peek(1).text == "in";
    if (op.empty() && tokens_.AtName("in")) op = "in";
    if (op.empty() && not_in) op = "not in";
    if (op.empty()) break;
    tokens_.Take();
    if (not_in) tokens_.Take();
    QED_ASSIGN_OR_RETURN(ExprPtr right, Sum());
    compare->operators.push_back(std::move(op));
    compare->args.push_back(std::move(right));
  }
  if (compare->operators.empty()) return std::move(compare->args[0]);
  return Finish(std::move(compare));
}

Result<ExprPtr> ExpressionParser::Binary(Rule operand,
                                         std::initializer_list<std::string_view> operators) {
  QED_ASSIGN_OR_RETURN(ExprPtr left, (this->*operand)());
  for (;;) {
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [&](std::string_view text) { return tokens_.AtOperator(text); });
    if (op == operators.end()) return left;
    tokens_.Take();
    if (*op == "%" && left->kind == Expr::Kind::kLiteral && left->value.is_string()) {
      return AtLine(left->line, Unsupported("formatting a text with %"));
    }
    QED_ASSIGN_OR_RETURN(ExprPtr right, (this->*operand)());
    QED_ASSIGN_OR_RETURN(
        left, Make(Expr::Kind::kBinary, std::move(left), std::move(right), std::string(*op)));
  }
}

Result<ExprPtr> ExpressionParser::Sum() { return Binary(&ExpressionParser::Concat, {"+", "-"}); }

Result<ExprPtr> ExpressionParser::Concat() {
  QED_ASSIGN_OR_RETURN(ExprPtr first, Product());
  if (!tokens_.AtOperator("~")) return first;
  auto concat = std::make_unique<Expr>();
  concat->kind = Expr::Kind::kConcat;
  concat->args.push_back(std::move(first));
  while (tokens_.TakeOperator("~")) {
    QED_ASSIGN_OR_RETURN(ExprPtr next, Product());
    concat->args.push_back(std::move(next));
  }
  return Finish(std::move(concat));
}

Result<ExprPtr> ExpressionParser::Product() {
  return Binary(&ExpressionParser::Power, {"*", "/", "//", "%"});
}

Result<ExprPtr> ExpressionParser::Power() { return Binary(&ExpressionParser::Unary, {"**"}); }

Result<ExprPtr> ExpressionParser::Unary() { return UnaryWith(true); }

Result<ExprPtr> ExpressionParser::UnaryWith(bool filters) {
  std::vector<Expr::Kind> signs;
  while (tokens_.AtOperator("-") || tokens_.AtOperator("+")) {
    signs.push_back(tokens_.Take().text == "-" ? Expr::Kind::kNegate : Expr::Kind::kPlus);
  }
  QED_ASSIGN_OR_RETURN(ExprPtr expr, Primary());
  // A sign binds closer than a filter, but not than a subscript.
  QED_ASSIGN_OR_RETURN(expr, Postfix(std::move(expr), filters && signs.empty()));
  for (; !signs.empty(); signs.pop_back()) {
    QED_ASSIGN_OR_RETURN(expr, Make(signs.back(), std::move(expr)));
    if (signs.size() == 1 && filters) {
      QED_ASSIGN_OR_RETURN(expr, Postfix(std::move(expr), true));
    }
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::Primary() {
  auto expr = std::make_unique<Expr>();
  expr->line = tokens_.peek().line;
  const std::string& text = tokens_.peek().text;
  const char* const end = text.data() + text.size();
  switch (tokens_.peek().kind) {
    case Kind::kString:
      return Strings();
    case Kind::kInteger: {
      int64_t value = 0;
      if (std::from_chars(text.data(), end, value).ec != std::errc()) {
        return AtLine(expr->line, Unsupported("the number " + text.substr(0, 40)));
      }
      expr->value = Value(value);
      break;
    }
    case Kind::kFloat: {
      double value = 0;
      if (std::from_chars(text.data(), end, value).ec != std::errc()) {
        return AtLine(expr->line, Unsupported("the number " + text.substr(0, 40)));
      }
      expr->value = Value(value);
      break;
    }
    case Kind::kName:
      if (text == "true" || text == "True" || text == "false" || text == "False") {
        expr->value = Value(text[0] == 't' || text[0] == 'T');
      } else if (text != "none" && text != "None") {
        expr->kind = Expr::Kind::kName;
        expr->text = text;
      }
      break;
    default:
      if (tokens_.AtOperator("(")) return Parenthesized();
      if (tokens_.AtOperator("[")) return ListLiteral();
      if (tokens_.AtOperator("{")) return DictLiteral();
      return tokens_.Unexpected("an expression");
  }
  tokens_.Take();
  return Finish(std::move(expr));
}

// Neighbouring strings are one.
Result<ExprPtr> ExpressionParser::Strings() {
  auto expr = std::make_unique<Expr>();
  expr->line = tokens_.peek().line;
  std::string text;
  while (tokens_.At(Kind::kString)) text += tokens_.Take().text;
  expr->value = Value(std::move(text));
  return Finish(std::move(expr));
}

Result<ExprPtr> ExpressionParser::Parenthesized() {
  tokens_.Take();
  if (tokens_.TakeOperator(")")) return Make(Expr::Kind::kTuple, nullptr);
  QED_ASSIGN_OR_RETURN(ExprPtr expr, Parse(true));
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, ")"));
  return expr;
}

Result<ExprPtr> ExpressionParser::ListLiteral() {
  auto list = std::make_unique<Expr>();
  list->kind = Expr::Kind::kList;
  list->line = tokens_.Take().line;
  while (!tokens_.AtOperator("]")) {
    QED_ASSIGN_OR_RETURN(ExprPtr item, Conditional());
    list->args.push_back(std::move(item));
    if (!tokens_.TakeOperator(",")) break;
  }
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, "]"));
  return Finish(std::move(list));
}

Result<ExprPtr> ExpressionParser::DictLiteral() {
  auto dict = std::make_unique<Expr>();
  dict->kind = Expr::Kind::kDict;
  dict->line = tokens_.Take().line;
  while (!tokens_.AtOperator("}")) {
    QED_ASSIGN_OR_RETURN(ExprPtr key, Conditional());
    QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, ":"));
    QED_ASSIGN_OR_RETURN(ExprPtr value, Conditional());
    dict->args.push_back(std::move(key));
    dict->args.push_back(std::move(value));
    if (!tokens_.TakeOperator(",")) break;
  }
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, "}"));
  return Finish(std::move(dict));
}

Result<ExprPtr> ExpressionParser::Postfix(ExprPtr expr, bool filters) {
  for (;;) {
    if (tokens_.AtOperator(".") || tokens_.AtOperator("[") || tokens_.AtOperator("(")) {
      QED_ASSIGN_OR_RETURN(expr, PostfixOnce(std::move(expr)));
    } else if (filters && tokens_.TakeOperator("|")) {
      QED_ASSIGN_OR_RETURN(expr, Filter(std::move(expr)));
    } else if (filters && tokens_.AtName("is")) {
      QED_ASSIGN_OR_RETURN(expr, Test(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> ExpressionParser::PostfixOnce(ExprPtr expr) {
  const int line = tokens_.peek().line;
  if (tokens_.AtOperator("[")) return Subscript(std::move(expr));
  if (tokens_.TakeOperator(".")) {
    if (tokens_.At(Kind::kInteger)) return tokens_.Unexpected("a name");
    QED_ASSIGN_OR_RETURN(std::string name, tokens_.ExpectName());
    return Make(Expr::Kind::kAttribute, std::move(expr), nullptr, std::move(name));
  }
  if (expr->kind == Expr::Kind::kAttribute && !IsMethod(expr->text)) {
    return AtLine(line, Unsupported("the method " + expr->text.substr(0, 40)));
  }
  if (expr->kind == Expr::Kind::kName) called_.emplace_back(expr->text, line);
  auto call = std::make_unique<Expr>();
  call->kind = Expr::Kind::kCall;
  call->line = line;
  call->args.push_back(std::move(expr));
  QED_RETURN_IF_ERROR(Arguments(*call));
  return Finish(std::move(call));
}

Result<ExprPtr> ExpressionParser::Subscript(ExprPtr expr) {
  const int line = tokens_.Take().line;
  ExprPtr parts[3];
  int colons = 0;
  while (!tokens_.AtOperator("]")) {
    if (tokens_.TakeOperator(":")) {
      if (++colons > 2) return tokens_.Unexpected("\"]\"");
    } else if (parts[colons] == nullptr) {
      QED_ASSIGN_OR_RETURN(parts[colons], Conditional());
    } else {
      return tokens_.Unexpected("\"]\"");
    }
  }
  tokens_.Take();
  if (colons == 0) {
    if (parts[0] == nullptr) return AtLine(line, InvalidArgument("an empty subscript"));
    return Make(Expr::Kind::kItem, std::move(expr), std::move(parts[0]));
  }
  auto slice = std::make_unique<Expr>();
  slice->kind = Expr::Kind::kSlice;
  slice->line = line;
  slice->args.push_back(std::move(expr));
  for (ExprPtr& part : parts) slice->args.push_back(std::move(part));
  return Finish(std::move(slice));
}

Status ExpressionParser::Arguments(Expr& call) {
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, "("));
  while (!tokens_.AtOperator(")")) {
    if (tokens_.AtOperator("*") || tokens_.AtOperator("**")) {
      return AtLine(tokens_.peek().line, Unsupported("arguments with * or **"));
    }
    const bool named = tokens_.At(Kind::kName) && tokens_.peek(1).kind == Kind::kOperator &&
                       tokens_.peek(1).text == "=";
    if (named) {
      std::string name = tokens_.Take().text;
      tokens_.Take();
      QED_ASSIGN_OR_RETURN(ExprPtr value, Conditional());
      call.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.named.empty()) return tokens_.Unexpected("a named argument");
      QED_ASSIGN_OR_RETURN(ExprPtr value, Conditional());
      call.args.push_back(std::move(value));
    }
    if (call.args.size() + call.named.size() > kMaxArguments) {
      return AtLine(tokens_.peek().line, Unsupported("a call with more than 255 arguments"));
    }
    if (!tokens_.TakeOperator(",")) break;
  }
  return tokens_.Expect(Kind::kOperator, ")");
}

Result<ExprPtr> ExpressionParser::ParseFilters(ExprPtr input) {
  while (tokens_.TakeOperator("|")) {
    QED_ASSIGN_OR_RETURN(input, Filter(std::move(input)));
  }
  return input;
}

Result<ExprPtr> ExpressionParser::ParseFilterChain(ExprPtr input) {
  QED_ASSIGN_OR_RETURN(input, Filter(std::move(input)));
  return ParseFilters(std::move(input));
}

Result<ExprPtr> ExpressionParser::Filter(ExprPtr input) {
  auto filter = std::make_unique<Expr>();
  filter->kind = Expr::Kind::kFilter;
  filter->line = tokens_.peek().line;
  QED_ASSIGN_OR_RETURN(filter->text, tokens_.ExpectName());
  if (!IsFilter(filter->text)) {
    return AtLine(filter->line, Unsupported("the filter " + filter->text.substr(0, 40)));
  }
  filter->args.push_back(std::move(input));
  if (tokens_.AtOperator("(")) QED_RETURN_IF_ERROR(Arguments(*filter));
  QED_RETURN_IF_ERROR(CheckNamedFilter(*filter));
  return Finish(std::move(filter));
}

// Filters that are given another filter or a test by its name.
Status ExpressionParser::CheckNamedFilter(const Expr& filter) const {
  const bool attribute = filter.text == "selectattr" || filter.text == "rejectattr";
  const bool takes_test = attribute || filter.text == "select" || filter.text == "reject";
  const size_t index = attribute ? 2 : 1;
  if ((!takes_test && filter.text != "map") || filter.args.size() <= index) return OkStatus();
  const Expr& name = *filter.args[index];
  if (name.kind != Expr::Kind::kLiteral || !name.value.is_string()) return OkStatus();
  const std::string& text = name.value.string();
  if (takes_test ? IsTest(text) : IsFilter(text)) return OkStatus();
  return AtLine(filter.line,
                Unsupported((takes_test ? "the test " : "the filter ") + text.substr(0, 40)));
}

Status ExpressionParser::CheckCalls() const {
  for (const auto& [name, line] : called_) {
    if (!IsFunction(name) && name != "caller" && !defined_.contains(name)) {
      return AtLine(line, Unsupported("the function " + name.substr(0, 40)));
    }
  }
  return OkStatus();
}

// Whether a test's argument follows without parentheses, as in "is equalto x".
bool ExpressionParser::AtTestArgument() const {
  switch (tokens_.peek().kind) {
    case Kind::kString:
    case Kind::kInteger:
    case Kind::kFloat:
      return true;
    case Kind::kName:
      return !tokens_.AtName("else") && !tokens_.AtName("or") && !tokens_.AtName("and") &&
             !tokens_.AtName("if") && !tokens_.AtName("is") && !tokens_.AtName("in") &&
             !tokens_.AtName("not");
    default:
      return tokens_.AtOperator("[") || tokens_.AtOperator("{");
  }
}

Result<ExprPtr> ExpressionParser::Test(ExprPtr input) {
  auto test = std::make_unique<Expr>();
  test->kind = Expr::Kind::kTest;
  test->line = tokens_.Take().line;
  const bool negated = tokens_.TakeName("not");
  QED_ASSIGN_OR_RETURN(test->text, tokens_.ExpectName());
  if (!IsTest(test->text)) {
    return AtLine(test->line, Unsupported("the test " + test->text.substr(0, 40)));
  }
  test->args.push_back(std::move(input));
  if (tokens_.AtOperator("(")) {
    QED_RETURN_IF_ERROR(Arguments(*test));
  } else if (AtTestArgument()) {
    QED_ASSIGN_OR_RETURN(ExprPtr argument, Primary());
    QED_ASSIGN_OR_RETURN(argument, Postfix(std::move(argument), false));
    test->args.push_back(std::move(argument));
  }
  QED_ASSIGN_OR_RETURN(ExprPtr expr, Finish(std::move(test)));
  return negated ? Make(Expr::Kind::kNot, std::move(expr)) : Result<ExprPtr>(std::move(expr));
}

Result<std::vector<MacroParameter>> ExpressionParser::ParseParameters() {
  std::vector<MacroParameter> parameters;
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, "("));
  while (!tokens_.AtOperator(")")) {
    MacroParameter parameter;
    QED_ASSIGN_OR_RETURN(parameter.name, tokens_.ExpectName());
    Define(parameter.name);
    if (tokens_.TakeOperator("=")) {
      QED_ASSIGN_OR_RETURN(parameter.default_value, Conditional());
    }
    parameters.push_back(std::move(parameter));
    if (parameters.size() > kMaxArguments) {
      return AtLine(tokens_.peek().line, Unsupported("a macro with more than 255 parameters"));
    }
    if (!tokens_.TakeOperator(",")) break;
  }
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kOperator, ")"));
  return parameters;
}

}  // namespace qed::jinja
