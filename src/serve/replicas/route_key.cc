#include "serve/replicas/route_key.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/checksum.h"
#include "base/json.h"
#include "nlohmann/json.hpp"
#include "serve/api_request.h"
#include "serve/field_reader.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxText = kRouteBlockBytes * kMaxRouteBlocks;

const Json* Find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && !found->is_null() ? &*found : nullptr;
}

// "prompt" is a text, token ids, or a list of either.
bool IsList(const Json& prompt) {
  return prompt.is_array() && !prompt.empty() && !prompt[0].is_number();
}

// What comes first in the prompt comes first in the text, as far as the text counts.
std::string LeadingText(const Json& body) {
  std::string text;
  if (const Json* prompt = Find(body, "prompt")) {
    const Json& first = IsList(*prompt) ? (*prompt)[0] : *prompt;
    return first.is_string() ? first.get<std::string>() : DumpJson(first);
  }
  if (const Json* tools = Find(body, "tools")) text = DumpJson(*tools);
  const Json* messages = Find(body, "messages");
  if (messages == nullptr || !messages->is_array()) return text;
  for (const Json& message : *messages) {
    if (text.size() > kMaxText) break;
    text += DumpJson(message);
  }
  return text;
}

int32_t CountCompletions(const Json& body) {
  int64_t count = 1;
  if (const Json* n = Find(body, "n"); n != nullptr && n->is_number_integer()) {
    count = std::clamp<int64_t>(n->get<int64_t>(), 1, kMaxChoices);
  }
  if (const Json* prompt = Find(body, "prompt"); prompt != nullptr && IsList(*prompt)) {
    count *= static_cast<int64_t>(std::min<size_t>(prompt->size(), kMaxChoices));
  }
  return static_cast<int32_t>(std::min<int64_t>(count, kMaxChoices));
}

std::vector<uint64_t> HashBlocks(std::string_view text) {
  std::vector<uint64_t> blocks;
  std::string hashed;
  for (size_t at = 0; at < text.size() && blocks.size() < kMaxRouteBlocks; at += kRouteBlockBytes) {
    // Chained: a block's hash stands for all that is before it, too.
    hashed.clear();
    if (!blocks.empty()) {
      hashed.append(reinterpret_cast<const char*>(&blocks.back()), sizeof(uint64_t));
    }
    hashed.append(text.substr(at, kRouteBlockBytes));
    blocks.push_back(Checksum(std::as_bytes(std::span(hashed))));
  }
  return blocks;
}

}  // namespace

RouteKey ReadRouteKey(std::string_view body) {
  Json json;
  if (ParseBody(body, &json) || !json.is_object()) return {};
  return {.blocks = HashBlocks(LeadingText(json)), .completions = CountCompletions(json)};
}

}  // namespace qed
