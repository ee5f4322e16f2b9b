// Typed reads of the fields of a JSON object whose author is not trusted.
#ifndef QED_CHECKPOINT_JSON_FIELDS_H_
#define QED_CHECKPOINT_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "nlohmann/json.hpp"

namespace qed {

// A view of a JSON object. A field that is null counts as absent. Absent fields
// give the fallback, or kCorrupt without one; fields of another type or out of
// range give kCorrupt. Messages name the field.
class JsonFields {
 public:
  // REQUIRES: object.is_object(); it must outlive this.
  explicit JsonFields(const nlohmann::json& object) : object_(object) {}

  // nullptr where absent or null.
  const nlohmann::json* Find(const char* key) const;

  Result<int32_t> Int(const char* key, std::optional<int32_t> fallback = std::nullopt) const;
  Result<float> Float(const char* key, std::optional<float> fallback = std::nullopt) const;
  Result<bool> Bool(const char* key, bool fallback) const;
  Result<std::string> String(const char* key,
                             std::optional<std::string> fallback = std::nullopt) const;

 private:
  const nlohmann::json& object_;
};

// Parses `text`, which must hold one object.
Result<nlohmann::json> ParseJsonObject(std::string_view text, size_t max_bytes);

}  // namespace qed

#endif  // QED_CHECKPOINT_JSON_FIELDS_H_
