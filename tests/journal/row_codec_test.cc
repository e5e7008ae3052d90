#include "engine/journal/row_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/core/step.h"
#include "engine/languages/compile.h"

namespace millrace {
namespace {

std::shared_ptr<const Program> Compiled(absl::string_view definition) {
  return Compile("ASL", definition, {}).program;
}

std::shared_ptr<const Program> TaskProgram() {
  return Compiled(R"json({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "f",
    "TimeoutSeconds": 9, "Assign": {"v.$": "$"}, "End": true}}})json");
}

// One execution, a row per step.
struct Journaled {
  Snapshot snapshot;
  std::vector<HistoryEvent> history;
  std::vector<std::string> rows;

  void Take(const Program& program, decltype(Event::what) what) {
    const int64_t last_id = snapshot.last_id;
    StepResult result;
    ASSERT_EQ(Step(program, {}, {.at = absl::FromUnixMicros(1'700'000'000'123'456), .what = what},
                   1000, &snapshot, &result),
              StepRefusal::kNone);
    rows.push_back(*EncodeRow(result.history, last_id));
    history.insert(history.end(), result.history.begin(), result.history.end());
  }
};

Journaled RunTask(const Program& program, const Json& input, const Json& answer) {
  Journaled run;
  run.Take(program, Started{.input = input, .seed = 0xfedcba9876543210});
  run.Take(program, TaskSucceeded{.event_id = 3, .output = answer});
  return run;
}

absl::Status Fold(const Program& program, const std::vector<std::string>& rows, Snapshot* snapshot,
                  const HistorySink& sink = nullptr) {
  for (const std::string& row : rows) {
    const absl::Status status = FoldRow(program, kJournalFormat, row, snapshot, sink);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(RowCodecTest, MakesNoRowThatCouldNotBeRead) {
  const auto program = TaskProgram();
  const Journaled run = RunTask(*program, Json(std::string(100, 'x')), Json(1));
  EXPECT_TRUE(EncodeRow(run.history, 0, /*bytes_max=*/10'000).ok());
  EXPECT_EQ(EncodeRow(run.history, 0, /*bytes_max=*/100).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(RowCodecTest, GivesBackEveryEvent) {
  const auto program = TaskProgram();
  const Json input = *ParseJson(R"({"text":"\u0000 \ud83d\ude00","big":18446744073709551615})");
  const Journaled run = RunTask(*program, input, Json(0.1));
  Snapshot folded;
  std::vector<HistoryEvent> events;
  ASSERT_TRUE(Fold(*program, run.rows, &folded, [&](const HistoryEvent& event) {
                events.push_back(event);
              }).ok());
  EXPECT_EQ(DebugText(folded), DebugText(run.snapshot));
  ASSERT_EQ(events.size(), run.history.size());
  for (size_t i = 0; i < events.size(); ++i) {
    SCOPED_TRACE(i);
    const HistoryEvent& is = events[i];
    const HistoryEvent& was = run.history[i];
    EXPECT_EQ(static_cast<int>(is.type), static_cast<int>(was.type));
    EXPECT_EQ(is.id, was.id);
    EXPECT_EQ(is.previous_id, was.previous_id);
    EXPECT_EQ(is.at, was.at);
    EXPECT_EQ(is.frame, was.frame);
    EXPECT_EQ(is.state, was.state);
    EXPECT_EQ(is.data, was.data);
    EXPECT_EQ(is.error, was.error);
    EXPECT_EQ(is.wake_at, was.wake_at);
    EXPECT_EQ(is.timeout_seconds, was.timeout_seconds);
    EXPECT_EQ(is.function, was.function);
    EXPECT_EQ(is.seed, was.seed);
    EXPECT_EQ(is.ends_frame, was.ends_frame);
    EXPECT_EQ(is.assigned, was.assigned);
  }
}

TEST(RowCodecTest, KeepsAnErrorsMissingPartsApartFromEmptyOnes) {
  const auto program = TaskProgram();
  for (const AslError& error : {AslError{}, AslError{.name = ""}, AslError{.cause = ""},
                                AslError{.name = "A", .cause = ""}}) {
    Journaled run;
    run.Take(*program, Started{.input = Json(1)});
    run.Take(*program, TaskFailed{.event_id = 3, .error = error});
    Snapshot folded;
    ASSERT_TRUE(Fold(*program, run.rows, &folded).ok());
    EXPECT_EQ(folded.error, error);
  }
}

TEST(RowCodecTest, KeepsDataOnceThatIsTheSame) {
  const auto program = TaskProgram();
  const Json input(std::string(1000, 'x'));
  const Journaled run = RunTask(*program, input, Json(1));
  // ExecutionStarted has it; the state's input and the task's parameters refer to it.
  EXPECT_LT(run.rows[0].size(), 1200u);
}

TEST(RowCodecTest, CompressesLargeRows) {
  const auto program = TaskProgram();
  const Journaled run = RunTask(*program, Json(std::string(100'000, 'x')), Json(1));
  EXPECT_LT(run.rows[0].size(), 1000u);
  Snapshot folded;
  ASSERT_TRUE(Fold(*program, run.rows, &folded).ok());
  EXPECT_EQ(DebugText(folded), DebugText(run.snapshot));
}

TEST(RowCodecTest, TakesEmptyBytesForAFence) {
  const auto program = TaskProgram();
  Snapshot snapshot;
  EXPECT_TRUE(FoldRow(*program, kJournalFormat, "", &snapshot).ok());
  EXPECT_EQ(snapshot.last_id, 0);
}

TEST(RowCodecTest, RefusesANewerFormat) {
  const auto program = TaskProgram();
  Journaled run = RunTask(*program, Json(1), Json(2));
  Snapshot snapshot;
  EXPECT_EQ(FoldRow(*program, kJournalFormat + 1, run.rows[0], &snapshot).code(),
            absl::StatusCode::kUnimplemented);
  run.rows[0][0] = 77;
  EXPECT_EQ(FoldRow(*program, kJournalFormat, run.rows[0], &snapshot).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(snapshot.last_id, 0);
}

bool IsRefused(const Program& program, const std::string& row) {
  Snapshot snapshot;
  const absl::Status status = FoldRow(program, kJournalFormat, row, &snapshot);
  return (absl::IsDataLoss(status) || absl::IsUnimplemented(status)) && snapshot.last_id == 0;
}

TEST(RowCodecTest, NoticesAnyDamagedByte) {
  const auto program = TaskProgram();
  for (const size_t size : {size_t{10}, size_t{10'000}}) {
    const Journaled run = RunTask(*program, Json(std::string(size, 'x')), Json(2));
    const std::string& row = run.rows[0];
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) {
        EXPECT_TRUE(IsRefused(*program, row.substr(0, i))) << i;
      }
      for (const int change : {1, 0x80, 0xff}) {
        std::string damaged = row;
        damaged[i] = static_cast<char>(damaged[i] ^ change);
        EXPECT_TRUE(IsRefused(*program, damaged)) << i;
      }
    }
  }
}

TEST(RowCodecTest, SaysWhatIsNoRow) {
  const auto program = TaskProgram();
  Snapshot snapshot;
  for (const std::string& row :
       {std::string("\0\xff\xff\xff", 4), std::string("\x01garbage"), std::string("\x01")}) {
    EXPECT_EQ(FoldRow(*program, kJournalFormat, row, &snapshot).code(),
              absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace millrace
