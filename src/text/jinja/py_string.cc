#include "text/jinja/py_string.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace qed::jinja {
namespace {

bool IsBlank(std::string_view c) { return TrimSpace(c).empty(); }

// The case of every character is chosen by whether `up` says so of its place.
template <typename Up>
Status ChangeCase(std::string_view text, TextBuilder& out, Up up) {
  std::string changed;
  changed.reserve(text.size());
  bool first = true;
  std::string_view before, unknown;
  ForEachChar(text, [&](std::string_view c) {
    const bool letter = IsLetter(DecodeUtf8(c, 0).code);
    if (letter && c.size() > 1) {
      unknown = c;
    } else if (letter) {
      const bool upper = up(first, before);
      changed += static_cast<char>(upper ? c[0] & ~0x20 : c[0] | 0x20);
    } else {
      changed += c;
    }
    first = false;
    before = c;
  });
  if (!unknown.empty()) {
    return Unsupported("the upper or lower case of \"" + std::string(unknown) + "\"");
  }
  out.Add(changed);
  return OkStatus();
}

bool IsLetterChar(std::string_view c) { return !c.empty() && IsLetter(DecodeUtf8(c, 0).code); }

// Characters at which str.splitlines() breaks.
bool IsLineEnd(uint32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

// A set of characters, to look up in constant time.
class CharSet {
 public:
  explicit CharSet(std::string_view chars) {
    ForEachChar(chars, [&](std::string_view c) {
      const uint32_t code = DecodeUtf8(c, 0).code;
      if (code < ascii_.size()) {
        ascii_[code] = true;
      } else {
        if (others_.empty()) others_.resize(kInvalidByte + 256);
        others_[code] = true;
      }
    });
  }
  bool Has(std::string_view c) const {
    const uint32_t code = DecodeUtf8(c, 0).code;
    return code < ascii_.size() ? ascii_[code] : !others_.empty() && others_[code];
  }

 private:
  std::array<bool, 128> ascii_{};
  std::vector<bool> others_;
};

template <typename Strips>
std::string_view StripIf(std::string_view text, Ends ends, Strips strips) {
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

void SplitAtSpace(std::string_view text, int64_t limit, ListBuilder& out) {
  text = Strip(text, nullptr, Ends::kLeft);
  for (int64_t pieces = 0; !text.empty(); ++pieces) {
    if (pieces == limit) return out.AddText(Strip(text, nullptr, Ends::kRight));
    size_t end = 0;
    while (end < text.size()) {
      const DecodedChar c = DecodeUtf8(text, end);
      if (IsBlank(text.substr(end, c.length))) break;
      end += c.length;
    }
    out.AddText(text.substr(0, end));
    text = Strip(text.substr(end), nullptr, Ends::kLeft);
  }
}

// From the end; the white space before a word ends the piece in front of it.
void RSplitAtSpace(std::string_view text, int64_t limit, ListBuilder& out) {
  text = Strip(text, nullptr, Ends::kRight);
  for (int64_t pieces = 0; !text.empty(); ++pieces) {
    if (pieces == limit) return out.AddText(text);
    size_t begin = text.size();
    while (begin > 0) {
      const size_t previous = PreviousChar(text, begin);
      if (IsBlank(text.substr(previous, begin - previous))) break;
      begin = previous;
    }
    out.AddText(text.substr(begin));
    text = Strip(text.substr(0, begin), nullptr, Ends::kRight);
  }
}

// Calls `each` with every line, without its end.
template <typename Each>
void ForEachLine(std::string_view text, Each each) {
  size_t begin = 0;
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    size_t next = pos + c.length;
    if (IsLineEnd(c.code)) {
      each(text.substr(begin, pos - begin));
      if (c.code == '\r' && next < text.size() && text[next] == '\n') ++next;
      begin = next;
    }
    pos = next;
  }
  if (begin < text.size()) each(text.substr(begin));
}

}  // namespace

int64_t CountChars(std::string_view text) {
  int64_t count = 0;
  ForEachChar(text, [&](std::string_view) { ++count; });
  return count;
}

size_t FindPiece(std::string_view text, std::string_view piece) {
  // Linear, which std::string_view::find is not.
  const void* found = memmem(text.data(), text.size(), piece.data(), piece.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastPiece(std::string_view text, std::string_view piece) {
  const std::string backwards(text.rbegin(), text.rend());
  const size_t found = FindPiece(backwards, std::string(piece.rbegin(), piece.rend()));
  return found == std::string_view::npos ? found : text.size() - found - piece.size();
}

int64_t CountPieces(std::string_view text, std::string_view piece) {
  int64_t count = 0;
  for (size_t at; (at = FindPiece(text, piece)) != std::string_view::npos; ++count) {
    text.remove_prefix(at + piece.size());
  }
  return count;
}

Status Upper(std::string_view text, TextBuilder& out) {
  return ChangeCase(text, out, [](bool, std::string_view) { return true; });
}
Status Lower(std::string_view text, TextBuilder& out) {
  return ChangeCase(text, out, [](bool, std::string_view) { return false; });
}
Status Capitalize(std::string_view text, TextBuilder& out) {
  return ChangeCase(text, out, [](bool first, std::string_view) { return first; });
}
Status Title(std::string_view text, TextBuilder& out) {
  return ChangeCase(text, out, [](bool, std::string_view before) { return !IsLetterChar(before); });
}
Status TitleWords(std::string_view text, TextBuilder& out) {
  return ChangeCase(text, out, [](bool first, std::string_view before) {
    constexpr std::string_view kBefore = "-({[< \t\n\r\f\v";
    return first || (before.size() == 1 && kBefore.find(before) != std::string_view::npos);
  });
}

std::string_view Strip(std::string_view text, const std::string* chars, Ends ends) {
  if (chars == nullptr) return StripIf(text, ends, IsBlank);
  const CharSet set(*chars);
  return StripIf(text, ends, [&](std::string_view c) { return set.Has(c); });
}

void Split(std::string_view text, const std::string* separator, int64_t limit, ListBuilder& out) {
  if (separator == nullptr) return SplitAtSpace(text, limit, out);
  for (int64_t pieces = 0; pieces != limit; ++pieces) {
    const size_t end = FindPiece(text, *separator);
    if (end == std::string_view::npos) break;
    out.AddText(text.substr(0, end));
    text.remove_prefix(end + separator->size());
  }
  out.AddText(text);
}

void RSplit(std::string_view text, const std::string* separator, int64_t limit, ListBuilder& out) {
  if (separator == nullptr) {
    RSplitAtSpace(text, limit, out);
  } else {
    // The same search in the text turned round.
    const std::string backwards(text.rbegin(), text.rend());
    const std::string piece(separator->rbegin(), separator->rend());
    std::string_view rest = backwards;
    for (int64_t pieces = 0; pieces != limit; ++pieces) {
      const size_t end = FindPiece(rest, piece);
      if (end == std::string_view::npos) break;
      out.AddText(text.substr(rest.size() - end, end));
      rest.remove_prefix(end + piece.size());
    }
    out.AddText(text.substr(0, rest.size()));
  }
  out.Reverse();
}

void SplitLines(std::string_view text, ListBuilder& out) {
  ForEachLine(text, [&](std::string_view line) { out.AddText(line); });
}

void IndentLines(std::string_view text, std::string_view margin, bool first, bool blank,
                 TextBuilder& out) {
  // The line end put behind the text keeps one that it ends with.
  const std::string ended = std::string(text) + "\n";
  bool is_first = true;
  ForEachLine(ended, [&](std::string_view line) {
    if (!is_first) out.Add("\n");
    if (is_first ? first : blank || !line.empty()) out.Add(margin);
    out.Add(line);
    is_first = false;
  });
}

void Replace(std::string_view text, std::string_view from, std::string_view to, int64_t limit,
             TextBuilder& out) {
  if (from.empty()) {
    // Python puts `to` before every character and at the end.
    ForEachChar(text, [&](std::string_view c) {
      if (limit != 0) out.Add(to);
      limit -= limit > 0 ? 1 : 0;
      out.Add(c);
    });
    if (limit != 0) out.Add(to);
    return;
  }
  for (size_t pos; limit != 0 && (pos = FindPiece(text, from)) != std::string_view::npos;) {
    out.Add(text.substr(0, pos));
    out.Add(to);
    text.remove_prefix(pos + from.size());
    limit -= limit > 0 ? 1 : 0;
  }
  out.Add(text);
}

}  // namespace qed::jinja
