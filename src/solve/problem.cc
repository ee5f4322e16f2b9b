#include "solve/problem.h"

#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/json_members.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

// A line's members by name, as they are written.
using Members = std::map<std::string, std::string>;

// A string as it is, a number with the digits that it is written with (a double would
// lose some; only an exponent is written out); none for other values.
std::optional<std::string> AsText(const json& value, const std::string& written) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return std::nullopt;
  return written.find_first_of("eE") == std::string::npos ? written : DumpJson(value);
}

Status ReadProblemText(const json& object, Problem& problem) {
  const auto it = object.find("problem");
  if (it == object.end()) return InvalidArgument("lacks the key \"problem\"");
  if (!it->is_string()) return InvalidArgument("\"problem\" is not a string");
  problem.text = it->get<std::string>();
  if (problem.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidArgument("\"problem\" is empty");
  }
  if (problem.text.size() > kMaxProblemBytes) {
    return InvalidArgument("\"problem\" has " + std::to_string(problem.text.size()) +
                           " bytes; at most " + std::to_string(kMaxProblemBytes) + " are taken");
  }
  return OkStatus();
}

Status ReadId(const json& object, const Members& members, Problem& problem) {
  const auto it = object.find("id");
  if (it == object.end() || it->is_null()) return OkStatus();
  const std::optional<std::string> id = AsText(*it, members.at("id"));
  if (!id) return InvalidArgument("\"id\" is neither a string nor a number");
  if (id->empty()) return InvalidArgument("\"id\" is empty");
  if (id->size() > kMaxProblemIdBytes) {
    return InvalidArgument("\"id\" has more than " + std::to_string(kMaxProblemIdBytes) + " bytes");
  }
  problem.id = *id;
  return OkStatus();
}

Status ReadExpectedAnswer(const json& object, const Members& members, Problem& problem) {
  const auto it = object.find("expected_answer");
  if (it == object.end() || it->is_null()) return OkStatus();
  problem.expected_answer = AsText(*it, members.at("expected_answer"));
  if (!problem.expected_answer) {
    return InvalidArgument("\"expected_answer\" is neither a string nor a number");
  }
  return OkStatus();
}

Result<Problem> ParseProblem(std::string_view line, int64_t line_number) {
  QED_ASSIGN_OR_RETURN(const json object, ParseJson(line));
  if (!object.is_object()) return InvalidArgument("is not a JSON object");
  Problem problem;
  problem.id = std::to_string(line_number);
  problem.json = std::string(line);
  QED_RETURN_IF_ERROR(ReadProblemText(object, problem));
  QED_ASSIGN_OR_RETURN(const Members members, ParseJsonMembers(line));
  QED_RETURN_IF_ERROR(ReadId(object, members, problem));
  QED_RETURN_IF_ERROR(ReadExpectedAnswer(object, members, problem));
  for (const auto& [key, value] : object.items()) {
    if (std::optional<std::string> text = AsText(value, members.at(key))) {
      problem.fields[key] = *text;
    }
  }
  return problem;
}

}  // namespace

Result<std::vector<Problem>> ParseProblems(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<Problem> problems;
  std::set<std::string> ids;
  for (int64_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;

    const std::string where = name + " line " + std::to_string(line_number);
    Result<Problem> problem = ParseProblem(line, line_number);
    if (!problem.ok()) return InvalidArgument(where + ": " + problem.status().message());
    if (!ids.insert(problem->id).second) {
      return InvalidArgument(where + ": id \"" + problem->id + "\" was given before");
    }
    problems.push_back(*std::move(problem));
  }
  if (problems.empty()) return InvalidArgument(name + " holds no problems");
  return problems;
}

Result<std::vector<Problem>> ReadProblems(const std::string& path) {
  QED_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxProblemsFileBytes));
  return ParseProblems(text, path);
}

}  // namespace qed
