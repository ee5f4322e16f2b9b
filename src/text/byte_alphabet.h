// The alphabet in which byte-level BPE vocabularies are written: every byte has
// a printable character of its own (GPT-2's `bytes_to_unicode`: printable
// Latin-1 stands for itself, the other 68 bytes are U+0100 and up, in order).
#ifndef QED_TEXT_BYTE_ALPHABET_H_
#define QED_TEXT_BYTE_ALPHABET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qed {

// The character of a byte.
uint32_t ByteToAlphabet(uint8_t byte);

// The bytes that `text` stands for; none if a character is not in the alphabet.
std::optional<std::string> AlphabetToBytes(std::string_view text);

// `bytes` written in the alphabet, in UTF-8.
std::string BytesToAlphabet(std::string_view bytes);

}  // namespace qed

#endif  // QED_TEXT_BYTE_ALPHABET_H_
