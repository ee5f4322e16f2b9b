#include "cli/rank_part.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/checksum.h"
#include "base/host_name.h"
#include "cli/device.h"
#include "model/loader.h"
#include "parallel/agreement.h"
#include "parallel/launched_ranks.h"

namespace qed {
namespace {

// What a part's memory is laid out for.
struct LoadedSizes {
  int64_t kv_cache_bytes;
  int32_t max_num_tokens, max_batch_size, max_logit_rows, max_seq_len, page_size;
  int32_t on_gpu;
};

}  // namespace

void TellToLoad(const EngineConfig& config, bool on_gpu, Communicator& ranks) {
  LoadedSizes sizes = {config.kv_cache_bytes, config.max_num_tokens, config.max_batch_size,
                       MaxLogitRows(config),  config.max_seq_len,    config.page_size,
                       on_gpu ? 1 : 0};
  ShareMessage(ranks, {.kind = RankMessage::Kind::kLoad});
  ranks.Broadcast(std::as_writable_bytes(std::span(&sizes, 1)));
}

Result<std::unique_ptr<Decoder>> LoadFirstPart(const Checkpoint& checkpoint, const Adapter* adapter,
                                               const EngineConfig& config, ThreadPool& pool,
                                               Communicator& ranks, double* conversion_error) {
  TellToLoad(config, /*on_gpu=*/false, ranks);
  Result<std::unique_ptr<Decoder>> part =
      LoadDecoder(checkpoint, adapter, config, pool, conversion_error, &ranks);
  QED_RETURN_IF_ERROR(
      AgreeOnPart(part, NetworkFingerprint(checkpoint, adapter != nullptr, config), config, ranks));
  return part;
}

bool TakeFirstRanksSizes(Communicator& ranks, EngineConfig& config, bool& on_gpu) {
  if (ShareMessage(ranks, {}).kind != RankMessage::Kind::kLoad) return false;
  LoadedSizes sizes = {};
  ranks.Broadcast(std::as_writable_bytes(std::span(&sizes, 1)));
  config.kv_cache_bytes = sizes.kv_cache_bytes;
  config.max_num_tokens = sizes.max_num_tokens;
  config.max_batch_size = sizes.max_batch_size;
  config.max_logit_rows = sizes.max_logit_rows;
  config.max_seq_len = sizes.max_seq_len;
  config.page_size = sizes.page_size;
  on_gpu = sizes.on_gpu != 0;
  return true;
}

Result<cuda::DeviceInfo> OpenRanksDevice(const EngineConfig& config, int32_t gpus_before,
                                         Communicator& ranks) {
  const int32_t in_group = IndexOnHost(ranks, HostName());
  const std::optional<LaunchedRank> launched = FindLauncher();
  const int32_t index = launched ? launched->index_on_host.value_or(in_group) : in_group;
  QED_ASSIGN_OR_RETURN(const std::optional<cuda::DeviceInfo> device,
                       OpenDeviceFor(config.device, gpus_before + index));
  if (device) return *device;
  return Unavailable("the first rank computes on a GPU, and this one has none");
}

uint64_t NetworkFingerprint(const Checkpoint& checkpoint, bool has_adapter,
                            const EngineConfig& config) {
  const ModelConfig& model = checkpoint.config;
  int64_t bytes = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    bytes += static_cast<int64_t>(tensor.data.size());
  }
  std::string text = model.architecture + ' ' + config.quantize + ' ' + config.compute;
  for (const int64_t number :
       {bytes, int64_t{model.num_layers}, int64_t{model.num_heads}, int64_t{model.num_kv_heads},
        int64_t{model.hidden_size}, int64_t{model.intermediate_size}, int64_t{model.vocab_size},
        int64_t{has_adapter}}) {
    text.append(" ").append(std::to_string(number));
  }
  return Checksum(std::as_bytes(std::span(text)));
}

Status AgreeOnPart(const Result<std::unique_ptr<Decoder>>& part, uint64_t fingerprint,
                   const EngineConfig& config, Communicator& ranks) {
  RankReport report = {.status = part.ok() ? OkStatus() : part.status(),
                       .host = HostName(),
                       .fingerprint = fingerprint};
  if (part.ok()) report.num_pages = (*part)->num_pages();
  QED_RETURN_IF_ERROR(AgreeOnNetwork(ranks, report));
  ranks.LimitStalls(config.stall_seconds);
  return OkStatus();
}

}  // namespace qed
