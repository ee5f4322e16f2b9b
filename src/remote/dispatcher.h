// Carries the stretches of many samples to servers and back, on one thread.
#ifndef QED_REMOTE_DISPATCHER_H_
#define QED_REMOTE_DISPATCHER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/http_loop.h"
#include "net/sse.h"
#include "remote/remote_sequence.h"
#include "remote/server_pool.h"
#include "solve/generator.h"

namespace qed {

// A sample and where it stands. Used on the dispatcher's thread alone.
struct RemoteSample {
  RemoteSample(const ServerInfo& info, const SamplingParams& params) : sequence(info, params) {}

  enum class State { kIdle, kQueued, kRunning };
  State state = State::kIdle;
  // The text of a stretch whose ids are to be asked for first, and its max_tokens.
  std::optional<std::string> unknown_ids;
  int32_t max_tokens = 0;
  RemoteSequence sequence;
  std::function<void(Segment)> done;
  std::optional<size_t> server;  // the last one
  HttpLoop::CallId call = 0;
  SseParser events;
  Status broken;            // what was wrong with the running reply
  bool ended = false;       // the running reply is complete
  int32_t failures = 0;     // since a token came
  int64_t tokens_told = 0;  // of the stretch, in the dispatcher's count
};

// Thread-safe.
class Dispatcher {
 public:
  // `info` must outlive the dispatcher. `timeout`: without a byte of a reply.
  Dispatcher(const ServerInfo& info, std::vector<PooledServer> servers,
             std::chrono::milliseconds timeout, Clock::Duration patience,
             std::function<void(const std::string&)> on_news);

  // Each comes into effect on the dispatcher's thread, in the order of the calls.
  // Without `ids`, a server is asked for those of `text` first.
  void Begin(std::shared_ptr<RemoteSample> sample, std::string text,
             std::optional<std::vector<int32_t>> ids, int32_t max_tokens,
             std::function<void(Segment)> done);
  // The running stretch ends with what it has.
  void Cancel(std::shared_ptr<RemoteSample> sample);
  // The same without a word of it.
  void Drop(std::shared_ptr<RemoteSample> sample);
  void Post(std::function<void()> work) { loop_.Post(std::move(work)); }

  int64_t tokens() const { return tokens_.load(); }
  std::vector<ServerState> States() const { return pool_.States(); }

 private:
  using SamplePtr = std::shared_ptr<RemoteSample>;

  void Enqueue(SamplePtr sample, bool first);
  void StartWaiting();
  void Start(const SamplePtr& sample, size_t server);
  void AskForIds(const SamplePtr& sample);
  void OnIds(const SamplePtr& sample, const HttpReply& reply);
  void Complete(const SamplePtr& sample);
  bool OnData(RemoteSample& sample, std::string_view bytes);
  void OnReply(const SamplePtr& sample, const HttpReply& reply);
  void OnRefusal(const SamplePtr& sample, const HttpResponse& response);
  void OnBroken(const SamplePtr& sample, const Status& why);
  void GoOn(const SamplePtr& sample, const Status& why);
  void TryAgain(const SamplePtr& sample, const Status& why);
  void End(const SamplePtr& sample, std::optional<Segment::Finish> forced, Status error = {});
  void StopRunning(RemoteSample& sample);
  void OnLost(const Status& why);

  const ServerInfo& info_;
  const std::chrono::milliseconds timeout_;
  std::atomic<int64_t> tokens_{0};
  std::deque<SamplePtr> waiting_;
  ServerPool pool_;
  HttpLoop loop_;  // last: its thread ends before what it works with
};

}  // namespace qed

#endif  // QED_REMOTE_DISPATCHER_H_
