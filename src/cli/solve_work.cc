#include "cli/solve_work.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "cli/lazy_sandbox.h"
#include "net/request_guard.h"
#include "sandbox/local_sandbox.h"
#include "sandbox/remote_sandbox.h"
#include "solve/genselect.h"

namespace qed {
namespace {

constexpr double kSandboxPatience = 10;  // seconds until a server is healthy

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
Result<std::unique_ptr<SandboxClient>> MakeSandbox(const SolveFlags& flags, const SolvePlan& plan,
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

std::vector<SolveTask> Chosen(const std::vector<SolveTask>& tasks,
                              const std::vector<size_t>& chosen) {
  std::vector<SolveTask> some;
  for (const size_t number : chosen) some.push_back(tasks[number]);
  return some;
}

}  // namespace

SolveWork::SolveWork(const SolveFlags& flags, SolvePlan plan, std::unique_ptr<TextSource> source,
                     ChatWrapper wrapper)
    : flags_(flags),
      plan_(std::move(plan)),
      source_(std::move(source)),
      wrapper_(std::move(wrapper)) {}

Result<std::unique_ptr<SolveWork>> SolveWork::Open(const SolveFlags& flags) {
  QED_ASSIGN_OR_RETURN(SolvePlan plan, MakePlan(flags));
  QED_ASSIGN_OR_RETURN(std::unique_ptr<TextSource> source, OpenSource(flags, plan));
  QED_ASSIGN_OR_RETURN(ChatWrapper wrapper, ChooseWrapper(flags, *source));
  std::unique_ptr<SolveWork> work(
      new SolveWork(flags, std::move(plan), std::move(source), std::move(wrapper)));
  work->source_->SetWholePrompts(work->wrapper_.chat_template != nullptr);
  const TaskOptions options{work->plan_.prompt, work->wrapper_, flags.system,
                            work->plan_.max_code_calls};
  QED_ASSIGN_OR_RETURN(work->tasks_,
                       PrepareTasks(work->plan_.problems, options, work->source_->generator()));
  QED_ASSIGN_OR_RETURN(work->settings_,
                       CollectSettings(flags, work->plan_, work->wrapper_, *work->source_));
  return work;
}

Status SolveWork::StartSandbox() {
  if (std::exchange(has_started_sandbox_, true)) return OkStatus();
  QED_ASSIGN_OR_RETURN(sandbox_, MakeSandbox(flags_, plan_, source_->generator()));
  return OkStatus();
}

void SolveWork::Shorten(Sample& sample) const {
  const size_t shown = plan_.select_prompt ? static_cast<size_t>(flags_.solve.select_chars) : 0;
  sample.transcript.segments = {
      {TranscriptSegment::Source::kModel, SolutionSummary(sample.transcript.Text(), shown), 0}};
}

SolverRun::SolverRun(SolveWork& work, const std::vector<size_t>& chosen,
                     const std::vector<Problem>& problems, SampleStore& store, ProblemQueue* queue,
                     int32_t problems_in_flight)
    : comparer_(work.sandbox_ ? std::make_unique<SandboxComparer>(*work.sandbox_) : nullptr),
      printer_(stdout, ::isatty(STDERR_FILENO) ? stderr : nullptr, Clock::Real()),
      solver_(
          [&] {
            SolverOptions options = MakeSolverOptions(work.flags_, work.plan_, work.wrapper_,
                                                      work.source_->generator());
            const int32_t own = options.problems_in_flight;
            if (problems_in_flight > 0) {
              options.problems_in_flight =
                  own == 0 ? problems_in_flight : std::min(own, problems_in_flight);
            }
            return options;
          }(),
          problems, Chosen(work.tasks_, chosen),
          SolverParts{work.source_->generator(),
                      work.plan_.max_code_calls > 0 ? work.sandbox_.get() : nullptr, store,
                      printer_, Clock::Real(), nullptr, comparer_.get(), queue}) {}

}  // namespace qed
