// What replies of other people's servers have in common: fields that may be missing
// or of any type, and texts of any length.
#ifndef QED_REMOTE_JSON_FIELDS_H_
#define QED_REMOTE_JSON_FIELDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace qed {

// Null where `object` is none, lacks the field, or has null there.
const nlohmann::json* FindField(const nlohmann::json& object, const char* name);

// Empty where it is missing or no text.
std::string TextField(const nlohmann::json& object, const char* name);

// False: not a list of whole numbers from 0 that fit.
bool ReadTokenIds(const nlohmann::json& list, std::vector<int32_t>* out);

// At most 300 bytes of it, control characters made blanks.
std::string OneLine(std::string text);

// What an "error" says: it is a text, or an object with a "message". May be empty.
std::string ErrorText(const nlohmann::json& error);

}  // namespace qed

#endif  // QED_REMOTE_JSON_FIELDS_H_
