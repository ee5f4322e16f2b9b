#include "text/byte_alphabet.h"

#include <array>

#include "text/unicode.h"

namespace qed {
namespace {

constexpr uint32_t kFirstShifted = 0x100;
constexpr uint32_t kShiftedCount = 68;

constexpr bool StandsForItself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<uint16_t, 256> char_of{};
  std::array<uint8_t, kFirstShifted + kShiftedCount> byte_of{};
};

constexpr Alphabet kAlphabet = [] {
  Alphabet alphabet;
  uint32_t next = kFirstShifted;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t code = StandsForItself(byte) ? byte : next++;
    alphabet.char_of[byte] = static_cast<uint16_t>(code);
    alphabet.byte_of[code] = static_cast<uint8_t>(byte);
  }
  return alphabet;
}();

}  // namespace

uint32_t ByteToAlphabet(uint8_t byte) { return kAlphabet.char_of[byte]; }

std::optional<std::string> AlphabetToBytes(std::string_view text) {
  std::string bytes;
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    const bool known =
        c.code < kFirstShifted ? StandsForItself(c.code) : c.code < kFirstShifted + kShiftedCount;
    if (!known) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte_of[c.code]));
    pos += c.length;
  }
  return bytes;
}

std::string BytesToAlphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) AppendUtf8(ByteToAlphabet(static_cast<uint8_t>(byte)), text);
  return text;
}

}  // namespace qed
