#include "text/jinja/parser.h"

#include <array>
#include <utility>

#include "text/jinja/expression_parser.h"

namespace qed::jinja {
namespace {

using Kind = Token::Kind;

class StatementParser {
 public:
  explicit StatementParser(std::vector<Token> tokens)
      : tokens_(std::move(tokens)), expressions_(tokens_) {}

  Result<Body> Run() {
    QED_ASSIGN_OR_RETURN(Body body, ParseBody({}));
    if (!tokens_.At(Kind::kEnd)) return tokens_.Unexpected("the end of the template");
    QED_RETURN_IF_ERROR(expressions_.CheckCalls());
    return body;
  }

 private:
  using Statement = Result<std::unique_ptr<Stmt>>;

  // Statements up to one of the tags `ends` (whose name is next then) or the end.
  Result<Body> ParseBody(const std::vector<std::string_view>& ends);
  // The same, with the closing tag `end` taken.
  Result<Body> ParseBlock(std::string_view end);
  Statement ParseStatement();
  Statement ParseIf();
  Statement ParseFor();
  Statement ParseSet();
  Statement ParseMacro();
  Statement ParseCall();
  Statement ParseFilter();
  Statement ParseLoopControl(Stmt::Kind kind);
  Status EndTag() { return tokens_.Expect(Kind::kBlockEnd); }

  std::unique_ptr<Stmt> New(Stmt::Kind kind) const {
    auto statement = std::make_unique<Stmt>();
    statement->kind = kind;
    statement->line = tokens_.peek().line;
    return statement;
  }
  ExprPtr BlockInput() const {
    auto expr = std::make_unique<Expr>();
    expr->kind = Expr::Kind::kName;
    expr->text = kBlockInput;
    return expr;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int blocks_ = 0;  // open ones
  int loops_ = 0;   // of them, loops
};

Result<Body> StatementParser::ParseBody(const std::vector<std::string_view>& ends) {
  Body body;
  while (!tokens_.At(Kind::kEnd)) {
    if (tokens_.At(Kind::kText)) {
      body.push_back(New(Stmt::Kind::kText));
      body.back()->text = tokens_.Take().text;
    } else if (tokens_.At(Kind::kVariableBegin)) {
      body.push_back(New(Stmt::Kind::kOutput));
      tokens_.Take();
      QED_ASSIGN_OR_RETURN(body.back()->expr, expressions_.Parse(true));
      QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kVariableEnd));
    } else {
      QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kBlockBegin));
      for (std::string_view end : ends) {
        if (tokens_.AtName(end)) return body;
      }
      QED_ASSIGN_OR_RETURN(auto statement, ParseStatement());
      body.push_back(std::move(statement));
    }
  }
  if (!ends.empty()) {
    return tokens_.Unexpected("{% " + std::string(ends.back()) + " %}");
  }
  return body;
}

Result<Body> StatementParser::ParseBlock(std::string_view end) {
  QED_ASSIGN_OR_RETURN(Body body, ParseBody({end}));
  tokens_.Take();
  QED_RETURN_IF_ERROR(EndTag());
  return body;
}

StatementParser::Statement StatementParser::ParseStatement() {
  if (blocks_ >= kMaxBlocks) return tokens_.Unexpected("less nesting of blocks");
  struct Tag {
    std::string_view name;
    Statement (StatementParser::*parse)();
  };
  constexpr std::array kTags = {
      Tag{"if", &StatementParser::ParseIf},     Tag{"for", &StatementParser::ParseFor},
      Tag{"set", &StatementParser::ParseSet},   Tag{"macro", &StatementParser::ParseMacro},
      Tag{"call", &StatementParser::ParseCall}, Tag{"filter", &StatementParser::ParseFilter},
  };
  const int line = tokens_.peek().line;
  if (tokens_.AtName("break")) return ParseLoopControl(Stmt::Kind::kBreak);
  if (tokens_.AtName("continue")) return ParseLoopControl(Stmt::Kind::kContinue);
  QED_ASSIGN_OR_RETURN(const std::string name, tokens_.ExpectName());
  ++blocks_;
  for (const Tag& tag : kTags) {
    if (tag.name != name) continue;
    Statement statement = (this->*tag.parse)();
    --blocks_;
    return statement;
  }
  if (name == "generation") {
    auto statement = New(Stmt::Kind::kScope);
    QED_RETURN_IF_ERROR(EndTag());
    QED_ASSIGN_OR_RETURN(statement->body, ParseBlock("endgeneration"));
    --blocks_;
    return statement;
  }
  const Status status = Unsupported("the tag " + name.substr(0, 40));
  return status.WithPrefix("line " + std::to_string(line));
}

