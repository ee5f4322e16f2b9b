#include "net/response_parser.h"

#include <limits>
#include <utility>

#include "boost/beast/http/basic_parser.hpp"
#include "boost/beast/http/error.hpp"

namespace qed {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr size_t kMaxHeaderBytes = 64 << 10;

}  // namespace

class ResponseParser::Grammar : public http::basic_parser<false> {
 public:
  explicit Grammar(const Options& options) : options_(options) {
    eager(true);
    skip(options.to_head);
    header_limit(kMaxHeaderBytes);
    body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  HttpResponse response;
  State failure = State::kReceiving;
  std::string error;

 private:
  std::size_t TakeBody(BeastView body, ErrorCode& code) {
    const bool streams = options_.on_data && response.status / 100 == 2;
    if (streams) {
      if (!options_.on_data(std::string_view(body.data(), body.size()))) {
        failure = State::kStopped;
        code = http::error::body_limit;
      }
    } else if (body.size() > options_.max_body_bytes - response.body.size()) {
      failure = State::kTooLong;
      code = http::error::body_limit;
    } else {
      response.body.append(body.data(), body.size());
    }
    return body.size();
  }

  void on_request_impl(http::verb, BeastView, BeastView, int, ErrorCode&) override {}

  void on_response_impl(int status, BeastView, int, ErrorCode&) override {
    response.status = status;
  }

  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& code) override {
    header_bytes_ += name.size() + value.size();
    if (header_bytes_ > kMaxHeaderBytes) {
      code = http::error::header_limit;
    } else if (!headers_done_) {
      response.headers.Add(std::string(name.data(), name.size()),
                           std::string(value.data(), value.size()));
    }
  }

  void on_header_impl(ErrorCode&) override { headers_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastView body, ErrorCode& code) override {
    return TakeBody(body, code);
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, ErrorCode& code) override {
    return TakeBody(body, code);
  }
  void on_finish_impl(ErrorCode&) override {}

  const Options& options_;
  bool headers_done_ = false;
  size_t header_bytes_ = 0;
};

ResponseParser::ResponseParser(Options options) : options_(std::move(options)) { Restart(); }
ResponseParser::~ResponseParser() = default;

void ResponseParser::Restart() { grammar_ = std::make_unique<Grammar>(options_); }

ResponseParser::State ResponseParser::state() const {
  if (grammar_->failure != State::kReceiving) return grammar_->failure;
  return grammar_->is_done() ? State::kDone : State::kReceiving;
}

const std::string& ResponseParser::error() const { return grammar_->error; }
bool ResponseParser::keep_alive() const { return grammar_->keep_alive(); }
HttpResponse ResponseParser::Take() { return std::move(grammar_->response); }

size_t ResponseParser::Feed(std::string_view bytes) {
  QED_CHECK(state() == State::kReceiving);
  ErrorCode code;
  const size_t used = grammar_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), code);
  if (code == http::error::need_more) {
    if (bytes.size() - used > kMaxHeaderBytes) {
      grammar_->failure = State::kFailed;
      grammar_->error = "a line of the response is too long";
    }
  } else if (code && grammar_->failure == State::kReceiving) {
    grammar_->failure = State::kFailed;
    grammar_->error = code.message();
  }
  const int status = grammar_->response.status;
  if (state() == State::kDone && status >= 100 && status < 200) {
    Restart();
    const std::string_view rest = bytes.substr(used);
    return rest.empty() ? used : used + Feed(rest);
  }
  return used;
}

void ResponseParser::FeedEnd() {
  ErrorCode code = http::error::partial_message;
  if (grammar_->got_some()) {
    code = {};
    grammar_->put_eof(code);
  }
  if (code && grammar_->failure == State::kReceiving) {
    grammar_->failure = State::kFailed;
    grammar_->error = "the connection ended before the response was complete";
  }
}

}  // namespace qed
