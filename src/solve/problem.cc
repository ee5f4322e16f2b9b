#include "solve/problem.h"

#include <initializer_list>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/json_members.h"
#include "base/trim.h"
#include "nlohmann/json.hpp"
#include "solve/answer.h"

namespace qed {
namespace {

using nlohmann::json;
using Names = std::initializer_list<const char*>;

constexpr Names kProblemNames = {"problem", "question", "prompt", "input"};
constexpr Names kAnswerNames = {"expected_answer", "answer", "final_answer"};
constexpr Names kSolutionNames = {"generation", "generated_solution", "solution"};
constexpr std::string_view kGsmMark = "####";

// A row's members by name, as they are written.
using Members = std::map<std::string, std::string>;

// A string as it is, a number with the digits that it is written with (a double would
// lose some; only an exponent is written out); none for other values.
std::optional<std::string> AsText(const json& value, const std::string& written) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return std::nullopt;
  return written.find_first_of("eE") == std::string::npos ? written : DumpJson(value);
}

// The column `name`, or where that is empty the first of `usual` that the row has (null
// counts as not there), or the end. `flag` is for the error.
Result<json::const_iterator> FindColumn(const json& row, const std::string& name, Names usual,
                                        const char* flag) {
  if (!name.empty()) {
    const auto found = row.find(name);
    if (found != row.end()) return found;
    return InvalidArgument("lacks the column \"" + name + "\" that " + flag +
                           " names; its columns: " + ColumnList(row));
  }
  for (const char* candidate : usual) {
    const auto found = row.find(candidate);
    if (found != row.end() && !found->is_null()) return found;
  }
  return row.end();
}

std::string NoneOf(const char* what, Names usual, const char* flag, const json& row) {
  std::string message = std::string("has no ") + what + ": none of ";
  for (const char* candidate : usual) message.append(candidate).append(", ");
  message.append("is among its columns (").append(ColumnList(row));
  return message.append("); name one with ").append(flag);
}

std::string Quoted(const std::string& name) { return "\"" + name + "\""; }

Status ReadProblemText(const json& row, const ProblemFields& names, Problem& problem) {
  QED_ASSIGN_OR_RETURN(const auto found,
                       FindColumn(row, names.problem, kProblemNames, "--problem-field"));
  if (found == row.end()) {
    return InvalidArgument(NoneOf("problem", kProblemNames, "--problem-field", row));
  }
  const std::string name = Quoted(found.key());
  if (!found->is_string()) return InvalidArgument(name + " is not a string");
  problem.text = found->get<std::string>();
  if (TrimBlanks(problem.text).empty()) return InvalidArgument(name + " is empty");
  if (problem.text.size() > kMaxProblemBytes) {
    return InvalidArgument(name + " has " + std::to_string(problem.text.size()) +
                           " bytes; at most " + std::to_string(kMaxProblemBytes) + " are taken");
  }
  return OkStatus();
}

Status ReadId(const json& row, const Members& members, Problem& problem) {
  const auto it = row.find("id");
  if (it == row.end() || it->is_null()) return OkStatus();
  const std::optional<std::string> id = AsText(*it, members.at("id"));
  if (!id) return InvalidArgument("\"id\" is neither a string nor a number");
  if (id->empty()) return InvalidArgument("\"id\" is empty");
  if (id->size() > kMaxProblemIdBytes) {
    return InvalidArgument("\"id\" has more than " + std::to_string(kMaxProblemIdBytes) + " bytes");
  }
  problem.id = *id;
  return OkStatus();
}

// What stands behind GSM8K's mark in the last line, without the commas of its thousands.
std::optional<std::string> GsmAnswer(std::string_view solution) {
  const std::string_view text = TrimBlanks(solution);
  const size_t line = text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1;
  const size_t mark = text.find(kGsmMark, line);
  if (mark == text.npos) return std::nullopt;
  std::string answer(TrimBlanks(text.substr(mark + kGsmMark.size())));
  if (answer.find_first_not_of("-0123456789,.") == answer.npos) std::erase(answer, ',');
  return answer;
}

// Some files give the end of a solution: the answer is what its one box holds.
std::optional<std::string> OnlyBox(std::string_view text) {
  const size_t box = text.find("\\boxed");
  if (box == text.npos || box != text.rfind("\\boxed")) return std::nullopt;
  return ExtractBoxedAnswer(text);
}

Status ReadExpectedAnswer(const json& row, const Members& members, const ProblemFields& names,
                          Problem& problem) {
  QED_ASSIGN_OR_RETURN(const auto found,
                       FindColumn(row, names.answer, kAnswerNames, "--answer-field"));
  if (found == row.end() || found->is_null()) return OkStatus();
  // Some sets have a list of one answer.
  const bool is_list = found->is_array() && found->size() == 1;
  const json& value = is_list ? (*found)[0] : *found;
  problem.expected_answer = AsText(value, is_list ? DumpJson(value) : members.at(found.key()));
  if (!problem.expected_answer) {
    return InvalidArgument(Quoted(found.key()) + " is neither a string nor a number");
  }
  if (std::optional<std::string> answer = GsmAnswer(*problem.expected_answer)) {
    problem.expected_answer = std::move(answer);
  } else if (std::optional<std::string> boxed = OnlyBox(*problem.expected_answer)) {
    problem.expected_answer = std::move(boxed);
  }
  return OkStatus();
}

}  // namespace

