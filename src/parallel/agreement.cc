#include "parallel/agreement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

namespace qed {
namespace {

// A report in a fixed number of bytes.
struct WireReport {
  StatusCode code;
  int32_t num_pages;
  uint64_t fingerprint;
  std::array<char, 64> host;
  std::array<char, 1024> message;
};

template <size_t N>
void Put(std::string_view text, std::array<char, N>& to) {
  const size_t length = std::min(text.size(), N - 1);
  std::memcpy(to.data(), text.data(), length);
  to[length] = '\0';
}

WireReport ToWire(const RankReport& report) {
  WireReport wire = {};
  wire.code = report.status.code();
  wire.num_pages = report.num_pages;
  wire.fingerprint = report.fingerprint;
  Put(report.host, wire.host);
  Put(report.status.message(), wire.message);
  return wire;
}

std::string NameOf(size_t rank, const WireReport& report) {
  return "rank " + std::to_string(rank) + " on " + report.host.data();
}

Status Judge(const std::vector<WireReport>& reports) {
  const WireReport& first = reports.front();
  for (size_t rank = 0; rank < reports.size(); ++rank) {
    const WireReport& report = reports[rank];
    const std::string name = NameOf(rank, report);
    if (report.code != StatusCode::kOk) {
      return {report.code, name + ": " + report.message.data()};
    }
    if (report.fingerprint != first.fingerprint) {
      return InvalidArgument(name + " has another model or other flags than " + NameOf(0, first) +
                             ": give all ranks the same");
    }
    if (report.num_pages != first.num_pages) {
      return InvalidArgument(name + " has room for " + std::to_string(report.num_pages) +
                             " KV pages and " + NameOf(0, first) + " for " +
                             std::to_string(first.num_pages) +
                             ": give all ranks the same --kv-cache-bytes");
    }
  }
  return OkStatus();
}

}  // namespace

RankMessage ShareMessage(Communicator& communicator, RankMessage mine) {
  communicator.Broadcast(std::as_writable_bytes(std::span(&mine, 1)));
  return mine;
}

Status AgreeOnNetwork(Communicator& communicator, const RankReport& mine) {
  const bool leads = communicator.rank() == 0;
  const WireReport wire = ToWire(mine);
  std::vector<WireReport> reports(leads ? static_cast<size_t>(communicator.size()) : 0);
  communicator.Gather(std::as_bytes(std::span(&wire, 1)),
                      std::as_writable_bytes(std::span(reports)));
  const Status verdict = leads ? Judge(reports) : OkStatus();
  if (!verdict.ok()) return verdict;
  const RankMessage said = ShareMessage(communicator, {.kind = RankMessage::Kind::kReady});
  return said.kind == RankMessage::Kind::kReady ? OkStatus() : Cancelled("");
}

std::vector<std::byte> BytesOfAll(Communicator& communicator, std::span<const std::byte> mine) {
  std::vector<std::byte> all(mine.size() * static_cast<size_t>(communicator.size()));
  communicator.Gather(mine, communicator.rank() == 0 ? std::span(all) : std::span<std::byte>());
  communicator.Broadcast(all);
  return all;
}

int32_t IndexOnHost(Communicator& communicator, const std::string& host) {
  using HostText = std::array<char, 64>;
  HostText mine = {};
  Put(host, mine);
  const std::vector<std::byte> all = BytesOfAll(communicator, std::as_bytes(std::span(mine)));
  int32_t index = 0;
  for (int32_t rank = 0; rank < communicator.rank(); ++rank) {
    const std::byte* other = all.data() + sizeof(HostText) * static_cast<size_t>(rank);
    if (std::memcmp(other, mine.data(), sizeof(HostText)) == 0) ++index;
  }
  return index;
}

int32_t SmallestOfRanks(Communicator& communicator, int32_t mine) {
  const std::vector<std::byte> all = BytesOfAll(communicator, std::as_bytes(std::span(&mine, 1)));
  for (size_t at = 0; at < all.size(); at += sizeof(mine)) {
    int32_t other = 0;
    std::memcpy(&other, all.data() + at, sizeof(other));
    mine = std::min(mine, other);
  }
  return mine;
}

}  // namespace qed
