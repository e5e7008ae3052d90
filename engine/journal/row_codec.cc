#include "engine/journal/row_codec.h"

#include <zstd.h>

#include <boost/crc.hpp>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/core/step.h"
#include "millrace/journal/v1/journal.pb.h"

namespace millrace {
namespace {

namespace v1 = journal::v1;

constexpr size_t kCompressAboveBytes = 2048;
constexpr size_t kHeaderBytes = 5;
constexpr char kPlain = 0;
constexpr char kZstd = 1;

void EncodeEvent(const HistoryEvent& event, int64_t last_id, absl::Time previous_at,
                 v1::Event* out) {
  out->set_type(static_cast<int>(event.type));
  if (event.previous_id != 0) {
    const int64_t id = event.id != 0 ? event.id : last_id + 1;
    out->set_previous_distance(static_cast<uint64_t>(id - event.previous_id));
  }
  out->set_at_micros(absl::ToInt64Microseconds(event.at - previous_at));
  out->set_frame(event.frame);
  out->set_state(event.state + 1);
  out->set_source(static_cast<int>(event.source));
  if (event.data.has_value() && event.source == DataSource::kInline) {
    event.data->AppendText(out->mutable_data());
  }
  if (event.error.has_value()) {
    out->set_has_error(true);
    if (event.error->name.has_value()) out->set_error_name(*event.error->name);
    if (event.error->cause.has_value()) out->set_error_cause(*event.error->cause);
  }
  out->set_index(event.index);
  out->set_concurrency_max(event.concurrency_max);
  if (event.wake_at.has_value()) out->set_wake_at_micros(absl::ToUnixMicros(*event.wake_at));
  if (event.timeout_seconds.has_value()) out->set_timeout_seconds(*event.timeout_seconds);
  if (event.heartbeat_seconds.has_value()) out->set_heartbeat_seconds(*event.heartbeat_seconds);
  out->set_function(event.function);
  out->set_function_version(event.function_version);
  out->set_seed(event.seed);
  out->set_ends_frame(event.ends_frame);
  out->set_location(event.location);
  for (const auto& [name, value] : event.assigned) {
    v1::Variable* variable = out->add_assigned();
    variable->set_name(name);
    value.AppendText(variable->mutable_value());
  }
}

absl::StatusOr<Json> ParseKept(absl::string_view text) {
  absl::StatusOr<Json> json =
      ParseJson(text, {.text_bytes_max = kPlainRowBytesMax, .depth_max = 1024});
  if (!json.ok())
    return absl::DataLossError(absl::StrCat("journal data: ", json.status().message()));
  return json;
}

// The event's data, wherever it stands.
absl::Status DecodeData(const v1::Event& in, const Snapshot& snapshot, HistoryEvent* event) {
  event->source = static_cast<DataSource>(in.source());
  if (event->source == DataSource::kInline) {
    if (!in.has_data()) return absl::OkStatus();
    MILLRACE_ASSIGN_OR_RETURN(event->data, ParseKept(in.data()));
    return absl::OkStatus();
  }
  const auto found = snapshot.frames.find(in.frame());
  MILLRACE_CHECK(found != snapshot.frames.end());
  const Frame& frame = found->second;
  switch (event->source) {
    case DataSource::kFrameData:
      event->data = frame.data;
      break;
    case DataSource::kFrameResult:
      MILLRACE_CHECK(frame.result.has_value());
      event->data = *frame.result;
      break;
    default:
      MILLRACE_CHECK(frame.items.is_array() && in.index() >= 0 &&
                     static_cast<size_t>(in.index()) < frame.items.size());
      event->data = frame.items.elements()[static_cast<size_t>(in.index())];
  }
  return absl::OkStatus();
}

absl::StatusOr<HistoryEvent> DecodeEvent(const Program& program, const v1::Event& in,
                                         const Snapshot& snapshot, absl::Time previous_at) {
  HistoryEvent event;
  event.type = static_cast<EventType>(in.type());
  event.at = previous_at + absl::Microseconds(in.at_micros());
  event.frame = in.frame();
  event.state = in.state() - 1;
  MILLRACE_CHECK(event.state < static_cast<StateIndex>(program.states.size()));
  event.id = NextIdOf(program, snapshot, event);
  if (in.previous_distance() != 0) {
    const int64_t id = event.id != 0 ? event.id : snapshot.last_id + 1;
    event.previous_id = id - static_cast<int64_t>(in.previous_distance());
  }
  MILLRACE_RETURN_IF_ERROR(DecodeData(in, snapshot, &event));
  if (in.has_error()) {
    event.error.emplace();
    if (in.has_error_name()) event.error->name = in.error_name();
    if (in.has_error_cause()) event.error->cause = in.error_cause();
  }
  event.index = in.index();
  event.concurrency_max = in.concurrency_max();
  if (in.has_wake_at_micros()) event.wake_at = absl::FromUnixMicros(in.wake_at_micros());
  if (in.has_timeout_seconds()) event.timeout_seconds = in.timeout_seconds();
  if (in.has_heartbeat_seconds()) event.heartbeat_seconds = in.heartbeat_seconds();
  event.function = in.function();
  event.function_version = in.function_version();
  event.seed = in.seed();
  event.ends_frame = in.ends_frame();
  event.location = in.location();
  for (const v1::Variable& variable : in.assigned()) {
    MILLRACE_ASSIGN_OR_RETURN(Json value, ParseKept(variable.value()));
    event.assigned.emplace_back(variable.name(), std::move(value));
  }
  return event;
}

uint32_t ChecksumOf(char kind, absl::string_view kept) {
  boost::crc_32_type crc;
  crc.process_byte(static_cast<unsigned char>(kind));
  crc.process_bytes(kept.data(), kept.size());
  return crc.checksum();
}

// How the rest is kept, and a checksum, little-endian.
std::string HeaderOf(char kind, absl::string_view kept) {
  std::string header(kHeaderBytes, kind);
  uint32_t checksum = ChecksumOf(kind, kept);
  for (size_t i = 1; i < kHeaderBytes; ++i, checksum >>= 8) header[i] = static_cast<char>(checksum);
  return header;
}

std::string Seal(char kind, absl::string_view kept) {
  return absl::StrCat(HeaderOf(kind, kept), kept);
}

absl::StatusOr<absl::string_view> Open(absl::string_view row) {
  if (row[0] != kPlain && row[0] != kZstd) {
    return absl::UnimplementedError("the journal row is packed in a newer way");
  }
  if (row.size() < kHeaderBytes ||
      HeaderOf(row[0], row.substr(kHeaderBytes)) != row.substr(0, kHeaderBytes)) {
    return absl::DataLossError("the journal row is damaged: its checksum is wrong");
  }
  return row.substr(kHeaderBytes);
}

absl::StatusOr<std::string> Pack(absl::string_view plain) {
  if (plain.size() < kCompressAboveBytes) return Seal(kPlain, plain);
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1);
  if (ZSTD_isError(size)) return absl::InternalError("a journal row cannot be packed");
  packed.resize(size);
  return Seal(kZstd, packed);
}

absl::StatusOr<std::string> Unpack(absl::string_view row) {
  MILLRACE_ASSIGN_OR_RETURN(const absl::string_view kept, Open(row));
  if (row[0] == kPlain) return std::string(kept);
  const unsigned long long size = ZSTD_getFrameContentSize(kept.data(), kept.size());
  if (size > kPlainRowBytesMax) return absl::DataLossError("the journal row cannot be unpacked");
  std::string plain(size, '\0');
  if (ZSTD_decompress(plain.data(), plain.size(), kept.data(), kept.size()) != size) {
    return absl::DataLossError("the journal row cannot be unpacked");
  }
  return plain;
}

}  // namespace

