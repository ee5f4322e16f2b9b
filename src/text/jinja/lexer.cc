#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include "text/unicode.h"

namespace qed::jinja {
namespace {

using Kind = Token::Kind;

constexpr size_t kMaxNameBytes = 200;

bool IsNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameChar(char c) { return IsNameStart(c) || IsDigit(c); }

// Longest first.
constexpr std::array<std::string_view, 24> kOperators = {
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~",
    "[",  "]",  "(",  ")",  "{",  "}",  ">", "<", "=", ".", ":", "|"};

// Line ends as "\n", one at the end of the text taken away: what Jinja does.
std::string NormalizeLineEnds(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

// The text of a quoted string with Python's escapes resolved.
Result<std::string> Unescape(std::string_view body) {
  std::string out;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      out += body[i];
      continue;
    }
    const char c = body[++i];
    constexpr std::string_view kNames = "nrtabfv\\'\"", kCodes = "\n\r\t\a\b\f\v\\'\"";
    if (const size_t known = kNames.find(c); known != std::string_view::npos) {
      out += kCodes[known];
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const std::string hex(body.substr(i + 1, digits));
      const bool valid = hex.size() == digits && std::ranges::all_of(hex, [](unsigned char h) {
                           return std::isxdigit(h) != 0;
                         });
      const uint64_t code = valid ? std::stoull(hex, nullptr, 16) : UINT64_MAX;
      if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
        return InvalidArgument("an escape that is no character");
      }
      AppendUtf8(static_cast<uint32_t>(code), out);
      i += digits;
    } else if (c == 'N' || IsDigit(c)) {
      return Unsupported(std::string("the escape \\") + c);
    } else if (c != '\n') {
      out += {'\\', c};
    }
  }
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(NormalizeLineEnds(source)), rest_(source_) {}

