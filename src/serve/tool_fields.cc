#include "serve/tool_fields.h"

#include <algorithm>
#include <string>

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxTypeBytes = 256;
constexpr size_t kMaxTagBytes = 256;

SandboxTool ReadSandbox(FieldReader& fields, const Json& tool) {
  SandboxTool sandbox;
  FieldReader inner(tool, "tools.");
  std::string type;
  inner.String("type", kMaxTypeBytes, &type);
  inner.Int("max_code_calls", 1, 1000, &sandbox.max_code_calls);
  inner.Number("code_timeout", 0.01, 3600, &sandbox.code_timeout);
  inner.Int("code_output_chars", 0, 1 << 20, &sandbox.code_output_chars);
  inner.Bool("remaining_calls_notice", &sandbox.remaining_calls_notice);
  inner.String("code_begin", kMaxTagBytes, &sandbox.tags.code_begin);
  inner.String("code_end", kMaxTagBytes, &sandbox.tags.code_end);
  inner.String("code_output_begin", kMaxTagBytes, &sandbox.tags.output_begin);
  inner.String("code_output_end", kMaxTagBytes, &sandbox.tags.output_end);
  if (sandbox.tags.code_begin.empty()) inner.Fail("code_begin", "must not be empty");
  if (sandbox.tags.code_end.empty()) inner.Fail("code_end", "must not be empty");
  inner.String("code_output_format", kMaxTagBytes, &sandbox.tags.output_format);
  if (sandbox.tags.output_format != "qwen" && sandbox.tags.output_format != "llama") {
    inner.Fail("code_output_format", "must be qwen or llama");
  }
  fields.Adopt(inner.Finish());
  return sandbox;
}

std::string TextAt(const Json& object, const char* name) {
  const auto it = object.is_object() ? object.find(name) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

bool IsFunction(const Json& tool) {
  return TextAt(tool, "type") == "function" && tool.contains("function") &&
         !TextAt(tool["function"], "name").empty();
}

// What the functions of a request are called.
bool HasFunction(const Json& tools, const std::string& name) {
  return tools.is_array() && std::ranges::any_of(tools, [&](const Json& tool) {
           return TextAt(tool["function"], "name") == name;
         });
}

void ReadNamedFunction(FieldReader& fields, const Json& choice, ApiRequest* out) {
  const auto function = choice.find("function");
  const std::string name = TextAt(choice, "type") == "function" && function != choice.end()
                               ? TextAt(*function, "name")
                               : "";
  if (name.empty()) {
    return fields.Fail("tool_choice",
                       "must be auto, none, required or {\"type\": \"function\", \"function\": "
                       "{\"name\": ...}}");
  }
  if (!HasFunction(out->messages.tools, name)) {
    return fields.Fail("tool_choice", "names a function that tools does not have");
  }
  out->tool_choice = ToolChoice::kRequired;
  out->required_function = name;
}

void ReadToolChoice(FieldReader& fields, ApiRequest* out) {
  const bool has_functions = out->messages.tools.is_array();
  out->tool_choice = has_functions ? ToolChoice::kAuto : ToolChoice::kNone;
  const Json* choice = fields.Any("tool_choice");
  if (choice == nullptr || *choice == "auto") return;
  if (*choice == "none") {
    out->tool_choice = ToolChoice::kNone;
    out->messages.tools = Json();
    return;
  }
  if (choice->is_object()) return ReadNamedFunction(fields, *choice, out);
  if (*choice != "required") {
    return fields.Fail("tool_choice", "must be auto, none, required or a function");
  }
  if (!has_functions) return fields.Fail("tool_choice", "required needs functions in tools");
  out->tool_choice = ToolChoice::kRequired;
}

}  // namespace

void ReadTools(FieldReader& fields, const ApiDefaults& defaults, ApiRequest* out) {
  const Json* tools = fields.Any("tools");
  if (tools != nullptr && !tools->is_array()) return fields.Fail("tools", "must be a list");
  for (const Json& tool : tools != nullptr ? *tools : Json::array()) {
    if (TextAt(tool, "type") == "sandbox") {
      if (out->sandbox) return fields.Fail("tools", "there is only one sandbox");
      if (!defaults.has_sandbox) {
        return fields.Fail("tools", "this server has no sandbox; start it with --with-sandbox");
      }
      out->sandbox = ReadSandbox(fields, tool);
    } else if (out->chat && IsFunction(tool)) {
      if (out->messages.tools.is_null()) out->messages.tools = Json::array();
      out->messages.tools.push_back(tool);
    } else {
      return fields.Fail("tools", out->chat ? "must be functions, with their names, or the sandbox"
                                            : "must be of type sandbox");
    }
  }
  if (!out->chat) return;
  ReadToolChoice(fields, out);
  fields.Bool("parallel_tool_calls", &out->parallel_tool_calls);
}

void ReadFunctions(FieldReader& fields, Json* out) {
  const Json* tools = fields.Any("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) return fields.Fail("tools", "must be a list");
  for (const Json& tool : *tools) {
    if (TextAt(tool, "type") == "sandbox") continue;
    if (!IsFunction(tool)) return fields.Fail("tools", "must be functions, with their names");
    if (out->is_null()) *out = Json::array();
    out->push_back(tool);
  }
}

}  // namespace qed
