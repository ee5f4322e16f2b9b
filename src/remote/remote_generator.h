// solve/generator.h over LLM servers: ours, vLLM, SGLang, TensorRT-LLM, llama.cpp and
// what else speaks OpenAI's completions (remote/server_info.h).
//
// Each stretch is a streamed completion of everything so far; the servers' prefix
// caches make that cheap. The client keeps the text, so a sample goes on elsewhere
// when its server dies. With our own servers the result is that of the engine in
// this process, token for token.
#ifndef QED_REMOTE_REMOTE_GENERATOR_H_
#define QED_REMOTE_REMOTE_GENERATOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http_client.h"
#include "remote/dispatcher.h"
#include "remote/server_info.h"
#include "solve/generator.h"

namespace qed {

struct RemoteOptions {
  std::vector<ServerAddress> servers;  // at least one
  std::string model;                   // empty: the first that a server has
  int32_t samples_per_server = 0;      // at a time; 0: what it tells, else 32
  int32_t max_samples = 0;             // at a time, everywhere; 0: no limit
  int32_t max_seq_len = 0;             // where servers do not tell; 0: 4096 then
  double timeout = 300;                // seconds without a byte until a server counts as dead
  double patience = 60;                // seconds without any server until streams fail
  double connect_patience = 10;        // the same, before the first server was seen
  // Gets a line when a server goes or comes; called by any thread. May be empty.
  std::function<void(const std::string&)> on_news;
};

// Thread-safe; one thread of its own carries all streams. Streams must not outlive
// it. A stretch fails with kInvalidArgument where the servers refuse this sample, with
// another error where no sample can go on.
class RemoteGenerator : public Generator {
 public:
  // Asks the servers what they are. Those that are not there yet are asked again
  // later. kUnavailable: none is there; kInvalidArgument: they differ in kind or
  // model, or one does not let us in.
  static Result<std::unique_ptr<RemoteGenerator>> Connect(RemoteOptions options);
  ~RemoteGenerator() override;

  const ServerInfo& info() const { return info_; }

  Result<std::unique_ptr<GenerationStream>> Open(const SamplingParams& params) override;
  int32_t max_concurrent() const override { return max_concurrent_; }
  int64_t tokens_generated() const override;
  int32_t max_seq_len() const override { return info_.max_seq_len; }
  // Asks a server; three bytes count as a token where servers cannot tell, or none does
  // within two seconds.
  int32_t CountTokens(std::string_view text) const override;
  std::string Places() const override;

 private:
  class Stream;

  explicit RemoteGenerator(RemoteOptions options);
  Status AskServers();
  Status Join(const ServerInfo& info, const std::string& name, bool first);
  void StartDispatcher(std::vector<PooledServer> servers);
  // The ids of `text` at the end of others, where they were asked for before; else asks
  // the servers that are there, and does not wait long for them.
  std::optional<std::vector<int32_t>> KnownTokens(std::string_view text) const;
  std::optional<std::vector<int32_t>> Tokenize(std::string_view text) const;

  const RemoteOptions options_;
  ServerInfo info_;
  int32_t max_concurrent_ = 0;
  mutable HttpClient client_;

  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<int32_t>, std::less<>> tokens_;  // some, by text
  mutable size_t good_server_ = 0;                                           // that tokenized last
  mutable Clock::Time count_again_{};  // before it nobody is asked: they hang

  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace qed

#endif  // QED_REMOTE_REMOTE_GENERATOR_H_
