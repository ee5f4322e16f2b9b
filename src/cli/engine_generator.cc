#include "cli/engine_generator.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "cli/model_session.h"
#include "sampling/sampler.h"

namespace qed {
namespace {

Segment::Finish ToFinish(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return Segment::Finish::kStop;
    case FinishReason::kLength:
      return Segment::Finish::kLength;
    case FinishReason::kCancelled:
      return Segment::Finish::kCancelled;
    case FinishReason::kError:
      return Segment::Finish::kError;
  }
  return Segment::Finish::kError;
}

// Gathers one stretch at a time. Used by one thread at a time: the one that
// starts the stretch, then the engine's step thread, whose end of the stretch
// the next start follows.
class SegmentSink : public OutputSink {
 public:
  void Watch(std::function<void(std::span<const float>)> watcher) { watcher_ = std::move(watcher); }

  void Begin(std::function<void(Segment)> done) {
    segment_ = Segment{};
    done_ = std::move(done);
  }

  void OnTokens(RequestId, const TokenChunk& chunk) override {
    segment_.text += chunk.text;
    const size_t before = segment_.logprobs.size();
    for (const TokenLogprob& token : chunk.logprobs) segment_.logprobs.push_back(token.logprob);
    if (watcher_) watcher_(std::span<const float>(segment_.logprobs).subspan(before));
  }

  void OnDone(RequestId, const FinishInfo& info) override {
    segment_.num_tokens = info.generated_tokens;
    segment_.prefilled_tokens = info.computed_tokens;
    segment_.finish = ToFinish(info.reason);
    segment_.stop = info.stop_reason;
    segment_.error = info.error;
    // From here on the next stretch may begin, in `done` itself or elsewhere.
    std::exchange(done_, nullptr)(std::exchange(segment_, {}));
  }

 private:
  Segment segment_;
  std::function<void(Segment)> done_;
  std::function<void(std::span<const float>)> watcher_;
};

class EngineStream : public GenerationStream {
 public:
  EngineStream(Engine& engine, const Tokenizer& tokenizer, const SamplingParams& params,
               bool whole_prompt)
      : engine_(engine), tokenizer_(tokenizer), params_(params), whole_prompt_(whole_prompt) {}

  ~EngineStream() override {
    if (id_) engine_.Release(*id_);
  }

  void Watch(std::function<void(std::span<const float>)> on_logprobs) override {
    sink_->Watch(std::move(on_logprobs));
  }

  void Generate(std::string_view text, int32_t max_tokens,
                std::function<void(Segment)> done) override {
    SamplingParams params = params_;
    params.max_tokens = max_tokens;
    sink_->Begin(done);
    const Status status =
        id_ ? engine_.Continue(*id_, tokenizer_.Encode(text), params) : Start(text, params);
    if (status.ok()) return;
    Segment segment;
    segment.finish = Segment::Finish::kError;
    segment.error = status;
    done(std::move(segment));
  }

  void Cancel() override {
    if (id_) engine_.Cancel(*id_);
  }

 private:
  Status Start(std::string_view text, const SamplingParams& params) {
    Request request;
    request.prompt = whole_prompt_ ? tokenizer_.Encode(text) : EncodePrompt(tokenizer_, text);
    request.params = params;
    request.keep = true;
    request.sink = sink_;
    QED_ASSIGN_OR_RETURN(id_, engine_.Submit(std::move(request)));
    return OkStatus();
  }

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const SamplingParams params_;
  const bool whole_prompt_;
  // Outlives the stream where the engine still has a cancelled stretch to end.
  std::shared_ptr<SegmentSink> sink_ = std::make_shared<SegmentSink>();
  std::optional<RequestId> id_;  // once the first stretch began
};

}  // namespace

EngineGenerator::EngineGenerator(ModelSession& session)
    : EngineGenerator(session.engine(), session.tokenizer(), session.config().max_batch_size) {}

Result<std::unique_ptr<GenerationStream>> EngineGenerator::Open(const SamplingParams& params) {
  QED_RETURN_IF_ERROR(ValidateSamplingParams(params, tokenizer_.vocab_size()));
  return std::unique_ptr<GenerationStream>(
      std::make_unique<EngineStream>(engine_, tokenizer_, params, whole_prompts_));
}

int32_t EngineGenerator::CountTokens(std::string_view text) const {
  return static_cast<int32_t>(tokenizer_.Encode(text).size());
}

}  // namespace qed
