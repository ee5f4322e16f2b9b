#include "net/curl_call.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/trim.h"

namespace qed {
namespace {

constexpr size_t kMaxHeaderBytes = 64 << 10;
constexpr long kBufferBytes = 64 << 10;
constexpr long kKeepIdleSeconds = 15;
constexpr auto kTooLarge = static_cast<CURLcode>(100);  // CURLE_TOO_LARGE of libcurl 8.6

bool IsThisMachine(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

const char* FirstOf(std::initializer_list<const char*> variables) {
  for (const char* name : variables) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return nullptr;
}

}  // namespace

const CurlCall& CurlCall::Of(const CurlApi& curl, CURL* handle) {
  char* call = nullptr;
  curl.getinfo(handle, CURLINFO_PRIVATE, &call);
  return *reinterpret_cast<const CurlCall*>(call);
}

CurlCall::CurlCall(const CurlApi& curl, uint64_t id, HttpFetch fetch,
                   std::function<void(HttpReply)> on_done)
    : curl_(curl),
      id_(id),
      fetch_(std::move(fetch)),
      name_(fetch_.url.Authority()),
      on_done_(std::move(on_done)),
      handle_(curl.easy_init()),
      last_byte_(Clock::Real().Now()) {
  QED_CHECK(handle_ != nullptr) << "out of memory";
  SetOptions();
  SetMethod();
  SetHeaders();
  SetEnvironment();
}

CurlCall::~CurlCall() {
  curl_.easy_cleanup(handle_);
  curl_.slist_free_all(headers_);
}

void CurlCall::SetOptions() {
  const auto set = [this](CURLoption option, auto value) {
    const CURLcode code = curl_.setopt(handle_, option, value);
    QED_CHECK(code == CURLE_OK) << "option " << option << ": " << curl_.strerror(code);
  };
  set(CURLOPT_URL, (fetch_.url.Origin() + fetch_.url.target).c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &CurlCall::OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &CurlCall::OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &CurlCall::OnRequest);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(fetch_.connect_timeout.count()));
  set(CURLOPT_MAXAGE_CONN, kKeepIdleSeconds);
  if (!fetch_.keep_connection) {
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }
}

void CurlCall::SetMethod() {
  if (fetch_.method == "HEAD") {
    curl_.setopt(handle_, CURLOPT_NOBODY, 1L);
  } else if (fetch_.method != "GET" || !fetch_.body.empty()) {
    curl_.setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(fetch_.body.size()));
    curl_.setopt(handle_, CURLOPT_POSTFIELDS, fetch_.body.data());
    curl_.setopt(handle_, CURLOPT_CUSTOMREQUEST, fetch_.method.c_str());
  }
}

void CurlCall::SetHeaders() {
  // What libcurl would add by itself.
  for (const char* name : {"Accept", "Content-Type", "Expect"}) {
    if (fetch_.headers.Find(name) != nullptr) continue;
    headers_ = curl_.slist_append(headers_, (std::string(name) + ":").c_str());
  }
  for (const auto& [name, value] : fetch_.headers) {
    QED_CHECK((name + value).find_first_of("\r\n") == std::string::npos) << "header " << name;
    // "Name;" is how libcurl is told of a header without a value.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    headers_ = curl_.slist_append(headers_, line.c_str());
  }
  curl_.setopt(handle_, CURLOPT_HTTPHEADER, headers_);
}