  Result<std::vector<Token>> Run() {
    while (!rest_.empty()) {
      const Status status = Next();
      if (!status.ok()) return status.WithPrefix("line " + std::to_string(line_));
    }
    Push(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  // Text up to the next tag, then the tag.
  Status Next() {
    const size_t begin = FindTag();
    std::string_view text = rest_.substr(0, begin);
    if (begin == std::string_view::npos) {
      PushText(text, text.size());
      return OkStatus();
    }
    const char type = rest_[begin + 1];
    const char sign = begin + 2 < rest_.size() ? rest_[begin + 2] : '\0';
    if (sign == '-') {
      text = StripTrailingSpace(text);
    } else if (sign != '+' && type != '{') {
      text = StripIndent(text);
    }
    PushText(text, begin);
    Skip(sign == '-' || sign == '+' ? 3 : 2);
    if (type == '#') return Comment();
    return Tag(type == '{');
  }

  size_t FindTag() const {
    for (size_t pos = rest_.find('{'); pos != std::string_view::npos;
         pos = rest_.find('{', pos + 1)) {
      const char next = pos + 1 < rest_.size() ? rest_[pos + 1] : '\0';
      if (next == '%' || next == '{' || next == '#') return pos;
    }
    return std::string_view::npos;
  }

  // lstrip_blocks: blanks between the beginning of the line and a block.
  std::string_view StripIndent(std::string_view text) const {
    const size_t line = text.rfind('\n') + 1;  // 0 where there is none
    if (line == 0 && !at_line_start_) return text;
    return TrimSpace(text.substr(line)).empty() ? text.substr(0, line) : text;
  }

  static std::string_view StripTrailingSpace(std::string_view text) {
    const std::string_view trimmed = TrimSpace(text);
    return trimmed.empty()
               ? text.substr(0, 0)
               : text.substr(0, static_cast<size_t>(trimmed.data() - text.data()) + trimmed.size());
  }

  Status Comment() {
    const size_t end = rest_.find("#}");
    if (end == std::string_view::npos) return InvalidArgument("a comment without an end");
    const bool strip = end > 0 && rest_[end - 1] == '-';
    const bool keep = end > 0 && rest_[end - 1] == '+';
    Skip(end + 2);
    AfterTag(strip, !keep);
    return OkStatus();
  }

  Status Tag(bool variable) {
    Push(variable ? Kind::kVariableBegin : Kind::kBlockBegin, "");
    const std::string_view close = variable ? "}}" : "%}";
    std::string open;  // brackets not closed yet
    for (;;) {
      while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0]))) Skip(1);
      if (rest_.empty()) return InvalidArgument("a tag without an end");
      const char sign = rest_[0];
      const bool signed_end = (sign == '-' || sign == '+') && rest_.substr(1).starts_with(close);
      if (open.empty() && (signed_end || rest_.starts_with(close))) {
        Skip(signed_end ? 3 : 2);
        Push(variable ? Kind::kVariableEnd : Kind::kBlockEnd, "");
        AfterTag(signed_end && sign == '-', !variable && !(signed_end && sign == '+'));
        return OkStatus();
      }
      QED_RETURN_IF_ERROR(Expression(open));
    }
  }

  // White space that the end of a tag takes with it.
  void AfterTag(bool strip, bool trim_line_end) {
    at_line_start_ = false;
    if (strip) {
      const std::string_view left = TrimLeft(rest_);
      const size_t skipped = rest_.size() - left.size();
      at_line_start_ = skipped > 0 && rest_[skipped - 1] == '\n';
      Skip(skipped);
    } else if (trim_line_end && rest_.starts_with('\n')) {
      at_line_start_ = true;
      Skip(1);
    }
  }

  static std::string_view TrimLeft(std::string_view text) {
    const std::string_view trimmed = TrimSpace(text);
    return trimmed.empty() ? text.substr(text.size())
                           : text.substr(static_cast<size_t>(trimmed.data() - text.data()));
  }

  Status Expression(std::string& open) {
    const char c = rest_[0];
    if (IsNameStart(c)) return Name();
    if (IsDigit(c)) return Number();
    if (c == '"' || c == '\'') return String(c);
    if (c == ',') {
      Push(Kind::kOperator, ",");
      Skip(1);
      return OkStatus();
    }
    const auto* op = std::ranges::find_if(
        kOperators, [&](std::string_view known) { return rest_.starts_with(known); });
    if (op == kOperators.end()) {
      return InvalidArgument(std::string("an unexpected character in a tag"));
    }
    if (*op == "(" || *op == "[" || *op == "{") open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (*op == ")" || *op == "]" || *op == "}") {
      if (open.empty() || open.back() != c) {
        return InvalidArgument("a \"" + std::string(*op) + "\" without its beginning");
      }
      open.pop_back();
    }
    Push(Kind::kOperator, std::string(*op));
    Skip(op->size());
    return OkStatus();
  }

  Status Name() {
    size_t size = 1;
    while (size < rest_.size() && IsNameChar(rest_[size])) ++size;
    if (size > kMaxNameBytes) return Unsupported("a name of more than 200 letters");
    Push(Kind::kName, std::string(rest_.substr(0, size)));
    Skip(size);
    return OkStatus();
  }

  Status Number() {
    size_t size = 1;
    const auto digits = [&] {
      while (size < rest_.size() && IsDigit(rest_[size])) ++size;
    };
    digits();
    const bool fraction = size + 1 < rest_.size() && rest_[size] == '.' && IsDigit(rest_[size + 1]);
    if (fraction) {
      ++size;
      digits();
    }
    if (size < rest_.size() && IsNameStart(rest_[size])) {
      return Unsupported("a number that is not written in plain digits");
    }
    Push(fraction ? Kind::kFloat : Kind::kInteger, std::string(rest_.substr(0, size)));
    Skip(size);
    return OkStatus();
  }

  Status String(char quote) {
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return InvalidArgument("a string without an end");
    QED_ASSIGN_OR_RETURN(std::string text, Unescape(rest_.substr(1, end - 1)));
    Push(Kind::kString, std::move(text));
    Skip(end + 1);
    return OkStatus();
  }

  void Push(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void PushText(std::string_view text, size_t consumed) {
    if (!text.empty()) Push(Kind::kText, std::string(text));
    Skip(consumed);
  }

  void Skip(size_t count) {
    line_ += static_cast<int>(std::ranges::count(rest_.substr(0, count), '\n'));
    rest_.remove_prefix(count);
  }

  const std::string source_;
  std::string_view rest_;
  int line_ = 1;
  bool at_line_start_ = true;  // nothing but a line end came before rest_
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace qed::jinja
