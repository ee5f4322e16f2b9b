#include "solve/progress.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdarg>

#include "solve/answer.h"

namespace qed {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval(200);
constexpr size_t kMaxShownBytes = 40;
constexpr size_t kMaxLiveColumns = 118;
constexpr size_t kMaxShownVotes = 3;

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  std::array<char, 512> buffer;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  return buffer.data();
}

// Answers and ids come from files and models: they must not be able to steer
// the terminal, nor fill it.
std::string Shown(const std::string& text) {
  size_t length = std::min(text.size(), kMaxShownBytes);
  // Not in the middle of a character.
  while (length < text.size() && length > 0 && (text[length] & 0xC0) == 0x80) --length;
  std::string shown = text.substr(0, length);
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = '?';
  }
  return length < text.size() ? shown + "..." : shown;
}

std::string FormatDuration(double seconds) {
  const int64_t whole = static_cast<int64_t>(std::min(std::max(seconds, 0.0), 1e9));
  if (whole < 3600) return Format("%" PRId64 ":%02d", whole / 60, static_cast<int>(whole % 60));
  return Format("%" PRId64 ":%02d:%02d", whole / 3600, static_cast<int>(whole / 60 % 60),
                static_cast<int>(whole % 60));
}

std::string FormatPercent(const std::optional<double>& percent) {
  return percent ? Format("%.1f %%", *percent) : "unknown";
}

}  // namespace

std::string FormatProblem(const ProblemReport& report) {
  const std::vector<Vote>& votes = report.tally.votes;
  std::string line = "problem " + Shown(report.problem->id) + ": ";
  line += votes.empty() ? "no answer" : Shown(votes.front().answer);
  line += Format(" (%d of %d votes", votes.empty() ? 0 : votes.front().count, report.tally.ballots);
  if (!votes.empty() && votes.front().partial > 0) {
    line += Format(", %d partial", votes.front().partial);
  }
  line += ")";
  if (report.problem->expected_answer) {
    line += " expected " + Shown(NormalizeAnswer(*report.problem->expected_answer)) + ": ";
    line += report.correct.value_or(false) ? "correct" : "wrong";
  }
  if (report.selected && !report.selected->by_vote) {
    const SelectionOutcome& selected = *report.selected;
    line += "; selected " + Shown(selected.answer) +
            Format(" (%d of %d)", selected.chosen, selected.selections);
    if (selected.correct) line += *selected.correct ? ": correct" : ": wrong";
  }
  if (!report.stopped_by.empty()) line += " [" + report.stopped_by + "]";
  return line;
}

std::string FormatProgress(const SolveProgress& progress) {
  std::string line =
      Format("%" PRId64 " of %" PRId64 " problems, %" PRId64 " of %" PRId64 " samples",
             progress.problems_done, progress.problems_total, progress.samples_done,
             progress.samples_total);
  if (progress.seconds > 0) {
    line += Format(", %.0f tokens/s", static_cast<double>(progress.new_tokens) / progress.seconds);
  }
  if (progress.new_samples > 0) {
    const double per_sample = progress.seconds / static_cast<double>(progress.new_samples);
    const int64_t left = progress.samples_total - progress.samples_done;
    line += ", " + FormatDuration(per_sample * static_cast<double>(left)) + " left";
  }
  if (progress.bank_seconds) {
    // A debt is shown as an empty bank.
    line += ", bank " + FormatDuration(*progress.bank_seconds);
  }
  if (progress.problems_open > 1) {
    line += Format(", %" PRId64 " in work", progress.problems_open);
  }
  if (!progress.places.empty()) line += " at " + progress.places;
  if (progress.oldest != nullptr && !progress.votes.votes.empty()) {
    line += " | problem " + Shown(progress.oldest->id) + ":";
    for (size_t i = 0; i < progress.votes.votes.size() && i < kMaxShownVotes; ++i) {
      const Vote& vote = progress.votes.votes[i];
      line += (i > 0 ? ", " : " ") + Shown(vote.answer) + Format(" x%d", vote.count);
    }
  }
  return line;
}

std::string FormatSummary(const Metrics& metrics) {
  const int k = metrics.num_samples;
  const double rate =
      metrics.seconds > 0 ? static_cast<double>(metrics.generated_tokens) / metrics.seconds : 0;
  std::string text = Format("%" PRId64 " problems, %d samples each\n", metrics.num_problems, k);
  if (metrics.pass_at_1.correct) {
    text += "pass@1[avg-of-" + std::to_string(k) + "]: " + FormatPercent(metrics.pass_at_1.correct);
    text += "   majority@" + std::to_string(k) + ": " + FormatPercent(metrics.majority.correct);
    text += "   pass@" + std::to_string(k) + ": " + FormatPercent(metrics.pass_at_k.correct);
    if (metrics.num_selections > 0) {
      text += "   genselect@" + std::to_string(k) + ": " + FormatPercent(metrics.genselect.correct);
    }
    text += "\n";
  }
  text += Format("samples without an answer: %.1f %%\n", metrics.pass_at_1.no_answer);
  text += Format("%" PRId64 " tokens, %" PRId64 " code calls, %.1f s (%.0f tokens/s)\n",
                 metrics.generated_tokens, metrics.code_calls, metrics.seconds, rate);
  if (metrics.num_selections > 0) {
    text += Format("%" PRId64 " selections, %" PRId64 " tokens\n", metrics.selections_done,
                   metrics.selection_tokens);
  }
  return text;
}

ProgressPrinter::ProgressPrinter(std::FILE* out, std::FILE* live, const Clock& clock)
    : out_(out), live_(live), clock_(clock) {}

ProgressPrinter::~ProgressPrinter() { ClearLiveLine(); }

void ProgressPrinter::OnProblemDone(const ProblemReport& report) {
  ClearLiveLine();
  std::fprintf(out_, "%s\n", FormatProblem(report).c_str());
  std::fflush(out_);
}

bool ProgressPrinter::WantsProgress() const {
  return live_ != nullptr && clock_.Now() - last_shown_ >= kRedrawInterval;
}

void ProgressPrinter::OnProgress(const SolveProgress& progress) {
  if (live_ == nullptr) return;
  std::string line = FormatProgress(progress);
  if (line.size() > kMaxLiveColumns) line.resize(kMaxLiveColumns);
  // Back to the line's start, erase it, write anew.
  std::fprintf(live_, "\r\x1b[K%s", line.c_str());
  std::fflush(live_);
  last_shown_ = clock_.Now();
  line_shown_ = true;
}

void ProgressPrinter::ClearLiveLine() {
  if (!line_shown_) return;
  std::fputs("\r\x1b[K", live_);
  std::fflush(live_);
  line_shown_ = false;
}

}  // namespace qed
