// "tools", "tool_choice" and "parallel_tool_calls": functions that the model may call,
// which go to the chat template and come back as "tool_calls" (serve/tool_calls.h), and
// the sandbox of this server.
#ifndef QED_SERVE_TOOL_FIELDS_H_
#define QED_SERVE_TOOL_FIELDS_H_

#include "serve/api_request.h"
#include "serve/field_reader.h"

namespace qed {

// Into the request's sandbox, functions (messages.tools) and tool_choice.
void ReadTools(FieldReader& fields, const ApiDefaults& defaults, ApiRequest* out);

// Functions alone, as /tokenize takes them; a sandbox says nothing to a template.
void ReadFunctions(FieldReader& fields, nlohmann::ordered_json* out);

}  // namespace qed

#endif  // QED_SERVE_TOOL_FIELDS_H_
