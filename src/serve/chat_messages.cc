#include "serve/chat_messages.h"

#include <string>

#include "base/json.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

std::string TextMember(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

void JoinParts(FieldReader& fields, const std::string& where, Json* content) {
  std::string text;
  for (const Json& part : *content) {
    if (!part.is_object() || TextMember(part, "type") != "text" || !part.contains("text") ||
        !part["text"].is_string()) {
      return fields.Fail(where, "must have parts of type text only");
    }
    if (&part != &content->front()) text += '\n';
    text += part["text"].get_ref<const std::string&>();
  }
  *content = std::move(text);
}

void ParseArguments(FieldReader& fields, const std::string& where, Json* message) {
  const auto calls = message->find("tool_calls");
  if (calls == message->end() || calls->is_null()) return;
  if (!calls->is_array()) return fields.Fail(where, "must be a list");
  for (Json& call : *calls) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) {
      return fields.Fail(where, "must be calls of functions");
    }
    Json& function = call["function"];
    if (!function.contains("arguments") || !function["arguments"].is_string()) continue;
    const Result<Json> parsed =
        ParseOrderedJson(function["arguments"].get_ref<const std::string&>(), {.max_depth = 16});
    if (parsed.ok()) function["arguments"] = *parsed;
  }
}

void CheckMessage(FieldReader& fields, const std::string& where, Json* message) {
  if (!message->is_object()) return fields.Fail(where, "must be an object");
  if (TextMember(*message, "role").empty()) return fields.Fail(where + ".role", "is missing");
  const auto content = message->find("content");
  if (content == message->end()) {
    if (!message->contains("tool_calls")) return fields.Fail(where + ".content", "is missing");
    (*message)["content"] = "";
  } else if (content->is_null()) {
    *content = "";
  } else if (content->is_array()) {
    JoinParts(fields, where + ".content", &*content);
  } else if (!content->is_string()) {
    return fields.Fail(where + ".content", "must be a text or a list of parts");
  }
  ParseArguments(fields, where + ".tool_calls", message);
}

}  // namespace

void ReadMessages(FieldReader& fields, Json* out) {
  const Json* messages = fields.Any("messages");
  if (messages == nullptr) return fields.Fail("messages", "is missing");
  if (!messages->is_array() || messages->empty() || messages->size() > kMaxMessages) {
    return fields.Fail("messages",
                       "must be a list of 1 to " + std::to_string(kMaxMessages) + " messages");
  }
  *out = *messages;
  for (size_t i = 0; i < out->size() && !fields.failed(); ++i) {
    CheckMessage(fields, "messages[" + std::to_string(i) + "]", &(*out)[i]);
  }
}

}  // namespace qed
