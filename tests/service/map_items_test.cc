// Distributed Maps in a whole service: their items' histories, and what they do without a store.
#include <gmock/gmock.h>

#include "tests/service/test_node.h"
#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Stub = v1::ExecutionService::Stub;

constexpr absl::string_view kDistributed =
    R"("ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})";

class MapItemsTest : public ::testing::Test {
 protected:
  v1::Execution Run(const std::string& definition, const std::string& input) {
    v1::CreateWorkflowRequest create;
    create.set_parent("projects/p");
    create.set_workflow_id(absl::StrCat("w", ++workflows_));
    create.mutable_workflow()->set_definition(definition);
    v1::Workflow workflow;
    grpc::Status status =
        Call(*node_.workflow_stub, &v1::WorkflowService::Stub::CreateWorkflow, create, &workflow);
    EXPECT_TRUE(status.ok()) << status.error_message();
    v1::RunExecutionRequest request;
    request.set_parent(workflow.name());
    request.set_execution_id("e");
    request.set_input(input);
    v1::Execution execution;
    status = Call(*node_.execution_stub, &Stub::RunExecution, request, &execution);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return execution;
  }
  // All of them, so many a page.
  std::vector<v1::MapItem> Items(const std::string& parent, int page_size) {
    v1::ListMapItemsRequest request;
    request.set_parent(parent);
    request.set_page_size(page_size);
    std::vector<v1::MapItem> items;
    do {
      v1::ListMapItemsResponse response;
      const grpc::Status status =
          Call(*node_.execution_stub, &Stub::ListMapItems, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(response.map_items_size(), page_size);
      for (const v1::MapItem& item : response.map_items()) items.push_back(item);
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return items;
  }
  // "id<previous_id type", a page of two at a time.
  std::vector<std::string> History(const std::string& name, bool reverse = false) {
    v1::GetExecutionHistoryRequest request;
    request.set_name(name);
    request.set_page_size(2);
    request.set_reverse_order(reverse);
    std::vector<std::string> events;
    do {
      v1::GetExecutionHistoryResponse response;
      const grpc::Status status =
          Call(*node_.execution_stub, &Stub::GetExecutionHistory, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::HistoryEvent& event : response.events()) {
        events.push_back(absl::StrCat(event.event_id(), "<", event.previous_event_id(), " ",
                                      event.type(), event.state_name().empty() ? "" : " ",
                                      event.state_name()));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return events;
  }
  grpc::Status HistoryStatus(const std::string& name) {
    v1::GetExecutionHistoryRequest request;
    request.set_name(name);
    v1::GetExecutionHistoryResponse response;
    return Call(*node_.execution_stub, &Stub::GetExecutionHistory, request, &response);
  }

  testing::TestDatabase database_;
  TestNode node_{database_};
  int workflows_ = 0;
};

TEST_F(MapItemsTest, HaveHistoriesOfTheirOwn) {
  const v1::Execution execution =
      Run(absl::StrCat(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
            "MaxConcurrency": 1, "ToleratedFailureCount": 1, "ItemProcessor": {)",
                       kDistributed, R"(,
            "StartAt": "C", "States": {"C": {"Type": "Choice", "Default": "F", "Choices": [
                {"Variable": "$", "NumericGreaterThan": 1, "Next": "A"}]},
              "F": {"Type": "Fail", "Error": "Small", "Cause": "so small"},
              "A": {"Type": "Pass", "End": true}}}}}})"),
          "[5, 0, 9]");
  ASSERT_EQ(execution.state(), v1::Execution::SUCCEEDED) << execution.cause();
  EXPECT_EQ(execution.output(), "[5,9]");
  const std::vector<v1::MapItem> items = Items(execution.name(), 2);
  ASSERT_EQ(items.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(items[i].index(), i);
    EXPECT_EQ(items[i].parent(), execution.name());
    EXPECT_EQ(items[i].state_name(), "M");
    EXPECT_EQ(items[i].map_run_event_id(), 4);
    EXPECT_EQ(items[i].state(), i == 1 ? v1::Execution::FAILED : v1::Execution::SUCCEEDED);
    EXPECT_TRUE(items[i].has_start_time() && items[i].has_end_time());
  }
  EXPECT_EQ(items[1].error(), "Small");
  EXPECT_EQ(items[1].cause(), "so small");
  EXPECT_THAT(History(items[0].name()),
              ElementsAre("1<0 ChoiceStateEntered C", "2<1 ChoiceStateExited C",
                          "3<2 PassStateEntered A", "4<3 PassStateExited A"));
  EXPECT_THAT(
      History(items[1].name(), /*reverse=*/true),
      ElementsAre("3<2 FailStateEntered F", "2<1 ChoiceStateExited C", "1<0 ChoiceStateEntered C"));
  EXPECT_EQ(ReasonOf(HistoryStatus(execution.name() + "/mapItems/99")), "MAP_ITEM_NOT_FOUND");
  EXPECT_EQ(ReasonOf(HistoryStatus(execution.name() + "/mapItems/1")), "MAP_ITEM_NOT_FOUND");
  for (const char* id : {"0", "-1", "x", "01", "", "99999999999"}) {
    SCOPED_TRACE(id);
    EXPECT_EQ(FieldsOf(HistoryStatus(absl::StrCat(execution.name(), "/mapItems/", id))), "name");
  }
}

