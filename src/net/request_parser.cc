#include "net/request_parser.h"

#include <algorithm>
#include <utility>

#include "boost/beast/http/basic_parser.hpp"
#include "boost/beast/http/error.hpp"

namespace qed {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string ToString(BeastView text) { return std::string(text.data(), text.size()); }

std::string TooLong(std::string_view what, size_t limit) {
  std::string message(what);
  return message.append(" longer than ").append(std::to_string(limit)).append(" bytes");
}

// Path and query of a target in origin form ("/a?b"), absolute form
// ("http://host/a?b") or asterisk form. False: it is none of them.
bool SplitTarget(HttpRequest& request) {
  std::string_view rest = request.target;
  if (rest == "*") {
    request.path = request.target;
    return true;
  }
  if (rest.size() > 7 && EqualsIgnoreCase(rest.substr(0, 7), "http://")) {
    rest.remove_prefix(std::min(rest.find_first_of("/?", 7), rest.size()));
    if (!rest.starts_with('/')) return false;
  }
  if (!rest.starts_with('/')) return false;
  const size_t mark = std::min(rest.find('?'), rest.size());
  std::optional<std::string> path = PercentDecode(rest.substr(0, mark));
  if (!path.has_value()) return false;
  request.path = *std::move(path);
  rest.remove_prefix(std::min(mark + 1, rest.size()));
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = PercentDecode(pair.substr(0, equals), true);
    std::optional<std::string> value =
        PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name.has_value() || !value.has_value()) return false;
    request.query.emplace_back(*std::move(name), *std::move(value));
  }
  return true;
}

}  // namespace

class RequestParser::Grammar : public http::basic_parser<true> {
 public:
  explicit Grammar(const RequestLimits& limits) : limits_(limits) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_body_bytes);
  }

  void Fail(int status, std::string message) {
    if (error_status != 0) return;
    error_status = status;
    error = std::move(message);
  }

  void FailWith(const ErrorCode& code) {
    if (code == http::error::header_limit) {
      Fail(has_line ? 431 : 414,
           has_line ? "the headers are too long" : "the request line is too long");
    } else if (code == http::error::body_limit) {
      Fail(413, TooLong("the body is", limits_.max_body_bytes));
    } else if (code == http::error::bad_version) {
      Fail(has_http_word ? 505 : 400, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    } else {
      Fail(400, std::string("malformed HTTP request: ").append(code.message()));
    }
  }

  HttpRequest request;
  bool expects_continue = false;
  bool headers_done = false;
  bool has_line = false;       // the request line has arrived
  bool has_http_word = false;  // and at least claims to be HTTP
  int http_version = 11;       // 10 for HTTP/1.0
  int error_status = 0;
  std::string error;

 private:
  // Ends the parse; the caller looks at error_status first.
  void Refuse(int status, std::string message, ErrorCode& code) {
    Fail(status, std::move(message));
    code = http::error::bad_value;
  }

  void on_request_impl(http::verb, BeastView method, BeastView target, int http,
                       ErrorCode& code) override {
    request.method = ToString(method);
    request.target = ToString(target);
    http_version = http;
    header_bytes_ = method.size() + target.size() + 12;
    if (target.size() > limits_.max_target_bytes) {
      Refuse(414, TooLong("the target is", limits_.max_target_bytes), code);
    }
  }

  void on_response_impl(int, BeastView, int, ErrorCode&) override {}

  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& code) override {
    header_bytes_ += name.size() + value.size() + 4;
    if (header_bytes_ > limits_.max_header_bytes) {
      Refuse(431, TooLong("the headers are", limits_.max_header_bytes), code);
    } else if (!headers_done) {  // Trailers are read and dropped.
      request.headers.Add(ToString(name), ToString(value));
    }
  }

  void on_header_impl(ErrorCode& code) override {
    headers_done = true;
    header_bytes_ = 0;
    if (request.headers.Count("Host") != 1 &&
        (http_version == 11 || request.headers.Find("Host"))) {
      return Refuse(400, "a request needs exactly one Host header", code);
    }
    if (const std::string* coding = request.headers.Find("Transfer-Encoding")) {
      // Anything else makes proxies and servers see different requests.
      if (request.headers.Find("Content-Length") != nullptr || http_version == 10) {
        return Refuse(400, "Transfer-Encoding contradicts the rest of the request", code);
      }
      if (request.headers.Count("Transfer-Encoding") != 1 ||
          !EqualsIgnoreCase(*coding, "chunked")) {
        return Refuse(501, "the only transfer coding understood here is chunked", code);
      }
    }
    if (const std::string* expect = request.headers.Find("Expect"); expect && http_version == 11) {
      if (!EqualsIgnoreCase(*expect, "100-continue")) {
        return Refuse(417, "the only expectation understood here is 100-continue", code);
      }
      expects_continue = true;
    }
    if (!SplitTarget(request)) Refuse(400, "the request's target is malformed", code);
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}

  std::size_t on_body_impl(BeastView body, ErrorCode&) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, ErrorCode&) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }

  void on_finish_impl(ErrorCode&) override {}

  const RequestLimits limits_;
  size_t header_bytes_ = 0;
};

