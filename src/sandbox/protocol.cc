#include "sandbox/protocol.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"
#include "net/http_message.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr JsonLimits kRequestLimits{size_t{16} << 20, 16};

constexpr std::pair<const char*, CodeLanguage> kLanguages[] = {{"ipython", CodeLanguage::kIPython},
                                                               {"python", CodeLanguage::kPython},
                                                               {"python3", CodeLanguage::kPython},
                                                               {"shell", CodeLanguage::kShell}};

constexpr std::pair<const char*, TracebackVerbosity> kVerbosities[] = {
    {"Plain", TracebackVerbosity::kPlain},
    {"Minimal", TracebackVerbosity::kMinimal},
    {"Context", TracebackVerbosity::kContext},
    {"Verbose", TracebackVerbosity::kVerbose}};

// The optional field `name`, checked by `is_right`; `what` completes "must be".
template <typename T>
Status ReadField(const json& body, const char* name, bool (json::*is_right)() const noexcept,
                 const char* what, T& value) {
  const auto found = body.find(name);
  if (found == body.end()) return OkStatus();
  if (!((*found).*is_right)()) return InvalidArgument(std::string(name) + " must be " + what);
  value = found->get<T>();
  return OkStatus();
}

Status ReadCharacterLimit(const json& body, int32_t& limit) {
  const auto found = body.find("max_output_characters");
  if (found == body.end()) return OkStatus();
  const bool fits =
      found->is_number_integer() && *found >= 0 && *found <= std::numeric_limits<int32_t>::max();
  if (!fits) return InvalidArgument("max_output_characters must be an integer from 0 to 16777216");
  limit = found->get<int32_t>();
  return OkStatus();
}

template <typename T, size_t N>
Status ReadName(const json& body, const char* name, const std::pair<const char*, T> (&choices)[N],
                T& value) {
  std::string text;
  QED_RETURN_IF_ERROR(ReadField(body, name, &json::is_string, "a string", text));
  if (!body.contains(name)) return OkStatus();
  std::string known;
  for (const auto& [choice, meaning] : choices) {
    if (EqualsIgnoreCase(choice, text)) {
      value = meaning;
      return OkStatus();
    }
    known.append(known.empty() ? "" : ", ").append(choice);
  }
  return InvalidArgument(std::string(name) + " \"" + text.substr(0, 100) +
                         "\" is not supported: it must be one of " + known);
}

template <typename T, size_t N>
const char* NameOf(const std::pair<const char*, T> (&choices)[N], T value) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return name;
  }
  return "";
}

}  // namespace

Result<ExecuteRequest> ParseExecuteRequest(std::string_view body, const std::string* session_id) {
  QED_ASSIGN_OR_RETURN(const json fields, ParseJson(body, kRequestLimits));
  if (!fields.is_object()) return InvalidArgument("the body must be a JSON object");
  for (const char* name : {"generated_code", "timeout"}) {
    if (!fields.contains(name)) return InvalidArgument(std::string(name) + " is missing");
  }
  ExecuteRequest request;
  QED_RETURN_IF_ERROR(
      ReadField(fields, "generated_code", &json::is_string, "a string", request.generated_code));
  QED_RETURN_IF_ERROR(ReadField(fields, "timeout", &json::is_number, "a number", request.timeout));
  QED_RETURN_IF_ERROR(ReadName(fields, "language", kLanguages, request.language));
  QED_RETURN_IF_ERROR(
      ReadField(fields, "std_input", &json::is_string, "a string", request.std_input));
  QED_RETURN_IF_ERROR(ReadCharacterLimit(fields, request.max_output_characters));
  QED_RETURN_IF_ERROR(
      ReadName(fields, "traceback_verbosity", kVerbosities, request.traceback_verbosity));
  if (request.language == CodeLanguage::kIPython) {
    if (session_id == nullptr || session_id->empty()) {
      return InvalidArgument("X-Session-ID header required for ipython sessions");
    }
    request.session_id = *session_id;
  } else if (session_id != nullptr) {
    return InvalidArgument(
        "X-Session-ID header must be absent: only language ipython has sessions");
  }
  return request;
}

std::string FormatExecuteRequest(const ExecuteRequest& request) {
  json body;
  body["generated_code"] = request.generated_code;
  body["timeout"] = request.timeout;
  body["language"] = NameOf(kLanguages, request.language);
  body["std_input"] = request.std_input;
  body["max_output_characters"] = request.max_output_characters;
  body["traceback_verbosity"] = NameOf(kVerbosities, request.traceback_verbosity);
  return DumpJson(body);
}

std::string FormatExecuteResult(const ExecuteResult& result) {
  json body;
  body["process_status"] = ProcessStatusName(result.process_status);
  body["stdout"] = result.out;
  body["stderr"] = result.err;
  body["new_session_created"] = result.new_session_created;
  return DumpJson(body);
}

std::string FormatExecuteFailure(std::string_view why) {
  json body;
  body["error"] = why;
  body["process_status"] = ProcessStatusName(ExecuteResult::ProcessStatus::kError);
  body["stdout"] = "";
  body["stderr"] = std::string(why).append("\n");
  body["new_session_created"] = false;
  return DumpJson(body);
}

Result<ExecuteResult> ParseExecuteResult(std::string_view body) {
  using Status_ = ExecuteResult::ProcessStatus;
  Result<json> parsed = ParseJson(body, {size_t{256} << 20, 16});
  if (!parsed.ok() || !parsed->is_object()) return Corrupt("the reply is not a JSON object");
  ExecuteResult result;
  std::string status;
  const auto read = [&](const char* name, std::string& value) {
    return ReadField(*parsed, name, &json::is_string, "a string", value);
  };
  QED_RETURN_IF_ERROR(read("process_status", status).WithPrefix("the reply"));
  QED_RETURN_IF_ERROR(read("stdout", result.out).WithPrefix("the reply"));
  QED_RETURN_IF_ERROR(read("stderr", result.err).WithPrefix("the reply"));
  QED_RETURN_IF_ERROR(ReadField(*parsed, "new_session_created", &json::is_boolean, "a boolean",
                                result.new_session_created)
                          .WithPrefix("the reply"));
  for (const Status_ known : {Status_::kCompleted, Status_::kError, Status_::kTimeout}) {
    if (status == ProcessStatusName(known)) {
      result.process_status = known;
      return result;
    }
  }
  return Corrupt("the reply's process_status is \"" + status.substr(0, 100) + "\"");
}

}  // namespace qed
