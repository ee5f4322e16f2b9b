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

// Spacing and sizing, and other names of one command: they do not change what is meant.
void DropDecoration(std::string& s) {
  struct Replacement {
    std::string_view from, to;
  };
  static constexpr std::array kReplacements = std::to_array<Replacement>({
      {"\\left", ""},
      {"\\right", ""},
      {"\\displaystyle", ""},
      {"\\textstyle", ""},
      {"\\quad", " "},
      {"\\qquad", " "},
      {"\\dfrac", "\\frac"},
      {"\\tfrac", "\\frac"},
      {"\\cfrac", "\\frac"},
      {"\xE2\x88\x92", "-"} /* minus sign */,
      {"\xC2\xA0", " "} /* space that does not break */,
  });
  for (const Replacement& r : kReplacements) ReplaceAll(s, r.from, r.to);
}

// Drops `opening` and `closing` around all of `s`; true where they were there.
bool DropAround(std::string_view& s, std::string_view opening, std::string_view closing) {
  if (s.size() < opening.size() + closing.size() || !s.starts_with(opening) ||
      !s.ends_with(closing)) {
    return false;
  }
  const std::string_view inside =
      s.substr(opening.size(), s.size() - opening.size() - closing.size());
  if (inside.find(opening) != std::string_view::npos) return false;  // \(1\) and \(2\)
  s = inside;
  return true;
}

// Math delimiters, boxes and braces around the whole answer, and a full stop behind it.
std::string_view DropFrame(std::string_view s) {
  for (size_t before = s.size() + 1; before != s.size();) {
    before = s.size();
    s = Trim(s);
    if (!s.empty() && s.back() == '.' && !s.ends_with("..")) s.remove_suffix(1);
    DropAround(s, "$$", "$$");
    DropAround(s, "$", "$");
    DropAround(s, "\\(", "\\)");
    DropAround(s, "\\[", "\\]");
    if (s.starts_with(kBoxed) && GroupLength(s.substr(kBoxed.size())) + kBoxed.size() == s.size()) {
      s.remove_prefix(kBoxed.size());
    }
    if (!s.empty() && s.front() == '{' && GroupLength(s) == s.size()) {
      s = s.substr(1, s.size() - 2);
    }
  }
  return s;
}

// \text{Monday} is Monday, where nothing else is there.
std::string_view DropText(std::string_view s) {
  static constexpr std::array<std::string_view, 5> kCommands = {"\\text", "\\mathrm", "\\textbf",
                                                                "\\mbox", "\\textit"};
  for (const std::string_view command : kCommands) {
    if (!s.starts_with(command)) continue;
    const std::string_view group = s.substr(command.size());
    if (group.empty() || group.front() != '{' || GroupLength(group) != group.size()) continue;
    const std::string_view content = group.substr(1, group.size() - 2);
    if (content.find_first_of("\\{}$") == std::string_view::npos) return Trim(content);
  }
  return s;
}

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// The digits of a group or of one character of \frac at `s[at]`; moves `at` behind it.
std::optional<std::string> TakeWholeNumber(std::string_view s, size_t& at) {
  while (at < s.size() && s[at] == ' ') ++at;
  const bool braced = at < s.size() && s[at] == '{';
  const size_t begin = braced ? at + 1 : at;
  size_t end = begin;
  while (end < s.size() && (IsDigit(s[end]) || s[end] == ' ') && (braced || end == begin)) ++end;
  const std::string_view digits = Trim(s.substr(begin, end - begin));
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  if (braced && (end >= s.size() || s[end] != '}')) return std::nullopt;
  at = braced ? end + 1 : end;
  return std::string(digits);
}

// "-\frac{3}{4}" as "-3/4" and "1\frac12" as "1 1/2"; what is not such stays.
std::string RewriteFraction(const std::string& s) {
  constexpr std::string_view kFrac = "\\frac";
  const size_t found = s.find(kFrac);
  if (found == std::string::npos) return s;
  std::string_view sign = Trim(std::string_view(s).substr(0, found));
  size_t at = found + kFrac.size();
  bool negative = false;
  size_t above_at = at;
  while (above_at < s.size() && s[above_at] == ' ') ++above_at;
  if (sign.empty() && std::string_view(s).substr(above_at).starts_with("{-")) {
    negative = true;  // \frac{-3}{4}
    at = above_at;
  }
  std::string rest = s;
  if (negative) rest.erase(at + 1, 1);
  const std::optional<std::string> above = TakeWholeNumber(rest, at);
  const std::optional<std::string> below = above ? TakeWholeNumber(rest, at) : std::nullopt;
  if (!below || !Trim(std::string_view(rest).substr(at)).empty()) return s;
  std::string quotient = negative ? "-" : std::string(sign);
  if (!quotient.empty() && IsDigit(quotient.back())) quotient += ' ';
  return quotient + *above + '/' + *below;
}

// Signs that say how a number is written, and nothing about which it is: thousands
// separators, a sign of money, of degrees or of percent.
std::string DropNumberSigns(std::string s) {
  for (const std::string_view sign : {"\\$", "$"}) {
    if (s.starts_with(sign)) s.erase(0, sign.size());
  }
  for (const std::string_view sign : {"^\\circ", "^{\\circ}", "\\degree", "\xC2\xB0", "\\%", "%"}) {
    if (s.ends_with(sign)) {
      s.erase(s.size() - sign.size());
      break;
    }
  }
  for (const std::string_view separator : {"{,}", ",\\!"}) {
    for (size_t at = s.find(separator); at != std::string::npos; at = s.find(separator, at)) {
      size_t end = at + separator.size();
      while (separator != "{,}" && end < s.size() && s[end] == ' ') ++end;
      s.replace(at, end - at, 1, ',');
    }
  }
  return std::string(Trim(s));
}

