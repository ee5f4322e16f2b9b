// One call as libcurl runs it. Private to src/net.
#ifndef QED_NET_CURL_CALL_H_
#define QED_NET_CURL_CALL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/curl_api.h"
#include "net/http_fetch.h"

namespace qed {

// Its callbacks run where libcurl is called. Must outlive the handle's time in a multi.
class CurlCall {
 public:
  CurlCall(const CurlApi& curl, uint64_t id, HttpFetch fetch,
           std::function<void(HttpReply)> on_done);
  ~CurlCall();
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;

  // The call whose handle this is.
  static const CurlCall& Of(const CurlApi& curl, CURL* handle);

  CURL* handle() const { return handle_; }
  uint64_t id() const { return id_; }  // as it was given
  // From now on no callback of the fetch is called; the transfer ends with the next byte.
  void Drop() { dropped_ = true; }
  bool dropped() const { return dropped_; }

  // When the call has waited too long if nothing arrives before; Clock::Time::max(): never.
  Clock::Time Limit() const;
  // When to look at that again: bytes move it on, the request's start brings it nearer.
  Clock::Time NextLook() const;

  // What came of it, after libcurl ended it with `code` or, with CURLE_OPERATION_TIMEDOUT,
  // after Limit() has passed.
  HttpReply Finish(CURLcode code);
  std::function<void(HttpReply)> TakeOnDone() { return std::move(on_done_); }

 private:
  static size_t OnHeader(char* data, size_t size, size_t count, void* call);
  static size_t OnBody(char* data, size_t size, size_t count, void* call);
  static int OnRequest(void* call, char*, char*, int, int);

  void SetOptions();
  void SetMethod();
  void SetHeaders();
  void SetEnvironment();
  bool TakeHeader(std::string_view line);
  bool TakeBody(std::string_view piece);
  Status Explain(CURLcode code) const;
  bool Refuse(Status status);  // false, and what Finish will say

  const CurlApi& curl_;
  const uint64_t id_;
  HttpFetch fetch_;
  const std::string name_;
  std::function<void(HttpReply)> on_done_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};

  HttpResponse response_;
  size_t header_bytes_ = 0;
  bool head_done_ = false;  // of a response that is not an interim one
  bool dropped_ = false;
  Status refused_;  // why a callback ended the call
  int requests_ = 0;
  Clock::Time last_byte_;
};

}  // namespace qed

#endif  // QED_NET_CURL_CALL_H_