RequestParser::RequestParser(const RequestLimits& limits)
    : grammar_(std::make_unique<Grammar>(limits)), limits_(limits) {}
RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::state() const {
  if (grammar_->error_status != 0) return State::kFailed;
  if (grammar_->is_done()) return State::kDone;
  return grammar_->headers_done ? State::kBody : State::kHeaders;
}

bool RequestParser::started() const { return grammar_->got_some() || grammar_->error_status != 0; }
bool RequestParser::expects_continue() const { return grammar_->expects_continue; }
bool RequestParser::keep_alive() const { return grammar_->keep_alive(); }
bool RequestParser::is_http10() const { return grammar_->http_version == 10; }
const HttpRequest& RequestParser::head() const { return grammar_->request; }
HttpRequest RequestParser::Take() { return std::move(grammar_->request); }
int RequestParser::error_status() const { return grammar_->error_status; }
const std::string& RequestParser::error() const { return grammar_->error; }

// Beast counts only while it waits for more, so what arrives at once would be let through.
bool RequestParser::HeadersExceedLimit(std::string_view bytes) const {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const size_t end = bytes.find(kEnd);
  const size_t arrived = end == bytes.npos ? bytes.size() : end + kEnd.size();
  return header_bytes_ + arrived > limits_.max_header_bytes;
}

size_t RequestParser::Feed(std::string_view bytes) {
  QED_CHECK(state() == State::kHeaders || state() == State::kBody);
  size_t used = 0;
  // Empty lines before a request are to be ignored (RFC 9112, 2.2).
  if (!grammar_->got_some()) {
    while (bytes.substr(used).starts_with("\r\n")) used += 2;
    if (bytes.size() == used || bytes.substr(used) == "\r") return used;
  }
  bytes.remove_prefix(used);
  // Of what is left of a chunked body at least this is to come. Beast asserts that
  // it has it all when it looks at the last chunk a second time.
  constexpr size_t kShortestEnd = std::string_view("0\r\n\r\n").size();
  if (grammar_->headers_done && grammar_->chunked() && bytes.size() < kShortestEnd) return used;
  const size_t line_end = bytes.find('\n');
  grammar_->has_line = grammar_->has_line || line_end < limits_.max_header_bytes;
  grammar_->has_http_word = bytes.substr(0, line_end).find(" HTTP/") != bytes.npos;
  const bool in_headers = !grammar_->headers_done;
  if (in_headers && HeadersExceedLimit(bytes)) {
    grammar_->FailWith(http::error::header_limit);
    return used;
  }
  ErrorCode code;
  const size_t parsed = grammar_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
  if (in_headers) header_bytes_ += parsed;
  if (code == http::error::need_more) {
    // What is left is part of a line: the header's, a chunk's or the trailer's.
    if (bytes.size() - parsed > limits_.max_header_bytes) {
      grammar_->Fail(grammar_->headers_done ? 400 : 431, "a line or header is too long");
    }
  } else if (code) {
    grammar_->FailWith(code);
  }
  return used + parsed;
}

}  // namespace qed
