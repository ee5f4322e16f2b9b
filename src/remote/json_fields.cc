#include "remote/json_fields.h"

#include <algorithm>
#include <limits>

namespace qed {

using nlohmann::json;

const json* FindField(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string TextField(const json& object, const char* name) {
  const json* value = FindField(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

bool ReadTokenIds(const json& list, std::vector<int32_t>* out) {
  if (!list.is_array()) return false;
  for (const json& element : list) {
    const int64_t id = element.is_number_integer() ? element.get<int64_t>() : -1;
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) return false;
    out->push_back(static_cast<int32_t>(id));
  }
  return true;
}

std::string OneLine(std::string text) {
  constexpr size_t kMaxBytes = 300;
  if (text.size() > kMaxBytes) text.resize(kMaxBytes);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

std::string ErrorText(const json& error) {
  return error.is_string() ? error.get<std::string>() : TextField(error, "message");
}

}  // namespace qed
