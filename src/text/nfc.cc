#include "text/nfc.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "text/unicode.h"
#include "text/unicode_data.h"

namespace qed {
namespace {

// Below this, every character is in form C, and none combines with the one
// before it.
constexpr uint32_t kFirstCombining = 0x300;

// Hangul syllables (Unicode Standard, section 3.12): L and V jamo, with or
// without a T jamo, make one syllable.
constexpr uint32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr uint32_t kLCount = 19, kVCount = 21, kTCount = 28;
constexpr uint32_t kSCount = kLCount * kVCount * kTCount;

struct Char {
  uint32_t code;
  uint32_t combining_class;
};

uint32_t CombiningClass(uint32_t code) {
  if (code < kFirstCombining) return 0;
  const auto it = std::upper_bound(kCombiningRanges.begin(), kCombiningRanges.end(), code,
                                   [](uint32_t c, const CombiningRange& r) { return c < r.first; });
  if (it == kCombiningRanges.begin() || code > std::prev(it)->last) return 0;
  return std::prev(it)->combining_class;
}

void AppendDecomposed(uint32_t code, std::vector<Char>& out) {
  if (code - kSBase < kSCount) {
    const uint32_t index = code - kSBase;
    out.push_back({kLBase + index / (kVCount * kTCount), 0});
    out.push_back({kVBase + index / kTCount % kVCount, 0});
    if (index % kTCount != 0) out.push_back({kTBase + index % kTCount, 0});
    return;
  }
  const auto it = std::lower_bound(kDecompositions.begin(), kDecompositions.end(), code,
                                   [](const Decomposition& d, uint32_t c) { return d.code < c; });
  if (it == kDecompositions.end() || it->code != code) {
    out.push_back({code, CombiningClass(code)});
    return;
  }
  AppendDecomposed(it->first, out);
  if (it->second != 0) AppendDecomposed(it->second, out);
}

// The code that two become; 0: they do not compose.
uint32_t Compose(uint32_t first, uint32_t second) {
  if (first - kLBase < kLCount && second - kVBase < kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  const bool open_syllable = first - kSBase < kSCount && (first - kSBase) % kTCount == 0;
  if (open_syllable && second > kTBase && second < kTBase + kTCount) {
    return first + (second - kTBase);
  }
  const auto it =
      std::lower_bound(kCompositions.begin(), kCompositions.end(), Composition{first, second, 0},
                       [](const Composition& a, const Composition& b) {
                         return a.first != b.first ? a.first < b.first : a.second < b.second;
                       });
  const bool found = it != kCompositions.end() && it->first == first && it->second == second;
  return found ? it->code : 0;
}

// Puts each run of combining characters in the order of their classes.
void Reorder(std::vector<Char>& chars) {
  for (size_t begin = 0; begin < chars.size();) {
    size_t end = begin;
    while (end < chars.size() && chars[end].combining_class != 0) ++end;
    std::stable_sort(
        chars.begin() + static_cast<ptrdiff_t>(begin), chars.begin() + static_cast<ptrdiff_t>(end),
        [](const Char& a, const Char& b) { return a.combining_class < b.combining_class; });
    begin = end + 1;
  }
}

// Composes in place: a character joins the last starter unless one between them
// of the same or a higher class blocks it.
void ComposeAll(std::vector<Char>& chars) {
  size_t kept = 0;
  size_t starter = SIZE_MAX;
  for (const Char next : chars) {
    if (starter != SIZE_MAX) {
      const bool adjacent = kept == starter + 1;
      const bool blocked = !adjacent && chars[kept - 1].combining_class >= next.combining_class;
      const uint32_t whole = blocked ? 0 : Compose(chars[starter].code, next.code);
      if (whole != 0) {
        chars[starter].code = whole;
        continue;
      }
    }
    if (next.combining_class == 0) starter = kept;
    chars[kept++] = next;
  }
  chars.resize(kept);
}

}  // namespace

std::string ToNfc(std::string_view text) {
  std::vector<Char> chars;
  bool changes_possible = false;
  for (size_t pos = 0; pos < text.size() && !changes_possible;) {
    const DecodedChar c = DecodeUtf8(text, pos);
    changes_possible = c.code >= kFirstCombining && c.code < kInvalidByte;
    pos += c.length;
  }
  if (!changes_possible) return std::string(text);

  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    AppendDecomposed(c.code, chars);
    pos += c.length;
  }
  Reorder(chars);
  ComposeAll(chars);
  std::string out;
  out.reserve(text.size());
  for (const Char& c : chars) AppendUtf8(c.code, out);
  return out;
}

}  // namespace qed
