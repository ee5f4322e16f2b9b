#include "solve/answer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "solve/number.h"

namespace qed {
namespace {

constexpr std::string_view kBoxed = "\\boxed";

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view Trim(std::string_view s) {
  while (!s.empty() && IsSpace(s.front())) s.remove_prefix(1);
  while (!s.empty() && IsSpace(s.back())) s.remove_suffix(1);
  return s;
}

// The length of the group that begins with the brace at `s[0]`, both braces
// included; 0 where it does not close. Escaped braces are plain characters.
size_t GroupLength(std::string_view s) {
  int depth = 0;
  for (size_t i = 0; i < s.size() && i < kMaxAnswerBytes + 2; ++i) {
    if (s[i] == '\\') {
      ++i;
    } else if (s[i] == '{') {
      ++depth;
    } else if (s[i] == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

// What follows one `\boxed`; none if that is no box.
std::optional<std::string> BoxContent(std::string_view after) {
  if (!after.empty() && IsLetter(after.front())) return std::nullopt;  // \boxedsomething
  while (!after.empty() && after.front() == ' ') after.remove_prefix(1);
  if (after.empty()) return std::nullopt;
  std::string_view content;
  if (after.front() == '{') {
    const size_t length = GroupLength(after);
    if (length == 0) return std::nullopt;
    content = after.substr(1, length - 2);
  } else {
    size_t end = 0;
    while (end < after.size() && !IsSpace(after[end]) && after[end] != '$' && after[end] != '}') {
      ++end;
    }
    content = after.substr(0, end);
    while (!content.empty() && std::string_view(".,;:").find(content.back()) != content.npos) {
      content.remove_suffix(1);
    }
    if (content.size() > kMaxAnswerBytes) return std::nullopt;
  }
  return std::string(Trim(content));
}

// Replaces every `from` by `to`. A command (`\left`) is only matched whole.
void ReplaceAll(std::string& s, std::string_view from, std::string_view to) {
  const bool command = from.size() > 1 && from.front() == '\\' && IsLetter(from.back());
  for (size_t at = s.find(from); at != std::string::npos; at = s.find(from, at)) {
    const size_t end = at + from.size();
    if (command && end < s.size() && IsLetter(s[end])) {
      at = end;
      continue;
    }
    s.replace(at, from.size(), to);
    at += to.size();
  }
}

// Spacing, sizing and signs that do not change an answer's meaning.
void DropDecoration(std::string& s) {
  struct Replacement {
    std::string_view from, to;
  };
  static constexpr std::array kReplacements = std::to_array<Replacement>({
      {"\\(", ""},
      {"\\)", ""},
      {"\\[", ""},
      {"\\]", ""},
      {"\\$", ""},
      {"$", ""},
      {"\\left", ""},
      {"\\right", ""},
      {"\\displaystyle", ""},
      {"\\quad", " "},
      {"\\!", ""},
      {"\\,", " "},
      {"\\;", " "},
      {"\\:", " "},
      {"\\ ", " "},
      {"~", " "},
      {"{,}", ","},
      {"^\\circ", ""},
      {"^{\\circ}", ""},
      {"\\degree", ""},
      {"\\%", "%"},
      {"\\dfrac", "\\frac"},
      {"\\tfrac", "\\frac"},
      {"\\cfrac", "\\frac"},
      {"\xE2\x88\x92", "-"} /* minus sign */,
      {"\xC2\xB0", ""} /* degree sign */,
  });
  for (const Replacement& r : kReplacements) ReplaceAll(s, r.from, r.to);
}

// One argument of \frac at `s[at]`: a group's content or a single character.
// Moves `at` behind it; none at the end of the text.
std::optional<std::string> TakeArgument(std::string_view s, size_t& at) {
  while (at < s.size() && s[at] == ' ') ++at;
  if (at >= s.size()) return std::nullopt;
  if (s[at] != '{') return std::string(1, s[at++]);
  const size_t length = GroupLength(s.substr(at));
  if (length == 0) return std::nullopt;
  std::string argument(Trim(s.substr(at + 1, length - 2)));
  at += length;
  return argument;
}

// As one side of a quotient: in parentheses unless it is a number or a name.
std::string AsOperand(const std::string& s) {
  const bool simple = std::all_of(s.begin(), s.end(), [](char c) {
    return IsLetter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
  const bool number = s.find('/') == std::string::npos && CanonicalNumber(s).has_value();
  return simple || number ? s : '(' + s + ')';
}

// \frac{a}{b} to a/b, from the last one back, so that inner ones come first. A
// whole number right before it makes a mixed number: "1\frac12" to "1 1/2".
void RewriteFractions(std::string& s) {
  constexpr std::string_view kFrac = "\\frac";
  for (size_t at = s.rfind(kFrac); at != std::string::npos; at = s.rfind(kFrac, at - 1)) {
    size_t end = at + kFrac.size();
    const std::optional<std::string> above = TakeArgument(s, end);
    const std::optional<std::string> below = above ? TakeArgument(s, end) : std::nullopt;
    if (below) {
      const bool mixed = at > 0 && std::isdigit(static_cast<unsigned char>(s[at - 1]));
      std::string quotient = mixed ? " " : "";
      quotient += AsOperand(*above);
      quotient += '/';
      quotient += AsOperand(*below);
      s.replace(at, end - at, quotient);
    }
    if (at == 0) break;
  }
}

// "5\text{ cm}" is 5; other text groups are unwrapped.
void DropTextGroups(std::string& s) {
  static constexpr std::array<std::string_view, 6> kCommands = {"\\text",   "\\mathrm", "\\textbf",
                                                                "\\mathbf", "\\mbox",   "\\mathit"};
  for (std::string_view command : kCommands) {
    const std::string opening = std::string(command) + "{";
    for (size_t at = s.find(opening); at != std::string::npos; at = s.find(opening, at)) {
      const size_t group = at + command.size();
      const size_t length = GroupLength(std::string_view(s).substr(group));
      if (length == 0) break;
      const std::string_view head = Trim(std::string_view(s).substr(0, at));
      const bool at_end = Trim(std::string_view(s).substr(group + length)).empty();
      if (at_end && CanonicalNumber(head)) {
        s = std::string(head);
        return;
      }
      s.replace(at, command.size() + length, s.substr(group + 1, length - 2));
    }
  }
}

// "x = 5" is 5.
std::string_view DropVariable(std::string_view s) {
  const size_t equals = s.find('=');
  if (equals == std::string_view::npos || s.find('=', equals + 1) != std::string_view::npos) {
    return s;
  }
  const std::string_view name = Trim(s.substr(0, equals));
  const std::string_view value = Trim(s.substr(equals + 1));
  return name.size() == 1 && IsLetter(name[0]) && !value.empty() ? value : s;
}

// Braces and punctuation around the whole answer.
std::string_view DropFrame(std::string_view s) {
  for (size_t before = s.size() + 1; before != s.size();) {
    before = s.size();
    s = Trim(s);
    if (!s.empty() && s.back() == '.') s.remove_suffix(1);
    if (!s.empty() && s.front() == '{' && GroupLength(s) == s.size()) {
      s = s.substr(1, s.size() - 2);
    }
  }
  return s;
}

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Whether the white space at `s[i]` keeps two numbers apart: "1 2" is not 12, but
// "10 000" is 10000.
bool SeparatesNumbers(std::string_view s, size_t i) {
  if (i == 0 || !IsDigit(s[i - 1])) return false;
  while (i < s.size() && IsSpace(s[i])) ++i;
  size_t digits = 0;
  while (i + digits < s.size() && IsDigit(s[i + digits])) ++digits;
  return digits != 0 && digits != 3;
}

// x^{2} is x^2; spaces go.
std::string Squeeze(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool script = !out.empty() && (out.back() == '^' || out.back() == '_');
    if (script && s[i] == '{' && i + 2 < s.size() && s[i + 2] == '}') {
      out += s[i + 1];
      i += 2;
    } else if (!IsSpace(s[i])) {
      out += s[i];
    } else if (SeparatesNumbers(s, i)) {
      out += ' ';
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> ExtractBoxedAnswer(std::string_view text) {
  for (size_t at = text.rfind(kBoxed); at != std::string_view::npos;
       at = text.rfind(kBoxed, at - 1)) {
    const std::optional<std::string> content = BoxContent(text.substr(at + kBoxed.size()));
    if (content) return content->empty() ? std::nullopt : content;
    if (at == 0) break;
  }
  return std::nullopt;
}

std::optional<std::string> AnswerModulo(std::string_view normalized, int64_t modulo) {
  const bool negative = normalized.starts_with('-');
  if (negative) normalized.remove_prefix(1);
  if (normalized.empty()) return std::nullopt;
  int64_t rest = 0;
  for (const char c : normalized) {
    if (c < '0' || c > '9') return std::nullopt;
    rest = (rest * 10 + (c - '0')) % modulo;
  }
  return std::to_string(negative && rest != 0 ? modulo - rest : rest);
}

std::string NormalizeAnswer(std::string_view answer) {
  if (answer.size() > kMaxAnswerBytes) return std::string(answer);
  std::string s(answer);
  DropDecoration(s);
  RewriteFractions(s);
  DropTextGroups(s);
  std::string_view rest = DropFrame(DropVariable(DropFrame(s)));
  std::string_view number = rest;
  if (!number.empty() && number.back() == '%') number.remove_suffix(1);
  if (std::optional<std::string> canonical = CanonicalNumber(number)) return *canonical;
  return Squeeze(rest);
}

}  // namespace qed