TEST_F(MapItemsTest, MayHaveMapsOfTheirOwn) {
  const v1::Execution execution = Run(
      absl::StrCat(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true,
            "ItemProcessor": {)",
                   kDistributed, R"(, "StartAt": "N", "States": {"N": {"Type": "Map", "End": true,
              "ItemProcessor": {)",
                   kDistributed,
                   R"(, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}}}}})"),
      "[[7]]");
  ASSERT_EQ(execution.output(), "[[7]]") << execution.cause();
  const std::vector<v1::MapItem> items = Items(execution.name(), 50);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[1].parent(), items[0].name());
  EXPECT_EQ(items[1].state_name(), "N");
  const std::vector<std::string> outer = History(items[0].name());
  EXPECT_THAT(outer[static_cast<size_t>(items[1].map_run_event_id()) - 1],
              HasSubstr("MapRunStarted"));
  EXPECT_THAT(History(items[1].name()),
              ElementsAre("1<0 PassStateEntered A", "2<1 PassStateExited A"));
}

TEST_F(MapItemsTest, AreNoneOfAnInlineMap) {
  const v1::Execution execution =
      Run(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}})",
          "[1, 2]");
  ASSERT_EQ(execution.output(), "[1,2]");
  EXPECT_TRUE(Items(execution.name(), 50).empty());
}

// A server without an object store says so, in errors that a workflow can catch.
TEST_F(MapItemsTest, CannotBeReadOrWrittenWithoutAStore) {
  const auto run = [&](const std::string& fields, const std::string& error) {
    return Run(absl::StrCat(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, )",
                            fields, R"(, "Catch": [{"ErrorEquals": [")", error,
                            R"("], "Next": "Z"}], "ItemProcessor": {)", kDistributed, R"(,
              "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}},
              "Z": {"Type": "Succeed"}}})"),
               "[1]");
  };
  const v1::Execution reading = run(R"("ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
      "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}})",
                                    "States.ItemReaderFailed");
  EXPECT_EQ(reading.state(), v1::Execution::SUCCEEDED) << reading.error();
  EXPECT_EQ(reading.output(),
            R"({"Error":"States.ItemReaderFailed","Cause":"No object store is configured here for )"
            R"('ItemReader' to read from."})");
  const v1::Execution writing = run(R"("ResultWriter": {
      "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}})",
                                    "States.ResultWriterFailed");
  EXPECT_EQ(writing.state(), v1::Execution::SUCCEEDED) << writing.error();
  EXPECT_EQ(writing.output(),
            R"({"Error":"States.ResultWriterFailed","Cause":"No object store is configured here )"
            R"(for 'ResultWriter' to write to."})");
}

}  // namespace
}  // namespace millrace::service
