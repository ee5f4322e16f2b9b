// How far long work is: one line on a terminal that is gone when the work is done; nothing
// in a pipe.
#ifndef QED_CLI_PROGRESS_LINE_H_
#define QED_CLI_PROGRESS_LINE_H_

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

namespace qed {

class ProgressLine {
 public:
  // `total` in the unit of Show.
  ProgressLine(std::string what, double total) : what_(std::move(what)), total_(total) {}
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(double done) {
    if (::isatty(STDERR_FILENO) == 0) return;
    shown_ = true;
    std::fprintf(stderr, "\r%s %3.0f %%", what_.c_str(), 100 * std::min(1.0, done / total_));
    std::fflush(stderr);
  }

 private:
  const std::string what_;
  const double total_;
  bool shown_ = false;
};

}  // namespace qed

#endif  // QED_CLI_PROGRESS_LINE_H_
