#include "text/jinja/py_string.h"

#include <algorithm>

#include "text/unicode.h"

namespace qed::jinja {
namespace {

bool IsLetterChar(std::string_view c) { return IsLetter(DecodeUtf8(c, 0).code); }

bool IsBlank(std::string_view c) { return TrimSpace(c).empty(); }

// The case of every character is chosen by whether `up` says so of its place.
template <typename Up>
Result<std::string> ChangeCase(std::string_view text, Up up) {
  std::string out;
  out.reserve(text.size());
  bool first = true, after_letter = false;
  for (std::string_view c : SplitChars(text)) {
    const bool letter = IsLetterChar(c);
    if (letter && c.size() > 1)
      return Unsupported("the upper or lower case of \"" + std::string(c) + "\"");
    const bool upper = up(first, after_letter);
    if (letter) {
      out += static_cast<char>(upper ? c[0] & ~0x20 : c[0] | 0x20);
    } else {
      out += c;
    }
    first = false;
    after_letter = letter;
  }
  return out;
}

// Characters at which str.splitlines() breaks.
bool IsLineEnd(uint32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

std::vector<std::string_view> SplitAtSpace(std::string_view text, int64_t limit) {
  std::vector<std::string_view> pieces;
  text = Strip(text, nullptr, Ends::kLeft);
  while (!text.empty()) {
    size_t end = 0;
    while (end < text.size()) {
      const DecodedChar c = DecodeUtf8(text, end);
      if (IsBlank(text.substr(end, c.length))) break;
      end += c.length;
    }
    if (limit >= 0 && std::cmp_equal(pieces.size(), limit)) {
      pieces.push_back(Strip(text, nullptr, Ends::kRight));
      break;
    }
    pieces.push_back(text.substr(0, end));
    text = Strip(text.substr(end), nullptr, Ends::kLeft);
  }
  return pieces;
}

}  // namespace

int64_t CountChars(std::string_view text) {
  int64_t count = 0;
  for (size_t pos = 0; pos < text.size(); pos += DecodeUtf8(text, pos).length) ++count;
  return count;
}

std::vector<std::string_view> SplitChars(std::string_view text) {
  std::vector<std::string_view> chars;
  for (size_t pos = 0; pos < text.size();) {
    const uint32_t length = DecodeUtf8(text, pos).length;
    chars.push_back(text.substr(pos, length));
    pos += length;
  }
  return chars;
}

Result<std::string> Upper(std::string_view text) {
  return ChangeCase(text, [](bool, bool) { return true; });
}
Result<std::string> Lower(std::string_view text) {
  return ChangeCase(text, [](bool, bool) { return false; });
}
Result<std::string> Capitalize(std::string_view text) {
  return ChangeCase(text, [](bool first, bool) { return first; });
}
Result<std::string> Title(std::string_view text) {
  return ChangeCase(text, [](bool, bool after_letter) { return !after_letter; });
}

std::string_view Strip(std::string_view text, const std::string* chars, Ends ends) {
  const auto strips = [&](std::string_view c) {
    return chars == nullptr ? IsBlank(c) : chars->find(c) != std::string::npos;
  };
  while (ends != Ends::kRight && !text.empty()) {
    const uint32_t length = DecodeUtf8(text, 0).length;
    if (!strips(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (ends != Ends::kLeft && !text.empty()) {
    const size_t last = PreviousChar(text, text.size());
    if (!strips(text.substr(last))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::vector<std::string_view> Split(std::string_view text, const std::string* separator,
                                    int64_t limit) {
  if (separator == nullptr) return SplitAtSpace(text, limit);
  std::vector<std::string_view> pieces;
  for (size_t end = text.find(*separator);
       end != std::string_view::npos && (limit < 0 || std::cmp_less(pieces.size(), limit));
       end = text.find(*separator)) {
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end + separator->size());
  }
  pieces.push_back(text);
  return pieces;
}

std::vector<std::string_view> RSplit(std::string_view text, const std::string* separator,
                                     int64_t limit) {
  if (separator == nullptr && limit < 0) return SplitAtSpace(text, -1);
  std::vector<std::string_view> pieces;
  if (separator == nullptr) {
    // The white space before a word ends the piece in front of it.
    for (text = Strip(text, nullptr, Ends::kRight); !text.empty();) {
      if (std::cmp_equal(pieces.size(), limit)) {
        pieces.push_back(text);
        break;
      }
      size_t begin = text.size();
      while (begin > 0 &&
             !IsBlank(text.substr(PreviousChar(text, begin), begin - PreviousChar(text, begin)))) {
        begin = PreviousChar(text, begin);
      }
      pieces.push_back(text.substr(begin));
      text = Strip(text.substr(0, begin), nullptr, Ends::kRight);
    }
  } else {
    for (size_t at = text.rfind(*separator);
         at != std::string_view::npos && (limit < 0 || std::cmp_less(pieces.size(), limit));
         at = text.rfind(*separator)) {
      pieces.push_back(text.substr(at + separator->size()));
      text = text.substr(0, at);
    }
    pieces.push_back(text);
  }
  std::ranges::reverse(pieces);
  return pieces;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    size_t next = pos + c.length;
    if (IsLineEnd(c.code)) {
      lines.push_back(text.substr(begin, pos - begin));
      if (c.code == '\r' && next < text.size() && text[next] == '\n') ++next;
      begin = next;
    }
    pos = next;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string Replace(std::string_view text, std::string_view from, std::string_view to,
                    int64_t limit) {
  std::string out;
  if (from.empty()) {
    // Python puts `to` before every character and at the end.
    for (std::string_view c : SplitChars(text)) {
      if (limit != 0) out += to;
      limit -= limit > 0 ? 1 : 0;
      out += c;
    }
    return limit == 0 ? out : out + std::string(to);
  }
  for (size_t pos; limit != 0 && (pos = text.find(from)) != std::string_view::npos;) {
    out += text.substr(0, pos);
    out += to;
    text.remove_prefix(pos + from.size());
    limit -= limit > 0 ? 1 : 0;
  }
  return out += text;
}

}  // namespace qed::jinja
