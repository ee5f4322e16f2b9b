// Unicode normalization form C (Unicode Standard Annex #15), with the data of
// the Unicode version that Hugging Face `tokenizers` normalizes by.
#ifndef QED_TEXT_NFC_H_
#define QED_TEXT_NFC_H_

#include <string>
#include <string_view>

namespace qed {

// Invalid bytes stay as they are and combine with nothing.
std::string ToNfc(std::string_view text);

}  // namespace qed

#endif  // QED_TEXT_NFC_H_
