#include "cli/bench_replay.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "base/json.h"
#include "cli/draft_report.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

double Rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

const char* EndOf(const ReplayedSample& sample) {
  if (!sample.started) return "not started";
  return sample.cancelled ? "cancelled" : "ended";
}

}  // namespace

int32_t SamplesAtATime(const Trace& trace) {
  constexpr int32_t kMostSequences = 4096;  // of --max-batch-size
  const auto all = static_cast<int32_t>(std::min<size_t>(trace.samples.size(), kMostSequences));
  return trace.at_a_time > 0 ? std::min(trace.at_a_time, all) : all;
}

std::string TraceReportJson(const Trace& trace, const TraceReport& report,
                            const std::string& device, const EngineStats& stats) {
  nlohmann::json out = {{"trace", trace.name},
                        {"device", device},
                        {"seconds", report.seconds},
                        {"tokens_per_s", Rate(report.generated, report.seconds)},
                        {"kept_tokens_per_s", Rate(report.kept, report.seconds)},
                        {"generated_tokens", report.generated},
                        {"kept_tokens", report.kept},
                        {"prefilled_tokens", report.prefilled},
                        {"cached_tokens", report.cached},
                        {"most_at_a_time", report.most_at_a_time},
                        {"tail_s", report.tail_s},
                        {"drafts", DraftJson(stats)},
                        {"samples", nlohmann::json::array()}};
  for (size_t i = 0; i < report.samples.size(); ++i) {
    const ReplayedSample& sample = report.samples[i];
    out["samples"].push_back({{"problem", trace.samples[i].problem},
                              {"end", EndOf(sample)},
                              {"start_s", sample.start_s},
                              {"first_token_s", sample.first_token_s},
                              {"end_s", sample.end_s},
                              {"sandbox_s", sample.sandbox_s},
                              {"generated_tokens", sample.generated},
                              {"appended_tokens", sample.appended}});
  }
  return DumpJson(out);
}

void PrintTraceReport(const Trace& trace, const TraceReport& report, const EngineStats& stats) {
  std::printf("%-8s %-12s %9s %11s %9s %9s %9s %9s\n", "problem", "end", "start s", "1st token s",
              "end s", "sandbox s", "tokens", "appended");
  for (size_t i = 0; i < report.samples.size(); ++i) {
    const ReplayedSample& sample = report.samples[i];
    std::printf("%-8s %-12s %9.2f %11.2f %9.2f %9.2f %9" PRId64 " %9" PRId64 "\n",
                trace.samples[i].problem.c_str(), EndOf(sample), sample.start_s,
                sample.first_token_s, sample.end_s, sample.sandbox_s, sample.generated,
                sample.appended);
  }
  std::printf("\n%" PRId64 " tokens in %.2f s: %.0f tokens/s (%.0f of samples that were kept); ",
              report.generated, report.seconds, Rate(report.generated, report.seconds),
              Rate(report.kept, report.seconds));
  std::printf("prefilled %" PRId64 ", cached %" PRId64 "; tail %.2f s\n", report.prefilled,
              report.cached, report.tail_s);
  if (stats.drafts.tokens > 0) std::printf("%s\n", DraftLine(stats).c_str());
}

}  // namespace qed
