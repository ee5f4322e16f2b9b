#include "solve/report_page.h"

#include <algorithm>
#include <map>
#include <vector>

#include "solve/metrics.h"
#include "solve/outcome.h"
#include "solve/svg_chart.h"

namespace qed {
namespace {

constexpr size_t kMaxCellBytes = 60;

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 780px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin: 1.8em 0 .4em; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: #444; } svg g text { fill: inherit; }
.grid { stroke: #ddd; } .bar { fill: #1f5fa8; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2em .8em .2em 0; border-bottom: 1px solid #eee; }
.track { display: flex; height: 14px; width: 240px; background: #f2f2f2; }
.win { background: #1f5fa8; } .other { background: #c9b8a8; border-left: 1px solid #fff; }
.right { color: #2e7d4f; } .wrong { color: #a83232; }
</style>
)";

std::string ShortHtml(const std::string& text) {
  return EscapeHtml(text.size() <= kMaxCellBytes ? text : text.substr(0, kMaxCellBytes) + "...");
}

std::string Fixed(double value) {
  const std::string text = std::to_string(value);
  return text.substr(0, text.find('.') + 2);
}

ProblemOutcomes OutcomesOf(const std::vector<Sample>& samples) {
  ProblemOutcomes outcomes;
  for (const Sample& sample : samples) outcomes.push_back(OutcomeOf(sample, VoteWeighting::kNone));
  return outcomes;
}

Metrics MetricsOfFirst(const RunRecords& records, const std::vector<ProblemOutcomes>& outcomes,
                       size_t samples) {
  std::vector<ProblemOutcomes> first;
  for (const ProblemOutcomes& all : outcomes) {
    first.emplace_back(all.begin(), all.begin() + static_cast<ptrdiff_t>(samples));
  }
  double seconds = 0;
  for (const std::vector<Sample>& of_problem : records.samples) {
    for (const Sample& sample : of_problem) seconds = std::max(seconds, sample.run_seconds);
  }
  return ComputeMetrics(records.problems, first, static_cast<int32_t>(samples), seconds);
}

std::string AccuracySection(const RunRecords& records,
                            const std::vector<ProblemOutcomes>& outcomes) {
  Series majority{"majority of the first k samples", {}};
  Series any{"any of the first k samples", {}};
  for (size_t k = 1; k <= outcomes.front().size(); ++k) {
    const Metrics metrics = MetricsOfFirst(records, outcomes, k);
    if (!metrics.majority.correct) return "";
    majority.values.push_back(*metrics.majority.correct);
    any.values.push_back(*metrics.pass_at_k.correct);
  }
  return "<h2>Accuracy against samples (percent)</h2>\n" +
         LineChart({majority, any}, 100, "samples");
}

std::string CostSections(const RunRecords& records) {
  std::vector<Bar> tokens, seconds;
  for (size_t i = 0; i < records.problems.size(); ++i) {
    Bar token_bar{records.problems[i].id, 0, ""};
    Bar second_bar{records.problems[i].id, 0, ""};
    for (const Sample& sample : records.samples[i]) {
      token_bar.value += sample.transcript.generated_tokens;
      second_bar.value = std::max(second_bar.value, sample.problem_seconds);
    }
    tokens.push_back(token_bar);
    seconds.push_back(second_bar);
  }
  return "<h2>Tokens per problem</h2>\n" + BarChart(tokens, "") +
         "<h2>Time per problem (the machine's, shared by the problems in flight)</h2>\n" +
         BarChart(seconds, " s");
}

std::string VoteRow(const Problem& problem, const ProblemOutcomes& outcomes) {
  const Tally tally = CountVotes(outcomes);
  std::string row = "<tr><td>" + ShortHtml(problem.id) + "</td><td>";
  row += tally.votes.empty() ? "no answer" : ShortHtml(tally.votes[0].answer);
  if (const std::optional<bool> correct = MajorityCorrect(problem, tally)) {
    row += *correct ? " <span class=\"right\">right</span>" : " <span class=\"wrong\">wrong</span>";
  }
  row += "</td><td><div class=\"track\">";
  for (size_t i = 0; i < tally.votes.size(); ++i) {
    row += std::string("<div class=\"") + (i == 0 ? "win" : "other") +
           "\" style=\"flex:" + std::to_string(tally.votes[i].count) + "\" title=\"" +
           ShortHtml(tally.votes[i].answer) + ": " + std::to_string(tally.votes[i].count) +
           "\"></div>";
  }
  int32_t voted = 0;
  for (const Vote& vote : tally.votes) voted += vote.count;
  const int32_t without = static_cast<int32_t>(outcomes.size()) - voted;
  row += "<div style=\"flex:" + std::to_string(without) + "\"></div></div></td><td>";
  return row + std::to_string(voted) + " of " + std::to_string(outcomes.size()) + "</td></tr>\n";
}

std::string VoteSection(const RunRecords& records, const std::vector<ProblemOutcomes>& outcomes) {
  std::string html =
      "<h2>Votes per problem</h2>\n<table id=\"votes\"><tr><th>problem</th><th>answer</th>"
      "<th>votes</th><th>voted</th></tr>\n";
  for (size_t i = 0; i < outcomes.size(); ++i) html += VoteRow(records.problems[i], outcomes[i]);
  return html + "</table>\n";
}

std::string CountTable(const std::string& title, const std::string& what,
                       const std::map<std::string, int64_t>& counts) {
  std::string html = "<h2>" + title + "</h2>\n<table><tr><th>" + what + "</th><th></th></tr>\n";
  for (const auto& [name, count] : counts) {
    html += "<tr><td>" + ShortHtml(name) + "</td><td>" + std::to_string(count) + "</td></tr>\n";
  }
  return html + "</table>\n";
}

std::string CodeSection(const RunRecords& records) {
  std::map<std::string, int64_t> statuses;
  std::vector<Bar> calls_per_sample;
  double seconds = 0;
  int64_t calls = 0;
  for (const std::vector<Sample>& samples : records.samples) {
    for (const Sample& sample : samples) {
      const size_t number = sample.transcript.code_calls.size();
      while (calls_per_sample.size() <= number) {
        calls_per_sample.push_back({std::to_string(calls_per_sample.size()), 0, " samples"});
      }
      ++calls_per_sample[number].value;
      for (const CodeCall& call : sample.transcript.code_calls) {
        ++statuses[ProcessStatusName(call.status)];
        seconds += call.seconds;
        ++calls;
      }
    }
  }
  if (calls == 0) return "<h2>Programs</h2>\n<p>None were run.</p>\n";
  return CountTable("Programs", "how they ended", statuses) + "<p>" +
         Fixed(1000 * seconds / static_cast<double>(calls)) +
         " ms each on average. Samples by their number of programs:</p>\n" +
         BarChart(calls_per_sample, "");
}

std::string ReasonSections(const RunRecords& records) {
  std::map<std::string, int64_t> problems, samples;
  for (const std::vector<Sample>& of_problem : records.samples) {
    std::string reason = "all samples finished";
    for (const Sample& sample : of_problem) {
      ++samples[SampleFinishName(sample.finish)];
      const bool stopped = !sample.stopped_by.empty() && sample.finish != SampleFinish::kPruned;
      if (stopped) reason = sample.stopped_by;
    }
    ++problems[reason];
  }
  return CountTable("What ended the problems", "reason", problems) +
         CountTable("What ended the samples", "reason", samples);
}

std::string Summary(const Metrics& metrics) {
  std::string html = "<p>" + std::to_string(metrics.num_problems) + " problems, " +
                     std::to_string(metrics.num_samples) + " samples each, " +
                     std::to_string(metrics.generated_tokens) + " tokens, " +
                     std::to_string(metrics.code_calls) + " programs, " + Fixed(metrics.seconds) +
                     " s.";
  if (metrics.majority.correct) {
    html += " Right: " + Fixed(*metrics.pass_at_1.correct) + " % of samples, " +
            Fixed(*metrics.majority.correct) + " % by majority, " +
            Fixed(*metrics.pass_at_k.correct) + " % by any sample.";
  }
  return html + "</p>\n";
}

}  // namespace

std::string ReportPage(const RunRecords& records, const std::string& title) {
  std::vector<ProblemOutcomes> outcomes;
  for (const std::vector<Sample>& samples : records.samples)
    outcomes.push_back(OutcomesOf(samples));
  const size_t samples = static_cast<size_t>(records.num_samples());
  std::string html = kHead;
  html +=
      "<title>" + EscapeHtml(title) + "</title></head><body>\n<h1>" + EscapeHtml(title) + "</h1>\n";
  html += Summary(MetricsOfFirst(records, outcomes, samples));
  html += AccuracySection(records, outcomes);
  html += CostSections(records);
  html += VoteSection(records, outcomes);
  html += CodeSection(records);
  html += ReasonSections(records);
  return html + "</body></html>\n";
}

}  // namespace qed
