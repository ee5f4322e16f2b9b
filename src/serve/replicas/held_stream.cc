#include "serve/replicas/held_stream.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr size_t kMaxHeldBytes = 256 << 10;

bool IsEmpty(const json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

// A chunk's choice that only begins: its delta has a role and no text.
bool OnlyBegins(const json& choice) {
  if (!choice.is_object() || !choice.contains("delta") || !choice["delta"].is_object()) {
    return false;
  }
  for (const auto& [name, value] : choice["delta"].items()) {
    if (name != "role" && !IsEmpty(value)) return false;
  }
  return !choice.contains("finish_reason") || choice["finish_reason"].is_null();
}

bool SaysNothing(const std::string& data) {
  const Result<json> chunk = ParseJson(data);
  if (!chunk.ok() || !chunk->is_object() || !chunk->contains("choices")) return false;
  const json& choices = (*chunk)["choices"];
  return choices.is_array() && !choices.empty() && std::ranges::all_of(choices, OnlyBegins);
}

}  // namespace

std::string HeldStream::Feed(std::string_view bytes) {
  if (open_) return Pass(std::string(bytes));
  held_ += bytes;
  std::vector<SseEvent> events;
  const bool readable = parser_.Feed(bytes, events).ok();
  const bool nothing =
      std::ranges::all_of(events, [](const SseEvent& event) { return SaysNothing(event.data); });
  if (readable && nothing && held_.size() <= kMaxHeldBytes) return "";
  return Finish();
}

std::string HeldStream::Finish() { return Pass(std::exchange(held_, std::string())); }

std::string HeldStream::Pass(std::string bytes) {
  open_ = open_ || !bytes.empty();
  tail_ += bytes.size() > 2 ? bytes.substr(bytes.size() - 2) : bytes;
  if (tail_.size() > 2) tail_.erase(0, tail_.size() - 2);
  return bytes;
}

}  // namespace qed
