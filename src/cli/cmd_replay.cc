// qed replay: what a recorded run would have cost and scored under other rules.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/trace_records.h"
#include "nlohmann/json.hpp"
#include "solve/replay.h"

namespace qed {
namespace {

struct ReplayFlags {
  std::string records;
  std::vector<std::string> stop_when;
  std::vector<int32_t> samples;
  int32_t slots = 0;
  int32_t problems_in_flight = 0;
  std::string vote = "majority";
  double time_per_problem = 0, time_bank = 0, time_cap = 0, time_total = 0;
  std::string write_trace;  // a file; empty: the table
  bool as_json = false;
};

struct Row {
  std::string rule;
  ReplayResult result;
};

Result<ReplayOptions> BaseOptions(const ReplayFlags& flags) {
  for (const double seconds :
       {flags.time_per_problem, flags.time_bank, flags.time_cap, flags.time_total}) {
    if (!(seconds >= 0 && seconds <= 1e7)) {
      return InvalidArgument("the --time flags must be from 0 to 1e7 seconds");
    }
  }
  ReplayOptions options;
  options.slots = flags.slots;
  options.problems_in_flight = flags.problems_in_flight;
  options.time = {.base = ToDuration(flags.time_per_problem),
                  .draw = ToDuration(flags.time_bank),
                  .cap = ToDuration(flags.time_cap),
                  .total = ToDuration(flags.time_total)};
  if (flags.vote == "confidence") {
    options.vote_weighting = VoteWeighting::kConfidence;
  } else if (flags.vote != "majority") {
    return InvalidArgument("--vote is \"" + flags.vote + "\"; it must be majority or confidence");
  }
  return options;
}

// In percent of `whole`.
double Saved(double part, double whole) { return whole > 0 ? 100 * (1 - part / whole) : 0; }

// `reference` is the run to its end: all samples, no rule, no limit.
void PrintTable(const std::vector<Row>& rows, const Metrics& reference) {
  std::printf("%-28s %7s %9s %12s %7s %10s %7s\n", "rule", "samples", "majority", "tokens", "saved",
              "seconds", "saved");
  for (const Row& row : rows) {
    const Metrics& metrics = row.result.metrics;
    const std::string correct = metrics.majority.correct
                                    ? std::to_string(*metrics.majority.correct).substr(0, 5) + " %"
                                    : "unknown";
    std::printf("%-28s %7d %9s %12" PRId64 " %5.1f %% %10.1f %5.1f %%\n", row.rule.c_str(),
                metrics.num_samples, correct.c_str(), metrics.generated_tokens,
                Saved(static_cast<double>(metrics.generated_tokens),
                      static_cast<double>(reference.generated_tokens)),
                metrics.seconds, Saved(metrics.seconds, reference.seconds));
  }
}

void PrintJson(const std::vector<Row>& rows, const Metrics& reference) {
  nlohmann::json list = nlohmann::json::array();
  for (const Row& row : rows) {
    const Metrics& metrics = row.result.metrics;
    nlohmann::json reasons = nlohmann::json::object();
    for (const auto& [reason, count] : row.result.stop_reasons) {
      reasons[reason.empty() ? "all samples" : reason] = count;
    }
    nlohmann::json line = {
        {"stop_when", row.rule},
        {"samples", metrics.num_samples},
        {"tokens", metrics.generated_tokens},
        {"tokens_saved_percent", Saved(static_cast<double>(metrics.generated_tokens),
                                       static_cast<double>(reference.generated_tokens))},
        {"seconds", metrics.seconds},
        {"seconds_saved_percent", Saved(metrics.seconds, reference.seconds)},
        {"stop_reasons", reasons},
    };
    line["majority_correct"] =
        metrics.majority.correct ? nlohmann::json(*metrics.majority.correct) : nlohmann::json();
    list.push_back(line);
  }
  std::printf("%s\n", DumpJson(list).c_str());
}

Status WriteTrace(const RunRecords& records, const ReplayFlags& flags) {
  const std::filesystem::path run = std::filesystem::path(flags.records).lexically_normal();
  const std::string name = (run.has_filename() ? run : run.parent_path()).filename().string();
  const Trace trace = TraceOfRun(records, name);
  if (trace.samples.empty()) {
    return InvalidArgument(flags.records + ": no sample generated anything");
  }
  return WriteFileAtomic(flags.write_trace, TraceText(trace));
}

Status RunReplay(const ReplayFlags& flags) {
  QED_ASSIGN_OR_RETURN(ReplayOptions options, BaseOptions(flags));
  QED_ASSIGN_OR_RETURN(const RunRecords records, ReadRunRecords(flags.records));
  if (!flags.write_trace.empty()) return WriteTrace(records, flags);
  ReplayOptions to_the_end;
  to_the_end.slots = flags.slots;
  QED_ASSIGN_OR_RETURN(const ReplayResult reference, Replay(records, to_the_end));
  std::vector<Row> rows;
  for (const int32_t samples : flags.samples) {
    for (const std::string& rule : flags.stop_when) {
      options.num_samples = samples;
      QED_ASSIGN_OR_RETURN(options.stop, StopRule::Parse(rule));
      QED_ASSIGN_OR_RETURN(ReplayResult result, Replay(records, options));
      rows.push_back({rule, std::move(result)});
    }
  }
  if (const int64_t cut = CountCutShort(records); cut > 0) {
    std::fprintf(stderr,
                 "qed replay: note: the run itself cut %" PRId64
                 " samples short; replays cannot know how they would have ended\n",
                 cut);
  }
  flags.as_json ? PrintJson(rows, reference.metrics) : PrintTable(rows, reference.metrics);
  return OkStatus();
}

}  // namespace

CLI::App* AddReplayCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<ReplayFlags>();
  flags->stop_when = {"never", "agree:4", "lead", "posterior:0.95"};
  flags->samples = {0};
  CLI::App* command =
      app.add_subcommand("replay", "Recompute a run's answers, tokens and time under other rules.");
  command->add_option("records", flags->records, "a run's --output folder or its samples.jsonl")
      ->required();
  command
      ->add_option("--stop-when", flags->stop_when,
                   "as in qed solve; may be given several times, a row of the table each")
      ->allow_extra_args(false)
      ->capture_default_str();
  command
      ->add_option("--samples", flags->samples,
                   "of each problem, the first ones; 0: all; may be given several times")
      ->allow_extra_args(false)
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  command->add_option("--slots", flags->slots, "samples at a time; 0: as many as in the run")
      ->check(CLI::Range(0, 65536));
  command->add_option("--problems-in-flight", flags->problems_in_flight, "as in qed solve")
      ->check(CLI::Range(0, 1 << 20));
  command->add_option("--vote", flags->vote, "majority or confidence")->capture_default_str();
  command->add_option("--time-per-problem", flags->time_per_problem, "as in qed solve [s]");
  command->add_option("--time-bank", flags->time_bank, "as in qed solve [s]");
  command->add_option("--time-cap", flags->time_cap, "as in qed solve [s]");
  command->add_option("--time-total", flags->time_total, "as in qed solve [s]");
  command->add_option("--write-trace", flags->write_trace,
                      "write the run's lengths and times to this file, for qed bench --replay, "
                      "instead of the table");
  command->add_flag("--json", flags->as_json, "print JSON instead of a table");
  run = [flags] { return RunReplay(*flags); };
  return command;
}

}  // namespace qed
