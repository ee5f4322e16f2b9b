#include "solve/run_settings.h"

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>

#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr size_t kMaxShownBytes = 60;

std::string Shown(const std::string& value) {
  if (value.empty()) return "not set";
  std::string shown =
      value.size() <= kMaxShownBytes ? value : value.substr(0, kMaxShownBytes) + "...";
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return shown;
}

std::string Find(const RunSettings& settings, const std::string& name) {
  const auto it = settings.find(name);
  return it == settings.end() ? "" : it->second;
}

}  // namespace

std::string ToJsonText(const RunSettings& settings) {
  return DumpJson(json{{"format", kFormat}, {"settings", settings}}) + "\n";
}

Result<RunSettings> ParseRunSettings(std::string_view text, const std::string& name) {
  Result<json> object = ParseJson(text);
  if (!object.ok()) return object.status().WithPrefix(name);
  try {
    if (object->at("format").get<int>() != kFormat) {
      return Unsupported(name + ": written by another version of qed");
    }
    return object->at("settings").get<RunSettings>();
  } catch (const json::exception&) {
    return Corrupt(name + ": not the settings of a run");
  }
}

Status CheckSameSettings(const RunSettings& then, const RunSettings& now) {
  RunSettings names = then;
  names.insert(now.begin(), now.end());
  for (const auto& [name, unused] : names) {
    const std::string before = Find(then, name);
    const std::string after = Find(now, name);
    if (before == after) continue;
    return InvalidArgument("cannot resume with another " + name + ": it was " + Shown(before) +
                           " and is now " + Shown(after) +
                           "; use the same or name another --output");
  }
  return OkStatus();
}

std::string Fingerprint(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  std::array<char, 17> text;
  std::snprintf(text.data(), text.size(), "%016" PRIx64, hash);
  return text.data();
}

}  // namespace qed
