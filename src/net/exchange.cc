#include "net/exchange.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace qed {
namespace {

// HTTP's one date format, in English whatever the locale.
std::string HttpDate() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text.data();
}

// A line break in a value would begin a header of its own.
void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  out.append("\r\n");
}

std::string ToHex(size_t number) {
  char text[20];
  return std::string(text, std::to_chars(text, text + sizeof(text), number, 16).ptr);
}

bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

class Responder : public HttpResponder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~Responder() override { exchange_->Abandon(); }
  void Respond(HttpResponse response) override { exchange_->Respond(std::move(response)); }
  void BeginStream(int status, HttpHeaders headers) override {
    exchange_->BeginStream(status, headers);
  }
  bool Write(std::string chunk) override { return exchange_->Write(chunk); }
  void End() override { exchange_->End(); }
  void OnDisconnect(std::function<void()> callback) override {
    exchange_->OnDisconnect(std::move(callback));
  }
  bool disconnected() const override { return exchange_->disconnected(); }

 private:
  const std::shared_ptr<Exchange> exchange_;
};

}  // namespace

std::string FormatResponseHead(int status, const HttpHeaders& headers) {
  std::string out = "HTTP/1.1 ";
  out.append(std::to_string(status)).append(" ").append(HttpReason(status)).append("\r\n");
  AppendField(out, "Date", HttpDate());
  for (const auto& [name, value] : headers) AppendField(out, name, value);
  return out;
}

std::shared_ptr<HttpResponder> Exchange::MakeResponder(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<Responder>(std::move(exchange));
}

void Exchange::AppendHead(int status, const HttpHeaders& headers, const std::string& framing) {
  close_ = close_ || !framing_.keep_alive || host_->MustClose();
  std::string head = FormatResponseHead(status, headers);
  for (const auto& [name, value] : framing_.extra) AppendField(head, name, value);
  head += framing;
  // An HTTP/1.0 client must be told that its wish was granted.
  if (close_) {
    AppendField(head, "Connection", "close");
  } else if (framing_.http10) {
    AppendField(head, "Connection", "keep-alive");
  }
  head.append("\r\n");
  Append(head);
}

void Exchange::Append(std::string_view bytes) {
  if (cut_) return;
  pending_ += bytes;
  unsent_ += bytes.size();
}

std::function<void()> Exchange::Finish() {
  phase_ = Phase::kEnded;
  return std::exchange(on_disconnect_, nullptr);
}

void Exchange::Respond(HttpResponse response) {
  std::function<void()> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ != Phase::kWaiting) return;
    if (!cut_ && !share_.Resize(response.body.size())) response = framing_.no_room();
    std::string framing;
    if (!HasNoBody(response.status)) {
      AppendField(framing, "Content-Length", std::to_string(response.body.size()));
    }
    AppendHead(response.status, response.headers, framing);
    if (!framing_.head && !HasNoBody(response.status)) Append(response.body);
    dropped = Finish();
  }
  host_->Wake();
}

void Exchange::BeginStream(int status, const HttpHeaders& headers) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ != Phase::kWaiting) return;
    phase_ = Phase::kStreaming;
    std::string framing;
    if (framing_.http10) {
      close_ = true;  // The end of the connection is the end of the body.
    } else {
      AppendField(framing, "Transfer-Encoding", "chunked");
    }
    AppendHead(status, headers, framing);
  }
  host_->Wake();
}

bool Exchange::Write(std::string_view chunk) {
  bool wake = false;
  bool taken = true;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ != Phase::kStreaming || cut_) return false;
    if (chunk.empty() || framing_.head) return true;
    if (unsent_ + chunk.size() > framing_.max_unsent_bytes ||
        !share_.Resize(unsent_ + chunk.size())) {
      cut_ = true;
      taken = false;
    } else if (framing_.http10) {
      Append(chunk);
    } else {
      Append(ToHex(chunk.size()).append("\r\n"));
      Append(chunk);
      Append("\r\n");
    }
    wake = !std::exchange(woken_, true);
  }
  if (wake) host_->Wake();
  return taken;
}

void Exchange::End() {
  std::function<void()> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ != Phase::kStreaming) return;
    if (!framing_.http10 && !framing_.head) Append("0\r\n\r\n");
    dropped = Finish();
  }
  host_->Wake();
}

void Exchange::Abandon() {
  bool waiting = false;
  std::function<void()> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ == Phase::kEnded) return;
    waiting = phase_ == Phase::kWaiting;
    if (!waiting) {
      cut_ = true;
      dropped = Finish();
    }
  }
  if (waiting) {
    Respond(JsonError(500, "the request was dropped without an answer"));
  } else {
    host_->Wake();
  }
}

void Exchange::OnDisconnect(std::function<void()> callback) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ == Phase::kEnded) return;
    if (!gone_) {
      on_disconnect_.swap(callback);
      return;
    }
  }
  host_->Post(std::move(callback));
}

bool Exchange::disconnected() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return gone_ || cut_;
}

Exchange::Batch Exchange::Collect() {
  const std::lock_guard<std::mutex> lock(mutex_);
  woken_ = false;
  Batch batch;
  batch.bytes = std::exchange(pending_, std::string());
  batch.ended = phase_ == Phase::kEnded;
  batch.close = close_;
  batch.cut = cut_;
  return batch;
}

void Exchange::OnSent(size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  unsent_ -= bytes;
  share_.Resize(unsent_);
}

void Exchange::OnPeerGone(bool cut) {
  std::function<void()> callback;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    gone_ = true;
    cut_ = cut_ || cut;
    if (cut_) {
      std::string().swap(pending_);
      share_.Resize(0);
    }
    callback = std::exchange(on_disconnect_, nullptr);
    if (phase_ == Phase::kEnded) callback = nullptr;
  }
  if (callback) callback();
}

}  // namespace qed
