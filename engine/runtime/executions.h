#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/runtime/views.h"

namespace millrace {

// What the service may ask of running and ended executions. Thread-safe. Calls that take a
// callback return at once and call it exactly once, from a thread of the runtime: it must not
// block. The others block on the database.
class Executions {
 public:
  virtual ~Executions() = default;

  struct StartRequest {
    WorkflowId workflow;
    int64_t revision = 0;      // 0: the latest
    std::string execution_id;  // empty: the request_id, or one made up
    std::string input;         // JSON text; empty: {}
    std::string request_id;
  };
  using ExecutionDone = std::function<void(absl::StatusOr<ExecutionView>)>;

  // Answers when the start is durable. Starting again with the same id, input and revision gives
  // the same execution, as it stands.
  virtual void Start(StartRequest request, ExecutionDone done) = 0;
  // Starts and answers at the execution's end. An EXPRESS workflow's run writes nothing. The handle
  // gives up waiting (the execution goes on): `done` is then called with CANCELLED, if it was not
  // yet.
  class Waiting {
   public:
    virtual ~Waiting() = default;
    virtual void Cancel() = 0;
  };
  virtual std::shared_ptr<Waiting> Run(StartRequest request, ExecutionDone done) = 0;
  // Answers when the stop is durable. EXECUTION_ENDED for one that has ended.
  virtual void Stop(const ExecutionId& id, std::string error, std::string cause,
                    ExecutionDone done) = 0;
  // Lets a quarantined execution go on, on any node. EXECUTION_NOT_QUARANTINED for any other.
  virtual absl::StatusOr<ExecutionView> Release(const ExecutionId& id,
                                                const std::string& request_id) = 0;

  virtual absl::StatusOr<ExecutionView> Get(const ExecutionId& id) = 0;
  struct ExecutionsPage {
    std::vector<ExecutionView> executions;
    std::optional<ExecutionKey> next;  // `after` of the next page
  };
  virtual absl::StatusOr<ExecutionsPage> List(const ExecutionsFilter& filter,
                                              const std::optional<ExecutionKey>& after,
                                              int limit) = 0;
  struct HistoryPage {
    std::vector<HistoryEventView> events;
    bool more = false;
  };
  // Events whose id is above `after_id` (in reverse order: below it; 0 from the newest). With
  // `item`, those of this item of a distributed Map, which have ids of their own.
  virtual absl::StatusOr<HistoryPage> History(const ExecutionId& id, FrameId item, int64_t after_id,
                                              int limit, bool reverse) = 0;
  struct MapItemsPage {
    std::vector<MapItemView> items;
    bool more = false;
  };
  // The items of its distributed Maps whose number is above `after`, in the order in which they
  // were begun.
  virtual absl::StatusOr<MapItemsPage> ListMapItems(const ExecutionId& id, FrameId after,
                                                    int limit) = 0;
  // The history from `after_id` on as it is committed, in order and without gaps; ends after the
  // terminal event with OK. Callbacks come one at a time. Destroying the handle ends the watch.
  struct WatchCallbacks {
    std::function<void(std::vector<HistoryEventView>)> events;
    std::function<void(absl::Status)> end;
  };
  virtual std::shared_ptr<Waiting> Watch(const ExecutionId& id, int64_t after_id,
                                         WatchCallbacks callbacks) = 0;
};

}  // namespace millrace