// "10 000", "10\,000" and "10\!000" as "10000": groups of three behind one to three.
std::string JoinDigitGroups(const std::string& s) {
  std::string joined;
  size_t group = 0;
  bool grouped = false;
  for (size_t i = 0; i < s.size(); ++i) {
    size_t space = 0;
    if (s[i] == ' ' || s[i] == '~') space = 1;
    if (s[i] == '\\' && i + 1 < s.size() &&
        std::string_view(",!; ").find(s[i + 1]) != std::string_view::npos)
      space = 2;
    if (space == 0) {
      group = IsDigit(s[i]) ? group + 1 : 0;
      joined += s[i];
      continue;
    }
    size_t digits = 0;
    while (i + space + digits < s.size() && IsDigit(s[i + space + digits])) ++digits;
    const bool joins = digits == 3 && group >= 1 && group <= 3 && (!grouped || group == 3) &&
                       s.find('/') == std::string::npos;
    if (!joins) return s;
    grouped = true;
    group = 0;
    i += space - 1;
  }
  return joined;
}

// The canonical text of an answer that is plainly a number.
std::optional<std::string> AsNumber(std::string_view s) {
  return CanonicalNumber(JoinDigitGroups(DropNumberSigns(RewriteFraction(std::string(s)))));
}

// Whether white space between two characters says something: it keeps letters and
// digits apart, a list's comma from one of thousands, "!=" from a factorial.
bool SpaceMatters(char before, std::string_view after) {
  const auto binds = [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '.' || (c & 0x80) != 0;
  };
  if (binds(before) || before == ')' || before == ':') return binds(after[0]) || after[0] == '!';
  if (before != ',') return after[0] == '!';
  size_t digits = 0;
  while (digits < after.size() && IsDigit(after[digits])) ++digits;
  return digits == 3;
}

// White space that says nothing goes; of the rest one space stays.
std::string Squeeze(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    size_t end = i;
    while (end < s.size()) {
      if (IsSpace(s[end]) || s[end] == '~') {
        ++end;
      } else if (s[end] == '\\' && end + 1 < s.size() &&
                 std::string_view(",;:! ").find(s[end + 1]) != std::string_view::npos &&
                 (end == 0 || s[end - 1] != '\\')) {
        end += 2;
      } else {
        break;
      }
    }
    if (end > i) {
      if (!out.empty() && end < s.size() && SpaceMatters(out.back(), s.substr(end))) out += ' ';
      i = end;
    } else {
      out += s[i++];
    }
  }
  return out;
}

// x^{2} is x^2 where nothing follows that would be taken for more of the exponent.
std::string DropScriptBraces(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool script = !out.empty() && (out.back() == '^' || out.back() == '_');
    if (script && i + 2 < s.size() && s[i] == '{' && (IsLetter(s[i + 1]) || IsDigit(s[i + 1])) &&
        s[i + 2] == '}' &&
        (i + 3 == s.size() ||
         std::string_view("+-*/)=<>,|&").find(s[i + 3]) != std::string_view::npos)) {
      out += s[i + 1];
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

// "n=5" as "5", "5\text{cm}" as "5": what contests ask for is the number.
std::string_view DropNameAndUnit(std::string_view s) {
  if (s.size() > 2 && IsLetter(s[0]) && s[1] == '=') s.remove_prefix(2);
  const size_t text = s.find("\\text{");
  if (text == std::string_view::npos || !s.ends_with('}')) return s;
  static constexpr std::array<std::string_view, 14> kUnits = {
      "cm",   "mm",    "km",      "m",       "in",      "ft",    "units",
      "unit", "miles", "degrees", "dollars", "minutes", "hours", "square units"};
  const std::string_view unit = Trim(s.substr(text + 6, s.size() - text - 7));
  const bool known = std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
  return known ? s.substr(0, text) : s;
}

std::string NormalizeOnce(std::string s) {
  DropDecoration(s);
  const std::string_view framed = DropText(DropFrame(s));
  if (std::optional<std::string> number = AsNumber(framed)) return *number;
  return DropScriptBraces(Squeeze(framed));
}

}  // namespace

std::optional<std::string> ExtractBoxedAnswer(std::string_view text) {
  for (size_t at = text.rfind(kBoxed); at != std::string_view::npos;
       at = text.rfind(kBoxed, at - 1)) {
    const std::optional<std::string> content = BoxContent(text.substr(at + kBoxed.size()));
    if (content && !content->empty()) return content;
    if (at == 0) break;
  }
  return std::nullopt;
}

std::optional<std::string> AnswerModulo(std::string_view normalized, int64_t modulo) {
  normalized = DropNameAndUnit(normalized);
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
  std::string form(answer);
  if (answer.size() > kMaxAnswerBytes) return form;
  // What one round drops may have hidden from it what the next drops. A round shortens the
  // text, or makes a number of it, whose form stays: so there are no more than it has bytes.
  for (size_t round = 0; round <= answer.size(); ++round) {
    std::string next = NormalizeOnce(form);
    if (next == form) break;
    form = std::move(next);
  }
  return form;
}

}  // namespace qed
