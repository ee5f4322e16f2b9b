// A StepRunner that has two steps in flight, without a device: the CPU's runner,
// driven as late as Finish allows or by a thread of its own. Nothing of a batch or
// of a Start is looked at after the call but through copies.
#ifndef QED_TESTS_SUPPORT_TWO_STEP_RUNNER_H_
#define QED_TESTS_SUPPORT_TWO_STEP_RUNNER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/cpu_step_runner.h"

namespace qed {

class TwoStepRunner : public StepRunner {
 public:
  enum class Computes {
    kInFinish,  // of the step, not earlier
    kInThread,
  };

  TwoStepRunner(LanguageModel& model, ThreadPool& pool, Computes computes)
      : inner_(model, pool), computes_(computes) {
    if (computes == Computes::kInThread) thread_ = std::thread([this] { Run(); });
  }
  ~TwoStepRunner() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  const ModelConfig& config() const override { return inner_.config(); }
  int32_t page_size() const override { return inner_.page_size(); }
  int32_t num_pages() const override { return inner_.num_pages(); }
  int32_t max_num_tokens() const override { return inner_.max_num_tokens(); }
  int32_t max_batch_size() const override { return inner_.max_batch_size(); }
  int32_t max_logit_rows() const override { return inner_.max_logit_rows(); }
  int32_t depth() const override { return 2; }

  void Start(int32_t slot, const SamplingParams& params, std::span<const int32_t> tokens,
             const std::vector<bool>& generated) override {
    Push([this, slot, params, copy = std::vector<int32_t>(tokens.begin(), tokens.end()),
          generated] { inner_.Start(slot, params, copy, generated); });
  }

  void Launch(const StepBatch& batch) override {
    QED_CHECK_LT(in_flight_.size(), 2u);
    if (in_flight_.empty()) ++launches_into_nothing_;
    ++launches_;
    auto step = std::make_shared<Step>(batch);
    in_flight_.push_back(step);
    Push([this, step] {
      inner_.Launch(step->Batch());
      const std::span<const SampledToken> sampled = inner_.Finish().value();
      step->sampled.assign(sampled.begin(), sampled.end());
      step->times = inner_.last_times();
      step->computed = true;
    });
  }

  Result<std::span<const SampledToken>> Finish() override {
    QED_CHECK(!in_flight_.empty());
    if (finished_ >= fail_after_) return Unavailable("the device fell off the bus");
    last_ = in_flight_.front();
    in_flight_.pop_front();
    ++finished_;
    std::unique_lock lock(mutex_);
    while (!last_->computed) {
      if (computes_ == Computes::kInThread) {
        changed_.wait(lock);
      } else {
        work_.front()();
        work_.pop_front();
      }
    }
    return std::span<const SampledToken>(last_->sampled);
  }

  StepTimes last_times() const override { return last_->times; }

  // Every Finish but the first `steps` fails.
  void FailAfter(size_t steps) { fail_after_ = steps; }
  int64_t launches() const { return launches_; }
  // Of them, those that a device would have had to wait for.
  int64_t launches_into_nothing() const { return launches_into_nothing_; }

 private:
  // A copy of a batch, and what came of it.
  struct Step {
    explicit Step(const StepBatch& batch)
        : tokens(batch.forward.tokens.begin(), batch.forward.tokens.end()),
          sequences(batch.forward.sequences.begin(), batch.forward.sequences.end()),
          logit_rows(batch.forward.logit_rows.begin(), batch.forward.logit_rows.end()),
          slots(batch.slots.begin(), batch.slots.end()),
          samples(batch.samples.begin(), batch.samples.end()) {
      for (ForwardBatch::Sequence& sequence : sequences) {
        pages.emplace_back(sequence.pages.begin(), sequence.pages.end());
        sequence.pages = pages.back();
      }
    }
    Step(const Step&) = delete;
    StepBatch Batch() const { return {{tokens, sequences, logit_rows}, slots, samples}; }

    std::vector<int32_t> tokens;
    std::vector<ForwardBatch::Sequence> sequences;
    std::vector<int32_t> logit_rows;
    std::vector<int32_t> slots;
    std::vector<StepSample> samples;
    std::deque<std::vector<int32_t>> pages;
    std::vector<SampledToken> sampled;
    StepTimes times;
    std::atomic<bool> computed = false;
  };

  void Push(std::function<void()> work) {
    {
      std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
    }
    changed_.notify_all();
  }

  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !work_.empty(); });
      if (work_.empty()) return;
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
      changed_.notify_all();
    }
  }

  CpuStepRunner inner_;
  const Computes computes_;
  std::deque<std::shared_ptr<Step>> in_flight_;
  size_t finished_ = 0;
  std::shared_ptr<Step> last_;
  size_t fail_after_ = SIZE_MAX;
  int64_t launches_ = 0;
  int64_t launches_into_nothing_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_TWO_STEP_RUNNER_H_
