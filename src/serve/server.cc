#include "serve/server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/metrics.h"
#include "nlohmann/json.hpp"
#include "serve/api_error.h"
#include "serve/http_config.h"
#include "serve/page_files.h"
#include "text/unicode.h"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kVersion[] = "0.1.0";

constexpr std::string_view kModels = "/v1/models";
constexpr std::array<std::string_view, 6> kGetPaths = {"/health",  "/metrics",        "/status",
                                                       "/version", "/tokenizer_info", kModels};
constexpr std::array<std::string_view, 6> kPostPaths = {"/v1/completions", "/v1/chat/completions",
                                                        "/tokenize",       "/detokenize",
                                                        "/solve/request",  "/solve/votes"};

template <typename Paths>
bool Contains(const Paths& paths, std::string_view path) {
  return std::ranges::find(paths, path) != paths.end();
}

HttpResponse NotFoundResponse(const std::string& path) {
  return ErrorResponse({.status = 404,
                        .message = "there is nothing at " + path.substr(0, 200),
                        .param = "",
                        .code = ""});
}

HttpResponse WrongMethod(const char* allowed) {
  HttpResponse response = ErrorResponse({.status = 405,
                                         .message = std::string("the method must be ") + allowed,
                                         .param = "",
                                         .code = ""});
  response.headers.Add("Allow", allowed);
  return response;
}

std::string ValidUtf8(std::string_view bytes) {
  std::string text;
  AppendValidUtf8(bytes, text);
  return text;
}

}  // namespace

Server::Server(const ServedModel& model, const ServeConfig& config, CompletionService::Log log)
    : model_(model),
      config_(config),
      created_(std::time(nullptr)),
      solve_(model_),
      watch_(model.stall_seconds),
      service_(model, config, std::move(log)),
      reading_(kReaders, MakeReadingLimits(config)) {
  service_.metrics().WatchUnread([this] { return static_cast<double>(reading_.waiting()); });
}

Result<std::unique_ptr<Server>> Server::Start(const ServedModel& model, const ServeConfig& config,
                                              CompletionService::Log log) {
  std::unique_ptr<Server> server(new Server(model, config, std::move(log)));
  QED_ASSIGN_OR_RETURN(const HttpServerConfig http, MakeHttpConfig(config));
  QED_ASSIGN_OR_RETURN(
      server->http_,
      HttpServer::Start(http, [raw = server.get()](HttpRequest request, Responder responder) {
        raw->Handle(std::move(request), std::move(responder));
      }));
  server->service_.metrics().WatchHttp(*server->http_);
  WarnOfStrangers(*server->http_, *http.guard,
                  model.sandbox != nullptr ? "use the model and run code here" : "use the model");
  server->KeepLooking();
  return server;
}

Server::~Server() {
  service_.StopAdmitting();
  service_.CancelAll(CancelReason::kShutdown);
  if (http_) http_->Stop();
}

void Server::Drain() {
  service_.StopAdmitting();
  http_->StopAccepting();
  if (!service_.WaitIdle(config_.drain_timeout)) {
    service_.CancelAll(CancelReason::kTimeout);
    service_.WaitIdle(10);
  }
  http_->Drain(std::chrono::seconds(5));
}

void Server::Handle(HttpRequest request, Responder responder) {
  if (request.method == "GET" || request.method == "HEAD") {
    if (!HandleGet(request, *responder)) {
      responder->Respond(Contains(kPostPaths, request.path) ? WrongMethod("POST")
                                                            : NotFoundResponse(request.path));
    }
    return;
  }
  if (!Contains(kPostPaths, request.path)) {
    const bool known = Contains(kGetPaths, request.path) || PageFile(request.path);
    return responder->Respond(known ? WrongMethod("GET") : NotFoundResponse(request.path));
  }
  if (request.method != "POST") return responder->Respond(WrongMethod("POST"));
  // Tokenizing a long prompt takes longer than an io thread may be kept.
  ReadingQueue::Job job;
  job.client = request.peer.substr(0, request.peer.rfind(':'));
  job.bytes = request.body.size();
  job.refuse = [this, responder] { responder->Respond(service_.TooMany()); };
  job.read = [this, path = std::move(request.path), body = std::move(request.body),
              memory = std::move(request.memory), responder] { HandlePost(path, body, responder); };
  reading_.Push(std::move(job));
}

bool Server::HandleGet(const HttpRequest& request, HttpResponder& responder) {
  const std::string& path = request.path;
  if (path == "/health") {
    responder.Respond(Health());
  } else if (path == "/metrics") {
    responder.Respond({.status = 200,
                       .headers = {{"Content-Type", kMetricsContentType}},
                       .body = service_.metrics().Text()});
  } else if (path == "/status") {
    responder.Respond(EngineStatus());
  } else if (path == "/version") {
    responder.Respond(JsonResponse(200, DumpJson(Json{{"version", kVersion}})));
  } else if (path == "/tokenizer_info") {
    responder.Respond(TokenizerInfo());
  } else if (path == kModels) {
    responder.Respond(Models(""));
  } else if (path.starts_with(std::string(kModels) + "/")) {
    responder.Respond(Models(path.substr(kModels.size() + 1)));
  } else if (std::optional<HttpResponse> page = PageFile(path)) {
    responder.Respond(*std::move(page));
  } else {
    return false;
  }
  return true;
}

