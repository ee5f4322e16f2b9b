// The expressions of a template; parser.cc has the statements.
#ifndef QED_TEXT_JINJA_EXPRESSION_PARSER_H_
#define QED_TEXT_JINJA_EXPRESSION_PARSER_H_

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace qed::jinja {

// A position in a token list.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  Token Take() {
    Token token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  bool At(Token::Kind kind, std::string_view text = {}) const {
    return peek().kind == kind && (text.empty() || peek().text == text);
  }
  bool AtOperator(std::string_view text) const { return At(Token::Kind::kOperator, text); }
  bool AtName(std::string_view text) const { return At(Token::Kind::kName, text); }
  bool TakeOperator(std::string_view text) { return AtOperator(text) && (Take(), true); }
  bool TakeName(std::string_view text) { return AtName(text) && (Take(), true); }

  Status Expect(Token::Kind kind, std::string_view text = {});
  Result<std::string> ExpectName();
  // kInvalidArgument about the next token, with its line.
  Status Unexpected(std::string_view wanted) const;

 private:
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  // With `tuples`, "a, b" is a tuple; without `conditional`, "a if b" ends at "if".
  Result<ExprPtr> Parse(bool tuples = false, bool conditional = true);
  // "x", "x, y", "(x, y)"; with `attributes` also "ns.x".
  Result<ExprPtr> ParseTarget(bool attributes);
  // " | trim | ..." behind `input`: any number of filters.
  Result<ExprPtr> ParseFilters(ExprPtr input);
  // "trim | ...": at least one.
  Result<ExprPtr> ParseFilterChain(ExprPtr input);
  Result<std::vector<MacroParameter>> ParseParameters();

  // Notes a name that the template gives a value.
  void Define(std::string name) { defined_.insert(std::move(name)); }
  // kUnsupported where the template calls a function that nobody defines.
  Status CheckCalls() const;

 private:
  using Rule = Result<ExprPtr> (ExpressionParser::*)();

  // Counts one level of the recursion; an error where it would be `levels` too many.
  Status Descend(int levels);
  Result<ExprPtr> Conditional();
  Result<ExprPtr> Or();
  Result<ExprPtr> And();
  Result<ExprPtr> Not();
  Result<ExprPtr> Compare();
  Result<ExprPtr> Sum();
  Result<ExprPtr> Concat();
  Result<ExprPtr> Product();
  Result<ExprPtr> Power();
  Result<ExprPtr> Unary();
  Result<ExprPtr> UnaryWith(bool filters);
  Result<ExprPtr> Primary();
  Result<ExprPtr> Strings();
  Result<ExprPtr> Parenthesized();
  Result<ExprPtr> ListLiteral();
  Result<ExprPtr> DictLiteral();
  Result<ExprPtr> Postfix(ExprPtr expr, bool filters);
  Result<ExprPtr> PostfixOnce(ExprPtr expr);
  Result<ExprPtr> Subscript(ExprPtr expr);
  Result<ExprPtr> Filter(ExprPtr input);
  Status CheckNamedFilter(const Expr& filter) const;
  Result<ExprPtr> Test(ExprPtr input);
  Status Arguments(Expr& call);
  bool AtTestArgument() const;
  Result<ExprPtr> Binary(Rule operand, std::initializer_list<std::string_view> operators);

  // Sets line and height; an error where the tree is too high.
  Result<ExprPtr> Finish(ExprPtr expr);
  Result<ExprPtr> Make(Expr::Kind kind, ExprPtr a, ExprPtr b = nullptr, std::string text = "");

  TokenStream& tokens_;
  int depth_ = 0;  // of the recursion
  std::set<std::string> defined_;
  std::vector<std::pair<std::string, int>> called_;  // names and lines
};

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_EXPRESSION_PARSER_H_
