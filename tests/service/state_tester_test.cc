#include <gmock/gmock.h>

#include "tests/service/test_server.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

class StateTesterTest : public ::testing::Test {
 protected:
  StateTesterTest() {
    request_.set_parent("projects/default");
    request_.set_definition(
        R"({"Type": "Task", "Resource": "sum", "ResultPath": "$.total", "Next": "Then"})");
    request_.set_input(R"({"values": [1, 2]})");
  }
  grpc::Status Test() {
    return Call(*server_.workflow_stub, &v1::WorkflowService::Stub::TestState, request_,
                &response_);
  }

  TestServer server_;
  v1::TestStateRequest request_;
  v1::TestStateResponse response_;
};

TEST_F(StateTesterTest, AnswersAMockedTask) {
  request_.mutable_mock()->set_result("3");
  request_.set_inspection_level(v1::TestStateRequest::DEBUG);
  const grpc::Status status = Test();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.status(), v1::TestStateResponse::SUCCEEDED);
  EXPECT_EQ(response_.output(), R"({"values":[1,2],"total":3})");
  EXPECT_EQ(response_.next_state(), "Then");
  EXPECT_EQ(response_.inspection_data().result(), "3");
  EXPECT_FALSE(response_.inspection_data().has_after_arguments());
}

TEST_F(StateTesterTest, TellsNoMoreOfANumberThanFits) {
  request_.set_definition(R"({"Type": "Map", "MaxConcurrencyPath": "$.many", "ItemsPath": "$.list",
      "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
      "End": true})");
  request_.set_input(R"({"many": 4294967297, "list": [1]})");
  request_.mutable_mock()->set_result("[1]");
  request_.set_inspection_level(v1::TestStateRequest::DEBUG);
  const grpc::Status status = Test();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.inspection_data().max_concurrency(), 2'147'483'647);
}

TEST_F(StateTesterTest, SaysHowAMockedErrorIsHandled) {
  request_.set_definition(
      R"({"Type": "Task", "Resource": "sum", "Retry": [{"ErrorEquals": ["Busy"]}], "End": true})");
  request_.mutable_mock()->mutable_error_output()->set_error("Busy");
  request_.mutable_state_configuration()->set_retrier_retry_count(2);
  request_.set_inspection_level(v1::TestStateRequest::TRACE);
  ASSERT_TRUE(Test().ok());
  EXPECT_EQ(response_.status(), v1::TestStateResponse::RETRIABLE);
  EXPECT_EQ(response_.error(), "Busy");
  EXPECT_FALSE(response_.has_cause());
  const v1::StateErrorDetails& details = response_.inspection_data().error_details();
  EXPECT_EQ(details.retry_index(), 0);
  EXPECT_EQ(details.retry_backoff_interval_seconds(), 4);
}

TEST_F(StateTesterTest, CallsTheProjectsFunction) {
  v1::CreateFunctionRequest create;
  create.set_parent("projects/default");
  create.set_function_id("sum");
  create.mutable_function()->set_handler("index.main_handler");
  create.mutable_function()->set_source(
      "def main_handler(event, context):\n    return sum(event['values'])\n");
  v1::Function function;
  ASSERT_TRUE(
      Call(*server_.function_stub, &v1::FunctionService::Stub::CreateFunction, create, &function)
          .ok());
  request_.set_call_functions(true);
  const grpc::Status status = Test();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.output(), R"({"values":[1,2],"total":3})");
  EXPECT_FALSE(response_.has_inspection_data());
}

TEST_F(StateTesterTest, RefusesEveryWrongFieldAtOnce) {
  request_.set_parent("nowhere");
  request_.clear_definition();
  request_.mutable_mock();
  const grpc::Status status = Test();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldsOf(status), "parent,definition,mock");
}

TEST_F(StateTesterTest, RefusesADefinitionWithItsProblems) {
  request_.set_definition(R"({"Type": "Task", "End": true, "Next": "Then"})");
  const grpc::Status status = Test();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "INVALID_DEFINITION");
  EXPECT_THAT(status.error_message(), HasSubstr("definition"));
}

}  // namespace
}  // namespace millrace::service