void CurlCall::SetEnvironment() {
  if (const char* file = FirstOf({"SSL_CERT_FILE", "CURL_CA_BUNDLE"})) {
    curl_.setopt(handle_, CURLOPT_CAINFO, file);
  }
  if (IsThisMachine(fetch_.url.host)) curl_.setopt(handle_, CURLOPT_PROXY, "");
  if (fetch_.use_netrc) {
    curl_.setopt(handle_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
    if (const char* file = FirstOf({"NETRC"})) curl_.setopt(handle_, CURLOPT_NETRC_FILE, file);
  }
}

int CurlCall::OnRequest(void* call, char*, char*, int, int) {
  CurlCall& self = *static_cast<CurlCall*>(call);
  self.last_byte_ = Clock::Real().Now();
  // libcurl sends a request again where a connection that was left open ends without an
  // answer. The server may have run it all the same.
  const bool safe = self.fetch_.method == "GET" || self.fetch_.method == "HEAD";
  if (++self.requests_ == 1 || safe) return CURL_PREREQFUNC_OK;
  self.Refuse(Unavailable(self.name_ + ": the connection ended before there was a response"));
  return CURL_PREREQFUNC_ABORT;
}

size_t CurlCall::OnHeader(char* data, size_t size, size_t count, void* call) {
  CurlCall& self = *static_cast<CurlCall*>(call);
  const size_t bytes = size * count;
  return !self.dropped_ && self.TakeHeader({data, bytes}) ? bytes : 0;
}

size_t CurlCall::OnBody(char* data, size_t size, size_t count, void* call) {
  CurlCall& self = *static_cast<CurlCall*>(call);
  const size_t bytes = size * count;
  return !self.dropped_ && self.TakeBody({data, bytes}) ? bytes : 0;
}

bool CurlCall::Refuse(Status status) {
  refused_ = std::move(status);
  return false;
}

bool CurlCall::TakeHeader(std::string_view line) {
  last_byte_ = Clock::Real().Now();
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    return Refuse(Corrupt(name_ + " does not speak HTTP: its header fields are too long"));
  }
  if (head_done_) return true;  // behind a chunked body
  if (line.starts_with("HTTP/")) {
    response_ = HttpResponse();
    const size_t space = std::min(line.find(' '), line.size());
    response_.status = std::atoi(std::string(line.substr(space)).c_str());
    return true;
  }
  if (TrimBlanks(line).empty()) {
    head_done_ = response_.status >= 200;
    const bool wanted = head_done_ && response_.status / 100 == 2 && fetch_.on_head;
    if (!wanted || fetch_.on_head(response_)) return true;
    return Refuse(Cancelled("the request to " + name_ + " was cancelled"));
  }
  const size_t colon = line.find(':');
  if (colon == line.npos) return true;
  response_.headers.Add(std::string(line.substr(0, colon)),
                        std::string(TrimBlanks(line.substr(colon + 1))));
  return true;
}

bool CurlCall::TakeBody(std::string_view piece) {
  last_byte_ = Clock::Real().Now();
  if (fetch_.on_data && response_.status / 100 == 2) {
    if (fetch_.on_data(piece)) return true;
    return Refuse(Cancelled("the request to " + name_ + " was cancelled"));
  }
  if (piece.size() > fetch_.max_response_bytes - response_.body.size()) {
    return Refuse(ResourceExhausted(name_ + ": the response is longer than " +
                                    std::to_string(fetch_.max_response_bytes) + " bytes"));
  }
  response_.body += piece;
  return true;
}

Clock::Time CurlCall::Limit() const {
  // Until the request goes out libcurl's own time-out for connecting counts.
  if (requests_ == 0 || fetch_.read_timeout.count() == 0) return fetch_.deadline;
  return std::min(fetch_.deadline, last_byte_ + fetch_.read_timeout);
}

Clock::Time CurlCall::NextLook() const {
  if (fetch_.read_timeout.count() == 0) return fetch_.deadline;
  return std::min(Limit(), Clock::Real().Now() + fetch_.read_timeout);
}

Status CurlCall::Explain(CURLcode code) const {
  const std::string text = error_[0] != '\0' ? error_.data() : curl_.strerror(code);
  if (code == kTooLarge) return Corrupt(name_ + " does not speak HTTP: " + text);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceeded(name_ + " did not answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Unavailable(name_ + ": cannot look the name up: " + text);
    case CURLE_COULDNT_CONNECT: {
      long error = 0;
      curl_.getinfo(handle_, CURLINFO_OS_ERRNO, &error);
      return Unavailable(name_ + ": cannot connect: " +
                         (error != 0 ? std::strerror(static_cast<int>(error)) : text));
    }
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Corrupt(name_ + ": its certificate is not trusted (" + text +
                     "); SSL_CERT_FILE can name a file of authorities to trust");
    case CURLE_SSL_CONNECT_ERROR:
      return Unavailable(name_ + ": no TLS: " + text);
    case CURLE_UNSUPPORTED_PROTOCOL:  // of an answer without a status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY:  // of a header line without an end
      return Corrupt(name_ + " does not speak HTTP: " + text);
    case CURLE_OK:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return Unavailable(name_ + ": the connection ended before the response was complete");
    default:
      return Unavailable(name_ + ": the connection broke: " + text);
  }
}

HttpReply CurlCall::Finish(CURLcode code) {
  HttpReply reply;
  if (code == CURLE_OK && head_done_) {
    reply.response = std::move(response_);
    return reply;
  }
  reply.status = refused_.ok() || code == CURLE_OPERATION_TIMEDOUT ? Explain(code) : refused_;
  curl_off_t sent = 0;
  curl_.getinfo(handle_, CURLINFO_SIZE_UPLOAD_T, &sent);
  reply.never_sent = requests_ == 0 || (requests_ == 1 && std::cmp_less(sent, fetch_.body.size()));
  return reply;
}

}  // namespace qed
