#include "sandbox/protocol.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

const std::string kSession = "s";

std::string ErrorOf(std::string_view body) {
  const Result<ExecuteRequest> request = ParseExecuteRequest(body, &kSession);
  EXPECT_FALSE(request.ok()) << body;
  return request.ok() ? std::string() : request.status().message();
}

TEST(ProtocolTest, DefaultsAreThoseOfTheRecipe) {
  const auto request = ParseExecuteRequest(R"({"generated_code": "x", "timeout": 3})", &kSession);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->session_id, "s");
  EXPECT_EQ(request->timeout, 3);
  EXPECT_EQ(request->language, CodeLanguage::kIPython);
  EXPECT_EQ(request->max_output_characters, 1000);
  EXPECT_EQ(request->traceback_verbosity, TracebackVerbosity::kPlain);
  EXPECT_EQ(request->std_input, "");
}

TEST(ProtocolTest, OnlyNotebooksHaveSessions) {
  const std::string notebook = R"({"generated_code": "x", "timeout": 3})";
  const std::string script = R"({"generated_code": "x", "timeout": 3, "language": "python"})";
  EXPECT_EQ(ParseExecuteRequest(notebook, nullptr).status().message(),
            "X-Session-ID header required for ipython sessions");
  const std::string empty;
  EXPECT_FALSE(ParseExecuteRequest(notebook, &empty).ok());
  EXPECT_TRUE(ParseExecuteRequest(script, nullptr).ok());
  EXPECT_FALSE(ParseExecuteRequest(script, &kSession).ok());
}

TEST(ProtocolTest, LanguagesAsClientsNameThem) {
  const auto language = [](const std::string& name) {
    return ParseExecuteRequest(
               R"({"generated_code": "x", "timeout": 3, "language": ")" + name + "\"}", nullptr)
        ->language;
  };
  EXPECT_EQ(language("python"), CodeLanguage::kPython);
  EXPECT_EQ(language("python3"), CodeLanguage::kPython);
  EXPECT_EQ(language("shell"), CodeLanguage::kShell);
}

TEST(ProtocolTest, FailuresAreReadAsReplies) {
  const std::string body = FormatExecuteFailure("the sandbox is overloaded");
  EXPECT_NE(body.find(R"("error":"the sandbox is overloaded")"), std::string::npos) << body;
  const Result<ExecuteResult> read = ParseExecuteResult(body);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->process_status, ExecuteResult::ProcessStatus::kError);
  EXPECT_EQ(read->out, "");
  EXPECT_EQ(read->err, "the sandbox is overloaded\n");
}

TEST(ProtocolTest, ErrorsNameTheField) {
  const auto names = [](const char* field, const char* value) {
    std::string body = R"({"generated_code": "x", "timeout": 3, ")";
    body.append(field).append("\": ").append(value).append("}");
    const std::string error = ErrorOf(body);
    EXPECT_NE(error.find(field), std::string::npos) << body << ": " << error;
  };
  for (const char* value : {"1", "null", "[]"}) names("std_input", value);
  for (const char* value : {"1.5", "-1", "4294967296", "1e3", "\"1\"", "true"}) {
    names("max_output_characters", value);
  }
  for (const char* value : {"\"lean4\"", "\"\"", "3"}) names("language", value);
  for (const char* value : {"\"loud\"", "false"}) names("traceback_verbosity", value);
  EXPECT_NE(ErrorOf(R"({"timeout": 3})").find("generated_code"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"generated_code": "x"})").find("timeout"), std::string::npos);
  EXPECT_NE(ErrorOf(R"({"generated_code": "x", "timeout": "3"})").find("timeout"),
            std::string::npos);
  for (const char* body : {"", "[]", "null", "{", "{} {}", "\xff"}) EXPECT_NE(ErrorOf(body), "");
}

TEST(ProtocolTest, RepliesThatAreNoneAreRefused) {
  for (const char* body :
       {"", "[]", "{}", R"({"process_status": "lost"})", R"({"process_status": 1})",
        R"({"process_status": "error", "stdout": 1})",
        R"({"process_status": "error", "new_session_created": "yes"})"}) {
    EXPECT_FALSE(ParseExecuteResult(body).ok()) << body;
  }
  EXPECT_TRUE(ParseExecuteResult(R"({"process_status": "completed"})").ok());
}

}  // namespace
}  // namespace qed
