#include "checkpoint/json_fields.h"

#include <cmath>
#include <limits>

#include "base/json.h"

namespace qed {
namespace {

Status Absent(const char* key) { return Corrupt(std::string("lacks ") + key); }

Status WrongType(const char* key, const char* wanted) {
  return Corrupt(std::string(key) + " is not " + wanted);
}

}  // namespace

const nlohmann::json* JsonFields::Find(const char* key) const {
  auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

Result<int32_t> JsonFields::Int(const char* key, std::optional<int32_t> fallback) const {
  const nlohmann::json* field = Find(key);
  if (field == nullptr) return fallback ? Result<int32_t>(*fallback) : Absent(key);
  if (!field->is_number_integer()) return WrongType(key, "an integer");
  constexpr int64_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  const bool too_large = field->is_number_unsigned() && field->get<uint64_t>() > uint64_t{kMax};
  if (too_large || field->get<int64_t>() < kMin) return WrongType(key, "a 32-bit integer");
  return field->get<int32_t>();
}

Result<float> JsonFields::Float(const char* key, std::optional<float> fallback) const {
  const nlohmann::json* field = Find(key);
  if (field == nullptr) return fallback ? Result<float>(*fallback) : Absent(key);
  if (!field->is_number()) return WrongType(key, "a number");
  const double value = field->get<double>();
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
    return WrongType(key, "a number of ordinary size");
  }
  return static_cast<float>(value);
}

Result<bool> JsonFields::Bool(const char* key, bool fallback) const {
  const nlohmann::json* field = Find(key);
  if (field == nullptr) return fallback;
  if (!field->is_boolean()) return WrongType(key, "true or false");
  return field->get<bool>();
}

Result<std::string> JsonFields::String(const char* key, std::optional<std::string> fallback) const {
  const nlohmann::json* field = Find(key);
  if (field == nullptr) return fallback ? Result<std::string>(*fallback) : Absent(key);
  if (!field->is_string()) return WrongType(key, "a string");
  return field->get<std::string>();
}

Result<nlohmann::json> ParseJsonObject(std::string_view text, size_t max_bytes) {
  QED_ASSIGN_OR_RETURN(nlohmann::json value, ParseJson(text, {.max_bytes = max_bytes}));
  if (!value.is_object()) return Corrupt("does not hold a JSON object");
  return value;
}

}  // namespace qed
