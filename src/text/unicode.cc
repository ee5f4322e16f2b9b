#include "text/unicode.h"

#include <algorithm>

#include "base/check.h"
#include "text/unicode_data.h"

namespace qed {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

bool Contains(std::span<const CodeRange> ranges, uint32_t code) {
  const auto it = std::upper_bound(ranges.begin(), ranges.end(), code,
                                   [](uint32_t c, const CodeRange& r) { return c < r.first; });
  return it != ranges.begin() && code <= std::prev(it)->last;
}

// A lead byte: how long its character is and what its second byte may be (the
// bounds rule out overlong forms, surrogates and codes above U+10FFFF).
struct Lead {
  uint32_t length;  // 0: no lead byte
  uint8_t low, high;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// How many bytes at `pos` begin a valid character: `length` of its lead when
// whole, fewer when cut short, 0 for no lead byte at all.
uint32_t ValidPrefix(std::string_view text, size_t pos, const Lead& lead) {
  uint32_t valid = lead.length == 0 ? 0 : 1;
  while (valid < lead.length && pos + valid < text.size()) {
    const uint8_t byte = static_cast<uint8_t>(text[pos + valid]);
    const uint8_t low = valid == 1 ? lead.low : 0x80;
    const uint8_t high = valid == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) break;
    ++valid;
  }
  return valid;
}

}  // namespace

DecodedChar DecodeUtf8(std::string_view text, size_t pos) {
  const uint8_t first = static_cast<uint8_t>(text[pos]);
  if (first < 0x80) return {first, 1};
  const Lead lead = LeadOf(first);
  if (lead.length == 0 || ValidPrefix(text, pos, lead) < lead.length) {
    return {kInvalidByte + first, 1};
  }
  uint32_t code = first & (0x7Fu >> lead.length);
  for (uint32_t i = 1; i < lead.length; ++i) {
    code = code << 6 | (static_cast<uint8_t>(text[pos + i]) & 0x3F);
  }
  return {code, lead.length};
}

size_t PreviousChar(std::string_view text, size_t pos) {
  for (size_t back = 1; back <= std::min<size_t>(4, pos); ++back) {
    if ((static_cast<uint8_t>(text[pos - back]) & 0xC0) == 0x80) continue;
    return DecodeUtf8(text, pos - back).length == back ? pos - back : pos - 1;
  }
  return pos - 1;
}

size_t IncompleteUtf8Suffix(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const size_t pos = text.size() - back;
    const Lead lead = LeadOf(static_cast<uint8_t>(text[pos]));
    if (lead.length <= back) continue;
    if (ValidPrefix(text, pos, lead) == back) return back;
  }
  return 0;
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code >= kInvalidByte) {
    QED_CHECK(code <= kInvalidByte + 0xFF);
    out.push_back(static_cast<char>(code - kInvalidByte));
  } else if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else {
    const int extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    const uint32_t marker = extra == 1 ? 0xC0 : extra == 2 ? 0xE0 : 0xF0;
    out.push_back(static_cast<char>(marker | code >> (6 * extra)));
    for (int i = extra - 1; i >= 0; --i) {
      out.push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3F)));
    }
  }
}

void AppendValidUtf8(std::string_view text, std::string& out) {
  for (size_t pos = 0; pos < text.size();) {
    const Lead lead = LeadOf(static_cast<uint8_t>(text[pos]));
    const uint32_t valid = ValidPrefix(text, pos, lead);
    if (valid > 0 && valid == lead.length) {
      out.append(text.substr(pos, valid));
    } else {
      out.append(kReplacement);
    }
    pos += std::max<uint32_t>(valid, 1);
  }
}

bool IsLetter(uint32_t code) {
  if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
  return Contains(kLetterRanges, code);
}

bool IsNumber(uint32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return Contains(kNumberRanges, code);
}

bool IsNumeric(uint32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return Contains(kNumericRanges, code);
}

bool IsSpace(uint32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return Contains(kSpaceRanges, code);
}

bool IsWord(uint32_t code) { return Contains(kWordRanges, code); }

std::string_view TrimSpace(std::string_view text) {
  const auto is_blank = [](uint32_t code) {
    return IsSpace(code) || (code >= 0x1C && code < 0x20);
  };
  while (!text.empty()) {
    const DecodedChar c = DecodeUtf8(text, 0);
    if (!is_blank(c.code)) break;
    text.remove_prefix(c.length);
  }
  while (!text.empty()) {
    const size_t last = PreviousChar(text, text.size());
    if (!is_blank(DecodeUtf8(text, last).code)) break;
    text = text.substr(0, last);
  }
  return text;
}

}  // namespace qed
