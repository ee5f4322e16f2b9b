// The beginning of a stream of completions, held back until it says something.
#ifndef QED_SERVE_REPLICAS_HELD_STREAM_H_
#define QED_SERVE_REPLICAS_HELD_STREAM_H_

#include <string>
#include <string_view>

#include "net/sse.h"

namespace qed {

// As long as a client was sent nothing of what a model wrote, another replica can begin the answer
// anew. A chat's stream begins with chunks that name the role and no more, before the first token
// is computed; so these wait for the first chunk with something in it. Thread-compatible.
class HeldStream {
 public:
  // What may be sent on now that `bytes` have come: nothing, or all that was held back with them.
  std::string Feed(std::string_view bytes);
  // What is held back still: the stream has ended.
  std::string Finish();

  // Something was let through.
  bool open() const { return open_; }
  // What was let through ends with a whole event.
  bool at_boundary() const { return tail_ == "\n\n"; }

 private:
  std::string Pass(std::string bytes);

  SseParser parser_;
  std::string held_;
  std::string tail_;  // the last two bytes of what was let through
  bool open_ = false;
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_HELD_STREAM_H_
