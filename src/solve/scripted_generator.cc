#include "solve/scripted_generator.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace qed {
namespace {

// `sample` as it stands after its first `tokens` tokens.
Segment CutAt(const ScriptedSample& sample, int32_t tokens, Segment::Finish finish) {
  Segment segment;
  segment.num_tokens = tokens;
  segment.finish = finish;
  size_t bytes = sample.text.size();
  if (tokens < sample.num_tokens) {
    bytes = static_cast<size_t>(static_cast<double>(bytes) * tokens / sample.num_tokens);
    // Not in the middle of a character.
    while (bytes > 0 && (static_cast<unsigned char>(sample.text[bytes]) & 0xC0) == 0x80) --bytes;
  }
  segment.text = sample.text.substr(0, bytes);
  const size_t logprobs = std::min(sample.logprobs.size(), static_cast<size_t>(tokens));
  segment.logprobs.assign(sample.logprobs.begin(),
                          sample.logprobs.begin() + static_cast<ptrdiff_t>(logprobs));
  return segment;
}

}  // namespace

class ScriptedGenerator::Stream : public GenerationStream {
 public:
  Stream(ScriptedGenerator& generator, uint64_t seed) : generator_(generator), seed_(seed) {}
  ~Stream() override { *alive_ = false; }

  void Watch(std::function<void(std::span<const float>)> on_logprobs) override {
    watcher_ = std::move(on_logprobs);
  }

  void Generate(std::string_view text, int32_t max_tokens,
                std::function<void(Segment)> done) override {
    sample_ = generator_.script_(std::string(text), seed_);
    done_ = std::move(done);
    began_ = generator_.clock_.Now();
    int32_t tokens = sample_.num_tokens;
    Segment::Finish finish = sample_.finish;
    if (tokens > max_tokens) {
      tokens = max_tokens;
      finish = Segment::Finish::kLength;
    }
    for (int32_t i = 0; watcher_ && i < tokens; ++i) {
      if (std::cmp_greater_equal(i, sample_.logprobs.size())) break;
      Schedule(TimeOf(i + 1), [this, i] { OnToken(i); });
    }
    Schedule(TimeOf(tokens), [this, tokens, finish] { End(tokens, finish); });
  }

  void Cancel() override {
    const Clock::Time end = generator_.clock_.Now() + generator_.step_;
    Schedule(end, [this] { End(TokensBy(generator_.clock_.Now()), Segment::Finish::kCancelled); });
  }

 private:
  // Nothing happens to a stream that is gone.
  void Schedule(Clock::Time when, std::function<void()> what) {
    generator_.clock_.At(when, [what = std::move(what), alive = alive_] {
      if (*alive) what();
    });
  }

  // When the first `tokens` tokens are there.
  Clock::Time TimeOf(int32_t tokens) const {
    if (sample_.num_tokens == 0) return began_ + sample_.duration;
    const double share = static_cast<double>(tokens) / sample_.num_tokens;
    return began_ + Clock::Duration(static_cast<Clock::Duration::rep>(
                        share * static_cast<double>(sample_.duration.count())));
  }

  int32_t TokensBy(Clock::Time now) const {
    if (sample_.duration.count() <= 0) return sample_.num_tokens;
    const double share = Seconds(now - began_) / Seconds(sample_.duration);
    return static_cast<int32_t>(std::clamp(share, 0.0, 1.0) * sample_.num_tokens);
  }

  void OnToken(int32_t index) {
    if (done_) watcher_(std::span(sample_.logprobs).subspan(static_cast<size_t>(index), 1));
  }

  void End(int32_t tokens, Segment::Finish finish) {
    if (!done_) return;  // ended before
    generator_.tokens_generated_ += tokens;
    std::exchange(done_, nullptr)(CutAt(sample_, tokens, finish));
  }

  ScriptedGenerator& generator_;
  const uint64_t seed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::function<void(std::span<const float>)> watcher_;
  ScriptedSample sample_;
  std::function<void(Segment)> done_;
  Clock::Time began_;
};

ScriptedGenerator::ScriptedGenerator(SimulatedClock& clock, Script script, int32_t max_concurrent,
                                     Clock::Duration step)
    : clock_(clock), script_(std::move(script)), max_concurrent_(max_concurrent), step_(step) {
  QED_CHECK(max_concurrent >= 1);
}

Result<std::unique_ptr<GenerationStream>> ScriptedGenerator::Open(const SamplingParams& params) {
  return std::unique_ptr<GenerationStream>(std::make_unique<Stream>(*this, params.seed));
}

}  // namespace qed