Result<Problem> MakeProblem(const TableRow& row, const ProblemFields& names) {
  Problem problem;
  problem.id = std::to_string(row.number);
  problem.json = row.json;
  QED_RETURN_IF_ERROR(ReadProblemText(row.object, names, problem));
  QED_ASSIGN_OR_RETURN(const Members members, ParseJsonMembers(row.json));
  QED_RETURN_IF_ERROR(ReadId(row.object, members, problem));
  QED_RETURN_IF_ERROR(ReadExpectedAnswer(row.object, members, names, problem));
  for (const auto& [key, value] : row.object.items()) {
    if (std::optional<std::string> text = AsText(value, members.at(key))) {
      problem.fields[key] = *text;
    }
  }
  problem.fields["problem"] = problem.text;
  return problem;
}

Result<std::string> FindSolution(const TableRow& row, const std::string& name) {
  const json& object = row.object;
  QED_ASSIGN_OR_RETURN(auto found, FindColumn(object, name, kSolutionNames, "--solution-field"));
  const auto answer = object.find("answer");
  if (found == object.end() && answer != object.end() && answer->is_string() &&
      GsmAnswer(answer->get_ref<const std::string&>())) {
    found = answer;
  }
  if (found == object.end()) {
    return InvalidArgument(NoneOf("solution", kSolutionNames, "--solution-field", object));
  }
  if (!found->is_string()) return InvalidArgument(Quoted(found.key()) + " is not a string");
  return found->get<std::string>();
}

Result<std::vector<Problem>> ReadProblems(const std::string& path, const ProblemFields& names,
                                          int64_t max_problems) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> table, OpenTable(path));
  std::vector<Problem> problems;
  std::set<std::string> ids;
  size_t bytes = 0;
  while (max_problems == 0 || std::cmp_less(problems.size(), max_problems)) {
    QED_ASSIGN_OR_RETURN(const std::optional<TableRow> row, table->Next());
    if (!row) break;
    const std::string where = path + " " + table->unit() + " " + std::to_string(row->number);
    bytes += row->json.size();
    if (bytes > kMaxProblemsFileBytes) {
      return ResourceExhausted(where + ": more than the " + std::to_string(kMaxProblemsFileBytes) +
                               " bytes of problems that are taken; see --limit");
    }
    Result<Problem> problem = MakeProblem(*row, names);
    if (!problem.ok()) return InvalidArgument(where + ": " + problem.status().message());
    if (!ids.insert(problem->id).second) {
      return InvalidArgument(where + ": id \"" + problem->id + "\" was given before");
    }
    problems.push_back(*std::move(problem));
  }
  if (problems.empty()) return InvalidArgument(path + " holds no problems");
  return problems;
}

}  // namespace qed
