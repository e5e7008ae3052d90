#include "engine/core/snapshot.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace millrace {
namespace {

std::string TextOf(const std::optional<absl::Time>& time) {
  return time.has_value() ? absl::StrCat(absl::ToUnixMicros(*time)) : "-";
}
std::string TextOf(const std::optional<Json>& json) {
  return json.has_value() ? json->ToText() : "-";
}
std::string TextOf(const std::optional<AslError>& error) {
  if (!error.has_value()) return "-";
  return absl::StrCat(error->name.value_or("-"), "/", error->cause.value_or("-"));
}

std::string TextOf(const Variables& variables) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : variables)
    parts.push_back(absl::StrCat(name, "=", value.ToText()));
  std::sort(parts.begin(), parts.end());
  return absl::StrJoin(parts, ",");
}

std::string TextOf(const std::vector<ItemFailure>& failures) {
  std::string text;
  for (const ItemFailure& failure : failures) {
    absl::StrAppend(&text, failure.index, ":", TextOf(std::optional<AslError>(failure.error)), ";");
  }
  return text;
}

// What a Map and its iterations have.
std::string MapTextOf(const Frame& frame) {
  return absl::StrCat(" items=", frame.items.ToText(), " next=", frame.next_item, "/",
                      frame.concurrency_max, " bytes=", frame.results_bytes, "/", frame.live_bytes,
                      " run=", frame.run.ToText(), " failed=", frame.failed_items, ":",
                      TextOf(frame.failures), " item=", frame.input_bytes, "/", frame.item_count,
                      "/", frame.history_size, "\n");
}

std::string TextOf(const Frame& frame) {
  std::string text = absl::StrCat(
      "frame ", frame.id, " parent=", frame.parent, " machine=", frame.machine,
      " index=", frame.index, " history=", frame.history, "/", frame.own_frames, "/",
      frame.silent_retries, " state=", frame.state, " entered=", frame.entered_id, "<",
      frame.entered_previous, "@", absl::ToUnixMicros(frame.entered_at), " last=", frame.last_id,
      " data=", frame.data.ToText(), " result=", TextOf(frame.result),
      " variables=", TextOf(frame.variables), " wait=", static_cast<int>(frame.wait), "#",
      frame.wait_id, "@", TextOf(frame.wake_at), " payload=", TextOf(frame.payload),
      " submitted=", frame.is_submitted, " function=", frame.function, "/", frame.function_version);
  absl::StrAppend(&text, " attempts=", absl::StrJoin(frame.attempts, ","),
                  " retries=", frame.retry_count, "@", frame.retried_id,
                  " children=", absl::StrJoin(frame.children, ","), " results=");
  for (const std::optional<Json>& result : frame.results)
    absl::StrAppend(&text, TextOf(result), ";");
  return text + MapTextOf(frame);
}

bool IsAboutIteration(EventType type) {
  return type >= EventType::kMapIterationStarted && type <= EventType::kMapIterationAborted;
}

}  // namespace

int64_t OwnFramesOf(const Snapshot& snapshot, const Frame& frame) {
  return frame.history == 0 ? snapshot.own_frames : snapshot.frames.at(frame.history).own_frames;
}

int64_t EventsOf(const Snapshot& snapshot, const Frame& frame) {
  if (frame.history == 0) return snapshot.last_id + snapshot.silent_retries;
  const Frame& item = snapshot.frames.at(frame.history);
  return item.history_size + item.silent_retries;
}

int64_t LastIdOf(const Snapshot& snapshot, const Frame& frame) {
  if (frame.history == 0) return snapshot.last_id;
  return (static_cast<int64_t>(frame.history) << kHistoryBits) +
         snapshot.frames.at(frame.history).history_size;
}

int64_t NextIdOf(const Program& program, const Snapshot& snapshot, const HistoryEvent& event) {
  if (event.type >= EventType::kRetryPlanned) return 0;
  if (event.frame == 0) return snapshot.last_id + 1;
  if (IsAboutIteration(event.type)) {
    const State& state = program.states[static_cast<size_t>(event.state)];
    if (std::get<MapState>(state.body).is_distributed) return 0;
  }
  const auto found = snapshot.frames.find(event.frame);
  return (found == snapshot.frames.end() ? snapshot.last_id : LastIdOf(snapshot, found->second)) +
         1;
}

std::string DebugText(const Snapshot& snapshot) {
  std::string text = absl::StrCat(
      "snapshot last=", snapshot.last_id, "@", absl::ToUnixMicros(snapshot.last_at),
      " started=", absl::ToUnixMicros(snapshot.started_at), " frames=", snapshot.last_frame, "/",
      snapshot.own_frames, "/", snapshot.silent_retries, " input=", snapshot.input.ToText(),
      " seed=", snapshot.seed, " ended=", snapshot.ended, "/", static_cast<int>(snapshot.end),
      " output=", TextOf(snapshot.output), " error=", TextOf(snapshot.error),
      " times_out=", TextOf(snapshot.times_out_at), " data=", snapshot.data_bytes_seen, "\n");
  for (const auto& [id, frame] : snapshot.frames) absl::StrAppend(&text, TextOf(frame));
  std::vector<std::string> waits;
  for (const auto& [id, frame] : snapshot.waits) waits.push_back(absl::StrCat(id, ":", frame));
  std::sort(waits.begin(), waits.end());
  absl::StrAppend(&text, "waits ", absl::StrJoin(waits, ","));
  return text;
}

}  // namespace millrace
