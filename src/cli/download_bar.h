// The line that shows how far a download is.
#ifndef QED_CLI_DOWNLOAD_BAR_H_
#define QED_CLI_DOWNLOAD_BAR_H_

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <utility>

#include "base/clock.h"
#include "fetch/download.h"

namespace qed {

// "12 MB/s" and what is left by the rate of the last seconds. Not thread-safe.
class DownloadBar {
 public:
  // `out` is a terminal, or null: then nothing is shown.
  DownloadBar(std::FILE* out, const Clock& clock) : out_(out), clock_(clock) {}
  ~DownloadBar();
  DownloadBar(const DownloadBar&) = delete;
  DownloadBar& operator=(const DownloadBar&) = delete;

  void Show(const DownloadProgress& progress);
  // The line for this moment, without the terminal's controls.
  std::string Line(const DownloadProgress& progress);

 private:
  std::FILE* const out_;
  const Clock& clock_;
  std::deque<std::pair<Clock::Time, int64_t>> history_;  // of the last seconds
};

// "3.2 GB", "512 B": decimal units, as disks and networks have them.
std::string BytesText(double bytes);

}  // namespace qed

#endif  // QED_CLI_DOWNLOAD_BAR_H_