absl::StatusOr<std::string> EncodeRow(const std::vector<HistoryEvent>& events, int64_t last_id,
                                      size_t bytes_max) {
  v1::Row row;
  absl::Time previous_at = absl::UnixEpoch();
  for (const HistoryEvent& event : events) {
    EncodeEvent(event, last_id, previous_at, row.add_events());
    previous_at = event.at;
    if (IsShown(event)) last_id = event.id;
  }
  const size_t bytes = row.ByteSizeLong();
  if (bytes > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a journal row of ", bytes, " bytes is larger than ", bytes_max));
  }
  std::string plain;
  if (!row.SerializeToString(&plain)) return absl::InternalError("a journal row cannot be written");
  return Pack(plain);
}

absl::Status FoldRow(const Program& program, int format, absl::string_view bytes,
                     Snapshot* snapshot, const HistorySink& sink) {
  if (format > kJournalFormat) {
    return absl::UnimplementedError(
        absl::StrCat("journal format ", format, " is newer than ", kJournalFormat));
  }
  if (bytes.empty()) return absl::OkStatus();
  MILLRACE_ASSIGN_OR_RETURN(const std::string plain, Unpack(bytes));
  v1::Row row;
  if (!row.ParseFromString(plain)) return absl::DataLossError("the journal row cannot be read");
  absl::Time previous_at = absl::UnixEpoch();
  for (const v1::Event& in : row.events()) {
    MILLRACE_ASSIGN_OR_RETURN(const HistoryEvent event,
                              DecodeEvent(program, in, *snapshot, previous_at));
    previous_at = event.at;
    if (sink) sink(event);
    Apply(program, event, snapshot);
  }
  return absl::OkStatus();
}

}  // namespace millrace
