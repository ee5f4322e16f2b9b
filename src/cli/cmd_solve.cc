// qed solve: problems in, voted answers out. Joins the engine, the sandbox and
// the solver; what they do is in their own folders.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/lazy_sandbox.h"
#include "cli/model_session.h"
#include "cli/ranks.h"
#include "cli/text_source.h"
#include "config/data_config.h"
#include "config/remote_config.h"
#include "config/sandbox_config.h"
#include "config/solve_config.h"
#include "net/http_message.h"
#include "net/request_guard.h"
#include "sandbox/local_sandbox.h"
#include "sandbox/remote_sandbox.h"
#include "solve/answer.h"
#include "solve/genselect.h"
#include "solve/metrics.h"
#include "solve/problem.h"
#include "solve/progress.h"
#include "solve/run_folder.h"
#include "solve/sandbox_comparer.h"
#include "solve/solver.h"
#include "solve/stop_rule.h"
#include "solve/task.h"

namespace qed {
namespace {

constexpr double kSandboxPatience = 10;  // seconds until a server is healthy

struct SolveFlags {
  std::string problems;
  ProblemFields fields;
  ModelFlags model;
  RemoteConfig remote;
  SolveConfig solve;
  SamplingParams sampling = DefaultSolveSampling();
  SandboxConfig sandbox;
  std::optional<std::string> system;
  // In these "\n" stands for a newline. The tags replace the prompt file's.
  std::optional<std::string> code_begin, code_end, output_begin, output_end;
  std::vector<std::string> stop;
};

// What the flags say, checked, before anything slow happens.
struct SolvePlan {
  std::vector<Problem> problems;
  PromptTemplate prompt;
  StopRule stop;
  TimeLimits time;
  VoteWeighting vote = VoteWeighting::kNone;
  std::optional<PromptTemplate> select_prompt;  // none: the vote decides
  int32_t max_code_calls = 0;                   // 0 without a sandbox
};

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

std::string ProblemsFingerprint(const std::vector<Problem>& problems) {
  std::string lines;
  for (const Problem& problem : problems) lines += problem.id + "\n" + problem.json + "\n";
  return Fingerprint(lines);
}

// Everything that a sample depends on.
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

Result<ChatWrapper> ChooseWrapper(const SolveFlags& flags, const TextSource& source) {
  if (flags.solve.chat_wrapper != "auto") return ChatWrapper::Load(flags.solve.chat_wrapper);
  Result<ChatWrapper> own = source.OwnChatWrapper();
  if (own.ok()) return own;
  return Status(own.status().code(), own.status().message() +
                                         ": name one of qwen-instruct, chatml, llama3-instruct and "
                                         "none with --chat-wrapper");
}

Result<std::unique_ptr<TextSource>> OpenSource(const SolveFlags& flags, const SolvePlan& plan) {
  if (flags.remote.server.empty()) return TextSource::OpenModel(flags.model);
  const bool local_programs = plan.max_code_calls > 0 && flags.solve.sandbox == "local";
  return TextSource::OpenServers(flags.remote, flags.model.engine.max_seq_len,
                                 local_programs ? flags.sandbox.max_sessions : 0);
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

Result<std::unique_ptr<SandboxClient>> OpenSandbox(const SolveFlags& flags) {
  if (flags.solve.sandbox != "local") {
    QED_ASSIGN_OR_RETURN(
        std::unique_ptr<RemoteSandbox> remote,
        RemoteSandbox::Connect(flags.solve.sandbox, kSandboxPatience, ApiKeyOfEnvironment()));
    return std::unique_ptr<SandboxClient>(std::move(remote));
  }
  SandboxConfig config = flags.sandbox;
  ++config.max_sessions;  // the one in which answers are compared is not the programs'
  QED_ASSIGN_OR_RETURN(std::unique_ptr<LocalSandbox> sandbox, LocalSandbox::Create(config));
  return std::unique_ptr<SandboxClient>(std::move(sandbox));
}

// For programs and for comparing answers. Null: neither. Where no programs are
// allowed it starts with the first answers that have to be compared.
Result<std::unique_ptr<SandboxClient>> StartSandbox(const SolveFlags& flags, const SolvePlan& plan,
                                                    const Generator& generator) {
  if (flags.solve.sandbox == "off") return std::unique_ptr<SandboxClient>();
  if (plan.max_code_calls == 0) {
    return std::unique_ptr<SandboxClient>(std::make_unique<LazySandbox>([flags] {
      Result<std::unique_ptr<SandboxClient>> sandbox = OpenSandbox(flags);
      if (!sandbox.ok()) {
        std::fprintf(stderr, "qed solve: answers are compared by their form only: %s\n",
                     sandbox.status().message().c_str());
      }
      return sandbox;
    }));
  }
  if (flags.solve.sandbox == "local" && generator.max_concurrent() > flags.sandbox.max_sessions) {
    return InvalidArgument(
        "--sandbox-max-sessions is " + std::to_string(flags.sandbox.max_sessions) + ", but " +
        std::to_string(generator.max_concurrent()) + " samples run at a time (--max-batch-size)");
  }
  return OpenSandbox(flags);
}

// The run's folder with the samples that are already in it, their texts cut down to
// what a selection would show.
Result<std::unique_ptr<RunFolder>> OpenFolder(const SolveFlags& flags, const SolvePlan& plan,
                                              const ChatWrapper& wrapper, const TextSource& source,
                                              std::vector<Sample>& earlier) {
  if (flags.solve.output.empty()) return std::unique_ptr<RunFolder>();
  RunFolderOptions options;
  options.path = flags.solve.output;
  options.resume = flags.solve.resume;
  options.first_seed = flags.sampling.seed;
  options.num_samples = flags.solve.samples;
  QED_ASSIGN_OR_RETURN(options.settings, CollectSettings(flags, plan, wrapper, source));
  const size_t shown = plan.select_prompt ? static_cast<size_t>(flags.solve.select_chars) : 0;
  return RunFolder::Open(options, plan.problems, [&earlier, shown](const Sample& sample) {
    earlier.push_back(sample);
    earlier.back().transcript.segments = {
        {TranscriptSegment::Source::kModel, SolutionSummary(sample.transcript.Text(), shown), 0}};
  });
}

Status Solve(const SolveFlags& flags, const SolvePlan& plan, const TextSource& source,
             Solver& solver, RunFolder* folder) {
  if (!source.server().empty()) {
    std::printf("%s at %s\n", source.model().c_str(), source.server().c_str());
  }
  Status status = solver.Run(CatchInterrupts());
  if (!status.ok()) {
    const bool can_resume = folder != nullptr;
    return can_resume ? Status(status.code(), status.message() + "; the same command with " +
                                                  "--resume goes on with " + flags.solve.output)
                      : status;
  }
  Metrics metrics =
      ComputeMetrics(plan.problems, solver.outcomes(), flags.solve.samples, solver.seconds());
  if (plan.select_prompt) {
    AddSelections(solver.selections(), flags.solve.select_samples, metrics);
  }
  metrics.model = source.model();
  metrics.server = source.server();
  std::fputs(FormatSummary(metrics).c_str(), stdout);
  if (const std::string drafts = source.draft_report(); !drafts.empty()) {
    std::printf("%s\n", drafts.c_str());
  }
  if (folder == nullptr) return OkStatus();
  const std::string benchmark = std::filesystem::path(flags.problems).stem().string();
  return folder->Finish(MetricsToJson(metrics, benchmark));
}

Status RunSolve(const SolveFlags& flags) {
  QED_ASSIGN_OR_RETURN(const SolvePlan plan, MakePlan(flags));
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<TextSource> source, OpenSource(flags, plan));
  QED_ASSIGN_OR_RETURN(const ChatWrapper wrapper, ChooseWrapper(flags, *source));
  source->SetWholePrompts(wrapper.chat_template != nullptr);
  Generator& generator = source->generator();
  const TaskOptions task_options{plan.prompt, wrapper, flags.system, plan.max_code_calls};
  QED_ASSIGN_OR_RETURN(std::vector<SolveTask> tasks,
                       PrepareTasks(plan.problems, task_options, generator));
  std::vector<Sample> earlier;
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<RunFolder> folder,
                       OpenFolder(flags, plan, wrapper, *source, earlier));
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<SandboxClient> sandbox,
                       StartSandbox(flags, plan, generator));

