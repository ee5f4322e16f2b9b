#include "cli/download_bar.h"

#include <algorithm>
#include <array>

namespace qed {
namespace {

constexpr auto kWindow = std::chrono::seconds(10);
constexpr int kWidth = 24;

// "1:02:03", "2:03".
std::string TimeText(double seconds) {
  const auto total = static_cast<int64_t>(seconds);
  std::array<char, 32> text;
  if (total >= 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld",
                  static_cast<long long>(total / 3600), static_cast<long long>(total / 60 % 60),
                  static_cast<long long>(total % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", static_cast<long long>(total / 60),
                  static_cast<long long>(total % 60));
  }
  return text.data();
}

}  // namespace

std::string BytesText(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), unit == 0 || bytes >= 99.5 ? "%.0f %s" : "%.1f %s", bytes,
                kUnits[unit]);
  return text.data();
}

DownloadBar::~DownloadBar() {
  if (out_ != nullptr) std::fputs("\r\x1b[K", out_);
}

std::string DownloadBar::Line(const DownloadProgress& progress) {
  const Clock::Time now = clock_.Now();
  history_.emplace_back(now, progress.bytes);
  while (history_.size() > 2 && history_.front().first + kWindow < now) history_.pop_front();
  const double seconds = Seconds(now - history_.front().first);
  const auto fetched = static_cast<double>(progress.bytes - history_.front().second);
  const double rate = seconds > 0 ? std::max(0.0, fetched / seconds) : 0;

  const double part = progress.total_bytes == 0
                          ? 1
                          : std::clamp(static_cast<double>(progress.bytes) /
                                           static_cast<double>(progress.total_bytes),
                                       0.0, 1.0);
  const auto filled = static_cast<size_t>(part * kWidth);
  std::string line = "[";
  line.append(filled, '#').append(kWidth - filled, ' ').append("] ");
  line += std::to_string(static_cast<int>(part * 100)) + " % of ";
  line += BytesText(static_cast<double>(progress.total_bytes)) + ", ";
  line += std::to_string(progress.files) + "/" + std::to_string(progress.total_files) + " files";
  if (rate > 0) {
    line += ", " + BytesText(rate) + "/s, " +
            TimeText(static_cast<double>(progress.total_bytes - progress.bytes) / rate) + " left";
  }
  return line;
}

void DownloadBar::Show(const DownloadProgress& progress) {
  if (out_ == nullptr) return;
  std::fprintf(out_, "\r\x1b[K%s", Line(progress).c_str());
  std::fflush(out_);
}

}  // namespace qed
