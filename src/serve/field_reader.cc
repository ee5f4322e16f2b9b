#include "serve/field_reader.h"

#include <cmath>
#include <sstream>
#include <utility>

#include "base/json.h"

namespace qed {
namespace {

constexpr int kMaxBodyDepth = 32;

std::string RangeText(double min, double max) {
  std::ostringstream text;
  text << "must be from " << min << " to " << max;
  return text.str();
}

std::string RangeText(int64_t min, int64_t max) {
  return "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

// A whole number that fits 64 bits, "3.0" among them.
std::optional<int64_t> Integer(const nlohmann::ordered_json& value) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  const bool whole = std::floor(number) == number && std::fabs(number) < 0x1p53;
  return whole ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
}

}  // namespace

FieldReader::FieldReader(const Json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {
  if (object_.is_object()) return;
  const std::string name = prefix_.empty() ? "" : prefix_.substr(0, prefix_.size() - 1);
  error_ = name.empty() ? ApiError{.status = 400,
                                   .message = "the body must be a JSON object",
                                   .param = "",
                                   .code = ""}
                        : FieldError(name, "must be an object");
}

const FieldReader::Json* FieldReader::Find(const char* name) {
  known_.insert(name);
  if (failed()) return nullptr;
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void FieldReader::Fail(std::string_view name, const std::string& message) {
  if (!failed()) error_ = FieldError(prefix_ + std::string(name), message);
}

const FieldReader::Json* FieldReader::Any(const char* name) { return Find(name); }

bool FieldReader::Bool(const char* name, bool* out) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    Fail(name, "must be true or false");
    return true;
  }
  *out = value->get<bool>();
  return true;
}

bool FieldReader::Int(const char* name, int64_t min, int64_t max, int64_t* out) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  const std::optional<int64_t> number = Integer(*value);
  if (!number || *number < min || *number > max) {
    Fail(name, RangeText(min, max));
    return true;
  }
  *out = *number;
  return true;
}

bool FieldReader::Int(const char* name, int32_t min, int32_t max, int32_t* out) {
  int64_t wide = *out;
  const bool there = Int(name, int64_t{min}, int64_t{max}, &wide);
  *out = static_cast<int32_t>(wide);
  return there;
}

bool FieldReader::Number(const char* name, double min, double max, double* out) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= min && number <= max)) {
    Fail(name, RangeText(min, max));
    return true;
  }
  *out = number;
  return true;
}

bool FieldReader::Number(const char* name, double min, double max, float* out) {
  double wide = *out;
  const bool there = Number(name, min, max, &wide);
  *out = static_cast<float>(wide);
  return there;
}

bool FieldReader::String(const char* name, size_t max_bytes, std::string* out) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  if (!value->is_string() || value->get_ref<const std::string&>().size() > max_bytes) {
    Fail(name, "must be a string of at most " + std::to_string(max_bytes) + " bytes");
    return true;
  }
  *out = value->get<std::string>();
  return true;
}

bool FieldReader::TokenIds(const char* name, size_t max_count, int32_t vocab_size,
                           std::vector<int32_t>* out) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  out->clear();
  if (!ReadTokenIds(*value, vocab_size, out) || out->size() > max_count) {
    Fail(name, "must be a list of at most " + std::to_string(max_count) + " token ids from 0 to " +
                   std::to_string(vocab_size - 1));
  }
  return true;
}

std::optional<ApiError> FieldReader::Finish() {
  if (failed()) return error_;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name) && !value.is_null()) {
      Fail(name.substr(0, 100), "this field is not known here");
      return error_;
    }
  }
  return std::nullopt;
}

std::optional<ApiError> ParseBody(std::string_view body, nlohmann::ordered_json* out) {
  Result<nlohmann::ordered_json> parsed =
      ParseOrderedJson(body, {.max_bytes = body.size(), .max_depth = kMaxBodyDepth});
  if (!parsed.ok()) return PlainError(400, parsed.status().message());
  *out = *std::move(parsed);
  return std::nullopt;
}

bool ReadTokenIds(const nlohmann::ordered_json& array, int32_t vocab_size,
                  std::vector<int32_t>* out) {
  if (!array.is_array()) return false;
  out->reserve(out->size() + array.size());
  for (const auto& element : array) {
    const std::optional<int64_t> id = Integer(element);
    if (!id || *id < 0 || *id >= vocab_size) return false;
    out->push_back(static_cast<int32_t>(*id));
  }
  return true;
}

}  // namespace qed
