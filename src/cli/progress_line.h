// How far long work is: one line on a terminal that is gone when the work is done; nothing
// in a pipe.
#ifndef QED_CLI_PROGRESS_LINE_H_
#define QED_CLI_PROGRESS_LINE_H_

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace qed {

class ProgressLine {
 public:
  ProgressLine() = default;
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // What is being done, and which part of it is through, from 0 to 1.
  void Show(const std::string& what, double part) {
    if (::isatty(STDERR_FILENO) == 0) return;
    std::fprintf(stderr, "\r\033[K%s %3.0f %%", what.c_str(), 100 * std::min(1.0, part));
    std::fflush(stderr);
    shown_ = true;
  }
  void Clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  bool shown_ = false;
};

}  // namespace qed

#endif  // QED_CLI_PROGRESS_LINE_H_
