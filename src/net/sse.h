// Server-sent events, as text/event-stream bodies. Source: the HTML standard,
// section "Server-sent events".
#ifndef QED_NET_SSE_H_
#define QED_NET_SSE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

struct SseEvent {
  std::string event;  // its type; "" where the stream names none
  std::string data;   // lines joined with newlines
  std::string id;
};

// "data: ...\n\n", a data line for each line of `data`. `event` and `id` must be
// one line; empty ones are left out.
std::string FormatSse(std::string_view data, std::string_view event = "", std::string_view id = "");
// ": text\n\n", which readers skip: keeps an idle connection alive.
std::string FormatSseComment(std::string_view text);

// Cuts a stream that arrives in arbitrary pieces into events. Lines may end with
// \n, \r or \r\n. An event that is not closed by an empty line is dropped, as the
// standard wants it.
class SseParser {
 public:
  explicit SseParser(size_t max_event_bytes = size_t{16} << 20)
      : max_event_bytes_(max_event_bytes) {}

  // Appends the events that `bytes` complete. kResourceExhausted for one that is
  // too long; the parser is of no use afterwards.
  Status Feed(std::string_view bytes, std::vector<SseEvent>& events);

 private:
  void FinishLine(std::vector<SseEvent>& events);

  size_t max_event_bytes_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

}  // namespace qed

#endif  // QED_NET_SSE_H_
