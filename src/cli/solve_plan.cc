#include "cli/solve_plan.h"

#include <algorithm>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/flags.h"
#include "cli/numbered_part.h"
#include "net/http_message.h"
#include "solve/answer.h"

namespace qed {
namespace {

std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool newline = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'n';
    out += newline ? '\n' : text[i];
    i += newline ? 1 : 0;
  }
  return out;
}

void OverrideTags(const SolveFlags& flags, CodeTags& tags) {
  if (flags.code_begin) tags.code_begin = Unescape(*flags.code_begin);
  if (flags.code_end) tags.code_end = Unescape(*flags.code_end);
  if (flags.output_begin) tags.output_begin = Unescape(*flags.output_begin);
  if (flags.output_end) tags.output_end = Unescape(*flags.output_end);
}

Result<TimeLimits> MakeTimeLimits(const SolveConfig& solve, size_t num_problems) {
  const TimeLimits limits{.base = ToDuration(solve.time_per_problem),
                          .draw = ToDuration(solve.time_bank),
                          .cap = ToDuration(solve.time_cap),
                          .total = ToDuration(solve.time_total)};
  QED_RETURN_IF_ERROR(CheckTimeLimits(limits, num_problems));
  return limits;
}

Result<VoteWeighting> ParseVote(const std::string& vote) {
  if (vote == "majority") return VoteWeighting::kNone;
  if (vote == "confidence") return VoteWeighting::kConfidence;
  return InvalidArgument("--vote is \"" + vote + "\"; it must be majority or confidence");
}

Result<std::optional<PromptTemplate>> LoadSelectPrompt(const SolveConfig& solve) {
  if (solve.select == "vote") return std::optional<PromptTemplate>();
  if (solve.select != "genselect") {
    return InvalidArgument("--select is \"" + solve.select + "\"; it must be vote or genselect");
  }
  QED_ASSIGN_OR_RETURN(PromptTemplate prompt, PromptTemplate::Load(solve.select_prompt));
  return std::optional(std::move(prompt));
}

Status ReduceExpectedAnswers(int64_t modulo, std::vector<Problem>& problems) {
  if (modulo == 0) return OkStatus();
  for (Problem& problem : problems) {
    if (!problem.expected_answer) continue;
    const auto reduced = AnswerModulo(NormalizeAnswer(*problem.expected_answer), modulo);
    if (!reduced) {
      return InvalidArgument("--answer-modulo needs whole numbers as expected answers; problem " +
                             problem.id + " has " + *problem.expected_answer);
    }
    problem.expected_answer = *reduced;
  }
  return OkStatus();
}

std::string ProblemsFingerprint(const std::vector<Problem>& problems) {
  std::string lines;
  for (const Problem& problem : problems) lines += problem.id + "\n" + problem.json + "\n";
  return Fingerprint(lines);
}

// "2/8", counted from 1.
Result<Shard> ParseShard(const SolveFlags& flags) {
  const std::string& text = flags.shard;
  if (text.empty()) return Shard();
  const std::optional<NumberedPart> read = ReadNumberedPart(text);
  if (!read || read->part < 1 || read->part > read->count) {
    return InvalidArgument("--shard is \"" + text +
                           "\"; it must be like 1/8, 2/8, ..., 8/8 for the eight parts of a run");
  }
  if (flags.solve.output.empty()) {
    return InvalidArgument("--shard needs --output: the folder in which the shards' records meet");
  }
  return Shard{.index = read->part - 1, .count = read->count};
}

}  // namespace

Result<SolvePlan> MakePlan(const SolveFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.solve));
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.sampling));
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.sandbox));
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.remote));
  if (flags.solve.resume && flags.solve.output.empty()) {
    return InvalidArgument("--resume needs the --output of the run to go on with");
  }
  SolvePlan plan;
  if (flags.solve.sandbox != "off") {
    plan.max_code_calls = flags.solve.max_code_calls;
    if (flags.solve.sandbox != "local") {
      const Result<Url> url = ParseUrl(flags.solve.sandbox);
      if (!url.ok()) return url.status().WithPrefix("--sandbox must be local, off or a URL");
    }
  }
  QED_ASSIGN_OR_RETURN(plan.shard, ParseShard(flags));
  QED_ASSIGN_OR_RETURN(plan.stop, StopRule::Parse(flags.solve.stop_when));
  QED_ASSIGN_OR_RETURN(plan.vote, ParseVote(flags.solve.vote));
  QED_ASSIGN_OR_RETURN(plan.select_prompt, LoadSelectPrompt(flags.solve));
  QED_ASSIGN_OR_RETURN(plan.prompt, PromptTemplate::Load(flags.solve.prompt));
  OverrideTags(flags, plan.prompt.tags);
  if (plan.prompt.tags.code_begin.empty() || plan.prompt.tags.code_end.empty()) {
    return InvalidArgument("--code-begin and --code-end must not be empty");
  }
  if (std::find(flags.stop.begin(), flags.stop.end(), "") != flags.stop.end()) {
    return InvalidArgument("--stop must not be empty");
  }
  QED_ASSIGN_OR_RETURN(plan.problems,
                       ReadProblems(flags.problems, flags.fields, flags.solve.limit));
  QED_RETURN_IF_ERROR(ReduceExpectedAnswers(flags.solve.answer_modulo, plan.problems));
  QED_ASSIGN_OR_RETURN(plan.time, MakeTimeLimits(flags.solve, plan.problems.size()));
  return plan;
}

