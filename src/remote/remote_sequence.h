// One sample's text as it grows over requests and servers: what to send next, and
// what came back so far. No network, no threads.
//
// A stretch may take several requests, since servers die in mid-stream. Our own
// server goes on exactly: the ids of what was generated are sent again and said to
// be generated, and the last token is drawn once more, lest the reply broke off
// just before it said that this was the end. Of other servers the text so far is
// sent, and what they held back is generated anew.
#ifndef QED_REMOTE_REMOTE_SEQUENCE_H_
#define QED_REMOTE_REMOTE_SEQUENCE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/sampling_params.h"
#include "remote/completion.h"
#include "remote/server_info.h"
#include "solve/generator.h"
#include "text/stop_matcher.h"

namespace qed {

// Not thread-safe. `info` must outlive it.
class RemoteSequence {
 public:
  RemoteSequence(const ServerInfo& info, const SamplingParams& params);

  // See GenerationStream.
  void Watch(std::function<void(std::span<const float>)> watcher) { watcher_ = std::move(watcher); }

  // A stretch of at most `max_tokens` begins behind `text`, whose ids are used where
  // all earlier ones are known.
  void Begin(std::string_view text, const std::vector<int32_t>& ids, int32_t max_tokens);
  // The body of the stretch's next request. REQUIRES: !complete().
  std::string NextBody();

  // kUnavailable: the server gave up. kCorrupt: it says what cannot be. kInvalidArgument:
  // the completion ended for a reason that we do not know (a filter of the server's, a
  // limit), and would again. What was there before stays good; OnBroken is to follow.
  Status OnEvent(CompletionEvent event);
  // The request ended before the stretch was complete.
  void OnBroken();

  // The end of the stretch is known: by the server's word, by a stop string found, or
  // since all its tokens are there.
  bool complete() const { return finish_.has_value(); }
  // Nothing more of the running request is wanted.
  bool satisfied() const { return satisfied_; }
  // Tokens of this stretch so far.
  int64_t tokens() const { return tokens_before_ + request_tokens_; }

  // Ends the stretch: with `forced` where there is one, else as it is complete.
  Segment Take(std::optional<Segment::Finish> forced = std::nullopt);

 private:
  bool exact() const { return info_.kind == ServerKind::kQed && ids_known_; }
  void AddText(const std::string& text);
  void AddIds(const CompletionEvent& event);
  void CountTokens(const CompletionEvent& event);
  Status CheckBounds() const;
  Status Finish(const CompletionEvent& event);
  void AppendStop(const std::string& stop);

  struct Mark {
    size_t text = 0, segment = 0, ids = 0, logprobs = 0;
    int64_t tokens = 0;
  };
  void Restore(const Mark& mark);

  const ServerInfo& info_;
  const SamplingParams params_;
  std::function<void(std::span<const float>)> watcher_;

  std::string text_;          // prompt and all that followed
  std::vector<int32_t> ids_;  // the same, where ids_known_
  bool ids_known_ = false;
  std::vector<std::pair<int32_t, int32_t>> generated_;  // of ids_, by earlier stretches
  int64_t generated_tokens_ = 0;                        // by earlier stretches

  // The stretch.
  Segment segment_;
  int32_t max_tokens_ = 0;
  size_t first_id_ = 0;         // of the stretch, in ids_
  int64_t tokens_before_ = 0;   // of its earlier requests
  int64_t request_tokens_ = 0;  // of the running request
  size_t watched_ = 0;          // log-probs that the watcher has seen
  std::optional<Segment::Finish> finish_;
  bool satisfied_ = false;
  std::optional<StopMatcher> matcher_;  // where the server is not given the stop strings
  Mark before_last_;                    // token, in the running request
};

}  // namespace qed

#endif  // QED_REMOTE_REMOTE_SEQUENCE_H_
