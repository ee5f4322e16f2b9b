// One stretch of generated tokens as text: detokenized, cut at a stop string.
#ifndef QED_ENGINE_OUTPUT_TEXT_H_
#define QED_ENGINE_OUTPUT_TEXT_H_

#include <cstdint>
#include <string>

#include "config/sampling_params.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"
#include "text/tokenizer.h"

namespace qed {

// Not thread-safe. The tokenizer must outlive it.
class OutputText {
 public:
  OutputText(const Tokenizer& tokenizer, bool skip_special_tokens, const SamplingParams& params)
      : detokenizer_(tokenizer, skip_special_tokens),
        matcher_(params.stop),
        include_stop_(params.include_stop_text) {}

  // Appends to `out` the text that became certain with this token. True when a
  // stop string is complete; the text then ends before it, or with it if asked
  // for, and takes no more. Stop strings are not looked for in the text of tokens
  // without `may_match`, which come first.
  bool Push(int32_t id, bool may_match, std::string& out) {
    piece_.clear();
    detokenizer_.Push(id, piece_);
    if (may_match) return Match(out);
    out += piece_;
    return false;
  }

  // The end without a stop string: appends what was held back. True when that
  // completes a stop string after all.
  bool Finish(std::string& out) {
    piece_.clear();
    detokenizer_.Finish(piece_);
    if (Match(out)) return true;
    matcher_.Finish(out);
    return false;
  }

  // The stop string that was found; empty if none.
  const std::string& matched() const { return matcher_.matched(); }

 private:
  bool Match(std::string& out) {
    const bool found = matcher_.Push(piece_, out);
    if (found && include_stop_) out += matcher_.matched();
    return found;
  }

  Detokenizer detokenizer_;
  StopMatcher matcher_;
  bool include_stop_;
  std::string piece_;
};

}  // namespace qed

#endif  // QED_ENGINE_OUTPUT_TEXT_H_