void Server::HandlePost(const std::string& path, const std::string& body,
                        const Responder& responder) {
  if (responder->disconnected()) return;
  if (path == "/tokenize") return Tokenize(body, *responder);
  if (path == "/detokenize") return Detokenize(body, *responder);
  if (path == "/solve/request") return responder->Respond(solve_.Request(body));
  if (path == "/solve/votes") return responder->Respond(SolveRoutes::Votes(body));
  service_.Handle(path == "/v1/chat/completions", body, responder);
}

bool Server::Look() {
  const EngineStats stats = model_.engine.Stats();
  return watch_.Look(stats.steps, stats.running + stats.waiting > 0, Clock::Real().Now());
}

void Server::KeepLooking() {
  Look();
  timer_.Add(Clock::Real().Now() + std::chrono::seconds(1), [this] { KeepLooking(); });
}

HttpResponse Server::Health() {
  if (Look()) {
    return JsonResponse(200, DumpJson(Json{{"status", "ok"}}));
  }
  return ErrorResponse({.status = 503,
                        .message = "the engine has work and makes no steps",
                        .param = "",
                        .code = ""});
}

HttpResponse Server::EngineStatus() const {
  const EngineStats stats = model_.engine.Stats();
  return JsonResponse(200, DumpJson(Json{{"model", model_.name},
                                         {"sandbox", model_.sandbox != nullptr},
                                         {"seconds", Seconds(Clock::Real().Now() - started_)},
                                         {"running", stats.running},
                                         {"waiting", service_.waiting() + stats.waiting},
                                         {"in_programs", stats.kept},
                                         {"kv_pages", stats.pages_total},
                                         {"kv_pages_free", stats.pages_free},
                                         {"kv_pages_cached", stats.pages_cached},
                                         {"prompt_tokens", stats.prompt_tokens},
                                         {"generated_tokens", stats.generated_tokens}}));
}

HttpResponse Server::TokenizerInfo() const {
  const Tokenizer& tokenizer = model_.tokenizer;
  const auto token = [&](int32_t id) {
    return id < 0 ? Json() : Json(ValidUtf8(tokenizer.TokenBytes(id)));
  };
  const std::string& chat_template = tokenizer.chat_template();
  return JsonResponse(
      200, DumpJson(Json{{"bos_token", token(tokenizer.bos_token_id())},
                         {"eos_token", token(tokenizer.eos_token_id())},
                         {"chat_template", chat_template.empty() ? Json() : Json(chat_template)},
                         {"add_bos_token", tokenizer.add_bos_by_default()}}));
}

HttpResponse Server::Models(const std::string& id) const {
  if (const auto error = service_.CheckModel(id)) return ErrorResponse(*error);
  const auto model = [&](const std::string& name) -> Json {
    return {{"id", name},
            {"object", "model"},
            {"created", created_},
            {"owned_by", "qed"},
            {"max_model_len", model_.engine.max_seq_len()},
            {"max_num_seqs", model_.max_batch_size}};
  };
  if (!id.empty()) return JsonResponse(200, DumpJson(model(id)));
  Json models = Json::array({model(model_.name)});
  for (const std::string& alias : model_.aliases) models.push_back(model(alias));
  return JsonResponse(200, DumpJson(Json{{"object", "list"}, {"data", std::move(models)}}));
}

void Server::Tokenize(const std::string& body, HttpResponder& responder) {
  TokenizeRequest request;
  std::vector<int32_t> ids;
  auto error = ParseTokenizeRequest(body, &request);
  if (!error) error = service_.CheckModel(request.model);
  if (!error && !request.prompt) error = service_.EncodeChat(request.messages, "", true, &ids);
  if (error) return responder.Respond(ErrorResponse(*error));
  if (request.prompt) {
    ids = request.add_special_tokens ? EncodePrompt(model_.tokenizer, *request.prompt)
                                     : model_.tokenizer.Encode(*request.prompt);
  }
  Json reply = {{"count", ids.size()},
                {"max_model_len", model_.engine.max_seq_len()},
                {"tokens", ids},
                {"token_strs", nullptr}};
  if (request.return_token_strs) {
    reply["token_strs"] = Json::array();
    for (int32_t id : ids) {
      reply["token_strs"].push_back(ValidUtf8(model_.tokenizer.TokenBytes(id)));
    }
  }
  responder.Respond(JsonResponse(200, DumpJson(reply)));
}

void Server::Detokenize(const std::string& body, HttpResponder& responder) {
  DetokenizeRequest request;
  auto error = ParseDetokenizeRequest(body, model_.tokenizer.vocab_size(), &request);
  if (!error) error = service_.CheckModel(request.model);
  if (error) return responder.Respond(ErrorResponse(*error));
  const std::string text = ValidUtf8(model_.tokenizer.Decode(request.tokens));
  responder.Respond(JsonResponse(200, DumpJson(Json{{"prompt", text}})));
}

}  // namespace qed