StatementParser::Statement StatementParser::ParseIf() {
  auto statement = New(Stmt::Kind::kIf);
  do {
    QED_ASSIGN_OR_RETURN(ExprPtr condition, expressions_.Parse(true));
    QED_RETURN_IF_ERROR(EndTag());
    QED_ASSIGN_OR_RETURN(Body body, ParseBody({"elif", "else", "endif"}));
    statement->branches.emplace_back(std::move(condition), std::move(body));
  } while (tokens_.TakeName("elif"));
  if (tokens_.TakeName("else")) {
    QED_RETURN_IF_ERROR(EndTag());
    QED_ASSIGN_OR_RETURN(statement->body, ParseBody({"endif"}));
  }
  tokens_.Take();
  QED_RETURN_IF_ERROR(EndTag());
  return statement;
}

StatementParser::Statement StatementParser::ParseFor() {
  auto statement = New(Stmt::Kind::kFor);
  QED_ASSIGN_OR_RETURN(statement->target, expressions_.ParseTarget(false));
  QED_RETURN_IF_ERROR(tokens_.Expect(Kind::kName, "in"));
  QED_ASSIGN_OR_RETURN(statement->expr, expressions_.Parse(true, false));
  if (tokens_.TakeName("if")) {
    QED_ASSIGN_OR_RETURN(statement->condition, expressions_.Parse());
  }
  if (tokens_.AtName("recursive")) {
    return Unsupported("a recursive loop").WithPrefix("line " + std::to_string(statement->line));
  }
  QED_RETURN_IF_ERROR(EndTag());
  ++loops_;
  QED_ASSIGN_OR_RETURN(statement->body, ParseBody({"else", "endfor"}));
  --loops_;
  if (tokens_.TakeName("else")) {
    QED_RETURN_IF_ERROR(EndTag());
    QED_ASSIGN_OR_RETURN(statement->else_body, ParseBody({"endfor"}));
  }
  tokens_.Take();
  QED_RETURN_IF_ERROR(EndTag());
  return statement;
}

StatementParser::Statement StatementParser::ParseSet() {
  auto statement = New(Stmt::Kind::kSet);
  QED_ASSIGN_OR_RETURN(statement->target, expressions_.ParseTarget(true));
  if (tokens_.TakeOperator("=")) {
    QED_ASSIGN_OR_RETURN(statement->expr, expressions_.Parse(true));
    QED_RETURN_IF_ERROR(EndTag());
    return statement;
  }
  statement->kind = Stmt::Kind::kSetBlock;
  QED_ASSIGN_OR_RETURN(statement->expr, expressions_.ParseFilters(BlockInput()));
  QED_RETURN_IF_ERROR(EndTag());
  QED_ASSIGN_OR_RETURN(statement->body, ParseBlock("endset"));
  return statement;
}

StatementParser::Statement StatementParser::ParseMacro() {
  auto statement = New(Stmt::Kind::kMacro);
  QED_ASSIGN_OR_RETURN(statement->text, tokens_.ExpectName());
  expressions_.Define(statement->text);
  QED_ASSIGN_OR_RETURN(statement->parameters, expressions_.ParseParameters());
  QED_RETURN_IF_ERROR(EndTag());
  const int loops = std::exchange(loops_, 0);
  QED_ASSIGN_OR_RETURN(statement->body, ParseBlock("endmacro"));
  loops_ = loops;
  return statement;
}

StatementParser::Statement StatementParser::ParseCall() {
  auto statement = New(Stmt::Kind::kCall);
  if (tokens_.AtOperator("(")) {
    QED_ASSIGN_OR_RETURN(statement->parameters, expressions_.ParseParameters());
  }
  QED_ASSIGN_OR_RETURN(statement->expr, expressions_.Parse());
  if (statement->expr->kind != Expr::Kind::kCall) return tokens_.Unexpected("a call");
  QED_RETURN_IF_ERROR(EndTag());
  const int loops = std::exchange(loops_, 0);
  QED_ASSIGN_OR_RETURN(statement->body, ParseBlock("endcall"));
  loops_ = loops;
  return statement;
}

StatementParser::Statement StatementParser::ParseFilter() {
  auto statement = New(Stmt::Kind::kFilter);
  // The grammar wants a chain of filters without the bar before the first.
  QED_ASSIGN_OR_RETURN(statement->expr, expressions_.ParseFilterChain(BlockInput()));
  QED_RETURN_IF_ERROR(EndTag());
  QED_ASSIGN_OR_RETURN(statement->body, ParseBlock("endfilter"));
  return statement;
}

StatementParser::Statement StatementParser::ParseLoopControl(Stmt::Kind kind) {
  if (loops_ == 0) return tokens_.Unexpected("a statement of no loop");
  auto statement = New(kind);
  tokens_.Take();
  QED_RETURN_IF_ERROR(EndTag());
  return statement;
}

}  // namespace

Result<Body> Parse(std::vector<Token> tokens) { return StatementParser(std::move(tokens)).Run(); }

}  // namespace qed::jinja