Result<RunSettings> CollectSettings(const SolveFlags& flags, const SolvePlan& plan,
                                    const ChatWrapper& wrapper, const TextSource& source) {
  RunSettings settings;
  const auto add = [&](const Knob& knob, const auto& value, const auto&) {
    std::ostringstream text;
    text << value;
    settings[knob.name] = text.str();
  };
  SolveConfig solve = flags.solve;
  SamplingParams sampling = flags.sampling;
  SandboxConfig sandbox = flags.sandbox;
  VisitKnobs(solve, add);
  VisitKnobs(sampling, add);
  if (plan.max_code_calls > 0) VisitKnobs(sandbox, add);
  for (const char* name : {"output", "resume", "limit", "problems-in-flight"}) settings.erase(name);
  if (plan.select_prompt) {
    settings["select-prompt text"] = plan.select_prompt->user;
  } else {
    std::erase_if(settings, [](const auto& entry) { return entry.first.starts_with("select"); });
  }

  source.AddSettings(settings);
  settings["problems"] = ProblemsFingerprint(plan.problems);
  settings["prompt text"] = plan.prompt.user;
  QED_ASSIGN_OR_RETURN(settings["chat turn"],
                       wrapper.Wrap(flags.system ? flags.system : plan.prompt.system, "{user}"));
  for (const std::string& stop : flags.stop) settings["stop"] += stop + "\n";
  settings["code-begin"] = plan.prompt.tags.code_begin;
  settings["code-end"] = plan.prompt.tags.code_end;
  settings["code-output-begin"] = plan.prompt.tags.output_begin;
  settings["code-output-end"] = plan.prompt.tags.output_end;
  settings["code output format"] = plan.prompt.tags.output_format;
  return settings;
}

SolverOptions MakeSolverOptions(const SolveFlags& flags, const SolvePlan& plan,
                                const ChatWrapper& wrapper, const Generator& generator) {
  SolverOptions options;
  options.num_samples = flags.solve.samples;
  options.sampling = flags.sampling;
  options.loop.tags = plan.prompt.tags;
  options.loop.end_texts = wrapper.stop;
  for (const std::string& stop : flags.stop) options.loop.end_texts.push_back(Unescape(stop));
  options.loop.max_code_calls = plan.max_code_calls;
  options.loop.remaining_calls_notice = flags.solve.remaining_calls_notice;
  options.loop.max_tokens = flags.sampling.max_tokens;
  options.loop.max_seq_len = generator.max_seq_len();
  options.loop.confidence_window = flags.solve.confidence_window;
  options.code_timeout = flags.solve.code_timeout;
  options.code_output_chars = flags.solve.code_output_chars;
  options.code_threads = static_cast<int32_t>(std::max(2u, std::thread::hardware_concurrency()));
  options.max_sessions = flags.sandbox.max_sessions;
  options.problems_in_flight = flags.solve.problems_in_flight;
  options.answer_modulo = flags.solve.answer_modulo;
  options.vote_weighting = plan.vote;
  options.pruning = {flags.solve.prune_keep, flags.solve.prune_warmup};
  if (plan.select_prompt) {
    options.select.num_selections = flags.solve.select_samples;
    options.select.max_candidates = flags.solve.select_candidates;
    options.select.max_chars = flags.solve.select_chars;
    options.select.max_tokens = flags.solve.select_max_tokens;
    options.select.task = {*plan.select_prompt, wrapper, flags.system, 0};
  }
  options.stop = plan.stop;
  options.time = plan.time;
  return options;
}

}  // namespace qed
