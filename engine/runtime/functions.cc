#include "engine/runtime/functions.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/lru_cache.h"
#include "engine/base/status_macros.h"
#include "engine/errors.h"
#include "engine/runtime/resource_names.h"
#include "engine/tasks/function_code.h"

namespace millrace {
namespace {

constexpr size_t kCodeBytesMax = 256u << 20;
constexpr size_t kCodeOverheadBytes = 1024;
// Code that was read longer ago is read again while it is still used ...
constexpr int64_t kFreshNanosMax = 5'000'000'000;
// ... and from then on only if the database cannot say what stands now.
constexpr int64_t kUsableNanosMax = 15'000'000'000;
constexpr auto kRetryPause = std::chrono::milliseconds(300);

constexpr absl::Duration kTimeoutDefault = absl::Seconds(3);
constexpr absl::Duration kTimeoutMax = absl::Seconds(900);
constexpr int64_t kMemoryBytesDefault = 256 << 20;
constexpr int64_t kMemoryBytesMin = 64 << 20;
constexpr int64_t kMemoryBytesMax = int64_t{3072} << 20;

struct CachedCode {
  std::shared_ptr<const FunctionCode> code;
  int64_t read_at = 0;
};

// An invocation that waits for its function's code.
struct PendingInvocation {
  Json event;
  InvocationContext context;
  InvocationDone done;
};

FunctionCode CodeOf(FunctionRow row) {
  return {.version_key = row.version_key.ToString(),
          .handler = std::move(row.handler),
          .source = std::move(row.source),
          .zip = std::move(row.zip),
          .timeout = row.timeout,
          .memory_bytes_max = row.memory_bytes_max};
}

RequestKey KeyOf(const FunctionId& id, const std::string& request_id, absl::string_view method,
                 FieldHash& hash) {
  if (request_id.empty()) return {.project = id.project};
  return {.project = id.project,
          .request_id = request_id,
          .method = std::string(method),
          .hash = hash.Finish()};
}

}  // namespace

// The cache of code, and the thread that reads what is not in it. A function that is to be read is
// in `queue` once, however many invocations wait for it in `waiting`.
struct Functions::State {
  State(CatalogStorage* catalog, FunctionHost* functions)
      : storage(catalog), host(functions), reader([this] { Read(); }) {}
  ~State() { Stop(); }

  void Read();
  // Reads one function's code and answers those who wait for it. False if the database could not
  // be read and nothing older will do.
  bool ReadOne(const FunctionId& id);
  void Answer(std::shared_ptr<const FunctionCode> code, std::vector<PendingInvocation> pending);
  void Stop();
  // One that waits for its function's code.
  std::optional<PendingInvocation> TakePending(const std::string& call_id);

  void Enqueue(const FunctionId& id) {  // `mutex` is held
    if (!waiting.try_emplace(id).second) return;
    queue.push_back(id);
    wake.notify_one();
  }
  // After a mutation, also one whose answer is an error. What is being read is not kept.
  void Forget(const FunctionId& id) {
    const std::lock_guard lock(mutex);
    ++mutations;
    codes.Erase(id);
  }

