#include "solve/sample.h"

#include <exception>
#include <map>
#include <utility>

#include "base/json.h"
#include "base/json_members.h"
#include "nlohmann/json.hpp"
#include "solve/answer.h"
#include "solve/code_block.h"

namespace qed {
namespace {

using nlohmann::json;

constexpr const char* kModelSource = "model";
constexpr const char* kToolSource = "tool";

json ToJson(const Transcript& transcript) {
  json segments = json::array();
  for (const TranscriptSegment& segment : transcript.segments) {
    const bool model = segment.source == TranscriptSegment::Source::kModel;
    segments.push_back({{"source", model ? kModelSource : kToolSource},
                        {"text", segment.text},
                        {"tokens", segment.num_tokens}});
  }
  return segments;
}

json ToJson(const std::vector<CodeCall>& calls) {
  json list = json::array();
  for (const CodeCall& call : calls) {
    list.push_back({{"status", ProcessStatusName(call.status)},
                    {"seconds", call.seconds},
                    {"new_session", call.new_session}});
  }
  return list;
}

json MeanLogprob(const Transcript& transcript) {
  if (transcript.logprob_count == 0) return nullptr;
  return transcript.logprob_sum / static_cast<double>(transcript.logprob_count);
}

json ToJson(const std::vector<AnswerComparison>& comparisons) {
  json list = json::array();
  for (const AnswerComparison& comparison : comparisons) {
    json entry = {{"with", comparison.with}, {"verdict", VerdictName(comparison.verdict)}};
    if (comparison.again) entry["again"] = true;
    list.push_back(std::move(entry));
  }
  return list;
}

Result<std::vector<AnswerComparison>> ParseComparisons(const json& list) {
  std::vector<AnswerComparison> comparisons;
  for (const json& entry : list) {
    QED_ASSIGN_OR_RETURN(const Verdict verdict,
                         ParseVerdict(entry.at("verdict").get<std::string>()));
    comparisons.push_back(
        {entry.at("with").get<std::string>(), verdict, entry.value("again", false)});
  }
  return comparisons;
}

Result<ExecuteResult::ProcessStatus> ParseProcessStatus(const std::string& name) {
  using enum ExecuteResult::ProcessStatus;
  for (ExecuteResult::ProcessStatus status : {kCompleted, kError, kTimeout}) {
    if (name == ProcessStatusName(status)) return status;
  }
  return Corrupt("unknown status \"" + name + "\" of a code call");
}

// Throws what the JSON library throws where a key is missing or of another type.
Result<Sample> FromJson(const json& object) {
  Sample sample;
  sample.problem_id = object.at("problem_id").get<std::string>();
  sample.index = object.at("sample").get<int32_t>();
  sample.seed = object.at("seed").get<uint64_t>();
  QED_ASSIGN_OR_RETURN(sample.finish,
                       ParseSampleFinish(object.at("finish_reason").get<std::string>()));
  sample.error = object.value("error", "");
  sample.stopped_by = object.value("stopped_by", "");
  sample.boxed = object.at("boxed").is_null() ? "" : object.at("boxed").get<std::string>();
  sample.answer = object.at("answer").is_null() ? "" : object.at("answer").get<std::string>();
  sample.answer_class = object.value("answer_class", "");
  if (object.contains("comparisons")) {
    QED_ASSIGN_OR_RETURN(sample.comparisons, ParseComparisons(object.at("comparisons")));
  }
  if (!object.at("correct").is_null()) sample.correct = object.at("correct").get<bool>();

  Transcript& transcript = sample.transcript;
  transcript.prompt_tokens = object.at("prompt_tokens").get<int32_t>();
  transcript.generated_tokens = object.at("generated_tokens").get<int32_t>();
  transcript.inserted_tokens = object.at("inserted_tokens").get<int32_t>();
  transcript.logprob_count = object.at("logprob_count").get<int64_t>();
  if (transcript.logprob_count > 0) {
    transcript.logprob_sum =
        object.at("mean_logprob").get<double>() * static_cast<double>(transcript.logprob_count);
  }
  if (const json& lowest = object.at("lowest_window_logprob"); !lowest.is_null()) {
    transcript.lowest_window_logprob = lowest.get<double>();
  }
  transcript.prompt_prefilled = object.at("prompt_prefilled").get<int32_t>();
  transcript.inserted_prefilled = object.at("inserted_prefilled").get<int32_t>();
  for (const json& segment : object.at("segments")) {
    const bool model = segment.at("source").get<std::string>() == kModelSource;
    transcript.segments.push_back(
        {model ? TranscriptSegment::Source::kModel : TranscriptSegment::Source::kTool,
         segment.at("text").get<std::string>(), segment.at("tokens").get<int32_t>()});
  }
  for (const json& call : object.at("code_calls")) {
    QED_ASSIGN_OR_RETURN(const auto status,
                         ParseProcessStatus(call.at("status").get<std::string>()));
    transcript.code_calls.push_back(
        {status, call.at("seconds").get<double>(), call.at("new_session").get<bool>()});
  }
  sample.start_time = object.at("start_time").get<double>();
  sample.end_time = object.at("end_time").get<double>();
  sample.generation_seconds = object.at("generation_seconds").get<double>();
  sample.code_seconds = object.at("code_seconds").get<double>();
  sample.problem_seconds = object.at("problem_seconds").get<double>();
  sample.run_seconds = object.at("run_seconds").get<double>();
  return sample;
}

}  // namespace

bool IsPartial(const Sample& sample) {
  return sample.finish == SampleFinish::kDeadline && !sample.answer.empty();
}

void ReadAnswer(const Problem& problem, const CodeTags& tags, int64_t modulo, Sample& sample) {
  sample.boxed.clear();
  sample.answer.clear();
  sample.answer_class.clear();
  sample.comparisons.clear();
  if (sample.finish != SampleFinish::kCancelled && sample.finish != SampleFinish::kPruned) {
    const std::string text = sample.transcript.Text();
    const bool cut_off =
        sample.finish == SampleFinish::kLength || sample.finish == SampleFinish::kDeadline;
    const std::string_view read = cut_off ? BeforeOpenCodeBlock(text, tags) : text;
    sample.boxed = ExtractBoxedAnswer(read).value_or("");
    sample.answer = NormalizeAnswer(sample.boxed);
    if (modulo != 0) sample.answer = AnswerModulo(sample.answer, modulo).value_or("");
  }
  sample.correct.reset();
  if (problem.expected_answer) {
    sample.correct =
        !sample.answer.empty() && sample.answer == NormalizeAnswer(*problem.expected_answer);
  }
}

std::string ToRecordLine(const Sample& sample) {
  const Transcript& transcript = sample.transcript;
  json line = {
      {"problem_id", sample.problem_id},
      {"sample", sample.index},
      {"seed", sample.seed},
      {"finish_reason", SampleFinishName(sample.finish)},
      {"boxed", sample.boxed.empty() ? json() : json(sample.boxed)},
      {"answer", sample.answer.empty() ? json() : json(sample.answer)},
      {"correct", sample.correct ? json(*sample.correct) : json()},
      {"prompt_tokens", transcript.prompt_tokens},
      {"generated_tokens", transcript.generated_tokens},
      {"inserted_tokens", transcript.inserted_tokens},
      {"mean_logprob", MeanLogprob(transcript)},
      {"logprob_count", transcript.logprob_count},
      {"lowest_window_logprob",
       transcript.lowest_window_logprob ? json(*transcript.lowest_window_logprob) : json()},
      {"prompt_prefilled", transcript.prompt_prefilled},
      {"inserted_prefilled", transcript.inserted_prefilled},
      {"segments", ToJson(transcript)},
      {"code_calls", ToJson(transcript.code_calls)},
      {"start_time", sample.start_time},
      {"end_time", sample.end_time},
      {"generation_seconds", sample.generation_seconds},
      {"code_seconds", sample.code_seconds},
      {"problem_seconds", sample.problem_seconds},
      {"run_seconds", sample.run_seconds},
  };
  if (!sample.answer_class.empty()) line["answer_class"] = sample.answer_class;
  if (!sample.comparisons.empty()) line["comparisons"] = ToJson(sample.comparisons);
  if (IsPartial(sample)) line["partial"] = true;
  if (!sample.stopped_by.empty()) line["stopped_by"] = sample.stopped_by;
  if (!sample.error.empty()) line["error"] = sample.error;
  return DumpJson(line);
}

Result<Sample> ParseRecordLine(std::string_view line) {
  QED_ASSIGN_OR_RETURN(const json object, ParseJson(line));
  try {
    return FromJson(object);
  } catch (const json::exception&) {
    return Corrupt("not the record of a sample");
  }
}

std::string ToResultLine(const Problem& problem, const Sample& sample) {
  const Transcript& transcript = sample.transcript;
  Result<std::map<std::string, std::string>> members = ParseJsonMembers(problem.json);
  QED_CHECK(members.ok()) << "a problem's line was read before";
  json line;
  // What readers of results look for, whatever the columns of the file are called.
  members->emplace("problem", DumpJson(json(problem.text)));
  if (problem.expected_answer) {
    std::string& expected = members->emplace("expected_answer", "null").first->second;
    if (expected == "null") expected = DumpJson(json(*problem.expected_answer));
  }
  int64_t timeouts = 0;
  for (const CodeCall& call : transcript.code_calls) {
    timeouts += call.status == ExecuteResult::ProcessStatus::kTimeout ? 1 : 0;
  }
  line["generation"] = transcript.Text();
  line["num_generated_tokens"] = transcript.generated_tokens;
  line["num_input_tokens"] = transcript.prompt_tokens;
  line["finish_reason"] = SampleFinishName(sample.finish);
  line["generation_start_time"] = sample.start_time;
  line["generation_end_time"] = sample.end_time;
  line["generation_time"] = sample.generation_seconds;
  line["code_execution_time"] = sample.code_seconds;
  line["code_rounds_executed"] = transcript.code_calls.size();
  line["num_code_timeouts"] = timeouts;
  line["predicted_answer"] = sample.boxed.empty() ? json() : json(sample.boxed);
  if (sample.correct) line["symbolic_correct"] = *sample.correct;
  if (!sample.error.empty()) line["error"] = sample.error;
  // The problem's own members stay as they were written, digit by digit.
  for (const auto& [key, value] : line.items()) (*members)[key] = DumpJson(value);
  std::string text;
  for (const auto& [key, value] : *members) {
    text += (text.empty() ? '{' : ',') + DumpJson(json(key)) + ':' + value;
  }
  return text + '}';
}

}  // namespace qed
