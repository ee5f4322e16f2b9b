// qed bench: the engine's speed beside what the machine allows, or on the traffic
// of a trace.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "cli/bench_cases.h"
#include "cli/bench_replay.h"
#include "cli/commands.h"
#include "cli/draft_report.h"
#include "cli/model_session.h"
#include "cli/ranks.h"
#include "config/solve_config.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

struct BenchFlags {
  ModelFlags model;
  BenchCases cases;
  std::string replay;  // a trace; empty: the cases
  bool json = false;
};

// What all reports say of the session.
struct SessionFacts {
  std::string device;
  double ready_s = 0;  // from the start to the first request that can be taken
};

void PrintTable(const ModelSession& session, const SessionFacts& facts, const Roof& roof,
                const std::vector<BenchRow>& rows) {
  const ModelFootprint footprint = session.footprint();
  std::printf("%s, ready after %.2f s\n", facts.device.c_str(), facts.ready_s);
  std::printf("roofs: memory %.1f GB/s", roof.read_bytes_per_second / 1e9);
  if (roof.int8_ops_per_second > 0) {
    std::printf(", int8 %.2f TOP/s, f32 %.2f TFLOP/s", roof.int8_ops_per_second / 1e12,
                roof.f32_ops_per_second / 1e12);
  }
  std::printf(
      "\na step reads %.1f MB of weights and %.1f kB a token of context; "
      "a token takes %.2f GFLOP\n\n",
      static_cast<double>(footprint.weight_bytes) / 1e6,
      static_cast<double>(footprint.kv_bytes_per_token) / 1e3,
      2e-9 * static_cast<double>(footprint.macs_per_token + footprint.macs_per_logit_row));
  std::printf("%-8s %9s %8s %9s %9s %10s %14s %9s %8s %8s %13s\n", "case", "sequences", "context",
              "tokens/s", "step ms", "memory ms", "arithmetic ms", "of floor", "host us", "wait us",
              "tokens a step");
  for (const BenchRow& row : rows) {
    std::printf("%-8s %9d %8d %9.0f %9.2f %10.2f %14.2f %8.0f%% %8.0f %8.0f %13.2f\n",
                row.name.c_str(), row.batch, row.context, row.tokens_per_s, row.step_ms,
                row.memory_ms, row.arithmetic_ms, 100 * row.FloorMs() / row.step_ms, row.host_us,
                row.wait_us, row.tokens_a_step);
  }
}

// What drafts did in all cases.
void PrintDrafts(const EngineStats& stats) {
  if (const std::string line = DraftLine(stats); !line.empty()) std::printf("%s\n", line.c_str());
}

void PrintJson(const SessionFacts& facts, const Roof& roof, const std::vector<BenchRow>& rows,
               const EngineStats& stats) {
  nlohmann::json out = {{"device", facts.device},
                        {"ready_s", facts.ready_s},
                        {"roof",
                         {{"read_bytes_per_s", roof.read_bytes_per_second},
                          {"int8_ops_per_s", roof.int8_ops_per_second},
                          {"f32_ops_per_s", roof.f32_ops_per_second}}},
                        {"drafts", DraftJson(stats)},
                        {"rows", nlohmann::json::array()}};
  for (const BenchRow& row : rows) {
    out["rows"].push_back({{"case", row.name},
                           {"batch", row.batch},
                           {"context", row.context},
                           {"step_ms", row.step_ms},
                           {"floor_ms", row.FloorMs()},
                           {"tokens_per_s", row.tokens_per_s},
                           {"tokens_per_step", row.tokens_a_step},
                           {"wait_us", row.wait_us},
                           {"host_us", row.host_us}});
  }
  std::printf("%s\n", DumpJson(out).c_str());
}

Result<std::unique_ptr<ModelSession>> OpenTimed(const ModelFlags& flags, SessionFacts& facts) {
  const Clock::Time start = Clock::Real().Now();
  QED_ASSIGN_OR_RETURN(std::unique_ptr<ModelSession> session, ModelSession::Open(flags));
  facts.ready_s = Seconds(Clock::Real().Now() - start);
  facts.device = session->device_name();
  return session;
}

Status RunCases(BenchFlags& flags) {
  EngineConfig& engine = flags.model.engine;
  flags.model.app = nullptr;  // the cases say how much is needed
  engine.max_batch_size =
      std::max(engine.max_batch_size, *std::ranges::max_element(flags.cases.sequences));
  SessionFacts facts;
  QED_ASSIGN_OR_RETURN(const auto session, OpenTimed(flags.model, facts));
  QED_ASSIGN_OR_RETURN(const Roof roof, MeasureRoofFor(*session));
  QED_ASSIGN_OR_RETURN(const std::vector<BenchRow> rows,
                       RunBenchCases(*session, flags.cases, roof));
  if (flags.json) {
    PrintJson(facts, roof, rows, session->engine().Stats());
  } else {
    PrintTable(*session, facts, roof, rows);
    PrintDrafts(session->engine().Stats());
  }
  return OkStatus();
}

Status RunReplayOf(BenchFlags& flags) {
  QED_ASSIGN_OR_RETURN(const Trace trace, ReadTrace(flags.replay));
  EngineConfig& engine = flags.model.engine;
  flags.model.app = nullptr;  // the trace says how much is needed
  engine.max_batch_size = std::max(engine.max_batch_size, SamplesAtATime(trace));
  SessionFacts facts;
  QED_ASSIGN_OR_RETURN(const auto session, OpenTimed(flags.model, facts));
  QED_ASSIGN_OR_RETURN(const TraceReport report,
                       ReplayTrace(session->engine(), session->model_config().vocab_size, trace,
                                   DefaultSolveSampling(), !flags.model.acceptance.empty()));
  const EngineStats stats = session->engine().Stats();
  if (flags.json) {
    std::printf("%s\n", TraceReportJson(trace, report, facts.device, stats).c_str());
  } else {
    std::printf("%s, ready after %.2f s\n", facts.device.c_str(), facts.ready_s);
    PrintTraceReport(trace, report, stats);
  }
  return OkStatus();
}

}  // namespace

CLI::App* AddBenchCommand(CLI::App& app, CommandRun& run) {
  CLI::App* command = app.add_subcommand(
      "bench",
      "Measure decode and prefill beside the machine's memory and arithmetic roofs, or the traffic "
      "of a trace");
  auto flags = std::make_shared<BenchFlags>();
  AddModelFlags(*command, flags->model);
  AddRandomWeightsFlag(*command, flags->model);
  BenchCases& cases = flags->cases;
  command->add_option("--sequences", cases.sequences, "numbers of sequences to decode at once")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--prompt-tokens", cases.prompt_tokens, "of each decoded sequence")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--new-tokens", cases.new_tokens, "to generate in each sequence")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  command->add_option("--prefill-tokens", cases.prefill_tokens, "of each prefilled prompt")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--repeat", cases.repeat, "measurements a case, of which the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--replay", flags->replay,
                      "trace whose traffic to run instead (docs/traces.md)");
  command
      ->add_option("--acceptance", flags->model.acceptance,
                   "of the replay's tokens, drafts that are right as often as this, by their place "
                   "in a step: 0.83,0.77,0.71")
      ->needs("--replay");
  command->add_flag("--json", flags->json, "print JSON");
  run = [flags] {
    return RunOnRanks(flags->model, [&] {
      return flags->replay.empty() ? RunCases(*flags) : RunReplayOf(*flags);
    });
  };
  return command;
}

}  // namespace qed
