// The "messages" of a chat request.
#ifndef QED_SERVE_CHAT_MESSAGES_H_
#define QED_SERVE_CHAT_MESSAGES_H_

#include "nlohmann/json.hpp"
#include "serve/field_reader.h"

namespace qed {

inline constexpr size_t kMaxMessages = 4096;

// Reads and checks the field "messages": a list of objects, each with a "role",
// and a "content" that is a text, null or a list of text parts. For the chat
// template, null becomes the empty text, parts become one text (joined with newlines, as
// vLLM does for templates that want texts), and the arguments of tool calls, which clients send
// as JSON in a string, become the object they are.
void ReadMessages(FieldReader& fields, nlohmann::ordered_json* out);

}  // namespace qed

#endif  // QED_SERVE_CHAT_MESSAGES_H_
