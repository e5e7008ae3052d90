#include "engine/core/map_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/core/states/outcome.h"
#include "engine/core/stepper.h"

namespace millrace {
namespace {

// What of a batch the result writer is told.
Json DescribeBatch(const Frame& frame, size_t index) {
  std::vector<JsonMember> members = {{Json("Index"), Json(static_cast<int64_t>(index))}};
  if (frame.results[index].has_value()) {
    members.push_back({Json("Status"), Json("SUCCEEDED")});
    members.push_back({Json("Output"), *frame.results[index]});
    return Json::Object(std::move(members));
  }
  members.push_back({Json("Status"), Json("FAILED")});
  for (const ItemFailure& failure : frame.failures) {
    if (failure.index != static_cast<int64_t>(index)) continue;
    members.push_back({Json("Error"), Json(failure.error.name.value_or(""))});
    members.push_back({Json("Cause"), Json(failure.error.cause.value_or(""))});
  }
  return Json::Object(std::move(members));
}

}  // namespace

bool IsBatched(const Json& run) {
  return run.Find("MaxItemsPerBatch") != nullptr || run.Find("MaxInputBytesPerBatch") != nullptr;
}

bool IsTolerated(const Frame& frame) {
  if (frame.failed_items == 0) return true;
  const Json* count = frame.run.Find("ToleratedFailureCount");
  const Json* percentage = frame.run.Find("ToleratedFailurePercentage");
  if (count == nullptr && percentage == nullptr) return false;
  const auto failed = static_cast<double>(frame.failed_items);
  if (count != nullptr && failed > count->AsDouble()) return false;
  const auto all = static_cast<double>(frame.items.size());
  return percentage == nullptr || failed * 100 <= percentage->AsDouble() * all;
}

AslError ToleranceExceeded() {
  return {.name = "States.ExceedToleratedFailureThreshold",
          .cause = "The specified tolerated failure threshold was exceeded"};
}

ReadItems ReadingOf(const Frame& frame) {
  return {.event_id = frame.wait_id, .request = *frame.run.Find("Read")};
}

WriteResults WritingOf(const Frame& frame) {
  std::vector<Json> batches;
  batches.reserve(frame.results.size());
  for (size_t i = 0; i < frame.results.size(); ++i) batches.push_back(DescribeBatch(frame, i));
  return {.event_id = frame.wait_id,
          .request = *frame.run.Find("Write"),
          .results = Json::Array(std::move(batches))};
}

Json ResultsOf(const Frame& frame) {
  const bool is_flat = frame.run.Find("Flatten") != nullptr;
  std::vector<Json> results;
  for (const std::optional<Json>& result : frame.results) {
    if (!result.has_value()) continue;
    if (is_flat && result->is_array()) {
      results.insert(results.end(), result->elements().begin(), result->elements().end());
    } else {
      results.push_back(*result);
    }
  }
  return Json::Array(std::move(results));
}

void Stepper::StartRun(FrameId id, AslResult<Json> terms) {
  if (!terms.ok()) return FailState(id, terms.error());
  HistoryEvent event = Of(FrameAt(id), EventType::kMapRunStarted);
  event.data = *std::move(terms);
  Emit(std::move(event));
  const Frame& frame = FrameAt(id);
  if (const Json* refusal = frame.run.Find("Refusal")) {
    return FailRun(id,
                   {.name = "States.ItemReaderFailed", .cause = std::string(refusal->AsString())});
  }
  if (frame.wait != WaitKind::kReading) return StartItems(id, 0);
  result_.commands.push_back(ReadingOf(frame));
}

void Stepper::TakeItems(FrameId id, const Json& items) {
  if (!items.is_array()) {
    return FailRun(id, {.name = "States.ItemReaderFailed",
                        .cause = "Attempting to map over non-iterable node."});
  }
  HistoryEvent event = Of(FrameAt(id), EventType::kItemsRead);
  event.data = items;
  Emit(std::move(event));
  StartItems(id, 0);
}

void Stepper::TakeFailedItem(FrameId id) {
  if (IsTolerated(FrameAt(id))) return StartItems(id, 0);
  FailRun(id, ToleranceExceeded());
}

void Stepper::CompleteRun(FrameId id) {
  if (FrameAt(id).run.Find("Write") == nullptr) return EndRun(id, ResultsOf(FrameAt(id)));
  Emit(Of(FrameAt(id), EventType::kResultsGathered));
  result_.commands.push_back(WritingOf(FrameAt(id)));
}

void Stepper::EndRun(FrameId id, const Json& result) {
  Emit(Of(FrameAt(id), EventType::kMapRunSucceeded));
  Emit(Of(FrameAt(id), EventType::kMapStateSucceeded));
  Evaluation evaluation = EvaluationOf(FrameAt(id));
  Carry(id, LeaveWith(evaluation, result));
}

void Stepper::FailRun(FrameId id, const AslError& error) {
  AbortChildren(id);
  HistoryEvent event = Of(FrameAt(id), EventType::kMapRunFailed);
  event.error = error;
  event.error->evaluation.reset();
  Emit(std::move(event));
  FailState(id, error);
}

}  // namespace millrace