  CatalogStorage* const storage;
  FunctionHost* const host;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  int64_t mutations = 0;
  LruCache<FunctionId, CachedCode> codes{kCodeBytesMax};
  absl::flat_hash_map<FunctionId, std::vector<PendingInvocation>> waiting;
  std::deque<FunctionId> queue;
  // Held while what has waited goes to the host, so that it is cancelled either before or there.
  // Taken by the reader while it holds `mutex`, and by others while they hold nothing.
  std::mutex handing_over;
  std::thread reader;
};

Functions::Functions(CatalogStorage* storage, FunctionHost* host)
    : state_(std::make_unique<State>(storage, host)) {}
Functions::~Functions() = default;

void Functions::SetDefaults(FunctionRow* function) {
  if (function->timeout == absl::ZeroDuration()) function->timeout = kTimeoutDefault;
  if (function->memory_bytes_max == 0) function->memory_bytes_max = kMemoryBytesDefault;
}

std::vector<errors::FieldViolation> Functions::FindViolations(const FunctionRow& function) {
  std::vector<errors::FieldViolation> violations;
  const auto handler = ParseHandlerName(function.handler);
  if (!handler.ok()) {
    violations.push_back({"function.handler", std::string(handler.status().message())});
  }
  if (function.source.empty() == function.zip.empty()) {
    violations.push_back({"function.code", "is one of source and zip, and not empty"});
  }
  if (function.timeout < absl::Seconds(1) || function.timeout > kTimeoutMax) {
    violations.push_back({"function.timeout", "is 1 s to 900 s"});
  }
  if (function.memory_bytes_max < kMemoryBytesMin || function.memory_bytes_max > kMemoryBytesMax) {
    violations.push_back({"function.memory_mib", "is 64 to 3072"});
  }
  if (!violations.empty()) return violations;
  if (const absl::Status status = ValidateFunctionCode(CodeOf(function)); !status.ok()) {
    violations.push_back(
        {function.zip.empty() ? "function.source" : "function.zip", std::string(status.message())});
  }
  return violations;
}

absl::StatusOr<FunctionRow> Functions::Create(FunctionRow function, const std::string& request_id) {
  SetDefaults(&function);
  function.version_key = Uuid::Random();
  // To the microsecond, as the database gives it back.
  function.created_at = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
  if (auto violations = FindViolations(function); !violations.empty()) {
    return errors::InvalidArgument(std::move(violations));
  }
  FieldHash hash;
  hash.Add(function.id.function)
      .Add(function.handler)
      .Add(function.source)
      .Add(function.zip)
      .Add(absl::StrCat(absl::ToInt64Milliseconds(function.timeout)))
      .Add(absl::StrCat(function.memory_bytes_max))
      .Add(function.description);
  const auto created = state_->storage->CreateFunction(
      function, KeyOf(function.id, request_id, "CreateFunction", hash));
  state_->Forget(function.id);
  MILLRACE_RETURN_IF_ERROR(created.status());
  return created->row;
}

absl::StatusOr<FunctionRow> Functions::Get(const FunctionId& id) {
  return state_->storage->GetFunction(id);
}

absl::StatusOr<std::vector<FunctionRow>> Functions::List(const std::string& project,
                                                         const std::string& after_name, int limit) {
  return state_->storage->ListFunctions(project, after_name, limit);
}

absl::StatusOr<FunctionRow> Functions::Delete(const FunctionId& id, const std::string& request_id) {
  FieldHash hash;
  hash.Add(id.function);
  const auto deleted =
      state_->storage->DeleteFunction(id, KeyOf(id, request_id, "DeleteFunction", hash));
  state_->Forget(id);
  MILLRACE_RETURN_IF_ERROR(deleted.status());
  return deleted->row;
}

void Functions::Invoke(const FunctionId& id, Json event, InvocationContext context,
                       InvocationDone done) {
  std::shared_ptr<const FunctionCode> code;
  {
    const std::lock_guard lock(state_->mutex);
    if (const CachedCode* cached = state_->codes.Find(id); cached != nullptr) {
      const int64_t age = SteadyNanos() - cached->read_at;
      if (age <= kUsableNanosMax) code = cached->code;
      if (age > kFreshNanosMax) state_->Enqueue(id);
    }
    if (code == nullptr && !state_->stopping) {
      state_->Enqueue(id);
      state_->waiting[id].push_back({std::move(event), std::move(context), std::move(done)});
      return;
    }
  }
  if (code != nullptr) {
    state_->host->Invoke(std::move(code), std::move(event), std::move(context), std::move(done));
  } else {
    done(AslError{.name = "States.TaskFailed", .cause = "The server is shutting down."});
  }
}

void Functions::Cancel(const std::string& call_id) {
  if (const auto pending = state_->TakePending(call_id)) {
    return pending->done(AslError{.name = kCancelledError, .cause = "The call was cancelled."});
  }
  const std::lock_guard lock(state_->handing_over);
  state_->host->Cancel(call_id);
}

std::optional<PendingInvocation> Functions::State::TakePending(const std::string& call_id) {
  const std::lock_guard lock(mutex);
  for (auto& [id, pending] : waiting) {
    const auto found = std::find_if(pending.begin(), pending.end(), [&](const auto& invocation) {
      return invocation.context.call_id == call_id;
    });
    if (found == pending.end()) continue;
    PendingInvocation taken = std::move(*found);
    pending.erase(found);
    return taken;
  }
  return std::nullopt;
}

void Functions::State::Read() {
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return stopping || !queue.empty(); });
    if (stopping) return;
    const FunctionId id = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    const bool answered = ReadOne(id);
    lock.lock();
    if (answered) continue;
    queue.push_back(id);
    wake.wait_for(lock, kRetryPause, [this] { return stopping; });
  }
}

bool Functions::State::ReadOne(const FunctionId& id) {
  int64_t mutations_before = 0;
  {
    const std::lock_guard lock(mutex);
    mutations_before = mutations;
  }
  const int64_t read_at = SteadyNanos();
  absl::StatusOr<FunctionRow> row = storage->GetFunction(id);
  const bool is_known = row.ok() || absl::IsNotFound(row.status());
  if (!is_known) {
    Log(LogLevel::kWarning, "a function's code could not be read",
        {{"function", NameOf(id)}, {"error", std::string(row.status().message())}});
  }
  std::shared_ptr<const FunctionCode> code;
  if (row.ok()) code = std::make_shared<const FunctionCode>(CodeOf(*std::move(row)));
  std::unique_lock lock(mutex);
  if (mutations != mutations_before) {
    // Who waits may have come after the change, and is to see it.
    lock.unlock();
    return ReadOne(id);
  }
  if (is_known) {
    codes.Erase(id);
    const size_t bytes = code == nullptr ? 0 : code->source.size() + code->zip.size();
    if (code != nullptr) codes.Put(id, {code, read_at}, bytes + kCodeOverheadBytes);
  } else if (const CachedCode* old = codes.Find(id); old != nullptr) {
    code = old->code;
  }
  if (!is_known && code == nullptr) return false;
  std::vector<PendingInvocation> pending = std::move(waiting[id]);
  waiting.erase(id);
  const std::lock_guard handover(handing_over);
  lock.unlock();
  Answer(std::move(code), std::move(pending));
  return true;
}

void Functions::State::Answer(std::shared_ptr<const FunctionCode> code,
                              std::vector<PendingInvocation> pending) {
  for (PendingInvocation& invocation : pending) {
    if (code != nullptr) {
      host->Invoke(code, std::move(invocation.event), std::move(invocation.context),
                   std::move(invocation.done));
    } else {
      invocation.done(AslError{.name = std::string(kFunctionNotFoundError),
                               .cause = absl::StrCat("Function '", invocation.context.function_name,
                                                     "' does not exist.")});
    }
  }
}

void Functions::State::Stop() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_all();
  reader.join();
  for (auto& [id, pending] : waiting) {
    for (PendingInvocation& invocation : pending) {
      invocation.done(
          AslError{.name = "States.TaskFailed", .cause = "The server is shutting down."});
    }
  }
}

}  // namespace millrace