  const std::unique_ptr<SandboxComparer> comparer =
      sandbox ? std::make_unique<SandboxComparer>(*sandbox) : nullptr;

  NoSampleStore no_store;
  SampleStore& store = folder ? static_cast<SampleStore&>(*folder) : no_store;
  ProgressPrinter printer(stdout, ::isatty(STDERR_FILENO) ? stderr : nullptr, Clock::Real());
  Solver solver(MakeSolverOptions(flags, plan, wrapper, generator), plan.problems, std::move(tasks),
                SolverParts{generator, plan.max_code_calls > 0 ? sandbox.get() : nullptr, store,
                            printer, Clock::Real(), nullptr, comparer.get()});
  for (const Sample& sample : earlier) solver.Restore(sample);
  if (folder && plan.select_prompt) {
    QED_RETURN_IF_ERROR(folder->ReadSelections(
        flags.solve.select_samples,
        [&solver](const Selection& selection) { solver.RestoreSelection(selection); }));
  }
  return Solve(flags, plan, *source, solver, folder.get());
}

}  // namespace

CLI::App* AddSolveCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<SolveFlags>();
  CLI::App* command = app.add_subcommand("solve", "Solve problems by majority over many samples.");
  command
      ->add_option("problems", flags->problems,
                   "file with a problem in each row: JSONL, CSV, TSV or Parquet")
      ->required();
  AddKnobFlags(*command, flags->fields);
  AddModelFlags(*command, flags->model);
  AddKnobFlags(*command, flags->remote);
  AddKnobFlags(*command, flags->solve);
  AddKnobFlags(*command, flags->sampling);
  AddKnobFlags(*command, flags->sandbox);
  command->add_option("--system", flags->system, "system turn, instead of the prompt's");
  command->add_option("--stop", flags->stop, "text that ends a sample; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--code-begin", flags->code_begin, "tag before a program");
  command->add_option("--code-end", flags->code_end, "tag after a program");
  command->add_option("--code-output-begin", flags->output_begin, "tag before its output");
  command->add_option("--code-output-end", flags->output_end, "tag after its output");
  run = [flags, command] {
    const bool has_server = command->count("--server") > 0;
    if (has_server && flags->remote.server.empty()) return InvalidArgument("--server is empty");
    for (const char* name : {"--model", "--adapter"}) {
      if (has_server && command->count(name) > 0) {
        return InvalidArgument(std::string("--server and ") + name + " exclude each other");
      }
    }
    return RunOnRanks(flags->model, [&] { return RunSolve(*flags); });
  };
  return command;
}

}  // namespace qed
